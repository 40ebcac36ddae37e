// @ts-check
// What if: toggle a closure, a bay, a hospital, the helicopter, daylight; the desk answers at once and records nothing.
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { say } from '/casebook/words.js';
import { act } from './act.js';
import { dialog, selected } from './chosen.js';
import { Clocks, WhereNow } from './decision.js';
import { drawable } from './drawing.js';
import { CareLine, minutesText } from './minutes.js';
import { hospitalName, reasonText, resourceName, roadName, roadReason, spanOrDash, unitName } from './names.js';
import { pickOnMap, takeUp } from './supposing.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').Proposal} Proposal */
/** @typedef {import('./supposing.js').Supposition} Supposition */
/** @typedef {{hospital: string, mode: string, was?: number, was_s?: number, now?: number, now_s?: number}} Move */
/** @typedef {{real: Proposal, supposed: Proposal, moves: Move[]}} Answer */

/** @type {Supposition} */
const AS_IT_IS = { reopen: [], close: [], shut: [], hospitals: {}, aircraft: {}, figures: {}, daylight: '' };
const HOSPITALS = 6; // toggled at hand: the first of the ranking
const MOVES = 8;
const [DAY, NIGHT] = /** @type {const} */ (['day', 'night']);
const [FREE, AWAY] = ['free', 'away'];

/** @param {{view: ConsoleView}} props */
export function WhatIf({ view }) {
  const id = selected(view);
  const [supposed, suppose] = useState(() => takeUp() ?? AS_IT_IS);
  const [answer, tell] = useState(/** @type {Answer | null} */ (null));
  const decided = id ? view.casualties[id].proposal?.id : undefined;
  useEffect(() => {
    let gone = false;
    if (id) act('what_if', commandOf(view, id, supposed)).then((told) => { if (told && !gone) tell(told); });
    return () => { gone = true; };
  }, [id, decided, JSON.stringify(supposed)]);
  const close = html`<button onClick=${() => { dialog.value = null; }}>${say('dispatch.close')}</button>`;
  if (!id) return html`<p class="none">${say('dispatch.no_decision')}</p>${close}`;
  const change = (/** @type {Partial<Supposition>} */ part) => suppose({ ...supposed, ...part });
  return html`<p class="not-recorded" role="note"><b>${say('dispatch.not_recorded')}</b> ${view.casualties[id].label}</p>
    <div class="supposing"><${Toggles} view=${view} supposed=${supposed} change=${change} real=${answer?.real} />
      <div class="answer" aria-live="polite">${answer ? html`<${Answered} view=${view} answer=${answer} />` : html`<p class="none">${say('dispatch.deciding')}</p>`}</div></div>
    <p class="buttons">${close}<button onClick=${() => suppose(AS_IT_IS)}>${say('dispatch.as_it_is')}</button></p>`;
}

/** @param {ConsoleView} view @param {string} id @param {Supposition} supposed */
function commandOf(view, id, supposed) {
  const { figures, daylight, reopen, shut, ...rest } = supposed;
  const places = Object.entries(figures).map(([key, free]) => ({ hospital: key.split(' ')[0], resource: key.split(' ')[1], free }));
  return { casualty: id, ...rest, reopen: reopen.filter((closure) => view.roads[closure]), shut: shut.map((one) => one.where), figures: places, ...(daylight ? { daylight: daylight === DAY } : {}) };
}

/** @param {{view: ConsoleView, supposed: Supposition, change: (part: Partial<Supposition>) => void, real: Proposal | undefined}} props */
function Toggles({ view, supposed, change, real }) {
  const flip = (/** @type {string[]} */ list, /** @type {string} */ one) => (list.includes(one) ? list.filter((other) => other !== one) : [...list, one]);
  const roads = Object.entries(view.roads).filter(([, road]) => road.in_force);
  const aircraft = Object.keys(view.units).filter((id) => view.units[id].kind === 'helicopter').sort();
  const add = (/** @type {Event} */ event) => {
    event.preventDefault();
    const box = /** @type {HTMLInputElement} */ (/** @type {HTMLFormElement} */ (event.target).elements.namedItem('ref'));
    const ref = box.value.trim();
    if (ref && !supposed.close.includes(ref)) change({ close: [...supposed.close, ref] });
    box.value = '';
  };
  return html`<div class="toggles">
    <h3>${say('dispatch.roads')}</h3>
    ${roads.map(([id, road], n) => html`<label class="toggle" key=${id}><input type="checkbox" autofocus=${n === 0} checked=${!supposed.reopen.includes(id)} onChange=${() => change({ reopen: flip(supposed.reopen, id) })} /> ${say(road.speed_kmh === undefined ? 'dispatch.closed_road' : 'dispatch.slow_road', { road: roadName(id, road), n: road.speed_kmh ?? 0, why: roadReason(road.reason) })}</label>`)}
    ${supposed.close.map((ref) => html`<label class="toggle" key=${`close-${ref}`}><input type="checkbox" checked onChange=${() => change({ close: flip(supposed.close, ref) })} /> ${say('dispatch.closed_whole', { road: ref })}</label>`)}
    ${supposed.shut.map((one, n) => html`<label class="toggle" key=${`shut-${n}`}><input type="checkbox" checked onChange=${() => change({ shut: supposed.shut.filter((other) => other !== one) })} /> ${say('dispatch.closed_here', { road: one.name })}</label>`)}
    ${drawable.value && html`<button class="small pick" type="button" onClick=${() => pickOnMap(supposed)}>${say('dispatch.close_on_map')}</button>`}
    <form class="telephone" onSubmit=${add}><label>${say('dispatch.field.ref')}<input name="ref" maxlength="20" autofocus=${roads.length === 0} autocomplete="off" /></label><button class="small">${say('dispatch.close_too')}</button></form>
    <h3>${say('dispatch.hospitals')}</h3>
    ${hospitalsOf(view, real).map((id) => html`<${HospitalToggle} key=${id} view=${view} id=${id} resource=${resourceOf(real)} supposed=${supposed} change=${change} />`)}
    ${aircraft.length > 0 && html`<h3>${say('dispatch.aircraft')}</h3>`}
    ${aircraft.map((id) => {
      const free = supposed.aircraft[id];
      return html`<label class="choice" key=${id}>${unitName(view, id)}<select value=${free === undefined ? '' : free ? FREE : AWAY} onChange=${(/** @type {any} */ event) => change({ aircraft: without(supposed.aircraft, id, event.target.value) })}>
        <option value="">${say('dispatch.as_now', { now: say(`dispatch.duty.${view.units[id].duty}`) })}</option><option value=${FREE}>${say('dispatch.is_free')}</option><option value=${AWAY}>${say('dispatch.is_away')}</option></select></label>`;
    })}
    ${aircraft.length > 0 && html`<label class="choice">${say('dispatch.light')}<select value=${supposed.daylight} onChange=${(/** @type {any} */ event) => change({ daylight: event.target.value })}>
      <option value="">${say('dispatch.as_it_is')}</option><option value=${DAY}>${say('dispatch.by_day')}</option><option value=${NIGHT}>${say('dispatch.by_night')}</option></select></label>`}
  </div>`;
}

