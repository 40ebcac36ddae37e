// @ts-check
/**
 * The live words of guidance, over one WebSocket: places of marks from the vehicle, pointers and held frames to it.
 * Words: `media/guidance/wire.py`. Comes back by itself; what is older than the picture is never used for it.
 */

/** @typedef {import("./marks_ink.js").Point} Point */
/** @typedef {import("./stamp.js").Stamp} Stamp */
/**
 * @typedef {object} Places where everything is on one frame: a matrix row by row, or why a mark is lost
 * @property {number} frame
 * @property {number} wall_ms
 * @property {Record<string, number[] | string>} marks
 * @property {Record<string, Point>} pointers
 * @property {Record<string, Point[]>} tags
 */

const KEPT = 120; // frames: the picture is at most a few behind its places, or ahead of them
const BETWEEN_MS = 200; // a frame that the vehicle skipped is shown with the places of one so little earlier
const AGAIN_MS = 1000;
const POINT_EVERY_MS = 80;

/** The places of the last frames, by frame. */
export class PlaceBook {
  constructor() {
    /** @type {Places[]} oldest first */
    this.kept = [];
  }

  /** @param {Places} places */
  add(places) {
    const last = this.kept.at(-1);
    if (last && (places.wall_ms < last.wall_ms || places.frame < last.frame)) this.kept = []; // the camera began anew
    this.kept.push(places);
    if (this.kept.length > KEPT) this.kept.shift();
  }

  /**
   * The places for a picture; null when nobody knows them.
   * @param {Stamp | null} stamp @returns {Places | null}
   */
  at(stamp) {
    if (!stamp) return null;
    const near = this.kept.findLast(({ frame }) => frame <= stamp.frame);
    if (!near) return null;
    if (near.frame === stamp.frame) return near.wall_ms === stamp.wallMs ? near : null;
    const late = stamp.wallMs - near.wall_ms;
    return late >= 0 && late <= BETWEEN_MS ? near : null;
  }

  clear() {
    this.kept = [];
  }
}

/** Events: `places`, `viewers`. */
export class GuidanceLink extends EventTarget {
  /** @param {{unit: string, token: string}} how */
  constructor({ unit, token }) {
    super();
    this.unit = unit;
    this.token = token;
    this.book = new PlaceBook();
    /** @type {string[]} who looks at this picture, this screen included */
    this.viewers = [];
    this.vehicle = false; // whether the vehicle's end is there
    /** @type {WebSocket | null} */
    this.socket = null;
    this.over = false;
    this.pointedAt = 0;
  }

  start() {
    if (this.over) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const path = `/api/v1/guidance/${encodeURIComponent(this.unit)}`;
    const socket = new WebSocket(`${scheme}//${location.host}${path}`, ["aboard.v1", `token.${this.token}`]);
    this.socket = socket;
    socket.onmessage = (message) => this.#hear(JSON.parse(message.data));
    socket.onclose = () => {
      this.#hear({ t: "viewers", names: [], vehicle: false });
      this.book.clear();
      if (!this.over) setTimeout(() => this.start(), AGAIN_MS * (0.5 + Math.random() / 2));
    };
  }

  stop() {
    this.over = true;
    this.socket?.close();
  }

  /**
   * Point at a place of this frame, at most so often; without a place: not any more.
   * @param {Stamp} stamp @param {Point} [at]
   */
  point(stamp, at) {
    const now = performance.now();
    if (at && now - this.pointedAt < POINT_EVERY_MS) return;
    this.pointedAt = at ? now : 0;
    this.#say({ t: "point", frame: stamp.frame, wall_ms: stamp.wallMs, ...(at ? { x: at[0], y: at[1] } : {}) });
  }

  /** Let the vehicle keep this frame: somebody draws on it. @param {Stamp} stamp */
  hold(stamp) {
    this.#say({ t: "hold", frame: stamp.frame, wall_ms: stamp.wallMs });
  }

  /** @param {object} word */
  #say(word) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(word));
  }

  /** @param {any} word */
  #hear(word) {
    if (word.t === "places") {
      this.book.add(word);
      this.dispatchEvent(new CustomEvent("places", { detail: word }));
    } else if (word.t === "viewers") {
      [this.viewers, this.vehicle] = [word.names, word.vehicle];
      this.dispatchEvent(new CustomEvent("viewers", { detail: word }));
    }
  }
}
