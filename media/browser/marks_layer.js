// @ts-check
/**
 * <marks-layer>: marks over a <video-tile>, each where it is on the very picture that is shown; and the hand that draws.
 *
 * Properties in: `tile`, `book` (a PlaceBook), `marks` (by id), `say(key, facts)`, `tool`, `colour`, `labelOf(tag)`, `nameOf(who)`.
 * Events out: `drawn` {kind, points, stamp}, `pointed` {stamp, at}, `held` {stamp}. Methods: `freeze(on)`, `snapshot()`.
 * While somebody draws, the picture stands still: every point belongs to one frame. A mark whose place nobody knows is
 * named in words, never drawn where it was.
 */

import { COLOURS, drawMark, drawPointer, drawTag, fitted, thinned } from "./marks_ink.js";

/** @typedef {import("./marks_ink.js").Mark} Mark */
/** @typedef {import("./marks_ink.js").Point} Point */
/** @typedef {import("./marks_ink.js").Colour} Colour */
/** @typedef {import("./marks_link.js").Places} Places */
/** @typedef {import("./stamp.js").Stamp} Stamp */
/** @typedef {"look" | "point" | "ink" | "arrow" | "text"} Tool */

const INK_POINTS = 64; // media/guidance/marks.py
const UNSTAMPED_MS = 150; // a picture whose stamp is damaged is taken for the one before, for so long
const MISSED_MS = 2000; // how long a hand that drew on no picture is told so
const STALE_MS = 2000; // without a new picture for so long nothing is known any more (the tile blanks itself)
const JPEG_QUALITY = 0.85;
const STILL_WIDTH_MAX = 960; // so that a still is small enough for one ask
const SHORT_SHARE = 0.02; // an arrow shorter than this was a tap

const STYLE = `
  :host { position: absolute; inset: 0; display: block; touch-action: none; }
  canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
  .still { background: #0b0f14; } .still[hidden] { display: none; }
  :host([tool="point"]), :host([tool="ink"]), :host([tool="arrow"]), :host([tool="text"]) { cursor: crosshair; }
  ul { position: absolute; left: .4em; bottom: .4em; margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: .3em;
       font-size: var(--marks-text, 24px); max-width: 90%; pointer-events: none; }
  p { position: absolute; right: .4em; top: .4em; margin: 0; font-size: var(--marks-text, 24px); font-weight: 700; background: #ffe3a3;
      color: #201800; border-radius: .3em; padding: 0 .5em; line-height: 1.3; pointer-events: none; } p:empty { display: none; }
  li { background: #000c; color: #fff; border: 2px dashed #fff; border-radius: .3em; padding: 0 .4em; line-height: 1.3; }
`;

