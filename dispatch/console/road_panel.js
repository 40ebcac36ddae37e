// @ts-check
// Closing roads on the map: the tools, what the drawn shape meets, why and until when; and what is closed, by whom.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { clockText } from '/casebook/age.js';
import { nameOf, say } from '/casebook/words.js';
import { act, asking, focusOnce } from './act.js';
import { direction, drawable, drop, met, points, shape, take, tool, whereOf } from './drawing.js';
import { Key } from './keys.js';
import { byName, roadName, roadReason, unitName } from './names.js';
import { picking } from './supposing.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {import('./view_types.js').Road} Road */
/** @typedef {{feed: LiveFeed, view: ConsoleView}} Props */

/** @type {import('./drawing.js').Tool[]} */
const TOOLS = ['area', 'box', 'road'];
const COURSES = [0, 45, 90, 135, 180, 225, 270, 315];
const EFFECTS = ['shut', 'slow'];
const LASTS_MIN = [30, 60, 120, 240, 480];

/** The bar of tools over the map, and below it what the tool in hand needs. @param {Props} props */
export function RoadPanel({ feed, view }) {
  const [listed, list] = useState(false);
  if (!drawable.value) return null;
  const shut = Object.values(view.roads).filter((road) => road.in_force).length;
  return html`<div class="roadwork">
    <div class="tools" role="toolbar" aria-label=${say('dispatch.draw')}>
      <span class="quiet">${say('dispatch.draw')}</span>
      ${TOOLS.map((name) => html`<button key=${name} class="small" aria-pressed=${tool.value === name} title=${say(`dispatch.draw_hint.${name}`)}
        onClick=${() => (tool.value === name ? drop() : take(name))}>${say(`dispatch.draw.${name}`)}${name === 'area' && html` <${Key} k="D" />`}</button>`)}
      <button class="small" aria-expanded=${listed} onClick=${() => list(!listed)}>${say('dispatch.closed_now', { n: shut })}</button></div>
    ${tool.value && html`<p class="hint" role="status">${picking.value ? html`<b>${say('dispatch.picking')}</b> ` : ''}${say(`dispatch.draw_hint.${tool.value}`)}
      ${points.value.length > 0 && tool.value === 'area' && html` · ${say('dispatch.points', { n: points.value.length })}`} <${Key} k="Esc" /></p>`}
    ${shape.value && !picking.value && html`<${ShapeForm} feed=${feed} view=${view} made=${shape.value} />`}
    ${listed && !shape.value && html`<div class="sheet"><${ClosureList} view=${view} /></div>`}
  </div>`;
}

/** Why, for whom, until when; what it meets is told before it is sent. @param {Props & {made: import('./drawing.js').Shape}} props */
function ShapeForm({ feed, view, made }) {
  const [slow, slowed] = useState(false);
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const f = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)));
    const until = f.lasts ? { until: new Date(feed.now() + Number(f.lasts) * 60000).toISOString() } : {};
    const what = slow ? { speed_kmh: Number(f.speed) } : {};
    const where = whereOf(made, direction.value);
    if (await act(slow ? 'slow_road' : 'close_road', { ...where, reason: String(f.reason).trim(), ...until, ...what })) drop();
  };
  const choose = (/** @type {any} */ event) => slowed(event.target.value === 'slow');
  const escape = (/** @type {KeyboardEvent} */ event) => { if (event.key === 'Escape') drop(); };
  const nothing = met.value !== null && met.value.roads.length === 0;
  return html`<form class="sheet" onSubmit=${send} onKeyDown=${escape} aria-label=${say('dispatch.close_these')}>
    <${Meets} view=${view} />
    <label>${say('dispatch.field.reason')}<input name="reason" required maxlength="200" ref=${focusOnce} list="why-closed" autocomplete="off" /></label>
    <datalist id="why-closed">${['works', 'congestion', 'weather'].map((why) => html`<option key=${why} value=${why}>${roadReason(why)}</option>`)}</datalist>
    <div class="pair"><label>${say('dispatch.field.direction')}<${Direction} made=${made} /></label>
      <label>${say('dispatch.field.lasts')}<select name="lasts"><option value="">${say('dispatch.until_opened')}</option>${LASTS_MIN.map((n) => html`<option key=${n} value=${n}>${say('dispatch.minutes', { n })}</option>`)}</select></label></div>
    <div class="pair"><label>${say('dispatch.field.effect')}<select onChange=${choose}>${EFFECTS.map((name) => html`<option key=${name} value=${name}>${say(`dispatch.effect.${name}`)}</option>`)}</select></label>
      ${slow && html`<label>${say('dispatch.field.speed')}<input name="speed" type="number" required min="1" max="199" /></label>`}</div>
    <p class="buttons"><button disabled=${asking.value > 0 || nothing}>${say(slow ? 'dispatch.slow_these' : 'dispatch.close_these')}</button>
      <button type="button" onClick=${drop}>${say('dispatch.cancel')}</button></p></form>`;
}

