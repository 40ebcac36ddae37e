// @ts-check
// Hospitals with what each can take now: the figure, who said it, how old it is, who is held for, what is closed.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { Age, clockText } from '/casebook/age.js';
import { isWord, nameOf, say } from '/casebook/words.js';
import { act, asking } from './act.js';
import { selected } from './chosen.js';
import { byName, casualtyLabel, resourceName } from './names.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').Figure} Figure */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {{feed: LiveFeed, view: ConsoleView}} Props */

const COLUMNS = ['resus_bay', 'ed_bed'];
const LIMIT_S = 900; // casebook/capacity.py AGE_LIMIT_S: older than this a figure is unknown
const LATE_S = 600;

/** Hospitals in the order of the open decision, the others by id. @param {ConsoleView} view */
function order(view) {
  const id = selected(view);
  const proposal = id ? view.casualties[id].proposal : undefined;
  const ranked = proposal ? [...proposal.options, ...proposal.rejected].map((way) => way.hospital) : [];
  return [...new Set([...ranked, ...Object.keys(view.hospitals).sort()])].filter((one) => view.hospitals[one]);
}

/** @param {Props} props */
export function Hospitals({ feed, view }) {
  const [opened, open] = useState(/** @type {string | null} */ (null));
  return html`<section class="panel hospitals" aria-label=${say('dispatch.hospitals')}>
    <h2>${say('dispatch.hospitals')} <span class="count">${Object.keys(view.hospitals).length}</span></h2>
    <${Feeds} feed=${feed} view=${view} />
    <div class="scroll" tabindex="0"><table>
      <thead><tr><th scope="col">${say('dispatch.hospital')}</th>${COLUMNS.map((name) => html`<th scope="col" key=${name}>${resourceName(name)}</th>`)}<th scope="col">${say('dispatch.age')}</th></tr></thead>
      <tbody>${order(view).map((id) => html`<${Row} key=${id} feed=${feed} view=${view} id=${id} opened=${opened === id} open=${() => open(opened === id ? null : id)} />`)}</tbody>
    </table></div>
  </section>`;
}

/** How old what the feeds told is: speeds on the roads, and capacity by who told it; none is said. @param {Props} props */
function Feeds({ feed, view }) {
  const { traffic, capacity, silent } = view.feeds;
  const sources = Object.entries(capacity);
  return html`<p class="feeds"><span>${say('dispatch.feed.traffic')} ${Object.entries(traffic).map(([name, one]) => html`<b key=${name}>${name}</b> <${Age} feed=${feed} at=${one.at} late_s=${one.late_s} lost_s=${one.limit_s} /> `)}
      ${Object.keys(traffic).length === 0 && html`<span class="age lost">${say('dispatch.feed.none')}</span>`}</span>
    <span>${say('dispatch.feed.capacity')} ${sources.map(([name, one]) => html`<b key=${name}>${feedName(name)}</b> ${say('dispatch.feed.hospitals', { n: one.hospitals })} <${Age} feed=${feed} at=${one.at} late_s=${LATE_S} lost_s=${LIMIT_S} /> `)}
      ${sources.length === 0 && html`<span class="age lost">${say('dispatch.feed.none')}</span>`}${silent > 0 && html`<span class="age lost">${say('dispatch.feed.silent', { n: silent })}</span>`}</span></p>`;
}

/** Who tells capacity; words that we do not know stand as they came. @param {string} source */
const feedName = (source) => (isWord(`dispatch.feed.${source}`) ? say(`dispatch.feed.${source}`) : source);

