// @ts-check
// Whether wires, masts or trees stand over the scene: asked of who stands there, only where a helicopter might lift from it.
import { html } from 'htm/preact';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { busy, tap } from './doing.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */

const AT_THE_SCENE = ['on_scene', 'at_patient'];

/** @param {TabletView} view */
const isAsked = (view) => Object.values(view.casualties ?? {}).some((one) => one.hoist_asked);

/** @param {TabletView} view */
const isThere = (view) => AT_THE_SCENE.includes(view.unit?.duty ?? '');

/** The question, above every page until somebody has answered it. @param {{view: TabletView}} props */
export function HoistBanner({ view }) {
  if (view.incident?.hoist_place || !isThere(view) || !isAsked(view)) return null;
  return html`<div class="banner route hoist" role="status"><p><b>${say('unit.hoist_place.ask')}</b><br />${say('unit.hoist_place.look')}</p><${Answers} /></div>`;
}

/** What was said of this place, on the page about it; who stands there may say otherwise. @param {{view: TabletView}} props */
export function HoistPlace({ view }) {
  const said = view.incident?.hoist_place;
  if (!said) return null;
  const told = say('unit.hoist_place.told', { answer: say(`unit.hoist_place.${said.clear ? 'clear' : 'not_clear'}`), by: said.by, clock: clockText(said.at) });
  return html`<div class="hoist"><p><b>${say('unit.hoist_place')}</b> ${told}</p>${isThere(view) && html`<${Answers} now=${said.clear} />`}</div>`;
}

/** @param {{now?: boolean}} props */
const Answers = ({ now }) => html`<div class="answers" role="group" aria-label=${say('unit.hoist_place.ask')}>${[true, false].map((clear) => html`<button key=${String(clear)}
  class=${clear === now ? 'here' : ''} aria-pressed=${clear === now} disabled=${busy.value} onClick=${() => tap('judge_hoist_place', { clear })}>${say(`unit.hoist_place.${clear ? 'clear' : 'not_clear'}`)}</button>`)}</div>`;
