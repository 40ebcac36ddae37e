// @ts-check
// Follow a view of the hub: one snapshot, then numbered merge patches; a gap asks for a new snapshot.
// Reconnects for ever, and goes to another hub of the same book where there is one (hubs.js). What the clock shows stops
// when the hub's messages stop: it never ticks over a frozen picture.
import { signal } from '@preact/signals';
import { call, Refusal, token } from './access.js';
import { Hubs } from './hubs.js';

/** @typedef {{casualty: string, unit: string, epoch: string, seq: number, at: string, vitals: Record<string, any>}} Sample */
/** @typedef {'connecting' | 'live' | 'late' | 'lost' | 'refused'} LinkState */

const LATE_MS = 5000; // wall time without a message before the link counts as late, and as lost
const LOST_MS = 15000;
const TREND_LENGTH = 600;
const LEAVE_TRIES = 2; // connections in a row that came to nothing before another hub is tried

/**
 * Apply an RFC 7386 merge patch; unchanged branches keep their identity.
 * @param {any} view @param {any} patch @returns {any}
 */
export function patched(view, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const result = view !== null && typeof view === 'object' && !Array.isArray(view) ? { ...view } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = patched(result[name], value);
  }
  return result;
}

export class LiveFeed {
  /** @param {string} path for example /api/v1/live/console */
  constructor(path) {
    this.path = path;
    /** The view, whole. */
    this.view = signal(/** @type {any} */ ({}));
    /** The state of the link, by the wall. */
    this.link = signal(/** @type {LinkState} */ ('connecting'));
    /** Ticks four times a second while the screen lives, so that ages redraw. */
    this.tick = signal(0);
    /** Recorded vitals by casualty, oldest first, each sample once. @type {Map<string, Sample[]>} */
    this.samples = new Map();
    /** When messages last came, wall ms of this page. */
    this.heardAt = 0;
    this._version = -1;
    this._base = { at: 0, heard: 0, rate: 1 };
    this._retry = 0;
    /** @type {Set<string>} */
    this._seen = new Set();
    /** @type {WebSocket | null} */
    this._socket = null;
    this._hubs = new Hubs(path);
    this._open();
    setInterval(() => this._watch(), 250);
  }

  /**
   * The hub's clock now (ms since 1970), run on from its last message but never past two seconds of silence.
   * @returns {number}
   */
  now() {
    const silence = Math.min(performance.now() - this._base.heard, 2000);
    return this._base.at + silence * this._base.rate;
  }

  /** Age of an instant in clock seconds, or null when there is none. @param {string | undefined} at */
  age_s(at) {
    return at === undefined ? null : Math.max(0, (this.now() - Date.parse(at)) / 1000);
  }

  /** How many clock seconds pass per wall second. */
  get rate() {
    return this._base.rate;
  }

  _open() {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(`${scheme}//${location.host}${this.path}`, ['aboard.v1', `token.${token()}`]);
    this._socket = socket;
    socket.onmessage = (event) => this._hear(JSON.parse(event.data));
    socket.onclose = () => {
      this._askWhy();
      this._retry = Math.min(this._retry + 1, 6);
      if (this._retry >= LEAVE_TRIES) this._hubs.leave();
      setTimeout(() => this._open(), 250 * 2 ** this._retry * (0.5 + Math.random() / 2));
    };
  }

  /** A browser is not told why a socket was refused; a plain request is. */
  async _askWhy() {
    try {
      await call('/api/v1/me');
    } catch (wrong) {
      if (wrong instanceof Refusal && wrong.status === 401) this.link.value = 'refused';
    }
  }

  /** @param {any} message */
  _hear(message) {
    this.heardAt = performance.now();
    this._retry = 0;
    if (message.rate !== undefined) this._base.rate = message.rate;
    this._base = { at: Date.parse(message.now), heard: this.heardAt, rate: this._base.rate };
    if (message.t === 'snapshot') {
      this._version = message.v;
      this.view.value = message.view;
    } else if (message.t === 'delta') {
      if (message.v !== this._version + 1) return this._resync();
      this._version = message.v;
      this.view.value = patched(this.view.value, message.patch);
    } else if (message.t === 'beat' && message.v !== this._version) {
      return this._resync();
    }
    this._keep(message.samples ?? []);
    this._hubs.learn();
    this._watch();
  }

  _resync() {
    this._socket?.send(JSON.stringify({ t: 'resync' }));
  }

  /** Keep samples in order of time, each once, and tell the hub what reached this screen. @param {Sample[]} samples */
  _keep(samples) {
    /** @type {[string, string, number][]} */
    const fresh = [];
    for (const sample of samples) {
      const name = `${sample.unit}/${sample.epoch}/${sample.seq}`;
      if (this._seen.has(name)) continue;
      this._seen.add(name);
      fresh.push([sample.unit, sample.epoch, sample.seq]);
      const trend = this.samples.get(sample.casualty) ?? [];
      trend.push(sample);
      if (trend.length > 1 && trend[trend.length - 2].at > sample.at) trend.sort((a, b) => (a.at < b.at ? -1 : 1));
      if (trend.length > TREND_LENGTH) trend.shift();
      this.samples.set(sample.casualty, trend);
    }
    if (fresh.length && this._socket?.readyState === WebSocket.OPEN) {
      const socket = this._socket;
      requestAnimationFrame(() => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ t: 'shown', rows: fresh })));
    }
  }

  _watch() {
    this.tick.value += 1;
    if (this.heardAt === 0) return;
    const silence = performance.now() - this.heardAt;
    if (silence > LATE_MS) this._hubs.leave();
    this.link.value = silence > LOST_MS ? 'lost' : silence > LATE_MS ? 'late' : 'live';
  }
}
