// @ts-check
// Which numbers the wall shows and when it may show them: live, late, or blank because the feed is lost. Pure.

/** @typedef {import('./view_types.js').Measured} Measured */
/** @typedef {import('/casebook/feed.js').Sample} Sample */

/**
 * What stands in one place of the panel. `streams`: comes with every sample of the monitor, so it is blank when that
 * stops; `cuff`: the monitor's, but measured now and then; neither: the crew's own finding, which stays with its age.
 * `step`: change over about a minute that earns an arrow; from general knowledge, not a standard.
 * @typedef {{id: string, fields: string[], streams?: boolean, cuff?: boolean, step?: number}} Place
 */

/** @type {Place[]} */
export const PLACES = [
  { id: 'hr', fields: ['hr_bpm'], streams: true, step: 10 },
  { id: 'spo2', fields: ['spo2_pct'], streams: true, step: 3 },
  { id: 'bp', fields: ['sbp_mmhg', 'dbp_mmhg'], cuff: true, step: 10 },
  { id: 'rr', fields: ['rr_bpm'], streams: true, step: 4 },
  { id: 'etco2', fields: ['etco2_mmhg'], streams: true, step: 5 },
  { id: 'gcs', fields: ['gcs'] },
  { id: 'temp', fields: ['temp_c'], cuff: true },
  { id: 'glucose', fields: ['glucose_mmol_l'] },
];

const LATE_S = 5; // wall seconds without a sample before a streaming number counts as late, and as lost
const LOST_S = 15;
const TREND_FROM_S = 120; // an arrow compares with what was measured one to two minutes ago, clock time
const TREND_TO_S = 60;

/** @typedef {'live' | 'late' | 'lost' | 'spot' | 'never'} Freshness */
/** @typedef {{text: string, at?: string, state: Freshness, arrow: '' | '↑' | '↓'}} Shown */

/**
 * What may be shown in one place now. Lost values come back as "--", never as the last number.
 * @param {Place} place
 * @param {Record<string, Measured>} vitals
 * @param {{age_s: (at: string | undefined) => number | null, rate: number, hubLost: boolean}} clock
 * @param {Record<string, {key: string}>} doubts
 * @param {Sample[]} trend
 * @returns {Shown}
 */
export function shownIn(place, vitals, clock, doubts, trend) {
  const measured = place.fields.map((field) => vitals[field]);
  const first = measured[0];
  if (!first) return { text: '--', state: 'never', arrow: '' };
  const state = freshnessOf(place, first, vitals, clock);
  const unreadable = place.fields.some((field) => doubts[field]?.key === 'asystole_or_lead_off');
  if (state === 'lost' || unreadable) return { text: '--', at: first.at, state: 'lost', arrow: '' };
  const text = measured.map((one) => (one ? numberText(one.value) : '--')).join('/');
  return { text, at: first.at, state, arrow: arrowOf(place, first, trend) };
}

/**
 * @param {Place} place @param {Measured} measured @param {Record<string, Measured>} vitals
 * @param {{age_s: (at: string | undefined) => number | null, rate: number, hubLost: boolean}} clock @returns {Freshness}
 */
function freshnessOf(place, measured, vitals, clock) {
  if (clock.hubLost) return 'lost';
  if (!place.streams) return place.cuff && monitorState(vitals, clock) === 'lost' ? 'lost' : 'spot';
  return byAge(clock.age_s(measured.at), clock.rate);
}

/** @param {number | null} age_s @param {number} rate @returns {'live' | 'late' | 'lost'} */
function byAge(age_s, rate) {
  if (age_s === null || age_s > LOST_S * rate) return 'lost';
  return age_s > LATE_S * rate ? 'late' : 'live';
}

/**
 * The monitor as a whole, by the newest of all its streaming numbers; never: it has not sent any.
 * @param {Record<string, Measured>} vitals
 * @param {{age_s: (at: string | undefined) => number | null, rate: number, hubLost: boolean}} clock
 * @returns {Freshness}
 */
export function monitorState(vitals, clock) {
  const at = monitorAt(vitals);
  if (clock.hubLost) return 'lost';
  return at === undefined ? 'never' : byAge(clock.age_s(at), clock.rate);
}

/** When the monitor last sent any streaming number. @param {Record<string, Measured>} vitals @returns {string | undefined} */
export function monitorAt(vitals) {
  const streaming = PLACES.filter((place) => place.streams).flatMap((place) => place.fields);
  return streaming.map((field) => vitals[field]?.at).filter((at) => at !== undefined).sort().at(-1);
}

/** @param {number | string} value */
const numberText = (value) => (typeof value === 'number' ? String(Math.round(value * 10) / 10) : value);

/**
 * Up or down against the middle of what was measured a minute or two before.
 * @param {Place} place @param {Measured} measured @param {Sample[]} trend @returns {'' | '↑' | '↓'}
 */
function arrowOf(place, measured, trend) {
  if (place.step === undefined || typeof measured.value !== 'number') return '';
  const now = Date.parse(measured.at);
  const before = trend
    .filter((sample) => inWindow(now - Date.parse(sample.at)))
    .map((sample) => sample.vitals[place.fields[0]])
    .filter((value) => typeof value === 'number')
    .sort((a, b) => a - b);
  if (before.length === 0) return '';
  const change = measured.value - before[Math.floor(before.length / 2)];
  return change >= place.step ? '↑' : change <= -place.step ? '↓' : '';
}

/** @param {number} age_ms */
const inWindow = (age_ms) => age_ms >= TREND_TO_S * 1000 && age_ms <= TREND_FROM_S * 1000;
