// @ts-check
// Words from the hospital: an order stays in front until it was read back, with one tap while saying it aloud.
import { html } from 'htm/preact';
import { Age, clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { chosenCasualty } from './casualties.js';
import { busy, tap } from './doing.js';
import { hospitalName } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('./view_types.js').Message & {id: string, label: string}} Told */

const PHRASES = [1, 2, 3, 4, 5, 6];

/** Every message of every casualty, newest first. @param {TabletView} view @returns {Told[]} */
function allOf(view) {
  const all = Object.values(view.casualties ?? {}).flatMap((one) =>
    Object.entries(one.messages ?? {}).map(([id, message]) => ({ id, label: one.label, ...message })));
  return all.sort((a, b) => (a.at < b.at ? 1 : -1));
}

/** @param {TabletView} view @param {Told} one */
const isOwn = (view, one) => one.sender === view.me;

/** What the crew has yet to open or read back. @param {TabletView} view */
export const unreadOf = (view) => allOf(view).filter((one) => !isOwn(view, one) && (one.order ? !one.read_back : !one.read_at));

/** @param {{view: TabletView, feed: import('/casebook/feed.js').LiveFeed}} props */
export function MessagesPage({ view, feed }) {
  const whom = chosenCasualty(view);
  const all = allOf(view);
  return html`<section class="messages">
    ${all.length === 0 && html`<p class="quiet">${say('unit.no_messages')}</p>`}
    ${all.map((one) => html`<article key=${one.id} class="message ${one.order ? 'order' : ''} ${isOwn(view, one) ? 'own' : ''}">
      <header><b>${one.order ? say('unit.order') : ''} ${isOwn(view, one) ? say('unit.we') : hospitalName(view, one.sender)}</b> <span>${one.label} · ${clockText(one.at)} <${Age} feed=${feed} at=${one.at} late_s=${1e9} lost_s=${1e9} /></span></header>
      <p>${one.text}</p><${Answer} one=${one} own=${isOwn(view, one)} /></article>`)}
    ${whom && html`<div class="actions" aria-label=${say('unit.send')}>${PHRASES.map((n) => html`<button key=${n} disabled=${busy.value}
      onClick=${() => tap('send_message', { casualty: whom.id, text: say(`unit.phrase.${n}`) })}>${say(`unit.phrase.${n}`)}</button>`)}</div>`}
  </section>`;
}

/** Read back, seen, or when that was. @param {{one: Told, own: boolean}} props */
function Answer({ one, own }) {
  if (one.order && !one.read_back && !own) return html`<${ReadBack} one=${one} />`;
  if (one.read_back) return html`<p class="good">✓ ${say('unit.read_back_by', { by: one.read_by ?? '', clock: clockText(one.read_at) })}</p>`;
  if (one.read_at) return html`<p class="good">✓ ${say('unit.seen_by', { by: one.read_by ?? '', clock: clockText(one.read_at) })}</p>`;
  if (own) return html`<p class="quiet">${say('unit.sent')}</p>`;
  return html`<button class="wide" disabled=${busy.value} onClick=${() => tap('read_message', { message: one.id })}>${say('unit.seen')}</button>`;
}

/** @param {{one: Told}} props */
const ReadBack = ({ one }) =>
  html`<button class="wide order" disabled=${busy.value} onClick=${() => tap('read_message', { message: one.id, read_back: one.text })}>${say('unit.read_back')}</button>`;

/** The oldest order that was not read back stands above every page. @param {{view: TabletView}} props */
export function OrderBanner({ view }) {
  const waiting = unreadOf(view);
  const order = waiting.filter((one) => one.order).at(-1);
  if (order) {
    return html`<div class="banner order" role="alert"><p><b>${say('unit.order')} ${hospitalName(view, order.sender)} · ${order.label}</b><br />${order.text}</p><${ReadBack} one=${order} /></div>`;
  }
  const plain = waiting.at(-1);
  return plain ? html`<div class="banner" role="status"><p><b>${hospitalName(view, plain.sender)} · ${plain.label}</b><br />${plain.text}</p>
    <button disabled=${busy.value} onClick=${() => tap('read_message', { message: plain.id })}>${say('unit.seen')}</button></div>` : null;
}
