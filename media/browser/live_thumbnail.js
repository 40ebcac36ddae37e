// @ts-check
/**
 * <live-thumbnail>: a vehicle's small picture, one a second, with its age. An old one is marked, never shown as now.
 *
 * Properties in: `unit`, `token`, `say(key, facts)`. Readable: `state` (attribute, too), `ageMs`.
 */

import { Thumbnails } from "./thumbnails.js";

const STALE_MS = 3000;
const LOOK_MS = 250;

/** @typedef {"waiting" | "live" | "stale"} ThumbnailState */

const STYLE = `
  :host { display: inline-grid; position: relative; width: 160px; aspect-ratio: 16 / 9; overflow: hidden;
          background: #0b0f14; color: #e8eef4; border-radius: 3px; }
  img { width: 100%; height: 100%; object-fit: contain; display: block; }
  img[hidden] { display: none; }
  p { position: absolute; left: 0; right: 0; bottom: 0; margin: 0; padding: 1px 4px; font-size: 12px; line-height: 1.3;
      background: rgb(11 15 20 / 80%); text-align: right; }
  :host([state="waiting"]) p { position: static; align-self: center; text-align: center; background: none; }
  :host([state="stale"])::after { content: ""; position: absolute; inset: 0; border: 2px dashed #f0b429; }
  :host([state="stale"]) img { filter: grayscale(1) brightness(.55); }
  :host([state="stale"]) p { color: #ffd479; font-weight: 650; text-align: center; }
`;

/** One socket for all the small pictures of a page. @type {Map<string, Thumbnails>} */
const links = new Map();

/** @param {string} token */
function linkOf(token) {
  const link = links.get(token) ?? new Thumbnails(token);
  links.set(token, link);
  return link;
}

export class LiveThumbnail extends HTMLElement {
  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.image = document.createElement("img");
    this.image.hidden = true;
    this.image.alt = "";
    this.words = document.createElement("p");
    root.append(style, this.image, this.words);
    this.token = "";
    /** @type {(key: string, facts?: Record<string, string | number>) => string} */
    this.say = (key) => key;
    /** @type {ThumbnailState} */
    this.state = "waiting";
    /** @type {number | null} */
    this.ageMs = null;
    /** @type {Thumbnails | null} */
    this.link = null;
    this.stopWatching = () => {};
    this.timer = 0;
    this.onNews = () => this.#show();
  }

  get unit() {
    return this.getAttribute("unit") ?? "";
  }

  set unit(unit) {
    if (unit === this.unit) return;
    this.setAttribute("unit", unit);
    if (this.isConnected) {
      this.disconnectedCallback();
      this.connectedCallback();
    }
  }

  connectedCallback() {
    this.timer = window.setInterval(this.onNews, LOOK_MS);
    if (!this.unit) return this.#show();
    this.link = linkOf(this.token);
    this.stopWatching = this.link.watch(this.unit);
    this.link.addEventListener("news", this.onNews);
    this.#show();
  }

  disconnectedCallback() {
    window.clearInterval(this.timer);
    this.link?.removeEventListener("news", this.onNews);
    this.stopWatching();
    this.link = null;
  }

  /** The newest picture, or how old the last one is. */
  #show() {
    const small = this.link?.newest.get(this.unit);
    this.ageMs = small?.url ? performance.now() - small.madeAt : null;
    this.state = this.ageMs === null ? "waiting" : this.ageMs > STALE_MS ? "stale" : "live";
    this.setAttribute("state", this.state);
    this.image.hidden = this.ageMs === null;
    if (small?.url && this.image.src !== small.url) this.image.src = small.url;
    const why = small?.why ? this.say(`media.thumbnail.why.${small.why}`) : "";
    const age_s = Math.floor((this.ageMs ?? 0) / 1000);
    if (this.state === "waiting") this.words.textContent = why || this.say("media.thumbnail.waiting");
    else this.words.textContent = [this.say(`media.thumbnail.${this.state}`, { age_s }), this.state === "stale" && why].filter(Boolean).join(" · ");
  }
}

if (!customElements.get("live-thumbnail")) customElements.define("live-thumbnail", LiveThumbnail);
