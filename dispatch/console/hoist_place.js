// @ts-check
// Whether the scene is clear for a hoist, beside the ways: what somebody there said, and two buttons to say it for them.
import { html } from 'htm/preact';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { act, asking } from './act.js';
import { byName } from './names.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').Casualty} Casualty */
/** @typedef {import('./view_types.js').Way} Way */

const AT_THE_SCENE = ['found', 'triaged', 'destined'];
const OF_THE_PLACE = ['air_hoist_place_unknown', 'air_hoist_obstacles'];

/** @param {Way} way */
const isByHoist = (way) => way.terms.some(([name]) => name === 'hoist') || way.reasons.some(({ code }) => OF_THE_PLACE.includes(code));

/** Nothing where no way is by hoist, nor for who is not there any more. @param {{view: ConsoleView, one: Casualty, ways: Way[]}} props */
export function HoistPlace({ view, one: { incident, stage }, ways }) {
  const said = view.incidents[incident]?.hoist_place;
  if (!AT_THE_SCENE.includes(stage) || (!said && !ways.some(isByHoist))) return null;
  const answer = (/** @type {boolean} */ clear) => html`<button key=${String(clear)} class="small" aria-pressed=${said?.clear === clear} disabled=${asking.value > 0}
    onClick=${() => act('judge_hoist_place', { incident, clear })}>${say(clear ? 'dispatch.hoist_place.clear' : 'dispatch.hoist_place.not_clear')}</button>`;
  return html`<div class="hoist-place" role="group" aria-label=${say('dispatch.hoist_place')}>
    <p><b>${say('dispatch.hoist_place')}</b> ${said ? say('dispatch.hoist_place.told', { answer: say(said.clear ? 'dispatch.hoist_place.clear' : 'dispatch.hoist_place.not_clear'), by: byName(view, said.by), clock: clockText(said.at) }) : say('dispatch.hoist_place.unknown')}</p>
    <span>${[true, false].map(answer)}</span></div>`;
}
