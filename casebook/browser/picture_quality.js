// @ts-check
// Which rung of the quality ladder a live picture is on, why and since when, in the same words on every screen.
import { ageText } from './age.js';
import { isWord, say } from './words.js';

/** @typedef {{state: string, why?: string}} Uplink the wish for a guaranteed uplink, and what became of it */
/** @typedef {{rung?: string, why?: string, at?: string, uplink?: Uplink}} Quality without a rung: unknown */

/** @param {string} group @param {string} name a name of the ladder; one that we do not know stands as it came */
const word = (group, name) => (isWord(`media.${group}.${name}`) ? say(`media.${group}.${name}`) : name);

/** @param {string} name */
export const rungText = (name) => word('rung', name);
/** @param {string} name */
export const rungWhyText = (name) => word('rung_why', name);

/**
 * The whole sentence; what nobody knows is said as unknown.
 * @param {{age_s: (at: string | undefined) => number | null}} feed @param {Quality | undefined} quality
 * @param {'told' | 'beside' | 'now'} how `now`: the vehicle itself shows it; `told`: as the vehicle told it; `beside`: that, beside its picture
 */
export function qualityText(feed, quality, how = 'told') {
  const { rung, why = '', at, uplink } = quality ?? {};
  const said = rung ? say(`media.quality.${how}`, { rung: rungText(rung), why: rungWhyText(why), age: ageText(feed.age_s(at)) }) : say('media.quality.unknown');
  return uplink ? `${said} · ${uplinkText(uplink)}` : said;
}

/** What became of the wish for a guaranteed uplink, with a sign. @param {Uplink} uplink */
export const uplinkText = ({ state, why }) => (why ? say('media.uplink.because', { state: word('uplink', state), why: word('uplink_why', why) }) : word('uplink', state));

/** A few words where there is no room: the rung, or why no picture moves. @param {Quality | undefined} quality */
export const qualityBrief = (quality) =>
  !quality?.rung ? say('media.quality.unknown_brief') : quality.rung.startsWith('video_') ? rungText(quality.rung) : rungWhyText(quality.why ?? '');
