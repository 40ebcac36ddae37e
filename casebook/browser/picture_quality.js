// @ts-check
// Which rung of the quality ladder a live picture is on, why and since when, in the same words on every screen.
import { clockText } from './age.js';
import { isWord, say } from './words.js';

/** @typedef {{state: string, why?: string}} Uplink the wish for a guaranteed uplink, and what became of it */
/** @typedef {{rung?: string, why?: string, at?: string, missing?: 'yet' | 'now', uplink?: Uplink}} Quality without a rung: unknown, or no picture yet, or now */

/** @param {string} group @param {string} name a name of the ladder; one that we do not know stands as it came */
const word = (group, name) => (isWord(`media.${group}.${name}`) ? say(`media.${group}.${name}`) : name);

/** @param {string} name */
export const rungText = (name) => word('rung', name);
/** @param {string} name */
export const rungWhyText = (name) => word('rung_why', name);

/** Of these nobody asks since when: they are no change. */
const TIMELESS = ['start', 'no_camera'];

/**
 * The whole sentence; what nobody knows is said as unknown.
 * @param {Quality | undefined} quality
 * @param {'told' | 'beside' | 'here'} how `beside`: where it stands at the picture itself; `here`: that, in one short line
 */
export function qualityText(quality, how = 'told') {
  const said = rungLine(quality, how);
  return quality?.uplink ? `${said} · ${uplinkText(quality.uplink)}` : said;
}

/** @param {Quality | undefined} quality @param {string} how */
function rungLine({ rung, why = '', at, missing } = {}, how) {
  if (!rung) return say(missing ? `media.quality.missing.${missing}` : 'media.quality.unknown');
  const facts = { rung: rungText(rung), why: rungWhyText(why), clock: clockText(at) };
  if (how === 'here') return say('media.quality.beside_now', facts);
  return say(`media.quality.${how}${TIMELESS.includes(why) ? '_now' : ''}`, facts);
}

/** What became of the wish for a guaranteed uplink, with a sign. @param {Uplink} uplink */
export const uplinkText = ({ state, why }) => (why ? say('media.uplink.because', { state: word('uplink', state), why: word('uplink_why', why) }) : word('uplink', state));

/** A few words where there is no room: the rung, or why no picture moves. @param {Quality | undefined} quality */
export function qualityBrief(quality) {
  if (!quality?.rung) return say(quality?.missing ? `media.quality.missing.${quality.missing}` : 'media.quality.unknown_brief');
  return quality.rung.startsWith('video_') ? rungText(quality.rung) : rungWhyText(quality.why ?? '');
}
