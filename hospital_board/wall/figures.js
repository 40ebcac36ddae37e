// @ts-check
// One count of the ward's own: −, +, and the figure itself for "still so"; with its age, its chance and what is held.
import { html } from 'htm/preact';
import { say } from '/casebook/words.js';
import { act } from './actions.js';
import { shortAge } from './signs_panel.js';

/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {import('./view_types.js').Resource} Resource */
/** @typedef {import('./view_types.js').Closure} Closure */

export const PATIENTS = 'resuscitation'; // counts patients: there is nothing to be free

/** What a tap changes: how many are free; of patients how many there are. @param {string} name */
export const countedBy = (name) => (name === PATIENTS ? 'in_use' : 'free');

/** @param {{feed: LiveFeed, hospital: string, name: string, one: Resource, closed: Closure | undefined, ahead_min: number, edit: () => void}} props */
export function Figure({ feed, hospital, name, one, closed, ahead_min, edit }) {
  feed.tick.value;
  const field = countedBy(name);
  const stated = one[field];
  const count = stated ?? 0;
  const report = (/** @type {number} */ n) => act('report_capacity', { hospital, resource: name, [field]: n, ...(one.total === undefined ? {} : { total: one.total }) });
  const full = field === 'free' && one.total !== undefined && count >= one.total;
  const text = one.state === 'known' ? `${stated}${one.total === undefined ? '' : `/${one.total}`}` : '?';
  const chance = one.chance_pct === undefined || closed ? null : html`<i class="chance near" title=${say('hospital.chance_of', { n: one.chance_pct, min: ahead_min })}>${one.chance_pct}%</i>`;
  const words = [one.at ? shortAge(feed.age_s(one.at)) : say('hospital.never_stated'), one.held > 0 && say('hospital.held', { n: one.held }), closed?.reason];
  return html`<div class="figure ${one.state} ${closed ? 'closed' : ''}" data-resource=${name}>
    <button class="name" onClick=${edit}>${say(`hospital.resource.${name}`)}</button>
    <div class="count">
      <button aria-label=${say('hospital.one_fewer', { what: say(`hospital.resource.${name}`) })} disabled=${one.state !== 'unknown' && count <= 0} onClick=${() => report(Math.max(0, count - 1))}>−</button>
      <button class="still ${text.length > 4 ? 'long' : ''}" disabled=${stated === undefined} aria-label=${say('hospital.still_so', { what: text })} onClick=${() => report(count)}>${closed ? say('hospital.closed') : text}</button>${chance}
      <button aria-label=${say('hospital.one_more', { what: say(`hospital.resource.${name}`) })} disabled=${full} onClick=${() => report(count + 1)}>+</button>
    </div>
    <div class="near age ${one.state === 'stale' ? 'late' : ''}">${words.filter(Boolean).map((word) => html`<span>${word}</span>`)}</div>
  </div>`;
}
