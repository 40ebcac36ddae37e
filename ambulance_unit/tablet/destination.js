// @ts-check
// Where the casualty goes and why: hospital, ways side by side, the ward's answers, what others can take now.
import { html } from 'htm/preact';
import { Age, clockText, spanText } from '/casebook/age.js';
import { nameOf, say } from '/casebook/words.js';
import { chosenCasualty } from './casualties.js';
import { Elsewhere } from './elsewhere.js';
import { hospitalName, leadsTo, listed, minutes, named, reasonText } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('./view_types.js').Casualty} Casualty */
/** @typedef {import('/casebook/feed.js').LiveFeed} LiveFeed */

const MODES = ['road', 'rendezvous', 'air'];
const SHOWN = ['resus_bay', 'trauma_team', 'icu_bed', 'ct'];

/** @param {{view: TabletView, feed: LiveFeed}} props */
export function DestinationPage({ view, feed }) {
  const one = chosenCasualty(view);
  return html`<section class="destination">
    ${one ? html`<${Chosen} one=${one} view=${view} feed=${feed} />` : html`<p class="quiet">${say('unit.no_casualty')}</p>`}
    <${Capacity} view=${view} feed=${feed} />
  </section>`;
}

/** @param {{one: Casualty, view: TabletView, feed: LiveFeed}} props */
function Chosen({ one, view, feed }) {
  feed.tick.value;
  const goal = one.destination;
  const meeting = goal?.rendezvous ? Object.values(view.partners ?? {}).find((unit) => unit.kind === 'helicopter' || view.unit?.kind === 'helicopter') : undefined;
  return html`<h2><small>${one.label}</small> ${goal ? nameOf(goal) : say(stateOf(one))}</h2>
    ${goal && html`<p class="lead">${named('mode', goal.mode)}${goal.rendezvous ? ` · ${nameOf(view.leg?.to) || nameOf(meeting?.to) || goal.rendezvous}` : ''}${meeting ? ` · ${nameOf(meeting)}` : ''}</p>`}
    ${goal && html`<${InShort} goal=${goal} view=${view} />`}
    ${goal && one.proposal && html`<p class="lead late" role="status">${say('unit.switch_proposed', { hospital: hospitalName(view, one.proposal.hospital), minutes: minutes(one.proposal.eta_s) })}</p>`}
    ${!goal && one.proposal && html`<p class="lead">${say('unit.proposed', { hospital: hospitalName(view, one.proposal.hospital), minutes: minutes(one.proposal.eta_s) })}</p>`}
    ${one.stranded && html`<div class="stranded" role="alert"><b>${say('unit.stranded')}</b>
      ${one.stabilise_at && html`<p>${say('unit.stabilise_at', { hospital: hospitalName(view, one.stabilise_at) })}</p>`}
      ${one.ask && html`<p>${say('unit.asking', { hospitals: listed(one.ask.map((id) => hospitalName(view, id))) })}</p>`}${one.stranded.map((way) => html`<p key=${way.hospital + way.mode}>${leadsTo(view, way.hospital)} · ${named('mode', way.mode)} · ${way.reasons.map((reason) => reasonText(view, reason)).join('; ')}</p>`)}</div>`}
    ${goal && html`<${Ward} one=${one} view=${view} feed=${feed} />`}
    <${Elsewhere} one=${one} view=${view} />
    <${Clocks} one=${one} />
    ${goal && html`<${Reasons} one=${one} view=${view} />`}`;
}

/** Why here in one line, and who comes second. @param {{goal: NonNullable<Casualty['destination']>, view: TabletView}} props */
function InShort({ goal, view }) {
  const [first] = goal.reasons;
  const second = goal.runner_up;
  return html`<p class="in-short"><b>${say('unit.because')}</b> ${goal.override_reason || (first ? reasonText(view, first) : '--')}</p>
    ${second && html`<p class="in-short"><b>${say('unit.runner_up')}</b> ${hospitalName(view, second.hospital)} · ${named('mode', second.mode)} · ${minutes(second.eta_s)}${second.would_win ? ` · ${say('unit.would_win', { change: reasonText(view, second.would_win) })}` : ''}</p>`}`;
}

/** @param {Casualty} one */
const stateOf = (one) => (one.requested_at ? 'unit.asked' : one.proposal ? 'unit.wait.destination' : 'unit.not_asked');