export class MarksLayer extends HTMLElement {
  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.still = document.createElement("canvas");
    this.still.className = "still";
    this.still.hidden = true;
    this.canvas = document.createElement("canvas");
    this.lost = document.createElement("ul");
    const told = document.createElement("div");
    told.setAttribute("role", "status");
    this.banner = document.createElement("p");
    told.append(this.banner, this.lost);
    root.append(style, this.still, this.canvas, told);
    /** @type {import("./video_tile.js").VideoTile | null} */
    this.watched = null;
    /** @type {import("./marks_link.js").PlaceBook | null} */
    this.book = null;
    /** @type {Record<string, Mark>} */
    this.inForce = {};
    /** @type {(key: string, facts?: Record<string, string | number>) => string} */
    this.say = (key) => key;
    /** @type {(tag: string) => string | null} */
    this.labelOf = () => null;
    /** @type {(who: string) => string} */
    this.nameOf = (who) => who;
    /** @type {Colour} */
    this.colour = "yellow";
    this.words = ""; // of the next text mark
    /** @type {Stamp | null} of the picture that is shown */
    this.stamp = null;
    this.stampedAt = 0;
    this.missedAt = -Infinity;
    /** @type {{stamp: Stamp | null, byHand: boolean} | null} */
    this.frozen = null;
    /** @type {Point[]} what the hand is drawing */
    this.stroke = [];
    this.shown = /** @type {Record<string, "held" | "lost">} */ ({}); // for whoever looks: how each mark was last drawn
    this.timer = 0;
    this.onPicture = () => this.#pictured();
    for (const [name, take] of /** @type {[string, (event: PointerEvent) => void][]} */ ([
      ["pointerdown", (event) => this.#down(event)],
      ["pointermove", (event) => this.#move(event)],
      ["pointerup", (event) => this.#up(event)],
      ["pointercancel", () => this.#drop()],
      ["pointerleave", () => this.#leave()],
    ])) this.addEventListener(name, /** @type {EventListener} */ (take));
  }

  /** @param {import("./video_tile.js").VideoTile | null} tile */
  set tile(tile) {
    if (tile === this.watched) return;
    this.watched?.removeEventListener("picture", this.onPicture);
    this.watched = tile;
    tile?.addEventListener("picture", this.onPicture);
  }

  /** @param {Record<string, Mark>} marks */
  set marks(marks) {
    this.inForce = marks;
    this.draw();
  }

  /** @returns {Tool} */
  get tool() {
    return /** @type {Tool} */ (this.getAttribute("tool") ?? "look");
  }

  /** @param {Tool} tool */
  set tool(tool) {
    if (tool !== this.tool) this.#drop();
    this.setAttribute("tool", tool);
  }

  connectedCallback() {
    this.watched?.addEventListener("picture", this.onPicture);
    this.timer = window.setInterval(() => this.draw(), 250); // what is not renewed must go
  }

  disconnectedCallback() {
    window.clearInterval(this.timer);
    this.watched?.removeEventListener("picture", this.onPicture);
  }

  /** Whether the picture stands still because somebody asked for it. */
  get isFrozen() {
    return this.frozen?.byHand === true;
  }

  /** Let the picture stand still, or run on. @param {boolean} on */
  freeze(on) {
    if (on) this.#stand(true);
    else this.frozen = null;
    if (on && !this.frozen) this.missedAt = performance.now();
    this.still.hidden = !this.frozen;
    this.draw();
  }

  /**
   * The picture as it is seen, marks and all, as JPEG; null when there is none whose frame is known.
   * @returns {Promise<{stamp: Stamp, image: Blob} | null>}
   */
  async snapshot() {
    const video = this.watched?.video;
    const stamp = this.#stampNow();
    if (!video?.videoWidth || !stamp || (!this.frozen && this.watched?.state !== "live")) return null;
    const scale = Math.min(1, STILL_WIDTH_MAX / video.videoWidth);
    const [width, height] = [video.videoWidth, video.videoHeight].map((side) => Math.round(side * scale));
    const [canvas, box] = [document.createElement("canvas"), { x: 0, y: 0, width, height }];
    [canvas.width, canvas.height] = [box.width, box.height];
    const to = canvas.getContext("2d");
    if (!to) return null;
    to.drawImage(this.frozen ? this.still : video, 0, 0, box.width, box.height);
    this.#drawAll(to, box);
    const image = await new Promise((/** @type {(blob: Blob | null) => void} */ done) => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
    return image && { stamp, image };
  }

  // --- what is shown

  #pictured() {
    const stamp = this.watched?.latest ?? null;
    if (stamp && stamp !== this.stamp) [this.stamp, this.stampedAt] = [stamp, performance.now()];
    if (!this.frozen) this.draw();
  }

  /** @returns {Stamp | null} */
  #stampNow() {
    if (this.frozen) return this.frozen.stamp;
    if (this.watched?.state !== "live") return null;
    const { shownAt } = this.watched;
    return shownAt - this.stampedAt <= UNSTAMPED_MS && performance.now() - shownAt <= STALE_MS ? this.stamp : null;
  }

  draw() {
    const [width, height] = [this.clientWidth, this.clientHeight].map((side) => Math.round(side * devicePixelRatio));
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) [this.canvas.width, this.canvas.height] = [width, height];
    const to = this.canvas.getContext("2d");
    if (!to) return;
    to.clearRect(0, 0, width, height);
    const box = this.#box(width, height);
    this.#nameLost(box ? this.#drawAll(to, box) : this.#allLost("no_picture"));
    const missed = performance.now() - this.missedAt < MISSED_MS ? this.say("media.mark.why.no_picture") : "";
    const banner = this.isFrozen ? this.say("media.mark.frozen") : missed;
    if (this.banner.textContent !== banner) this.banner.textContent = banner;
  }

  /** @param {number} width @param {number} height */
  #box(width, height) {
    const video = this.watched?.video;
    return video?.videoWidth ? fitted(video.videoWidth, video.videoHeight, width, height) : null;
  }

  /**
   * Everything whose place is known; gives the others with the reason.
   * @param {CanvasRenderingContext2D} to @param {import("./marks_ink.js").Box} box @returns {[Mark, string][]}
   */
  #drawAll(to, box) {
    const stamp = this.#stampNow();
    const places = this.book?.at(stamp) ?? null;
    /** @type {[Mark, string][]} */
    const lost = [];
    this.shown = {};
    for (const [number, corners] of Object.entries(places?.tags ?? {})) {
      const label = this.labelOf(number);
      if (label) drawTag(to, corners, label, box);
    }
    for (const [id, mark] of Object.entries(this.inForce)) {
      const own = stamp !== null && mark.frame === stamp.frame && mark.frame_wall_ms === stamp.wallMs; // drawn on this very frame
      const place = own ? IDENTITY : places?.marks[id] ?? (stamp ? "waiting" : "no_picture");
      this.shown[id] = typeof place === "string" ? "lost" : "held";
      if (typeof place === "string") lost.push([mark, place]);
      else drawMark(to, mark, place, box);
    }
    for (const [who, at] of Object.entries(places?.pointers ?? {})) drawPointer(to, at, this.nameOf(who), box);
    if (this.stroke.length) drawMark(to, this.#draft(), null, box);
    return lost;
  }

  /** @param {string} why @returns {[Mark, string][]} */
  #allLost(why) {
    this.shown = {};
    for (const id of Object.keys(this.inForce)) this.shown[id] = "lost";
    return Object.values(this.inForce).map((mark) => [mark, why]);
  }

