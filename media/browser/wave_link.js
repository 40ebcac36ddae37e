// @ts-check
/**
 * Receive a vehicle's live waves and numerics and give them out as events: `wave` (one channel), `numerics`, `state`.
 */

import { MediaLink, askWith } from "./link.js";
import { SequenceLedger, decodeWaves } from "./waves.js";

/** @typedef {import("./waves.js").ChannelWave} ChannelWave */
/** @typedef {{casualty: string, seq: number, at: string, values: Record<string, number | null>}} Numerics */

export class WaveLink extends EventTarget {
  /**
   * @param {object} how
   * @param {string} how.unit the vehicle
   * @param {string} [how.token] this screen's token
   * @param {import("./link.js").Ask} [how.ask] instead of the token, another way to reach the hub
   */
  constructor({ unit, token = "", ask }) {
    super();
    this.ledger = new SequenceLedger();
    this.numericsReceived = 0;
    this.malformed = 0;
    /** @type {import("./link.js").LinkState} */
    this.state = "idle";
    this.link = new MediaLink({
      stream: `${unit}.waves`,
      ask: ask ?? askWith(token),
      prepare: (pc) => this.#prepare(pc),
      told: (state) => this.#tell("state", (this.state = state)),
    });
  }

  start() {
    this.link.start();
  }

  stop() {
    this.link.stop();
  }

  get packetsReceived() {
    return this.ledger.received;
  }

  get packetsLost() {
    return this.ledger.lost;
  }

  /** @param {RTCPeerConnection} pc */
  #prepare(pc) {
    const waves = pc.createDataChannel("waves", { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 });
    const numerics = pc.createDataChannel("numerics", { negotiated: true, id: 1 });
    waves.binaryType = "arraybuffer";
    waves.onmessage = (message) => this.#takeWaves(message.data);
    numerics.onmessage = (message) => this.#takeNumerics(message.data);
  }

  /** @param {ArrayBuffer | string} message */
  #takeWaves(message) {
    if (typeof message === "string") return; // the hub's beat
    try {
      const packet = decodeWaves(message);
      this.ledger.add(packet.sequence);
      for (const channel of packet.channels) this.#tell("wave", channel);
    } catch (why) {
      if (!(why instanceof RangeError)) throw why;
      this.malformed += 1;
    }
  }

  /** @param {string} message */
  #takeNumerics(message) {
    try {
      /** @type {Numerics} */
      const numerics = JSON.parse(message);
      this.numericsReceived += 1;
      this.#tell("numerics", numerics);
    } catch (why) {
      if (!(why instanceof SyntaxError)) throw why;
      this.malformed += 1;
    }
  }

  /**
   * @param {"wave" | "numerics" | "state"} name
   * @param {unknown} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
