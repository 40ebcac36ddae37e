// @ts-check
// When the patient is here and how: the countdown, the clock time, the way and who carries.
import { html } from 'htm/preact';
import { clockText, spanText } from '/casebook/age.js';
import { nameOf, say } from '/casebook/words.js';
import { isHubLost } from './signs_panel.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */

/** Minutes and seconds to the door; blank when the hub is not heard. @param {{feed: LiveFeed, c: Case}} props */
export function Countdown({ feed, c }) {
  feed.tick.value;
  const { arrived_at, completed_at } = c.handover;
  if (completed_at) return html`<div class="countdown done"><b>${say('hospital.handed_over')}</b><small>${clockText(completed_at)}</small></div>`;
  if (arrived_at) return html`<div class="countdown here"><b>${say('hospital.arrived')}</b><small>${clockText(arrived_at)}</small></div>`;
  const eta_at = c.route.eta_at;
  if (eta_at === undefined) return html`<div class="countdown unknown"><b>${say('hospital.eta_unknown')}</b></div>`;
  const left_s = (Date.parse(eta_at) - feed.now()) / 1000;
  const late = left_s < 0;
  return html`<div class="countdown ${late ? 'late' : ''}">
    <b>${isHubLost(feed) ? '--:--' : spanText(Math.abs(left_s))}</b>
    ${late && html`<small>${say('hospital.overdue')}</small>`}
  </div>`;
}

/** By road, by air, or from one to the other: who carries, whom they meet and where, and the clock time. @param {Case['route']} route */
export function wayText({ mode, site, unit, partner, eta_at }) {
  const parts = [unit ? nameOf(unit) : say(`hospital.mode.${mode ?? 'unknown'}`)];
  if (mode === 'rendezvous' && partner && site) parts.push(say('hospital.meets', { partner: nameOf(partner), site: nameOf(site) }));
  if (eta_at) parts.push(say('hospital.arrives', { clock: clockText(eta_at) }));
  return parts.join(' ');
}