/** Bay, pre-alert, team: is somebody waiting for us? @param {{one: Casualty, view: TabletView, feed: LiveFeed}} props */
function Ward({ one, view, feed }) {
  const { prealert, team, bay } = one;
  const members = Object.values(team?.members ?? {});
  const ready = members.filter((member) => member.state === 'ready').length;
  const left_s = prealert?.eta_at ? (Date.parse(prealert.eta_at) - feed.now()) / 1000 : undefined;
  return html`<div class="ward">
    <div class="card ${bay ? 'good' : ''}"><span>${say('unit.bay')}</span><b class="big">${bay ?? '--'}</b>
      ${!bay && one.hold && html`<span>${say('unit.held', { resource: named('resource', one.hold.resource), slot: one.hold.slot })}</span>`}
      ${!bay && one.destination?.p_bay !== undefined && html`<span>${say('unit.chance', { pct: Math.min(99, Math.max(1, Math.round(one.destination.p_bay * 100))) })}</span>`}</div>
    <div class="card ${prealert?.acknowledged_at ? 'good' : 'late'}"><span>${say('unit.prealert_title')}</span>
      <b>${prealert ? named('prealert', prealert.stage) : say('unit.prealert.none')}</b>
      ${prealert?.acknowledged_at && html`<span>${prealert.by === one.destination?.hospital ? '' : hospitalName(view, prealert.by)} ${clockText(prealert.acknowledged_at)}</span>`}
      ${prealert?.note && html`<span>${prealert.note}</span>`}</div>
    <div class="card ${members.length && ready === members.length ? 'good' : ''}"><span>${say('unit.team')}</span>
      <b>${team ? say('unit.team_ready', { ready, called: members.length }) : say('unit.no_team')}</b></div>
    <div class="card"><span>${say('unit.at_door')}</span><b class="big">${left_s === undefined ? '--' : spanText(left_s)}</b>
      ${prealert?.eta_at && html`<span>${clockText(prealert.eta_at)}</span>`}</div>
  </div>`;
}

/** The ways side by side. @param {{one: Casualty}} props */
function Clocks({ one }) {
  if (!one.clocks) return null;
  const mode = one.destination?.mode ?? one.proposal?.mode;
  return html`<div class="ways">${MODES.map((way) => {
    const clock = one.clocks?.[way];
    return html`<div class="way ${way === mode ? 'taken' : ''}" key=${way}><span>${named('mode', way)}${way === mode ? ' ✓' : ''}</span><b>${minutes(clock?.eta_s)}</b></div>`;
  })}</div>`;
}

/** Why here, and why not elsewhere. @param {{one: Casualty, view: TabletView}} props */
function Reasons({ one, view }) {
  const goal = one.destination;
  if (!goal) return null;
  return html`<div class="reasons">
    ${goal.override_reason && html`<p><b>${say('unit.override')}</b> ${goal.override_reason}</p>`}
    <ul>${goal.reasons.map((reason) => html`<li key=${reason.code}>${reasonText(view, reason)}</li>`)}</ul>
    <details><summary>${say('unit.rejected', { n: goal.rejected.length })}</summary>
      ${goal.rejected.map((way) => html`<p key=${way.hospital + way.mode}><b>${leadsTo(view, way.hospital)}</b> ${named('mode', way.mode)} ${minutes(way.eta_s)} · ${way.reasons.map((reason) => reasonText(view, reason)).join('; ')}</p>`)}
    </details></div>`;
}

/** What hospitals have reported, each figure with its age; too old is unknown, unknown is never free. @param {{view: TabletView, feed: LiveFeed}} props */
function Capacity({ view, feed }) {
  feed.tick.value;
  const stated = Object.entries(view.hospitals ?? {}).filter(([, one]) => Object.keys(one.figures).length || Object.keys(one.closures).length);
  return html`<table class="capacity"><caption>${say('unit.capacity')}</caption>
    <thead><tr><th>${say('unit.hospital')}</th>${SHOWN.map((name) => html`<th key=${name}>${named('resource', name)}</th>`)}<th>${say('unit.reported')}</th></tr></thead>
    <tbody>${stated.map(([id, one]) => html`<tr key=${id}><th>${nameOf(one)}${Object.keys(one.closures).map((what) => html` <span class="chip warn" key=${what}>${named('resource', what)} ${say('unit.closed')}</span>`)}</th>
      ${SHOWN.map((name) => html`<td key=${name}>${freeText(one.figures[name], feed)}</td>`)}
      <td><${Age} feed=${feed} at=${newest(one.figures)} late_s=${450} lost_s=${900} /></td></tr>`)}</tbody></table>`;
}

/** @param {import('./view_types.js').Figure | undefined} figure @param {LiveFeed} feed */
function freeText(figure, feed) {
  const age_s = feed.age_s(figure?.at);
  if (!figure || figure.free === undefined || age_s === null || age_s > figure.limit_s) return '?';
  return `${Math.max(0, figure.free - figure.held)}/${figure.total ?? '?'}`;
}

/** @param {Record<string, {at: string}>} figures @returns {string | undefined} */
const newest = (figures) => Object.values(figures).map((one) => one.at).sort().at(-1);
