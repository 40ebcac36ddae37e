// @ts-check
// The route changed under way, or no way is left: above every page until the crew has seen it. Nothing waits for the tap.
import { html } from 'htm/preact';
import { nameOf, say } from '/casebook/words.js';
import { busy, tap } from './doing.js';
import { minutes, reasonText } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */

/** @param {{view: TabletView}} props */
export function RouteBanner({ view }) {
  const { leg } = view;
  if (leg?.halted) {
    return html`<div class="banner blocked" role="alert"><p><b>${say('unit.no_way', { place: nameOf(leg.to) })}</b><br />${say('unit.wait_for_way')}</p></div>`;
  }
  if (!leg?.why || leg.seen_at) return null;
  return html`<div class="banner route" role="alert"><p><b>${say('unit.route_changed', { minutes: minutes(leg.eta_s) })}</b><br />${leg.why.map((reason) => reasonText(view, reason)).join('; ')}</p>
    <button disabled=${busy.value} onClick=${() => tap('see_leg')}>${say('unit.seen')}</button></div>`;
}
