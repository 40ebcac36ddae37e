// @ts-check
// The vehicle's link to the hub, always in words: connected, how much waits, since when it is gone.
import { html } from 'htm/preact';
import { clockText } from '/casebook/age.js';
import { language, say } from '/casebook/words.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */

const WORTH_SAYING = 10; // rows that wait while connected: fewer are on their way already

/** @param {TabletView} view @returns {string} */
export function linkText(view) {
  const { link, outbox } = view;
  const waiting = outbox.waiting;
  switch (link.state) {
    case 'refused':
      return link.refusal?.[language.value] ?? say('link.refused');
    case 'lost':
      return link.since ? say('unit.link.lost', { clock: clockText(link.since), n: waiting }) : say('unit.link.never', { n: waiting });
    case 'late':
      return say('unit.link.late', { n: waiting });
    case 'connecting':
      return say('unit.link.connecting', { n: waiting });
    default:
      return waiting > WORTH_SAYING ? say('unit.link.waiting', { n: waiting }) : say('unit.link.connected');
  }
}

/** @param {{view: TabletView, feed: import('/casebook/feed.js').LiveFeed}} props */
export function HubLink({ view, feed }) {
  feed.tick.value;
  return html`<span class="hub-link ${view.link.state}" role="status">${linkText(view)}</span>`;
}
