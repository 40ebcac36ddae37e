// @ts-check
// The newest numbers of each patient as the live channel brings them, beside those that came by the record.
// The record is what counts; the live ones are only quicker, and stand where they are newer.
import { PLACES } from './signs.js';

/** @typedef {import('./view_types.js').Measured} Measured */
/** @typedef {import('/media/wave_link.js').Numerics} Numerics */

/** @type {Map<string, Numerics>} */
const newest = new Map();

/** Keep what the live channel brought. @param {Numerics} numerics */
export function heardLive(numerics) {
  const before = newest.get(numerics.casualty);
  if (!before || Date.parse(before.at) <= Date.parse(numerics.at)) newest.set(numerics.casualty, numerics);
}

/**
 * The recorded values with each streaming one replaced by a newer live one. A cuff's pressure and what the crew found
 * are taken from the record only: the live channel does not say when they were measured.
 * @param {string} casualty @param {Record<string, Measured>} recorded @returns {Record<string, Measured>}
 */
export function withLive(casualty, recorded) {
  const live = newest.get(casualty);
  if (!live) return recorded;
  const merged = { ...recorded };
  for (const field of PLACES.filter((place) => place.streams).flatMap((place) => place.fields)) {
    const value = live.values[field];
    const stands = recorded[field];
    if (typeof value === 'number' && (!stands || Date.parse(stands.at) < Date.parse(live.at))) {
      merged[field] = { value, at: live.at };
    }
  }
  return merged;
}
