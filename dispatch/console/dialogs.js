// @ts-check
// The dialogs: a new call, who goes, a new task, a closed road, what if, the region, the board, the keys. Esc closes, Enter sends.
import { html } from 'htm/preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { clockText, spanText } from '/casebook/age.js';
import { nameOf, say } from '/casebook/words.js';
import { act, asking, focusOnce, Refused } from './act.js';
import { BoardPage } from './board.js';
import { dialog, incidentOf } from './chosen.js';
import { KeyHelp } from './keys.js';
import { agencyName, kindName, KNOWN_KINDS, placeName, reasonText } from './names.js';
import { Region } from './region.js';
import { ClosureList } from './road_panel.js';
import { WhatIf } from './what_if.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {{unit: string, eta_s: number | null, fit: boolean, reasons: import('./view_types.js').Reason[]}} Ranked */

const CHANNELS = ['120', '110', '119', 'crash_alarm'];
const TASKS = ['cross_district', 'air_standby', 'air_tasking', 'landing_site_police', 'duty_head', 'mutual_aid', 'hospital_choice'];
const DATUMS = ['gcj02', 'wgs84']; // what a caller's phone or map says, first
const NEEDS_TO = ['cross_district', 'mutual_aid'];
const close = () => { dialog.value = null; };

/** @param {{feed: import('./view_types.js').LiveFeed, view: ConsoleView}} props */
export function Dialogs({ feed, view }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const name = dialog.value;
  useLayoutEffect(() => {
    if (!name) box.current?.close();
    else if (!box.current?.open) box.current?.showModal();
  }, [name]);
  const cancelled = (/** @type {Event} */ event) => { event.preventDefault(); close(); };
  // told late, where the browser closed it by itself: by then another key may have opened the next one
  const closed = () => { if (dialog.value === name && !box.current?.open) close(); };
  return html`<dialog ref=${box} data-name=${name ?? undefined} onCancel=${cancelled} onClose=${closed} aria-label=${name ? say(`dispatch.dialog.${name}`) : undefined}>
    ${name && html`<h2>${say(`dispatch.dialog.${name}`)}</h2><${Refused} />`}
    ${name === 'call' && html`<${NewCall} />`}
    ${name === 'assign' && html`<${Assign} view=${view} />`}
    ${name === 'task' && html`<${NewTask} view=${view} />`}
    ${name === 'road' && html`<${CloseRoad} view=${view} />`}
    ${name === 'whatif' && html`<${WhatIf} view=${view} />`}
    ${name === 'region' && html`<${Region} feed=${feed} view=${view} />`}
    ${name === 'board' && html`<${BoardPage} view=${view} />`}
    ${name === 'keys' && html`<${KeyHelp} />`}
  </dialog>`;
}

/** The fields of a form by name. @param {Event} event @returns {Record<string, string>} */
function fieldsOf(event) {
  event.preventDefault();
  return Object.fromEntries([...new FormData(/** @type {HTMLFormElement} */ (event.target))].map(([name, value]) => [name, String(value).trim()]));
}

const Buttons = () => html`<p class="buttons"><button disabled=${asking.value > 0}>${say('dispatch.send')}</button>
  <button type="button" onClick=${close}>${say('dispatch.cancel')}</button></p>`;

function NewCall() {
  const send = async (/** @type {Event} */ event) => {
    const f = fieldsOf(event);
    const point = f.lat || f.lon ? { lat: Number(f.lat), lon: Number(f.lon), datum: f.datum } : {};
    const estimated = f.estimated ? { casualties_estimated: Number(f.estimated) } : {};
    const answer = await act('report_call', {
      place: { ...point, name: f.name }, kind: f.kind, priority: Number(f.priority), channel: f.channel, summary: f.summary, ...estimated,
    });
    if (answer) dialog.value = 'assign';
  };
  return html`<form onSubmit=${send}>
    <label>${say('dispatch.field.place')}<input name="name" autofocus maxlength="200" /></label>
    <fieldset><legend>${say('dispatch.field.coordinates')}</legend>
      <label>${say('dispatch.field.lat')}<input name="lat" type="number" step="any" min="-90" max="90" /></label>
      <label>${say('dispatch.field.lon')}<input name="lon" type="number" step="any" min="-180" max="180" /></label>
      <label>${say('dispatch.field.datum')}<select name="datum">${DATUMS.map((name) => html`<option key=${name} value=${name}>${say(`dispatch.datum.${name}`)}</option>`)}</select></label></fieldset>
    <div class="pair"><label>${say('dispatch.field.kind')}<select name="kind">${KNOWN_KINDS.map((kind) => html`<option key=${kind} value=${kind}>${kindName(kind)}</option>`)}</select></label>
    <label>${say('dispatch.field.priority')}<select name="priority">${[1, 2, 3, 4].map((n) => html`<option key=${n} value=${n}>${say('dispatch.priority', { n })}</option>`)}</select></label></div>
    <div class="pair"><label>${say('dispatch.field.channel')}<select name="channel">${CHANNELS.map((name) => html`<option key=${name} value=${name}>${say(`dispatch.channel.${name}`)}</option>`)}</select></label>
    <label>${say('dispatch.field.estimated')}<input name="estimated" type="number" min="0" max="1000" /></label></div>
    <label>${say('dispatch.field.summary')}<textarea name="summary" maxlength="2000" rows="2"></textarea></label>
    <${Buttons} /></form>`;
}

