// @ts-check
/**
 * Take part in the conversation about one vehicle's patient: one connection of its own, kept alive by `MediaLink`.
 *
 * Each side tells its whole state twice a second on a lossy channel: the hub who is on, with microphones and who talks;
 * this screen its microphone. What is shown of it is `voice_panel.js`'s. Events out: `change`.
 */

import { MediaLink, askWith } from "./link.js";
import { Microphone } from "./microphone.js";

const PREFIX = "/api/v1/voice";
const LINES = 5; // others that can be heard; the hub's number, media/voice_offer.py
const STATE_MS = 500;
const SILENT_MS = 2500; // the hub tells twice a second: a list that is older is the past
const ROSTER_MS = 2000; // how often a screen that has not joined asks who is on

/** @typedef {"off" | "asking" | "connecting" | "on" | "lost" | "refused"} VoiceState */
/** @typedef {"open" | "ready" | "held" | "muted" | "none"} Mic */
/** @typedef {{id: string, role: string, who: string, mic: Mic, state: "on" | "lost", talking?: boolean}} Party */

export class VoiceLink extends EventTarget {
  /**
   * @param {object} how
   * @param {string} how.unit the vehicle
   * @param {string} [how.token] this screen's token
   * @param {import("./link.js").Ask} [how.ask] instead of the token, another way to reach the hub
   */
  constructor({ unit, token = "", ask }) {
    super();
    this.unit = unit;
    this.ask = ask ?? askWith(token);
    /** @type {VoiceState} */
    this.state = "off";
    /** How the microphone is used when there is one. @type {"press" | "open" | "muted"} */
    this.mode = "press";
    this.pressed = false;
    this.you = "";
    /** @type {Party[]} */
    this.parties = [];
    /** True: nothing is known now of who is on. */
    this.unknown = true;
    this.blocked = false; // the browser lets no sound out before a touch
    this.microphone = new Microphone(() => this.#microphoneChanged());
    this.heardN = -1;
    this.heardAt = -Infinity;
    this.saidN = 0;
    this.joins = 0;
    this.attempt = {};
    /** @type {MediaLink | null} */
    this.link = null;
    /** @type {RTCRtpSender | null} */
    this.sender = null;
    /** @type {RTCDataChannel | null} */
    this.channel = null;
    /** @type {HTMLAudioElement[]} */
    this.speakers = [];
    this.timers = [0, 0];
  }

  /** Begin to look who is on, without joining. */
  start() {
    this.timers = [window.setInterval(() => this.#look(), STATE_MS), window.setInterval(() => this.#askRoster(), ROSTER_MS)];
    void this.#askRoster();
  }

  /** Leave, and look no more. */
  stop() {
    this.leave();
    this.timers.forEach((timer) => window.clearInterval(timer));
  }

  /** What this screen's microphone does now. @returns {Mic} */
  get mic() {
    if (!this.microphone.track) return "none";
    if (this.mode === "press") return this.pressed ? "held" : "ready";
    return this.mode;
  }

  /** Take part: with the microphone if there is one, else to hear only. */
  async join() {
    if (this.state !== "off") return;
    const attempt = (this.attempt = {});
    this.#become("asking");
    await this.microphone.open();
    if (this.attempt !== attempt) return; // left meanwhile
    this.#become("connecting");
    const seat = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const link = new MediaLink({
      stream: this.unit,
      path: `${PREFIX}/${encodeURIComponent(this.unit)}?seat=${seat}`,
      ask: this.ask,
      prepare: (pc) => this.#prepare(pc),
      told: (state) => this.link === link && this.#linkTold(state),
    });
    this.link = link;
    link.start();
  }

  leave() {
    this.attempt = {};
    this.link?.stop();
    this.link = this.channel = this.sender = null;
    this.microphone.close();
    this.#silence();
    [this.pressed, this.blocked, this.you] = [false, false, ""];
    this.#become("off");
  }

  /** @param {"press" | "open" | "muted"} mode */
  use(mode) {
    this.mode = mode;
    this.#micChanged();
  }

  /** The talk button is down or up; when it is not used it does nothing. @param {boolean} down */
  press(down) {
    if (this.pressed === down) return;
    this.pressed = down;
    this.#micChanged();
  }

  /** Let the sound out after a touch. */
  unblock() {
    this.blocked = false;
    this.speakers.forEach((speaker) => this.#play(speaker));
    this.#changed();
  }

  /** @param {RTCPeerConnection} pc */
  #prepare(pc) {
    const { track } = this.microphone;
    // Marked EF where the browser marks packets (RFC 8837, audio, high): the hub's twin is media/dscp.py.
    const sendEncodings = /** @type {any} */ ([{ priority: "high", networkPriority: "high" }]);
    this.sender = pc.addTransceiver(track ?? "audio", { direction: "sendonly", sendEncodings }).sender;
    this.#silence();
    for (let n = 0; n < LINES; n += 1) {
      const { receiver } = pc.addTransceiver("audio", { direction: "recvonly" });
      const speaker = new Audio();
      speaker.srcObject = new MediaStream([receiver.track]);
      this.speakers.push(speaker);
      this.#play(speaker);
    }
    const channel = pc.createDataChannel("voice", { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 });
    channel.onopen = () => this.#say();
    channel.onmessage = (message) => this.#hear(message.data);
    this.channel = channel;
    this.heardN = -1;
  }

  /** @param {HTMLAudioElement} speaker */
  #play(speaker) {
    speaker.play().catch((why) => {
      if (why.name !== "NotAllowedError" || this.blocked) return;
      this.blocked = true;
      this.#changed();
    });
  }

  #silence() {
    for (const speaker of this.speakers) speaker.srcObject = null;
    this.speakers = [];
  }

  /** @param {import("./link.js").LinkState} state */
  #linkTold(state) {
    if (state === "connected") {
      this.joins += 1;
      this.#become("on");
    } else if (state === "refused" || state === "lost") {
      this.channel = null;
      this.#become(state);
    }
  }

