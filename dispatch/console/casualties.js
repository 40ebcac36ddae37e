// @ts-check
// The left column: calls, their casualties, the units; one row each, every group with its age.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { Age, clockText, spanText } from '/casebook/age.js';
import { token } from '/casebook/access.js';
import { qualityText } from '/casebook/picture_quality.js';
import { TriageMark } from '/casebook/triage.js';
import { nameOf, say } from '/casebook/words.js';
import { act, WithReason } from './act.js';
import { awaitsYes, casualtyOrder, dialog, picked, selected } from './chosen.js';
import { Key } from './keys.js';
import { agencyName, hospitalName, kindName, placeName, unitName, whyText } from './names.js';
import '/media/live_thumbnail.js';
import '/media/voice_panel.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {{feed: LiveFeed, view: ConsoleView}} Props */

// The golden half hour (reference/workflow.md 3.2): amber for its last third, alarm beyond it.
const HALF_HOUR_S = 1800;
const LAST_THIRD_S = 1200;
const KEY_SHOWN_S = 300; // who still wants in with another key is refused, and told, once a minute
const SIGNS = ['hr_bpm', 'sbp_mmhg', 'spo2_pct', 'gcs'];
const AGENCIES = ['110', '119'];
const DONE = ['handed_over', 'closed'];

/** @param {Props} props */
export function Calls({ feed, view }) {
  feed.tick.value;
  const ids = Object.keys(view.incidents).sort((a, b) => (a < b ? 1 : -1));
  return html`<section class="panel calls" aria-label=${say('dispatch.calls')}>
    <h2>${say('dispatch.calls')}<button class="small" onClick=${() => { dialog.value = 'call'; }}>${say('dispatch.new_call')} <${Key} k="N" /></button></h2>
    ${ids.length === 0 && html`<p class="none">${say('dispatch.no_calls')}</p>`}
    ${ids.map((id) => html`<${Call} key=${id} feed=${feed} view=${view} id=${id} />`)}
  </section>`;
}

/** @param {Props & {id: string}} props */
function Call({ feed, view, id }) {
  const one = view.incidents[id];
  const since_s = feed.age_s(one.happened_at) ?? 0;
  const running = one.stage === 'open';
  const pace = !running ? '' : since_s > HALF_HOUR_S ? 'over' : since_s > LAST_THIRD_S ? 'late' : '';
  const told = Object.values(one.agencies).map(({ agency }) => agencyName(view, agency));
  return html`<article class="call ${one.stage}">
    <p class="head"><b>${kindName(one.kind)}</b> <span class="priority p${one.priority}">${say('dispatch.priority', { n: one.priority })}</span>
      <span class="t ${pace}">${running ? `T+${spanText(since_s)}` : say('dispatch.closed')}</span></p>
    <p class="where">${placeName(one.place)}</p>
    <p class="quiet">${clockText(one.received_at, true)} · ${say(`dispatch.channel.${one.channel}`)} · ${id}
      ${one.casualties_estimated !== undefined && html` · ${say('dispatch.about_n', { n: one.casualties_estimated })}`}</p>
    ${one.summary && html`<p class="summary" title=${one.summary}>${one.summary}</p>`}
    ${told.length > 0 && html`<p class="quiet">${say('dispatch.linked', { who: [...new Set(told)].join(say('dispatch.join')) })}</p>`}
    ${running && html`<${CallActions} view=${view} id=${id} />`}
    ${one.first_data_at && html`<p class="quiet">${say('dispatch.first_data', { span: spanText((Date.parse(one.first_data_at) - Date.parse(one.happened_at)) / 1000) })}</p>`}
  </article>`;
}

/** Tell the services that do not know yet; close when everybody is accounted for. @param {{view: ConsoleView, id: string}} props */
function CallActions({ view, id }) {
  const told = Object.values(view.incidents[id].agencies).map(({ agency }) => agency);
  const untold = AGENCIES.filter((agency) => !told.includes(agency));
  const mine = Object.values(view.casualties).filter((one) => one.incident === id);
  const over = mine.length > 0 && mine.every((one) => DONE.includes(one.stage));
  return html`<p class="do">${untold.map((agency) => html`<button key=${agency} class="small" onClick=${() => act('link_agency', { incident: id, agency })}>${say('dispatch.link', { who: agencyName(view, agency) })}</button>`)}
    ${over && html`<button class="small" onClick=${() => act('close_incident', { incident: id })}>${say('dispatch.close_call')}</button>`}</p>`;
}