/** Both directions, or one: of a stretch its own two, else a course. @param {{made: import('./drawing.js').Shape}} props */
function Direction({ made }) {
  const own = made.bearing_deg;
  const courses = own === undefined ? COURSES : made.oneway ? [] : [own, (own + 180) % 360];
  return html`<select value=${direction.value ?? ''} disabled=${courses.length === 0}
      onChange=${(/** @type {any} */ event) => { direction.value = event.target.value === '' ? null : Number(event.target.value); }}>
    <option value="">${say(made.oneway ? 'dispatch.one_way' : 'dispatch.both_ways')}</option>
    ${courses.map((course) => html`<option key=${course} value=${course}>${say('dispatch.toward', { where: courseName(course) })}</option>`)}</select>`;
}

/** A course in degrees as a wind's name. @param {number} course */
const courseName = (course) => say(`dispatch.course.${(Math.round(course / 45) % 8) * 45}`);

/** The roads under the shape, and whose way it cuts. @param {{view: ConsoleView}} props */
function Meets({ view }) {
  const told = met.value;
  if (!told) return html`<p class="quiet">${say('dispatch.looking')}</p>`;
  if (told.roads.length === 0) return html`<p class="warn" role="alert">${say('dispatch.meets_nothing')}</p>`;
  const names = told.roads.map((road) => `${[road.ref, nameOf(road)].filter(Boolean).join(' ') || say('dispatch.unnamed_road')} ${say('dispatch.km', { n: (road.length_m / 1000).toFixed(1) })}`);
  return html`<p class="meets"><b>${say('dispatch.meets', { n: (told.length_m / 1000).toFixed(1) })}</b> ${names.slice(0, 6).join(say('dispatch.join'))}${told.more + Math.max(0, names.length - 6) > 0 ? ` +${told.more + Math.max(0, names.length - 6)}` : ''}</p>
    ${told.units.length > 0 && html`<p class="warn">${say('dispatch.cuts', { who: told.units.map((id) => unitName(view, id)).join(say('dispatch.join')) })}</p>`}`;
}

/** What is closed or slow, by whom and since when; each can be opened again. @param {{view: ConsoleView}} props */
export function ClosureList({ view }) {
  const rows = Object.entries(view.roads).sort(([, a], [, b]) => (a.at < b.at ? 1 : -1));
  if (rows.length === 0) return html`<p class="none">${say('dispatch.none_closed')}</p>`;
  return html`<ol class="ranked closures">${rows.map(([id, road]) => html`<li key=${id} class=${road.in_force ? 'possible' : 'barred'}>
    <span class="home">${roadName(id, road)} <span class="quiet">${roadReason(road.reason)}${road.speed_kmh !== undefined ? ` · ${say('dispatch.at_most', { n: road.speed_kmh })}` : ''}</span></span>
    <button class="small" disabled=${asking.value > 0} onClick=${() => act('reopen_road', { closure: id })}>${say('dispatch.reopen')}</button>
    <span class="why">${byName(view, road.by)} ${clockText(road.at)}${road.since ? ` · ${say('dispatch.from', { clock: clockText(road.since) })}` : ''}${untilText(road)}</span></li>`)}</ol>`;
}

/** @param {Road} road */
const untilText = (road) => (road.until ? ` · ${say(road.in_force || road.since ? 'dispatch.until' : 'dispatch.over_since', { clock: clockText(road.until) })}` : '');
