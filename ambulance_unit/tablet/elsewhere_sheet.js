// @ts-check
// Another hospital than the desk's: the crew goes there and says why, or the patient or family wish it. Ranked, with what it
// costs; closed ones too. Both are recorded on the vehicle at once; what the desk says stands in elsewhere.js.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { inBoth, loadBoth } from './both_languages.js';
import { busy, closeSheet, tap } from './doing.js';
import { Choice } from './find_sheet.js';
import { hospitalName, minutes, named, reasonText } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('./view_types.js').Casualty} Casualty */
/** @typedef {import('./view_types.js').Rejection} Way */
/** @typedef {{hospital: string, way?: Way}} Place */

const WHY = ['airway', 'arrest', 'bleeding', 'blocked', 'vehicle', 'told_by_ward'];
const WHO = ['patient', 'family'];

/** Every hospital, in the order of the decision; `way` is the drive there, absent where nobody reckoned one. @param {TabletView} view @param {Casualty | undefined} one @returns {Place[]} */
export function placesOf(view, one) {
  const goal = one?.destination;
  const ways = [...(goal ? [goal] : []), ...(goal?.rejected ?? [])];
  const ids = [...new Set([...ways.map((way) => way.hospital), ...Object.keys(view.hospitals ?? {}).sort()])].filter(Boolean);
  return ids.map((hospital) => ({ hospital, way: ways.find((way) => way.hospital === hospital && way.mode === 'road') }));
}

/** @param {{view: TabletView, with: {casualty: string}}} props */
export function DivertSheet({ view, with: { casualty } }) {
  loadBoth();
  const one = view.casualties?.[casualty];
  const goal = one?.destination;
  const [hospital, go] = useState('');
  const [why, because] = useState(/** @type {string | undefined} */ (undefined));
  const [typed, type] = useState('');
  const reason = typed.trim() || (why ? inBoth(`unit.why_elsewhere.${why}`) : '');
  const send = async () => { if (await tap('divert', { casualty, hospital, reason })) closeSheet(); };
  const places = placesOf(view, one).filter((place) => place.hospital !== goal?.hospital || goal.mode !== 'road');
  return html`<${Head} title=${say('unit.do.divert')} one=${one} ready=${hospital && reason} send=${send} go=${say('unit.go_there')} />
    <${Choice} name="why_elsewhere" all=${WHY} chosen=${why} choose=${because} text=${(/** @type {string} */ word) => say(`unit.why_elsewhere.${word}`)} />
    <input value=${typed} aria-label=${say('unit.in_words')} placeholder=${say('unit.in_words')} maxlength="200" onInput=${(/** @type {any} */ event) => type(event.target.value)} />
    <${Places} view=${view} one=${one} places=${places} chosen=${hospital} choose=${go} />`;
}

/** @param {{view: TabletView, with: {casualty: string}}} props */
export function WishSheet({ view, with: { casualty } }) {
  const one = view.casualties?.[casualty];
  const [hospital, wish] = useState(one?.wish ?? '');
  const [by, says] = useState(/** @type {string | undefined} */ (WHO[0]));
  const send = async () => { if (await tap('wish', { casualty, hospital, by })) closeSheet(); };
  return html`<${Head} title=${say('unit.do.wish')} one=${one} ready=${hospital && by} send=${send} go=${say('unit.record')} />
    <${Choice} name="wish_by" all=${WHO} chosen=${by} choose=${says} text=${(/** @type {string} */ word) => say(`unit.wish_by.${word}`)} />
    <${Places} view=${view} one=${one} places=${placesOf(view, one)} chosen=${hospital} choose=${wish} />`;
}

/** @param {{title: string, one: Casualty | undefined, ready: any, send: () => void, go: string}} props */
const Head = ({ title, one, ready, send, go }) => html`<div class="head"><button onClick=${closeSheet}>${say('unit.back')}</button><h2>${title} <b>${one?.label}</b></h2>
  <button class="go" disabled=${busy.value || !ready} onClick=${send}>${go}</button></div>`;

/** @param {{view: TabletView, one: Casualty | undefined, places: Place[], chosen: string, choose: (id: string) => void}} props */
function Places({ view, one, places, chosen, choose }) {
  const goal = one?.destination;
  return html`<h3>${say('unit.choose.hospital')}${goal ? ` · ${say('unit.by_road_as_of', { clock: clockText(goal.chosen_at) })}` : ''}</h3>
    <div class="places" role="group" aria-label=${say('unit.choose.hospital')}>${places.map(({ hospital, way }) => html`<button key=${hospital} aria-pressed=${hospital === chosen}
      class="place ${hospital === chosen ? 'here' : ''}" onClick=${() => choose(hospital)}>
      <b>${hospitalName(view, hospital)}</b><span class="minutes">${way ? minutes(way.eta_s) : '?'}${way?.eta_s !== undefined && goal?.eta_s !== undefined && way !== goal ? ` (${costText(way.eta_s - goal.eta_s)})` : ''}</span>
      <${Warnings} view=${view} id=${hospital} way=${way} goal=${goal?.hospital === hospital} /></button>`)}</div>`;
}

/** Closed, and why the desk did not take it; a hospital that nobody reckoned says so. @param {{view: TabletView, id: string, way: Way | undefined, goal: boolean}} props */
function Warnings({ view, id, way, goal }) {
  const closures = Object.entries(view.hospitals?.[id]?.closures ?? {});
  const why = way ? way.reasons.filter((one) => one.code !== 'time' && one.code !== 'rule').slice(0, 2).map((one) => reasonText(view, one)) : [say('unit.not_reckoned')];
  return html`<span class="warnings">${closures.map(([what, one]) => html`<span class="chip warn" key=${what}>${what === '*' ? say('unit.closed') : `${named('resource', what)} ${say('unit.closed')}`}: ${one.reason}</span> `)}
    ${goal ? html`<span class="quiet">${say('unit.chosen_now')}</span>` : html`<span class="quiet">${why.join(' · ')}</span>`}</span>`;
}

/** Minutes more or fewer than by what was chosen. @param {number} span_s */
const costText = (span_s) => `${span_s < 0 ? '−' : '+'}${minutes(Math.abs(span_s))}`;
