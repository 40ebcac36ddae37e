// @ts-check
// A way's minutes by cause as a stacked bar with figures, when definitive care begins, and the chance of a bay.
import { html } from 'htm/preact';
import { spanText } from '/casebook/age.js';
import { say } from '/casebook/words.js';

/** @typedef {import('./view_types.js').Way} Way */

/** @type {Record<string, string>} */
const PART_OF = { climb: 'flight', cruise: 'flight', approach_landing: 'flight', unloading: 'to_door', pad_to_ed: 'to_door' };

/** The minutes by cause, in order, from the decision to definitive care: a bar and its legend. @param {{way: Way}} props */
export function Minutes({ way }) {
  const parts = grouped(way);
  return html`<${Bar} parts=${parts} />
    <dl class="terms">${parts.map(([name, span_s, title]) => html`<div key=${name} title=${title}><dt><i class=${name}></i>${say(`dispatch.term.${name}`)}</dt><dd>${spanText(Math.round(span_s))}</dd></div>`)}</dl>`;
}

/** The same on one line: the bar, and its figures in whole minutes. @param {{way: Way}} props */
export function MinutesLine({ way }) {
  const parts = grouped(way);
  if (parts.length === 0) return null;
  return html`<div class="minutes"><${Bar} parts=${parts} />
    <p class="figures">${parts.map(([name, span_s, title]) => html`<span key=${name} title=${title}><i class=${name}></i>${say(`dispatch.term.${name}`)} ${minutesText(span_s)}</span>`)}</p></div>`;
}

/** @param {{parts: [string, number, string][]}} props */
const Bar = ({ parts }) => html`<div class="bar" aria-hidden="true">${parts.map(([name, span_s]) => html`<span key=${name} class=${name} style=${`flex-grow:${span_s}`}></span>`)}</div>`;

/** When definitive care is expected, with its range; and whether a bay is free then. @param {{way: Way}} props */
export function CareLine({ way }) {
  if (way.definitive_s === undefined) return null;
  const range = way.definitive_low_s !== undefined && way.definitive_high_s !== undefined
    ? ` ${say('dispatch.care_range', { low: minutesText(way.definitive_low_s), high: minutesText(way.definitive_high_s) })}` : '';
  return html`<p class="care"><span>${say('dispatch.care', { minutes: minutesText(way.definitive_s) })}${range}</span> <${Chance} way=${way} /></p>`;
}

/** "84 %", or that nobody knows; where the closest door is meant no bay is asked for. @param {{way: Way}} props */
const Chance = ({ way }) => (way.p_bay === undefined ? html`<span class="chance unknown">${say('dispatch.chance_unknown')}</span>`
  : html`<span class="chance ${heatOf(percent(way.p_bay))}">${say('dispatch.chance', { pct: percent(way.p_bay) })}</span>`);

/** Whole per cent; never 0 or 100, for nobody knows that (casebook/capacity/standing.py). @param {number} chance */
export const percent = (chance) => Math.min(99, Math.max(1, Math.round(chance * 100)));

/** How warm a chance is: three steps, for the eye only; the figure stands beside it. @param {number} pct */
export const heatOf = (pct) => (pct >= 75 ? 'likely' : pct >= 40 ? 'even' : 'unlikely');

/** @param {number} span_s */
export const minutesText = (span_s) => (span_s < 600 ? (span_s / 60).toFixed(1).replace(/\.0$/, '') : String(Math.round(span_s / 60)));

/** Causes that one says in one breath, added up; each with its own terms as title. @param {Way} way @returns {[string, number, string][]} */
function grouped(way) {
  /** @type {Map<string, [number, string[]]>} */
  const parts = new Map();
  for (const [name, span_s] of [...way.terms, ...(way.causes ?? [])]) {
    const [total_s, titles] = parts.get(PART_OF[name] ?? name) ?? [0, []];
    parts.set(PART_OF[name] ?? name, [total_s + span_s, [...titles, `${say(`routing.term.${name}`)} ${spanText(Math.round(span_s))}`]]);
  }
  return [...parts].map(([name, [total_s, titles]]) => [name, total_s, titles.join('\n')]);
}