/** @param {Props} props */
export function Casualties({ feed, view }) {
  const ids = casualtyOrder(view);
  const chosen = selected(view);
  return html`<section class="panel casualties" aria-label=${say('dispatch.casualties')}>
    <h2>${say('dispatch.casualties')} <span class="count">${ids.length}</span></h2>
    ${ids.length === 0 && html`<p class="none">${say('dispatch.no_casualties')}</p>`}
    <div class="rows" role="listbox" aria-label=${say('dispatch.casualties')} tabindex="0" aria-activedescendant=${chosen ? `casualty-${chosen}` : undefined}>
      ${ids.map((id, row) => html`<${CasualtyRow} key=${id} feed=${feed} view=${view} id=${id} row=${row} chosen=${id === chosen} />`)}
    </div>
  </section>`;
}

/** @param {Props & {id: string, row: number, chosen: boolean}} props */
function CasualtyRow({ feed, view, id, row, chosen }) {
  const one = view.casualties[id];
  const waits = awaitsYes(one) || (one.requested_at !== undefined && one.option === undefined);
  return html`<div id=${`casualty-${id}`} class="casualty ${waits ? 'waits' : ''} ${DONE.includes(one.stage) ? 'done' : ''}" role="option" aria-selected=${chosen}
      onClick=${() => { picked.value = id; }}>
    <p class="head"><${TriageMark} category=${one.category} words=${false} /> <b>${one.label}</b> <span class="who">${whoText(one)}</span>
      <span class="stage">${waits ? say('dispatch.awaits') : say(`dispatch.stage.${one.stage}`)}</span> ${row < 9 && html`<${Key} k=${row + 1} />`}</p>
    ${one.concern && html`<p class="concern" title=${one.concern}>${one.concern}</p>`}
    <p class="to">${one.unit && html`<span>${unitName(view, one.unit)}</span>`}
      ${one.option && html`<span class="arrow">→ ${hospitalName(view, one.option.hospital)} ${arrivalText(one)}</span>`}</p>
    <${Signs} feed=${feed} vitals=${one.vitals} done=${one.arrived_at !== undefined} />
  </div>`;
}

/** @param {import('./view_types.js').Casualty} one */
const whoText = (one) => [one.sex && say(`dispatch.sex.${one.sex}`), one.age_years !== undefined && say('dispatch.years', { n: one.age_years })].filter(Boolean).join(' ');

/** @param {import('./view_types.js').Casualty} one */
const arrivalText = (one) => (one.arrived_at ? say('dispatch.arrived_at', { clock: clockText(one.arrived_at) }) : one.eta_at ? say('dispatch.eta_at', { clock: clockText(one.eta_at) }) : '');

/** @param {{feed: LiveFeed, vitals: Record<string, {value: any, at: string}>, done: boolean}} props */
function Signs({ feed, vitals, done }) {
  const known = SIGNS.filter((field) => vitals[field]);
  if (known.length === 0) return null;
  const newest = known.map((field) => vitals[field].at).sort().at(-1);
  const rate = feed.rate;
  return html`<p class="signs">${known.map((field) => html`<span key=${field} title=${say(`vital.${field}`)}><i>${say(`dispatch.sign.${field}`)}</i> ${Math.round(vitals[field].value)}</span>`)}
    ${!done && html`<${Age} feed=${feed} at=${newest} late_s=${5 * rate} lost_s=${15 * rate} />`}</p>`;
}

