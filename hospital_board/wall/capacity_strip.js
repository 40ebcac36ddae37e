// @ts-check
// The ward's own figures: the most wanted always in view, all of them and who was sent all the same in the desk.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { act } from './actions.js';
import { countedBy, Figure, PATIENTS } from './figures.js';

/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {import('./view_types.js').WallView} WallView */

const ON_THE_WALL = ['resus_bay', 'trauma_team', 'ct', 'theatre', 'icu_bed', 'blood_o_neg'];
const UNTIL_MIN = [30, 60, 120, 240];
const MS_PER_MIN = 60000;

/** @param {{feed: LiveFeed, view: WallView}} props */
export function CapacityStrip({ feed, view }) {
  const [edited, edit] = useState(/** @type {string | null} */ (null));
  const [open, show] = useState(false);
  const figures = (/** @type {string[]} */ names) => names.map((name) => html`<${Figure} key=${name} feed=${feed} hospital=${view.hospital.id} name=${name}
    one=${view.capacity.resources[name]} closed=${name === PATIENTS ? undefined : view.capacity.closures[name] ?? view.capacity.closures['*']} ahead_min=${view.capacity.ahead_min} edit=${() => edit(name)} />`);
  const forced = view.capacity.forced.count;
  return html`<footer class="capacity" aria-label=${say('hospital.capacity')}>
    ${figures(ON_THE_WALL)}
    <button class="all near" aria-expanded=${open} onClick=${() => show(!open)}>${say('hospital.all_figures')}${forced > 0 && html`<b class="forced-count">${say('hospital.forced', { n: forced })}</b>`}</button>
    ${open && html`<dialog class="near desk" open aria-label=${say('hospital.capacity')}>
      <div class="figures">${figures(Object.keys(view.capacity.resources))}</div>
      <${ForcedList} forced=${view.capacity.forced} labels=${labelsOf(view)} />
      <button onClick=${() => edit('*')}>${say('hospital.whole')}</button>
      <button class="done" onClick=${() => show(false)}>${say('hospital.done')}</button></dialog>`}
    ${edited && html`<${Editor} feed=${feed} view=${view} name=${edited} done=${() => edit(null)} />`}
  </footer>`;
}

/** @param {WallView} view */
const labelsOf = (view) => Object.fromEntries(Object.entries(view.cases).map(([id, one]) => [id, one.report.label]));

/** Who was sent although the ward had said no, newest first. @param {{forced: import('./view_types.js').Forced, labels: Record<string, string>}} props */
const ForcedList = ({ forced, labels }) => forced.count === 0 ? null : html`<section class="forced-list" aria-label=${say('hospital.forced', { n: forced.count })}>
  <h3>${say('hospital.forced', { n: forced.count })}</h3>
  ${forced.recent.map((one) => html`<p key=${one.casualty + one.at}>${clockText(one.at)} <b>${labels[one.casualty] ?? one.casualty}</b> ${one.codes.map((code) => say(`hospital.forced_by.${code}`)).join(say('hospital.join'))}: ${one.reason}</p>`)}
</section>`;

/**
 * State free and total, say "not known", close with a reason and an end, reopen. Read at arm's length.
 * @param {{feed: LiveFeed, view: WallView, name: string, done: () => void}} props
 */
function Editor({ feed, view, name, done }) {
  const hospital = view.hospital.id;
  const whole = name === '*';
  const { [countedBy(name)]: stated, total } = whole ? {} : view.capacity.resources[name];
  const [reason, write] = useState('');
  const [until_min, choose] = useState(0);
  const closed = name in view.capacity.closures;
  const called = whole ? say('hospital.whole') : say(`hospital.resource.${name}`);
  const then = async (/** @type {Promise<boolean>} */ asked) => { if (await asked) done(); };
  const state = (/** @type {any} */ event) => {
    event.preventDefault();
    const [one, all] = [event.target.elements.free.value, event.target.elements.total?.value ?? ''];
    then(act('report_capacity', { hospital, resource: name, ...(one === '' ? {} : { [countedBy(name)]: Number(one) }), ...(all === '' ? {} : { total: Number(all) }) }));
  };
  const close = () => then(act('close_service', {
    hospital, resource: name, reason, ...(until_min ? { until: new Date(feed.now() + until_min * MS_PER_MIN).toISOString() } : {}),
  }));
  return html`<dialog class="near editor" open aria-label=${called}>
    <h3>${called}</h3>
    ${!whole && html`<form onSubmit=${state}>
      <label>${say(name === PATIENTS ? 'hospital.now' : 'hospital.free')} <input name="free" type="number" min="0" max="999" defaultValue=${stated ?? ''} placeholder=${say('hospital.unknown')} /></label>
      ${name !== PATIENTS && html`<label>${say('hospital.total')} <input name="total" type="number" min="0" max="999" defaultValue=${total ?? ''} placeholder=${say('hospital.unknown')} /></label>`}
      <button type="submit">${say('hospital.state')}</button>
    </form>`}
    ${name === PATIENTS ? null : closed ? html`<button onClick=${() => then(act('reopen_service', { hospital, resource: name }))}>${say('hospital.reopen')}</button>` : html`<div class="close">
      <input value=${reason} maxlength="200" aria-label=${say('hospital.reason')} placeholder=${say('hospital.reason')} onInput=${(/** @type {any} */ event) => write(event.target.value)} />
      <select aria-label=${say('hospital.until')} onChange=${(/** @type {any} */ event) => choose(Number(event.target.value))}>
        <option value="0">${say('hospital.until_notice')}</option>
        ${UNTIL_MIN.map((minutes) => html`<option key=${minutes} value=${minutes}>${say('hospital.for_minutes', { n: minutes })}</option>`)}
      </select>
      <button disabled=${!reason.trim()} onClick=${close}>${say('hospital.close')}</button></div>`}
    <button class="done" onClick=${done}>${say('hospital.done')}</button>
  </dialog>`;
}