/** @param {{view: ConsoleView, id: string, resource: string, supposed: Supposition, change: (part: Partial<Supposition>) => void}} props */
function HospitalToggle({ view, id, resource, supposed, change }) {
  const open = supposed.hospitals[id] ?? !view.hospitals[id].closures['*'];
  const key = `${id} ${resource}`;
  const free = supposed.figures[key];
  const figure = view.hospitals[id].figures[resource];
  const set = (/** @type {any} */ event) => {
    const { [key]: _, ...others } = supposed.figures;
    change({ figures: event.target.value === '' ? others : { ...others, [key]: Number(event.target.value) } });
  };
  return html`<div class="hospital-toggle"><label class="toggle"><input type="checkbox" checked=${open} onChange=${() => change({ hospitals: { ...supposed.hospitals, [id]: !open } })} /> ${hospitalName(view, id)}</label>
    <label class="figure">${resourceName(resource)} <input type="number" min="0" max="99" value=${free ?? ''} placeholder=${figure?.left ?? '?'} onChange=${set} /></label></div>`;
}

/** @param {Record<string, boolean>} all @param {string} id @param {string} value */
function without(all, id, value) {
  const { [id]: _, ...others } = all;
  return value === '' ? others : { ...others, [id]: value === FREE };
}

/** The first hospitals of the real ranking, possible or not. @param {ConsoleView} view @param {Proposal | undefined} real */
const hospitalsOf = (view, real) => [...new Set([...(real?.options ?? []), ...(real?.rejected ?? [])].map((way) => way.hospital))].filter((id) => view.hospitals[id]).slice(0, HOSPITALS);

/** What the casualty takes on arrival, as the reasons name it. @param {Proposal | undefined} real */
function resourceOf(real) {
  const reasons = [...(real?.options ?? []), ...(real?.rejected ?? [])].flatMap((way) => way.reasons);
  return reasons.find((one) => one.code === 'free' || one.code.startsWith('capacity'))?.facts.resource ?? 'resus_bay';
}

/** @param {{view: ConsoleView, answer: Answer}} props */
function Answered({ view, answer }) {
  const { real, supposed, moves } = answer;
  return html`<div class="beside"><${First} view=${view} word="dispatch.real_answer" proposal=${real} /><${First} view=${view} word="dispatch.then_answer" proposal=${supposed} /></div>
    <${Clocks} view=${view} proposal=${supposed} />
    <h3>${say('dispatch.what_changed')}</h3>
    ${moves.length === 0 ? html`<p class="none">${say('dispatch.nothing_changed')}</p>` : html`<ul class="moves">${moves.slice(0, MOVES).map((one) => html`<li key=${`${one.hospital}/${one.mode}`}><b>${hospitalName(view, one.hospital)}</b> ${say(`dispatch.mode.${one.mode}`)}
      <span class="time">${placeText(one.was, one.was_s)} → ${placeText(one.now, one.now_s)}</span></li>`)}</ul>`}`;
}

/** @param {number | undefined} place @param {number | undefined} span_s */
const placeText = (place, span_s) => (place === undefined || span_s === undefined ? say('dispatch.impossible') : say('dispatch.place_and_minutes', { place, minutes: minutesText(span_s) }));

/** @param {{view: ConsoleView, word: string, proposal: Proposal}} props */
function First({ view, word, proposal }) {
  const first = proposal.options[0];
  return html`<article class="first"><p class="quiet">${say(word)}</p>
    ${first ? html`<p><b>${hospitalName(view, first.hospital)}</b> · ${say(`dispatch.mode.${first.mode}`)} · <span class="time">${spanOrDash(first.eta_s)}</span></p><${CareLine} way=${first} />
      <p class="why">${first.reasons[0] ? reasonText(view, first.reasons[0]) : ''}</p>` : html`<p class="warn">${say('dispatch.nobody')}</p><${WhereNow} view=${view} stabilise_at=${proposal.stabilise_at} ask=${proposal.ask} />`}
  </article>`;
}