  /** @param {[Mark, string][]} lost */
  #nameLost(lost) {
    const words = lost.map(([mark, why]) => this.say("media.mark.lost", { n: mark.number, why: this.say(`media.mark.why.${why}`) }));
    if (this.lost.dataset.words === words.join("\n")) return;
    this.lost.dataset.words = words.join("\n");
    this.lost.replaceChildren(...words.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }

  // --- the hand

  /** @returns {Mark} */
  #draft() {
    const kind = this.tool === "arrow" ? "arrow" : "ink";
    const points = kind === "arrow" ? [this.stroke[0], this.stroke[this.stroke.length - 1]] : this.stroke;
    return { number: 0, kind, points, colour: this.colour, author: "", frame: 0, frame_wall_ms: 0, unit: "", at: "" };
  }

  /** Shares of the picture, or null beside it. @param {PointerEvent} event @returns {Point | null} */
  #at(event) {
    const around = this.getBoundingClientRect();
    const box = this.#box(around.width, around.height);
    if (!box) return null;
    const [x, y] = [(event.clientX - around.x - box.x) / box.width, (event.clientY - around.y - box.y) / box.height];
    return x >= 0 && x <= 1 && y >= 0 && y <= 1 ? [x, y] : null;
  }

  /** Keep the picture as it is now. @param {boolean} byHand */
  #stand(byHand) {
    const [video, stamp] = [this.watched?.video, this.#stampNow()];
    if (this.frozen) {
      this.frozen.byHand ||= byHand;
      return;
    }
    if (!video?.videoWidth || !stamp) return;
    [this.still.width, this.still.height] = [video.videoWidth, video.videoHeight];
    this.still.getContext("2d")?.drawImage(video, 0, 0);
    this.still.style.objectFit = "contain";
    this.still.hidden = false;
    this.frozen = { stamp, byHand };
    this.dispatchEvent(new CustomEvent("held", { detail: { stamp } }));
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const at = this.#at(event);
    const tool = this.tool;
    if (!at || tool === "look" || event.button !== 0) return;
    event.preventDefault();
    if (tool === "point") return this.#point(at);
    this.#stand(false);
    if (!this.frozen) return this.#miss();
    if (tool === "text") return this.#give("text", [at]);
    this.setPointerCapture(event.pointerId);
    this.stroke = [at];
    this.draw();
  }

  /** A stroke that began while no picture was there draws nothing; the hand is told so. */
  #miss() {
    this.missedAt = performance.now();
    this.draw();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const at = this.#at(event);
    if (this.tool === "point" && at) this.#point(at);
    if (!this.stroke.length || !at) return;
    this.stroke.push(at);
    this.draw();
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.stroke.length) return;
    const at = this.#at(event);
    if (at) this.stroke.push(at);
    const draft = this.#draft();
    this.stroke = [];
    const [[x0, y0], [x1, y1]] = [draft.points[0], draft.points[draft.points.length - 1]];
    const isTap = draft.points.length < 2 || (draft.kind === "arrow" && Math.hypot(x1 - x0, y1 - y0) < SHORT_SHARE);
    if (isTap) this.#runOn();
    else this.#give(draft.kind, thinned(draft.points, INK_POINTS));
  }

  #leave() {
    if (this.tool === "point" && this.stamp) this.dispatchEvent(new CustomEvent("pointed", { detail: { stamp: this.stamp } }));
  }

  #drop() {
    this.stroke = [];
    this.#runOn();
  }

  /** After a drawing the picture runs on, unless it was stopped by hand. */
  #runOn() {
    if (this.frozen && !this.frozen.byHand) this.freeze(false);
    else this.draw();
  }

  /** @param {Point} at */
  #point(at) {
    const stamp = this.#stampNow();
    if (stamp) this.dispatchEvent(new CustomEvent("pointed", { detail: { stamp, at } }));
  }

  /** @param {"ink" | "arrow" | "text"} kind @param {Point[]} points */
  #give(kind, points) {
    const stamp = this.frozen?.stamp;
    this.#runOn();
    if (stamp) this.dispatchEvent(new CustomEvent("drawn", { detail: { kind, points, stamp } }));
  }
}

const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];
export { COLOURS };

if (!customElements.get("marks-layer")) customElements.define("marks-layer", MarksLayer);
