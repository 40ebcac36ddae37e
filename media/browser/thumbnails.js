// @ts-check
/**
 * Small pictures of several vehicles over one WebSocket, asked for once a second. Words: `media/thumbnails.py`.
 *
 * A picture is at most as old as the time since it was asked for, here and at the hub: no clock but this page's own is
 * believed, and what lay somewhere on the way is as old as it is.
 */

const PATH = "/api/v1/live/thumbnails";
const EVERY_MS = 1000;
const OVERDUE_MS = 5000; // a look without an answer: the connection is given up
const AGAIN_MS = 1000;

/** @typedef {{number: number, url: string, why: string, madeAt: number}} Small `madeAt`: by `performance.now()`, at the earliest */

/** Events: `news`, when something came. The socket is open while a vehicle is watched. */
export class Thumbnails extends EventTarget {
  /** @param {string} token */
  constructor(token) {
    super();
    this.token = token;
    /** How many watch each vehicle. @type {Map<string, number>} */
    this.watched = new Map();
    /** @type {Map<string, Small>} */
    this.newest = new Map();
    /** @type {WebSocket | null} */
    this.socket = null;
    this.asked = { n: 0, at: 0, answered: true };
    this.timer = 0;
  }

  /** @param {string} unit @returns {() => void} how to stop */
  watch(unit) {
    this.watched.set(unit, (this.watched.get(unit) ?? 0) + 1);
    if (!this.timer) this.#start();
    let on = true;
    return () => {
      if (!on) return;
      on = false;
      const left = (this.watched.get(unit) ?? 1) - 1;
      if (left) this.watched.set(unit, left);
      else this.#forget(unit);
      if (!this.watched.size) this.#stop();
    };
  }

  /** @param {string} unit */
  #forget(unit) {
    this.watched.delete(unit);
    URL.revokeObjectURL(this.newest.get(unit)?.url ?? "");
    this.newest.delete(unit);
  }

  #start() {
    this.timer = window.setInterval(() => this.#look(), EVERY_MS);
    this.#open();
  }

  #stop() {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.socket?.close();
    this.socket = null;
  }

  #open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${PATH}`, ["aboard.v1", `token.${this.token}`]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#look();
    socket.onmessage = ({ data }) => this.socket === socket && this.#hear(data);
    socket.onclose = () => {
      if (this.socket === socket) window.setTimeout(() => this.socket === socket && this.#open(), AGAIN_MS);
    };
    this.socket = socket;
    this.asked = { n: 0, at: 0, answered: true };
  }

  #look() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (!this.asked.answered) {
      if (performance.now() - this.asked.at > OVERDUE_MS) this.socket.close();
      return;
    }
    this.asked = { n: this.asked.n + 1, at: performance.now(), answered: false };
    const have = Object.fromEntries([...this.watched.keys()].map((unit) => [unit, this.newest.get(unit)?.number ?? 0]));
    this.socket.send(JSON.stringify({ n: this.asked.n, have }));
  }

  /** @param {ArrayBuffer} data */
  #hear(data) {
    const length = new DataView(data).getUint32(0);
    const told = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    if (told.n !== this.asked.n) return;
    this.asked.answered = true;
    let at = 4 + length;
    for (const { unit, number, age_ms, bytes = 0, why = "" } of told.pictures) {
      const jpeg = new Uint8Array(data, at, bytes);
      at += bytes;
      if (this.watched.has(unit)) this.#take(unit, number, why ? null : jpeg, why, this.asked.at - age_ms);
    }
    this.dispatchEvent(new Event("news"));
  }

  /**
   * @param {string} unit @param {number} number @param {Uint8Array<ArrayBuffer> | null} jpeg @param {string} why
   * @param {number} madeAt
   */
  #take(unit, number, jpeg, why, madeAt) {
    const before = this.newest.get(unit);
    if (!jpeg) {
      // no newer picture: the last one stays, with its own age, and beside it why there is no newer
      this.newest.set(unit, { number, url: before?.url ?? "", why, madeAt: before?.madeAt ?? madeAt });
      return;
    }
    URL.revokeObjectURL(before?.url ?? "");
    const url = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
    this.newest.set(unit, { number, url, why: "", madeAt });
  }
}