/** @param {Props & {id: string, opened: boolean, open: () => void}} props */
function Row({ feed, view, id, opened, open }) {
  const one = view.hospitals[id];
  const newest = COLUMNS.map((name) => one.figures[name]?.at).filter(Boolean).sort().at(-1);
  const closed = Object.keys(one.closures);
  return html`<tr class="hospital ${closed.includes('*') ? 'closed' : ''}">
      <th scope="row"><button class="bare" aria-expanded=${opened} onClick=${open}>${nameOf(one)}</button>
        ${one.trauma_level !== undefined && html` <span class="level">${say('dispatch.level', { n: one.trauma_level })}</span>`}
        ${one.inbound > 0 && html` <span class="inbound">${say('dispatch.inbound', { n: one.inbound })}</span>`}
        ${closed.length > 0 && html`<p class="shut">${closed.map((name) => say('dispatch.shut', { what: resourceName(name), why: one.closures[name].reason })).join(say('dispatch.stop'))}</p>`}</th>
      ${COLUMNS.map((name) => html`<${Count} key=${name} figure=${one.figures[name]} />`)}
      <td>${newest ? html`<${Age} feed=${feed} at=${newest} late_s=${LATE_S} lost_s=${LIMIT_S} />` : html`<span class="age lost">${say('dispatch.unreported')}</span>`}</td>
    </tr>
    ${opened && html`<tr class="detail"><td colspan=${COLUMNS.length + 2}><${Detail} feed=${feed} view=${view} id=${id} /></td></tr>`}`;
}

/** Free now, and how many of them are held; unknown is a question mark, never a number. @param {{figure: Figure | undefined}} props */
function Count({ figure }) {
  if (!figure || figure.state === 'unknown') return html`<td class="count unknown" title=${say('dispatch.unknown')}>?</td>`;
  const title = say('dispatch.count_title', { free: figure.free ?? '?', total: figure.total ?? '?', held: figure.held });
  if (figure.state === 'stale') return html`<td class="count stale" title=${title}>(${figure.free})</td>`;
  return html`<td class="count ${figure.left === 0 ? 'full' : ''}" title=${title}><b>${figure.left}</b>${figure.total !== undefined ? ` / ${figure.total}` : ''}${figure.held > 0 ? html` <span class="held">${say('dispatch.held_n', { n: figure.held })}</span>` : ''}</td>`;
}

/** @param {Props & {id: string}} props */
function Detail({ feed, view, id }) {
  const one = view.hospitals[id];
  return html`<dl class="figures">
      ${Object.entries(one.figures).map(([name, figure]) => html`<div key=${name}><dt>${resourceName(name)}</dt>
        <dd>${figure.free ?? '?'} / ${figure.total ?? '?'} · ${byName(view, figure.by)} · <${Age} feed=${feed} at=${figure.at} late_s=${LATE_S} lost_s=${LIMIT_S} /></dd></div>`)}
      ${Object.entries(one.closures).map(([name, closure]) => html`<div key=${`closed-${name}`} class="shut"><dt>${resourceName(name)}</dt>
        <dd>${closure.reason} · ${byName(view, closure.by)} · ${closure.until ? say('dispatch.until', { clock: clockText(closure.until) }) : say('dispatch.until_further')}</dd></div>`)}
      ${Object.entries(one.holds).map(([key, hold]) => html`<div key=${key}><dt>${say('dispatch.slot', { n: hold.slot })}</dt><dd>${say('dispatch.held_for', { label: casualtyLabel(view, hold.casualty) })}</dd></div>`)}
    </dl>
    <${ByTelephone} id=${id} />
    <p class="quiet">${one.capabilities.map((word) => say(`dispatch.capability.${word}`)).join(say('dispatch.join'))}</p>`;
}

/** A count that the hospital told by telephone. @param {{id: string}} props */
function ByTelephone({ id }) {
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const said = new FormData(form);
    if (await act('report_capacity', { hospital: id, resource: said.get('resource'), free: Number(said.get('free')) })) form.reset();
  };
  return html`<form class="telephone" onSubmit=${send}>
    <label>${say('dispatch.by_telephone')}<select name="resource">${COLUMNS.map((name) => html`<option key=${name} value=${name}>${resourceName(name)}</option>`)}</select></label>
    <label>${say('dispatch.free_now')}<input name="free" type="number" min="0" max="999" required /></label>
    <button class="small" disabled=${asking.value > 0}>${say('dispatch.send')}</button></form>`;
}
