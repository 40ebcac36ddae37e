// @ts-check
// The ward's own figures with their age; one tap changes a count, a tap on the figure says "still so".
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { say } from '/casebook/words.js';
import { act } from './actions.js';
import { shortAge } from './signs_panel.js';

/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {import('./view_types.js').Resource} Resource */
/** @typedef {import('./view_types.js').WallView} WallView */

const ON_THE_WALL = ['resus_bay', 'trauma_team', 'ct', 'theatre', 'icu_bed', 'blood_o_neg'];
const UNTIL_MIN = [30, 60, 120, 240];
const MS_PER_MIN = 60000;

/** @param {{feed: LiveFeed, view: WallView}} props */
export function CapacityStrip({ feed, view }) {
  const [edited, edit] = useState(/** @type {string | null} */ (null));
  const { resources, closures } = view.capacity;
  return html`<footer class="capacity" aria-label=${say('hospital.capacity')}>
    ${ON_THE_WALL.map((name) => html`<${Figure} key=${name} feed=${feed} hospital=${view.hospital.id} name=${name} one=${resources[name]} closed=${closures[name] ?? closures['*']} edit=${() => edit(name)} />`)}
    ${edited && html`<${Editor} feed=${feed} view=${view} name=${edited} done=${() => edit(null)} />`}
  </footer>`;
}

/** @param {{feed: LiveFeed, hospital: string, name: string, one: Resource, closed: import('./view_types.js').Closure | undefined, edit: () => void}} props */
function Figure({ feed, hospital, name, one, closed, edit }) {
  feed.tick.value;
  const report = (/** @type {number} */ free) => act('report_capacity', { hospital, resource: name, free, ...(one.total === undefined ? {} : { total: one.total }) });
  const free = one.free ?? 0;
  const text = one.state === 'known' ? `${one.free}${one.total === undefined ? '' : `/${one.total}`}` : '?';
  const words = [one.at ? shortAge(feed.age_s(one.at)) : say('hospital.never_stated'), one.held > 0 && say('hospital.held', { n: one.held }), closed?.reason];
  return html`<div class="figure ${one.state} ${closed ? 'closed' : ''}" data-resource=${name}>
    <button class="name" onClick=${edit}>${say(`hospital.resource.${name}`)}</button>
    <div class="count">
      <button aria-label=${say('hospital.one_fewer', { what: say(`hospital.resource.${name}`) })} disabled=${one.state !== 'unknown' && free <= 0} onClick=${() => report(Math.max(0, free - 1))}>−</button>
      <button class="still" disabled=${one.free === undefined} aria-label=${say('hospital.still_so', { what: text })} onClick=${() => report(free)}>${closed ? say('hospital.closed') : text}</button>
      <button aria-label=${say('hospital.one_more', { what: say(`hospital.resource.${name}`) })} disabled=${one.total !== undefined && free >= one.total} onClick=${() => report(free + 1)}>+</button>
    </div>
    <div class="near age ${one.state === 'stale' ? 'late' : ''}">${words.filter(Boolean).join(' · ')}</div>
  </div>`;
}

/**
 * State free and total, say "not known", close with a reason and an end, reopen. Read at arm's length.
 * @param {{feed: LiveFeed, view: WallView, name: string, done: () => void}} props
 */
function Editor({ feed, view, name, done }) {
  const hospital = view.hospital.id;
  const { free, total } = view.capacity.resources[name];
  const [reason, write] = useState('');
  const [until_min, choose] = useState(0);
  const closed = name in view.capacity.closures;
  const then = async (/** @type {Promise<boolean>} */ asked) => { if (await asked) done(); };
  const state = (/** @type {any} */ event) => {
    event.preventDefault();
    const [one, all] = [event.target.elements.free.value, event.target.elements.total.value];
    then(act('report_capacity', { hospital, resource: name, ...(one === '' ? {} : { free: Number(one) }), ...(all === '' ? {} : { total: Number(all) }) }));
  };
  const close = () => then(act('close_service', {
    hospital, resource: name, reason, ...(until_min ? { until: new Date(feed.now() + until_min * MS_PER_MIN).toISOString() } : {}),
  }));
  return html`<dialog class="near editor" open aria-label=${say(`hospital.resource.${name}`)}>
    <h3>${say(`hospital.resource.${name}`)}</h3>
    <form onSubmit=${state}>
      <label>${say('hospital.free')} <input name="free" type="number" min="0" max="999" defaultValue=${free ?? ''} placeholder=${say('hospital.unknown')} /></label>
      <label>${say('hospital.total')} <input name="total" type="number" min="0" max="999" defaultValue=${total ?? ''} placeholder=${say('hospital.unknown')} /></label>
      <button type="submit">${say('hospital.state')}</button>
    </form>
    ${closed ? html`<button onClick=${() => then(act('reopen_service', { hospital, resource: name }))}>${say('hospital.reopen')}</button>` : html`<div class="close">
      <input value=${reason} maxlength="200" aria-label=${say('hospital.reason')} placeholder=${say('hospital.reason')} onInput=${(/** @type {any} */ event) => write(event.target.value)} />
      <select aria-label=${say('hospital.until')} onChange=${(/** @type {any} */ event) => choose(Number(event.target.value))}>
        <option value="0">${say('hospital.until_notice')}</option>
        ${UNTIL_MIN.map((minutes) => html`<option key=${minutes} value=${minutes}>${say('hospital.for_minutes', { n: minutes })}</option>`)}
      </select>
      <button disabled=${!reason.trim()} onClick=${close}>${say('hospital.close')}</button></div>`}
    <button class="done" onClick=${done}>${say('hospital.done')}</button>
  </dialog>`;
}
