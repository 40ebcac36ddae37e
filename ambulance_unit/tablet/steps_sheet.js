// @ts-check
// Every step of the mission, for when life does not go in the order of the big button. The vehicle says what cannot be.
import { html } from 'htm/preact';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { busy, closeSheet, tap } from './doing.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */

/** Ask and the fact that it makes. */
const STEPS = [
  ['acknowledge', 'unit_acknowledged'], ['en_route', 'unit_en_route'], ['on_scene', 'unit_on_scene'],
  ['left_scene', 'unit_left_scene'], ['at_landing_site', 'unit_at_landing_site'],
  ['at_destination', 'unit_at_destination'], ['back_in_service', 'unit_back_in_service'],
];

/** @param {{view: TabletView}} props */
export function StepsSheet({ view }) {
  const times = view.unit?.times ?? {};
  const does = async (/** @type {string} */ name) => { if (await tap(name)) closeSheet(); };
  return html`<div class="head"><button onClick=${closeSheet}>${say('unit.back')}</button><h2>${say('unit.other_steps')}</h2><span></span></div>
    <div class="choices tall">${STEPS.map(([name, fact]) => html`<button key=${name} disabled=${busy.value} class=${times[fact] ? 'past' : ''} onClick=${() => does(name)}>
      ${say(`unit.do.${name}`)}${times[fact] && html` <small>✓ ${clockText(times[fact])}</small>`}</button>`)}</div>`;
}
