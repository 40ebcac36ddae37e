// @ts-check
// The region at one glance: hospitals x resources, each with figure, age and chance; unknown is hatched, never free.
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { Age } from '/casebook/age.js';
import { nameOf, say } from '/casebook/words.js';
import { act } from './act.js';
import { dialog } from './chosen.js';
import { heatOf } from './minutes.js';
import { resourceName } from './names.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {{state: string, free?: number, total?: number, in_use?: number, left?: number, held?: number, at?: string, by?: string, closed?: string, chance_pct?: number}} Cell */
/** @typedef {{at: string, resources: string[], hospitals: Record<string, {cells: Record<string, Cell>, closures: Record<string, string>, inbound: number, forced: number}>}} Overview */

const AGAIN_MS = 10_000; // chances fall with time even when nobody says anything
const ARRIVALS_MIN = [0, 15, 30, 60, 120];
const LATE_S = 600;
const LIMIT_S = 900;

/** @param {{feed: LiveFeed, view: ConsoleView}} props */
export function Region({ feed, view }) {
  const [arrival_in_min, arrive] = useState(0);
  const [told, tell] = useState(/** @type {Overview | null} */ (null));
  const version = JSON.stringify(Object.values(view.hospitals).map((one) => [one.figures, one.closures, one.holds, one.inbound]));
  useEffect(() => {
    let gone = false;
    const look = async () => {
      const answer = await act('region_overview', { arrival_in_min });
      if (answer && !gone) tell(answer);
    };
    look();
    const again = setInterval(look, AGAIN_MS);
    return () => { gone = true; clearInterval(again); };
  }, [arrival_in_min, version]);
  return html`<p class="quiet arrivals"><label>${say('dispatch.arrival_in')}<select autofocus onChange=${(/** @type {any} */ event) => arrive(Number(event.target.value))}>
      ${ARRIVALS_MIN.map((n) => html`<option key=${n} value=${n}>${n === 0 ? say('dispatch.now') : say('dispatch.minutes', { n })}</option>`)}</select></label> ${say('dispatch.region_hint')}</p>
    ${told === null ? html`<p class="none">${say('dispatch.deciding')}</p>` : html`<${Heat} feed=${feed} view=${view} told=${told} />`}
    <button onClick=${() => { dialog.value = null; }}>${say('dispatch.close')}</button>`;
}

/** Nothing of it is known: it stands below those of which something is. @param {Overview['hospitals'][string]} row */
const isSilent = (row) => Object.values(row.cells).every((cell) => cell.state === 'unknown' && !cell.at && !cell.closed);

/** @param {{feed: LiveFeed, view: ConsoleView, told: Overview}} props */
const Heat = ({ feed, view, told }) => html`<div class="wide-scroll" tabindex="0"><table class="heat">
  <thead><tr><th scope="col">${say('dispatch.hospital')}</th>${told.resources.map((name) => html`<th scope="col" key=${name}>${resourceName(name)}</th>`)}
    <th scope="col">${say('dispatch.inbound_short')}</th><th scope="col">${say('dispatch.forced')}</th></tr></thead>
  <tbody>${Object.entries(told.hospitals).sort(([, one], [, other]) => Number(isSilent(one)) - Number(isSilent(other))).map(([id, row]) => html`<tr key=${id} class=${row.closures['*'] ? 'closed' : ''}>
    <th scope="row">${nameOf(view.hospitals[id]) || id}${Object.entries(row.closures).map(([what, why]) => html`<p class="shut" key=${what}>${say('dispatch.shut', { what: resourceName(what), why })}</p>`)}</th>
    ${told.resources.map((name) => html`<${HeatCell} key=${name} feed=${feed} cell=${row.cells[name]} />`)}
    <td class="count">${row.inbound || ''}</td><td class="count ${row.forced ? 'forced' : ''}">${row.forced || ''}</td></tr>`)}</tbody></table></div>`;

/** @param {{feed: LiveFeed, cell: Cell}} props */
function HeatCell({ feed, cell }) {
  const age = cell.at && html`<${Age} feed=${feed} at=${cell.at} late_s=${LATE_S} lost_s=${LIMIT_S} />`;
  const held = cell.held ? html` <span class="held">${say('dispatch.held_n', { n: cell.held })}</span>` : '';
  if (cell.in_use !== undefined && cell.chance_pct === undefined && cell.free === undefined) return html`<td class="cell load"><b>${cell.in_use}</b> <small>${age}</small></td>`;
  if (cell.state === 'unknown') return html`<td class="cell unknown ${cell.closed ? 'shut' : ''}" title=${say('dispatch.unknown')}><b>?</b>${held} <small>${age}</small></td>`;
  const heat = cell.closed ? 'shut' : cell.left === 0 ? 'full' : cell.state === 'stale' ? 'stale' : heatOf(cell.chance_pct ?? 0);
  return html`<td class="cell ${heat}" title=${say('dispatch.count_title', { free: cell.free ?? '?', total: cell.total ?? '?', held: cell.held ?? 0 })}>
    <b>${cell.state === 'stale' ? `(${cell.free})` : cell.left}</b>${cell.total !== undefined ? ` / ${cell.total}` : ''}${held}
    <small>${cell.chance_pct !== undefined ? `${cell.chance_pct} % ` : ''}${age}</small></td>`;
}
