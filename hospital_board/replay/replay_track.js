// @ts-check
// What was told beside the pictures of one part of a recording (media/recording.py), and what of it stood at a moment. Pure.
// A moment is a time of the pictures; what the hub heard is placed by when the picture of that moment came.

/** @typedef {import('/media/marks_ink.js').Mark} Mark */
/** @typedef {import('/media/marks_link.js').Places} Places */
/** @typedef {import('/media/stamp.js').Stamp} Stamp */
/** @typedef {{is: string, came_ms: number, [name: string]: any}} Line */
/** @typedef {{value: any, at: string}} Value */

const BETWEEN_MS = 200; // as the live screens: places of a frame so little earlier hold for one that was skipped

/** @param {string} text lines of JSON; the last may be torn @returns {Line[]} */
export function readLines(text) {
  const lines = [];
  for (const line of text.split('\n')) {
    try {
      if (line) lines.push(JSON.parse(line));
    } catch {
      break;
    }
  }
  return lines;
}

export class Track {
  /** @param {Line[]} lines */
  constructor(lines) {
    this.head = lines.find((line) => line.is === 'part') ?? { is: 'part', came_ms: 0, casualties: {} };
    this.frames = lines.filter((line) => line.is === 'frame');
    this.facts = lines.filter((line) => line.is === 'fact');
    this.voices = lines.filter((line) => line.is === 'voice').map((line) => String(line.file));
    /** @type {(Line & Places)[]} by when their frame was made */
    this.places = /** @type {any} */ (lines.filter((line) => line.is === 'places')).sort((/** @type {Places} */ a, /** @type {Places} */ b) => a.wall_ms - b.wall_ms);
    this.least_ms = Math.min(...this.frames.map((frame) => frame.came_ms - frame.t_ms), 0);
  }

  /** The line of the frame that is shown at this time of the pictures. @param {number} t_ms */
  frameAt(t_ms) {
    return this.frames[lastAt(this.frames, 't_ms', t_ms + 1)];
  }

  /** When what was shown then had come; facts up to there were known. @param {number} t_ms */
  cameAt(t_ms) {
    return this.frameAt(t_ms)?.came_ms ?? t_ms;
  }

  /** By how much later this frame came than the quickest one. @param {number} t_ms */
  lateAt(t_ms) {
    const frame = this.frameAt(t_ms);
    return frame ? Math.max(0, frame.came_ms - frame.t_ms - this.least_ms) : 0;
  }

  /** Facts that were known then, oldest first. @param {number} t_ms */
  toldAt(t_ms) {
    return this.facts.slice(0, lastAt(this.facts, 'came_ms', this.cameAt(t_ms)) + 1);
  }

  /** The marks in force then, by name. @param {number} t_ms @returns {Record<string, Mark>} */
  marksAt(t_ms) {
    /** @type {Record<string, Mark>} */
    const marks = Object.assign({}, ...Object.values(this.head.casualties ?? {}).map((one) => one.marks));
    for (const { kind, body } of this.toldAt(t_ms)) {
      if (kind === 'mark_drawn') marks[body.mark] = body;
      if (kind === 'marks_removed') for (const gone of body.marks) delete marks[gone];
    }
    return marks;
  }

  /** The newest value of each sign then, by casualty. @param {number} t_ms @returns {Record<string, Record<string, Value>>} */
  numbersAt(t_ms) {
    /** @type {Record<string, Record<string, Value>>} */
    const known = {};
    const take = (/** @type {string} */ casualty, /** @type {Record<string, any>} */ vitals, /** @type {string} */ at) => {
      known[casualty] = { ...known[casualty], ...Object.fromEntries(Object.entries(vitals).map(([field, value]) => [field, { value, at }])) };
    };
    for (const [id, one] of Object.entries(this.head.casualties ?? {})) if (one.vitals_at) take(id, one.vitals, one.vitals_at);
    for (const { kind, at, body } of this.toldAt(t_ms)) if (kind === 'vitals_recorded') take(body.casualty, body.vitals, at);
    return known;
  }

  /** Where everything was on the frame with this stamp; null when nobody knew. @param {Stamp | null} stamp @returns {Places | null} */
  placesFor(stamp) {
    const near = stamp ? this.places[lastAt(this.places, 'wall_ms', stamp.wallMs)] : undefined;
    if (!stamp || !near || near.frame > stamp.frame) return null;
    return stamp.wallMs - near.wall_ms <= BETWEEN_MS ? near : null;
  }

  /** The hub's clock at a moment, ms since 1970. @param {number} t_ms */
  clockAt(t_ms) {
    return Date.parse(this.head.at) + this.cameAt(t_ms) * (this.head.rate ?? 1);
  }

  /** Whose a triage tag is, by its number; null: nobody's. @param {string} tag @returns {string | null} */
  wearerOf(tag) {
    return Object.values(this.head.casualties ?? {}).find((one) => String(one.tag) === tag)?.label ?? null;
  }

  /** What people call a casualty. @param {string} id */
  labelOf(id) {
    return this.head.casualties?.[id]?.label ?? id;
  }
}

/** The place of the last one whose `name` is at most `value`; -1: none. @param {any[]} sorted @param {string} name @param {number} value */
function lastAt(sorted, name, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle][name] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
