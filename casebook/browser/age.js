// @ts-check
// How old is it: an age beside every group of values, and times as people here read them.
import { html } from 'htm/preact';
import { say } from './words.js';

const ZONE = 'Asia/Shanghai';

/** Clock time in Shanghai, 24 h. @param {string | number | undefined} at @param {boolean} [seconds] */
export function clockText(at, seconds = false) {
  if (at === undefined) return '--:--';
  return new Date(at).toLocaleTimeString('en-GB', {
    timeZone: ZONE, hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}),
  });
}

/** A span as 3:05 or 1:02:03; negative spans keep their sign. @param {number} span_s */
export function spanText(span_s) {
  const sign = span_s < 0 ? '-' : '';
  const whole = Math.floor(Math.abs(span_s));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(m).padStart(h ? 2 : 1, '0')}:${String(s).padStart(2, '0')}`;
  return sign + (h ? `${h}:${tail}` : tail);
}

/** live, late or lost by age. @param {number | null} age_s @param {number} [late_s] @param {number} [lost_s] */
export const freshness = (age_s, late_s = 5, lost_s = 15) =>
  age_s === null ? 'lost' : age_s > lost_s ? 'lost' : age_s > late_s ? 'late' : 'live';

/** "12 s", "6 min", "2 h" in this language. @param {number | null} age_s */
export function ageText(age_s) {
  if (age_s === null) return say('age.never');
  if (age_s < 90) return say('age.seconds', { n: Math.round(age_s) });
  if (age_s < 5400) return say('age.minutes', { n: Math.round(age_s / 60) });
  return say('age.hours', { n: Math.round(age_s / 3600) });
}

/**
 * The badge itself. `late_s` and `lost_s` are clock seconds; for streaming values pass them times the feed's rate.
 * @param {{feed: import('./feed.js').LiveFeed, at: string | undefined, late_s?: number, lost_s?: number}} props
 */
export function Age({ feed, at, late_s = 5, lost_s = 15 }) {
  feed.tick.value;
  const age_s = feed.age_s(at);
  return html`<span class="age ${freshness(age_s, late_s, lost_s)}">${ageText(age_s)}</span>`;
}