/** @param {Props} props */
export function Units({ feed, view }) {
  const ids = Object.keys(view.units).sort((a, b) => Number(!view.units[a].incident) - Number(!view.units[b].incident) || (a < b ? -1 : 1));
  return html`<section class="panel units" aria-label=${say('dispatch.units')}>
    <h2>${say('dispatch.units')} <span class="count">${ids.length}</span>
      <button class="small" onClick=${() => { dialog.value = 'assign'; }}>${say('dispatch.assign')} <${Key} k="A" /></button></h2>
    <div class="rows" tabindex="0">${ids.map((id) => html`<${UnitRow} key=${id} feed=${feed} view=${view} id=${id} />`)}</div>
  </section>`;
}

/** @param {Props & {id: string}} props */
function UnitRow({ feed, view, id }) {
  feed.tick.value;
  const [opened, open] = useState(false);
  const one = view.units[id];
  const looked = view.casualties[selected(view) ?? '']?.unit; // whose carrier is talked with without opening it
  const left_s = one.leg?.eta_at ? (Date.parse(one.leg.eta_at) - feed.now()) / 1000 : undefined;
  const rate = feed.rate;
  return html`<article class="unit ${one.incident ? 'busy' : 'idle'}">
    <p class="head"><span class="mark ${one.kind}" title=${say(`dispatch.unit_kind.${one.kind}`)}></span>
      <button class="bare" aria-expanded=${opened} disabled=${!one.incident} onClick=${() => open(!opened)}>${nameOf(one)}</button>
      ${one.leg?.halted && html`<span class="left over">${say('dispatch.no_way')}</span>`}
      ${left_s !== undefined && html`<span class="left">${left_s > 0 ? spanText(left_s) : say('dispatch.due_now')}</span>`}</p>
    <p class="quiet"><span><span class="duty">${say(`dispatch.duty.${one.duty}`)}</span> ${one.leg && one.incident ? `→ ${placeName(one.leg.to)}` : `· ${placeName(one.base)}`}</span>
      ${one.fix ? html`<${Age} feed=${feed} at=${one.fix.at} late_s=${10 * rate} lost_s=${60 * rate} />` : html`<span class="age">${say('dispatch.no_fix')}</span>`}</p>
    ${one.incident && one.films && html`<live-thumbnail token=${token()} say=${say} unit=${id}></live-thumbnail>`}
    ${one.incident && (one.films || one.picture?.rung || one.picture?.uplink) && html`<p class="quality">${qualityText(one.picture)}</p>`}
    ${one.media_key && (feed.age_s(one.media_key.at) ?? 0) < KEY_SHOWN_S * rate && html`<${RefusedKey} unit=${id} told=${one.media_key} />`}
    ${one.incident && (opened || looked === id) && html`<voice-panel token=${token()} say=${say} unit=${id}></voice-panel>`}
    ${one.leg?.why && one.incident && html`<p class="rerouted" title=${whyText(view, one.leg.why)}>${whyText(view, one.leg.why)} · ${one.leg.seen_at ? say('dispatch.seen_by_crew', { clock: clockText(one.leg.seen_at) }) : say('dispatch.not_seen_by_crew')}</p>`}
    ${opened && one.incident && html`<${WithReason} label=${say('dispatch.stand_down')} send=${async (/** @type {string} */ reason) => { if (await act('stand_down', { unit: id, reason })) open(false); }} />`}
  </article>`;
}

/** Somebody with the vehicle's badge wanted to send media with another key: who may say that it is the vehicle's. @param {{unit: string, told: {refused: string, at: string}}} props */
function RefusedKey({ unit, told }) {
  const [asked, ask] = useState(false);
  const accept = async () => { if (await act('accept_media_key', { unit, fingerprint: told.refused })) ask(false); };
  return html`<div class="key-refused" role="alert">
    <p>${say('dispatch.media_key.refused', { clock: clockText(told.at) })}
      <button class="small" aria-expanded=${asked} onClick=${() => ask(!asked)}>${say('dispatch.media_key.look')}</button></p>
    ${asked && html`<p class="quiet">${say('dispatch.media_key.compare')} <code>${told.refused.slice(0, 23)}</code></p>
      <p><button class="small" onClick=${accept}>${say('dispatch.media_key.accept')}</button></p>`}
  </div>`;
}
