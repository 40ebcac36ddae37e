// @ts-check
// Where the other hubs of this book are, and how this screen goes to one of them when its own is gone.
// A vehicle's own server has no others: it is asked once.
import { call, Refusal, token } from './access.js';

const LEARN_MS = 15000; // wall time between two looks at who is there
const TRY_MS = 2000; // wall time in which another hub takes us, or the next one is tried

export class Hubs {
  /** @param {string} path of this screen's feed @param {(url: string) => void} [go] */
  constructor(path, go = (url) => location.replace(url)) {
    this.path = path;
    this._go = go;
    /** Base addresses of the others. @type {string[]} */
    this.others = [];
    this._learnedAt = -LEARN_MS;
    this._leaving = false;
  }

  /** Remember who else is there; to be called while our hub speaks. */
  async learn() {
    if (performance.now() - this._learnedAt < LEARN_MS) return;
    this._learnedAt = performance.now();
    try {
      const [own, ...others] = await call('/api/v1/hubs');
      this.others = others.filter((/** @type {string} */ hub) => hub !== own && hub !== location.origin);
    } catch (wrong) {
      if (wrong instanceof Refusal && wrong.status === 404) this._learnedAt = Infinity;
    }
  }

  /** Go to the first of the others that takes us, page and all; stay where we are while none does. */
  async leave() {
    if (this._leaving) return;
    this._leaving = true;
    for (const hub of this.others) {
      if (await this._takesUs(hub)) {
        this._go(this._pageAt(hub));
        return; // still leaving: this page ends here
      }
    }
    this._leaving = false;
  }

  /** @param {string} hub @returns {Promise<boolean>} */
  _takesUs(hub) {
    return new Promise((told) => {
      const socket = new WebSocket(`${hub.replace('http', 'ws')}${this.path}`, ['aboard.v1', `token.${token()}`]);
      const tell = (/** @type {boolean} */ good) => {
        told(good);
        socket.close();
      };
      socket.onmessage = () => tell(true); // a hub that does not know us opens, and closes
      socket.onerror = socket.onclose = () => tell(false);
      setTimeout(() => tell(false), TRY_MS);
    });
  }

  /** This very screen at another hub, with our link and our language. @param {string} hub */
  _pageAt(hub) {
    const search = new URLSearchParams(location.search);
    const language = localStorage.getItem('aboard.lang');
    if (language) search.set('lang', language);
    return `${hub}${location.pathname}?${search}#${encodeURIComponent(token())}`;
  }
}