/** Who could go, best first, with reasons; one press sends. @param {{view: ConsoleView}} props */
function Assign({ view }) {
  const incident = incidentOf(view);
  const [ranked, tell] = useState(/** @type {Ranked[] | null} */ (null));
  useEffect(() => {
    if (incident) act('rank_units', { incident }).then((answer) => tell(answer?.units ?? []));
  }, [incident]);
  if (!incident) return html`<p class="none">${say('dispatch.no_calls')}</p><button autofocus onClick=${close}>${say('dispatch.close')}</button>`;
  const sendUnit = async (/** @type {string} */ unit) => { if (await act('assign_unit', { incident, unit })) close(); };
  const standBy = async (/** @type {string} */ unit) => { if (await act('order_standby', { incident, unit })) close(); };
  return html`<p class="quiet">${kindName(view.incidents[incident].kind)} · ${placeName(view.incidents[incident].place)} · ${clockText(view.incidents[incident].received_at)}</p>
    ${ranked === null && html`<p class="none">${say('dispatch.deciding')}</p>`}
    <ol class="ranked">${(ranked ?? []).map((one, n) => html`<li key=${one.unit} class=${one.fit ? 'possible' : 'barred'}>
      <span class="home">${nameOf(view.units[one.unit]) || one.unit}</span> <span class="time">${one.eta_s === null ? '--:--' : spanText(Math.round(one.eta_s))}</span>
      <span class="why">${one.reasons.map((reason) => reasonText(view, reason)).join(say('dispatch.stop'))}</span>
      ${one.fit && html`<button ref=${n === 0 ? focusOnce : null} onClick=${() => sendUnit(one.unit)}>${say('dispatch.send_unit')}</button>`}
      ${view.units[one.unit]?.kind === 'helicopter' && view.units[one.unit].duty === 'available' && html`<button onClick=${() => standBy(one.unit)}>${say('dispatch.stand_by')}</button>`}
    </li>`)}</ol>
    <button onClick=${close}>${say('dispatch.close')}</button>`;
}

/** @param {{view: ConsoleView}} props */
function NewTask({ view }) {
  const incident = incidentOf(view);
  const [kind, pick] = useState(TASKS[0]);
  if (!incident) return html`<p class="none">${say('dispatch.no_calls')}</p><button autofocus onClick=${close}>${say('dispatch.close')}</button>`;
  const send = async (/** @type {Event} */ event) => {
    const f = fieldsOf(event);
    if (await act('open_task', { incident, kind: f.kind, to: f.to ?? '', note: f.note })) close();
  };
  return html`<form onSubmit=${send}>
    <label>${say('dispatch.field.kind')}<select name="kind" autofocus value=${kind} onChange=${(/** @type {any} */ e) => pick(e.target.value)}>${TASKS.map((one) => html`<option key=${one} value=${one}>${say(`dispatch.task.${one}`)}</option>`)}</select></label>
    ${NEEDS_TO.includes(kind) ? html`<label>${say('dispatch.field.to')}<input name="to" required maxlength="200" list="districts" /></label>
      <datalist id="districts">${[...new Set(Object.values(view.units).map((unit) => unit.district))].map((one) => html`<option key=${one} value=${one}>${agencyName(view, one)}</option>`)}</datalist>` : null}
    <label>${say('dispatch.field.note')}<input name="note" maxlength="2000" /></label>
    <${Buttons} /></form>`;
}

/** @param {{view: ConsoleView}} props */
function CloseRoad({ view }) {
  const send = async (/** @type {Event} */ event) => {
    const f = fieldsOf(event);
    const bearing = f.bearing ? { bearing_deg: Number(f.bearing) } : {};
    const slow = f.speed ? { speed_kmh: Number(f.speed) } : {};
    if (await act(f.speed ? 'slow_road' : 'close_road', { ref: f.ref, reason: f.reason, ...bearing, ...slow })) close();
  };
  return html`<form onSubmit=${send}>
    <div class="pair"><label>${say('dispatch.field.ref')}<input name="ref" required autofocus maxlength="20" placeholder=${say('dispatch.example.ref')} /></label>
    <label>${say('dispatch.field.bearing')}<input name="bearing" type="number" min="0" max="359" /></label></div>
    <div class="pair"><label>${say('dispatch.field.reason')}<input name="reason" required maxlength="200" /></label>
    <label>${say('dispatch.field.speed')}<input name="speed" type="number" min="1" max="199" /></label></div>
    <${Buttons} /></form>
    <${ClosureList} view=${view} />`;
}
