// @ts-check
// Everyone found: mark, who, where they are in their way; and what can be done for the one that was touched.
import { html } from 'htm/preact';
import { signal } from '@preact/signals';
import { TriageMark } from '/casebook/triage.js';
import { say } from '/casebook/words.js';
import { busy, sheet, tap } from './doing.js';
import { hospitalName, named, whoText } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('./view_types.js').Casualty} Casualty */

const WORST_FIRST = ['red', 'yellow', 'green', 'grey', 'black'];
/** Who is touched; else whoever is aboard, else the worst. */
const touched = signal('');

/** @param {TabletView} view @returns {Casualty[]} */
export const inOrder = (view) =>
  Object.values(view.casualties ?? {}).sort((a, b) => rank(a) - rank(b) || (a.label < b.label ? -1 : 1));

/** @param {Casualty} one */
const rank = (one) => (one.category ? WORST_FIRST.indexOf(one.category) : WORST_FIRST.length);

/** @param {TabletView} view @returns {Casualty | undefined} */
export function chosenCasualty(view) {
  const all = view.casualties ?? {};
  return all[touched.value] ?? all[view.unit?.aboard?.[0] ?? ''] ?? inOrder(view)[0];
}

/** @param {{view: TabletView}} props */
export function CasualtiesPage({ view }) {
  const chosen = chosenCasualty(view);
  return html`<section class="casualties">
    ${inOrder(view).map((one) => html`<${Row} key=${one.id} one=${one} view=${view} here=${one === chosen} />`)}
    <button class="wide" disabled=${!view.incident} onClick=${() => { sheet.value = { name: 'find', with: {} }; }}>${say('unit.do.find')}</button>
    ${chosen && html`<${Actions} one=${chosen} view=${view} />`}
  </section>`;
}

/** @param {{one: Casualty, view: TabletView, here: boolean}} props */
function Row({ one, view, here }) {
  const hospital = hospitalName(view, one.destination?.hospital);
  return html`<button class="row ${here ? 'here' : ''}" aria-pressed=${here} onClick=${() => { touched.value = one.id; }}>
    <${TriageMark} category=${one.category} /><b class="label">${one.label}</b><span>${whoText(one)}</span>
    <span class="stage">${named('stage', one.stage)}${hospital ? ` → ${hospital}` : ''}</span></button>`;
}

/** @param {{one: Casualty, view: TabletView}} props */
function Actions({ one, view }) {
  const casualty = one.id;
  const open = (/** @type {'triage' | 'findings' | 'handover' | 'wish' | 'divert' | 'files'} */ name) => () => { sheet.value = { name, with: { casualty } }; };
  const does = (/** @type {string} */ name, command = {}) => () => tap(name, { casualty, ...command });
  const carried = view.unit?.aboard?.includes(casualty);
  const onMonitor = view.monitor.casualty === casualty;
  return html`<div class="actions" aria-label=${say('unit.for', { label: one.label })}>
    <button onClick=${open('triage')}>${say('unit.do.triage')}</button>
    <button onClick=${open('findings')}>${say('unit.do.findings')}</button>
    <button disabled=${busy.value} onClick=${() => tap('attach_monitor', onMonitor ? {} : { casualty })}>${say(onMonitor ? 'unit.do.monitor_off' : 'unit.do.monitor_on')}</button>
    <button disabled=${busy.value} onClick=${does('at_patient')}>${say('unit.do.at_patient')}</button>
    <button disabled=${busy.value} onClick=${does('request_destination')}>${say('unit.do.request_destination')}</button>
    <button onClick=${open('files')}>${say('unit.do.files')}</button>
    <button onClick=${open('wish')}>${say('unit.do.wish')}</button>
    ${carried && html`<button class="grave" onClick=${open('divert')}>${say('unit.do.divert')}</button>`}
    ${!carried && html`<button disabled=${busy.value} onClick=${does('board')}>${say('unit.do.board')}</button>`}
    ${carried && html`<button disabled=${busy.value} onClick=${does('transfer')}>${say('unit.do.transfer')}</button>`}
    ${carried && html`<button disabled=${busy.value} onClick=${does('arrived')}>${say('unit.do.arrived')}</button>`}
    <button onClick=${open('handover')}>${say('unit.do.handover')}</button>
    ${!carried && html`<button class="grave" disabled=${busy.value} onClick=${does('close_casualty', { outcome: 'not_to_hospital' })}>${say('unit.do.close_casualty')}</button>`}
  </div>`;
}
