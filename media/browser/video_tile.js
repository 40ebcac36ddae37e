// @ts-check
/**
 * <video-tile>: a vehicle's live picture, or blank with words. The last picture is never shown as live.
 *
 * Properties in: `unit`, `token` (or `ask`), `say(key, facts)`. Events out: `state` with the state in `detail`; `picture` after each picture that is shown.
 * Readable: `state`, `framesShown`, `latencyMs` (stamp to screen, newest last), `latest` (the last stamp).
 */

import { MediaLink, askWith } from "./link.js";
import { StampReader } from "./stamp.js";

const STALE_MS = 2000; // no new picture for so long: blank
const LOOK_MS = 250;
const LATENCIES_MAX = 50000;

/** @typedef {"idle" | "connecting" | "waiting" | "live" | "no_signal" | "refused"} TileState */
/** @typedef {(key: string, facts?: Record<string, string | number>) => string} Say */

const STYLE = `
  :host { display: block; position: relative; overflow: hidden; background: #0b0f14; color: #e8eef4; aspect-ratio: 16 / 9; }
  video { width: 100%; height: 100%; object-fit: contain; display: block; visibility: hidden; }
  :host([state="live"]) video { visibility: visible; }
  .words { position: absolute; inset: 0; display: grid; place-content: center; text-align: center; margin: 0;
           font-weight: 600; line-height: 1.3; font-size: var(--video-text, clamp(16px, 5cqi, 56px)); padding: 1em; }
  :host([state="live"]) .words { display: none; }
  :host { container-type: inline-size; }
`;

export class VideoTile extends HTMLElement {
  /** @type {Say} */
  #say = (key) => key;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.video = document.createElement("video");
    this.video.muted = this.video.autoplay = this.video.playsInline = true;
    this.video.setAttribute("aria-hidden", "true");
    this.words = document.createElement("p");
    this.words.className = "words";
    this.words.setAttribute("role", "status");
    root.append(style, this.video, this.words);
    /** @type {import("./link.js").Ask | null} */
    this.ask = null;
    this.token = "";
    this.framesShown = 0;
    /** @type {number[]} */
    this.latencyMs = [];
    /** @type {import("./stamp.js").Stamp | null} */
    this.latest = null;
    /** @type {TileState} */
    this.state = "idle";
    this.shownAt = 0; // performance.now() of the last picture on this connection
    /** @type {MediaLink | null} */
    this.link = null;
    this.reader = new StampReader();
    this.timer = 0;
  }

  get say() {
    return this.#say;
  }

  set say(say) {
    this.#say = say;
    if (this.isConnected) this.#write(); // in the new words at once
  }

  get unit() {
    return this.getAttribute("unit") ?? "";
  }

  set unit(unit) {
    if (unit === this.unit) return;
    this.setAttribute("unit", unit);
    if (this.isConnected) this.#restart();
  }

  connectedCallback() {
    this.#restart();
    this.timer = window.setInterval(() => this.#look(), LOOK_MS);
  }

  disconnectedCallback() {
    window.clearInterval(this.timer);
    this.link?.stop();
    this.link = null;
    this.#become("idle");
  }

  #restart() {
    this.link?.stop();
    this.link = null;
    this.latest = null;
    this.shownAt = 0;
    if (!this.unit) return this.#become("idle");
    const link = new MediaLink({
      stream: this.unit,
      ask: this.ask ?? askWith(this.token),
      prepare: (pc) => this.#prepare(pc),
      told: (state) => this.link === link && this.#linkTold(state),
    });
    this.link = link;
    link.start();
  }

  /** @param {RTCPeerConnection} pc */
  #prepare(pc) {
    const { receiver } = pc.addTransceiver("video", { direction: "recvonly" });
    this.#show(receiver);
    pc.addEventListener("track", (event) => {
      if (event.receiver !== receiver) this.#show(event.receiver); // of an offer that the hub made
    });
  }

  /** @param {RTCRtpReceiver} receiver */
  #show(receiver) {
    receiver.jitterBufferTarget = 0; // show each picture as soon as it is decoded
    const stream = new MediaStream([receiver.track]);
    this.video.srcObject = stream;
    this.#nextPicture(stream);
  }

  /**
   * Wait for the next picture of this stream; stop when another stream has taken its place.
   * @param {MediaStream} stream
   */
  #nextPicture(stream) {
    this.video.requestVideoFrameCallback((_, { rtpTimestamp }) => {
      if (this.video.srcObject !== stream) return;
      this.#shown(Date.now(), rtpTimestamp !== undefined);
      this.#nextPicture(stream);
    });
  }

  /**
   * A picture is on the screen. Browsers also draw black ones of their own when a track begins or ends: a picture that
   * came neither over RTP nor with a stamp, or on a link that is not up, is none.
   * @param {number} wallMs
   * @param {boolean} received
   */
  #shown(wallMs, received) {
    const stamp = this.reader.read(this.video);
    if (!(received || stamp) || this.link?.pc?.connectionState !== "connected") return;
    this.framesShown += 1;
    this.shownAt = performance.now();
    if (stamp) {
      this.latest = stamp;
      this.latencyMs.push(wallMs - stamp.wallMs);
      if (this.latencyMs.length > LATENCIES_MAX) this.latencyMs.splice(0, LATENCIES_MAX / 2);
    }
    this.#become("live");
    this.dispatchEvent(new CustomEvent("picture"));
  }

  /** @param {import("./link.js").LinkState} state */
  #linkTold(state) {
    if (state === "refused") this.#become("refused");
    else if (state === "connected" && this.state !== "live") this.#become(this.shownAt ? "no_signal" : "waiting");
    else if (state === "connecting" && this.state === "idle") this.#become("connecting");
    else if (state === "lost" && this.state !== "live") this.#become("no_signal");
  }

  /** Blank when pictures have stopped, and keep the words' age right. */
  #look() {
    if (this.state === "live" && performance.now() - this.shownAt > STALE_MS) this.#become("no_signal");
    else if (this.state !== "live") this.#write();
  }

  /** @param {TileState} state */
  #become(state) {
    if (state === this.state && this.hasAttribute("state")) return;
    this.state = state;
    this.setAttribute("state", state);
    this.#write();
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  #write() {
    if (this.state === "idle" || this.state === "live") {
      this.words.textContent = "";
    } else if (this.state === "no_signal" && this.shownAt) {
      const age = Math.floor((performance.now() - this.shownAt) / 1000);
      this.words.textContent = this.say("media.video.since", { age_s: age });
    } else {
      this.words.textContent = this.say(`media.video.${this.state}`);
    }
  }
}

if (!customElements.get("video-tile")) customElements.define("video-tile", VideoTile);