  #microphoneChanged() {
    this.sender?.replaceTrack(this.microphone.track).catch(() => {}); // a connection that is gone needs none
    this.#micChanged();
  }

  #micChanged() {
    this.microphone.let(this.mic === "open" || this.mic === "held");
    this.#say();
    this.#changed();
  }

  /** Tell the hub what the microphone does; the newest counts there, so a lost message costs nothing. */
  #say() {
    if (this.channel?.readyState !== "open" || this.channel.bufferedAmount > 0) return;
    this.channel.send(JSON.stringify({ n: (this.saidN += 1), mic: this.mic }));
  }

  /** @param {string} message */
  #hear(message) {
    const told = JSON.parse(message);
    if (told.n <= this.heardN) return; // overtaken on the way
    [this.heardN, this.you] = [told.n, told.you];
    this.#take(told.parties);
  }

  /** @param {Party[]} parties */
  #take(parties) {
    this.heardAt = performance.now();
    [this.parties, this.unknown] = [parties, false];
    this.#changed();
  }

  #look() {
    this.#say();
    const patience = this.state === "on" ? SILENT_MS : SILENT_MS + ROSTER_MS;
    if (this.unknown || performance.now() - this.heardAt <= patience) return;
    [this.parties, this.unknown] = [[], true];
    this.#changed();
  }

  /** Who is on, for a screen that has not joined or lost its connection. */
  async #askRoster() {
    if (this.state === "on") return;
    try {
      const answer = await this.ask(`${PREFIX}/${encodeURIComponent(this.unit)}`, { method: "GET" });
      if (answer.ok) this.#take((await answer.json()).parties);
    } catch (why) {
      if (!(why instanceof TypeError || why instanceof SyntaxError)) throw why; // unreachable, or no answer of a hub
    }
  }

  /** @param {VoiceState} state */
  #become(state) {
    this.state = state;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
