// @ts-check
// Where to, what waits there, how long: the page a crew looks at while driving out.
import { html } from 'htm/preact';
import { clockText, spanText } from '/casebook/age.js';
import { nameOf, say } from '/casebook/words.js';
import { HoistPlace } from './hoist_place.js';
import { listed, minutes, named, reasonText } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {{view: TabletView, feed: import('/casebook/feed.js').LiveFeed}} Props */

/** @param {Props} props */
export function MissionPage({ view, feed }) {
  feed.tick.value;
  const { incident, unit } = view;
  if (!incident || !unit) {
    return html`<section class="empty"><p>${say('unit.wait.mission')}</p><p class="quiet">${unit ? named('duty', unit.duty) : ''}</p></section>`;
  }
  return html`<section>
    <h2>${nameOf(incident.place)}</h2>
    <p class="lead">${named('kind', incident.kind)} · ${incident.summary}</p>
    ${incident.hazards.length > 0 && html`<p class="hazards"><b>${say('unit.hazards')}</b> ${incident.hazards.map((one) => html`<span class="chip warn" key=${one}>${named('hazard', one)}</span>`)}</p>`}
    <dl class="facts">
      <div><dt>${say('unit.priority')}</dt><dd>${incident.priority}</dd></div>
      <div><dt>${say('unit.casualties_estimated')}</dt><dd>${incident.casualties_estimated ?? say('unit.unknown')}</dd></div>
      <div><dt>${say('unit.happened')}</dt><dd>${clockText(incident.happened_at)}</dd></div>
      <div><dt>${say('unit.duty_now')}</dt><dd>${named('duty', unit.duty)}${unit.duty_at ? ` ${clockText(unit.duty_at)}` : ''}</dd></div>
    </dl>
    <${Leg} view=${view} feed=${feed} />
    <${HoistPlace} view=${view} />
    ${Object.values(view.partners ?? {}).map((one) => html`<${Partner} key=${one.id} one=${one} feed=${feed} />`)}
    <${Roads} view=${view} />
    ${Object.keys(incident.agencies).length > 0 && html`<p class="quiet">${say('unit.agencies')} ${listed(Object.entries(incident.agencies).map(([agency, at]) => `${named('agency', agency)} ${clockText(at)}`))}</p>`}
  </section>`;
}

/** @param {Props} props */
function Leg({ view, feed }) {
  const { leg } = view;
  if (!leg) return null;
  const left_s = leg.eta_at ? (Date.parse(leg.eta_at) - feed.now()) / 1000 : undefined;
  return html`<div class="leg ${leg.halted ? 'halted' : ''}">
    <div><span class="quiet">${say(leg.mode === 'air' ? 'unit.fly_to' : 'unit.drive_to')}</span> <b>${nameOf(leg.to)}</b></div>
    <div class="figures"><b class="big">${leg.halted ? '--' : left_s === undefined ? minutes(leg.eta_s) : spanText(left_s)}</b>
      <span>${leg.halted ? say('unit.wait_for_way') : leg.eta_at ? say('unit.arrives', { clock: clockText(leg.eta_at) }) : say('unit.not_departed')}</span>
      <span>${say('unit.km', { n: (leg.length_m / 1000).toFixed(1) })}</span></div>
    ${leg.why && html`<p class="why">${leg.why.map((reason) => reasonText(view, reason)).join('; ')}${leg.seen_at ? ` · ${say('unit.seen_at', { clock: clockText(leg.seen_at) })}` : ''}</p>`}
  </div>`;
}

/** @param {{one: NonNullable<TabletView['partners']>[string], feed: Props['feed']}} props */
function Partner({ one, feed }) {
  const left_s = one.eta_at ? (Date.parse(one.eta_at) - feed.now()) / 1000 : undefined;
  return html`<p class="partner"><b>${nameOf(one)}</b> ${named('duty', one.duty)}${one.to ? html` → ${nameOf(one.to)}` : ''}
    ${left_s !== undefined && html` <b>${spanText(left_s)}</b> ${say('unit.arrives', { clock: clockText(one.eta_at) })}`}</p>`;
}

/** Closures, and slow roads after them. @param {{view: TabletView}} props */
function Roads({ view }) {
  const roads = Object.entries(view.roads ?? {}).filter(([, road]) => road.speed_kmh === undefined);
  return roads.map(([id, road]) => html`<p class="closure" key=${id}><b>${say('unit.road_closed')}</b> ${road.ref ?? ''} ${road.reason}${road.until ? html` ${say('unit.until', { clock: clockText(road.until) })}` : ''}</p>`);
}
