// @ts-check
/**
 * Keep one peer connection to the hub alive, as a viewer: offer by one POST, notice its loss, make a new one.
 * The Python twin is `media/link.py`. What arrives on it is for the element that owns it.
 */

export const PREFIX = "/api/v1/media";
const SILENCE_MS = 4000; // the hub reports at least every 1.5 s; nothing at all for so long is a dead link
const CONNECT_MS = 10000;
const GATHER_MS = 1000;
const RELAY_MS = 5000; // for the first address, where there is none but a relay's: without any nobody can be reached
const LOOK_MS = 500;
const PAUSE_MS = 250;
const PAUSE_MAX_MS = 5000;

/** @typedef {"idle" | "connecting" | "connected" | "lost" | "refused"} LinkState */
/** @typedef {(path: string, init: RequestInit) => Promise<Response>} Ask how to reach the hub, with this screen's badge */

export class MediaLink {
  /**
   * @param {object} how
   * @param {string} how.stream `A01` or `A01.waves`
   * @param {string} [how.path] where to send the offer; without it the stream is viewed
   * @param {(pc: RTCPeerConnection) => void} how.prepare sets a new connection up before the offer
   * @param {(state: LinkState) => void} how.told
   * @param {Ask} how.ask
   */
  constructor({ stream, path = `${PREFIX}/whep/${encodeURIComponent(stream)}`, prepare, told, ask }) {
    this.stream = stream;
    this.path = path;
    this.prepare = prepare;
    this.told = told;
    this.ask = ask;
    this.connections = 0;
    /** @type {RTCPeerConnection | null} */
    this.pc = null;
    this.stopping = new AbortController();
  }

  start() {
    void this.#run(this.stopping.signal);
  }

  stop() {
    this.stopping.abort();
  }

  /** @param {AbortSignal} stop */
  async #run(stop) {
    let failures = 0;
    while (!stop.aborted) {
      this.told("connecting");
      const lived = await this.#liveOnce(stop);
      failures = lived ? 0 : failures + 1;
      if (!stop.aborted) await pause(Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** Math.min(failures, 10)), stop);
    }
    this.told("idle");
  }

  /**
   * One connection from offer to loss. True when it was ever connected.
   * @param {AbortSignal} stop
   */
  async #liveOnce(stop) {
    const configuration = await this.#configuration(stop);
    let pc = this.#connection(configuration);
    let session = "";
    try {
      await this.#describe(pc, stop);
      const answer = await this.#tell("POST", this.path, pc, stop);
      session = answer.headers.get("Location") ?? "";
      if (answer.status === 406) {
        // the hub's media server takes no offers of viewers and made one of its own
        pc.close();
        pc = this.#connection(configuration);
        await pc.setRemoteDescription({ type: "offer", sdp: await answer.text() });
        await this.#describe(pc, stop);
        await this.#tell("PATCH", session, pc, stop);
      } else {
        await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
      }
      await until(() => pc.connectionState === "connected", CONNECT_MS, stop);
      this.connections += 1;
      this.told("connected");
      await this.#untilLost(pc, stop);
      this.told("lost");
      return true;
    } catch (why) {
      this.told(why instanceof Refused ? "refused" : "lost");
      return false;
    } finally {
      this.pc = null;
      pc.close();
      if (session) this.ask(session, { method: "DELETE", keepalive: true }).catch(() => {});
    }
  }

  /**
   * The STUN and TURN servers that the hub names; what it does not say, nothing needs.
   * @param {AbortSignal} stop
   * @returns {Promise<RTCConfiguration>}
   */
  async #configuration(stop) {
    const answer = await this.ask(`${PREFIX}/ice`, { signal: stop }).catch(() => null);
    const told = answer?.ok ? await answer.json().catch(() => ({})) : {};
    const iceTransportPolicy = told.relay_only ? "relay" : "all";
    // one transport for all lines: else each line takes a relay of its own, and a talk more than a holder may have
    return { iceServers: told.ice_servers ?? [], iceTransportPolicy, bundlePolicy: "max-bundle" };
  }

  /** @param {RTCConfiguration} configuration */
  #connection(configuration) {
    const pc = new RTCPeerConnection(configuration);
    this.pc = pc;
    this.prepare(pc);
    return pc;
  }

  /**
   * Have an own description with its addresses.
   * @param {RTCPeerConnection} pc
   * @param {AbortSignal} stop
   */
  async #describe(pc, stop) {
    await pc.setLocalDescription();
    const complete = () => pc.iceGatheringState === "complete";
    await until(complete, GATHER_MS, stop).catch(() => {}); // what there is will do
    const reachable = () => pc.localDescription?.sdp.includes("\na=candidate:") ?? false;
    await until(() => complete() || reachable(), RELAY_MS, stop).catch(() => {});
  }

  /**
   * @param {"POST" | "PATCH"} method
   * @param {string} path
   * @param {RTCPeerConnection} pc
   * @param {AbortSignal} stop
   * @returns {Promise<Response>}
   */
  async #tell(method, path, pc, stop) {
    const headers = { "Content-Type": "application/sdp" };
    const answer = await this.ask(path, { method, headers, body: pc.localDescription?.sdp ?? "", signal: stop });
    const offered = answer.status === 406 && answer.headers.get("Content-Type")?.startsWith("application/sdp");
    if (answer.status >= 400 && answer.status < 500 && !offered) throw new Refused(String(answer.status));
    if (!answer.ok && !offered) throw new Error(String(answer.status));
    return answer;
  }

  /**
   * @param {RTCPeerConnection} pc
   * @param {AbortSignal} stop
   */
  async #untilLost(pc, stop) {
    let [heard, heardAt] = [-1, performance.now()];
    while (!stop.aborted && pc.connectionState === "connected" && performance.now() - heardAt <= SILENCE_MS) {
      await pause(LOOK_MS, stop);
      const received = await packetsReceived(pc);
      if (received === null || received !== heard) [heard, heardAt] = [received ?? -1, performance.now()];
    }
  }
}

class Refused extends Error {}

/**
 * Packets that came in on the connection's transport; null where the browser does not tell.
 * @param {RTCPeerConnection} pc
 * @returns {Promise<number | null>}
 */
async function packetsReceived(pc) {
  for (const entry of (await pc.getStats()).values()) {
    if (entry.type === "transport") return entry.packetsReceived ?? null;
  }
  return null;
}

/**
 * Between half and all of `ms`, so that screens do not come back all at once.
 * @param {number} ms
 * @param {AbortSignal} stop
 * @returns {Promise<void>}
 */
function pause(ms, stop) {
  return new Promise((resume) => {
    const timer = setTimeout(done, ms * (0.5 + Math.random() / 2));
    stop.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      stop.removeEventListener("abort", done);
      resume();
    }
  });
}

/**
 * @param {() => boolean} reached
 * @param {number} ms
 * @param {AbortSignal} stop
 */
async function until(reached, ms, stop) {
  const end = performance.now() + ms;
  while (!reached()) {
    if (stop.aborted || performance.now() > end) throw new Error("late");
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

/**
 * Ask the hub with a bearer token, or with whatever cookies there are when it is empty.
 * @param {string} token
 * @returns {Ask}
 */
export function askWith(token) {
  return (path, init) => {
    const headers = new Headers(init.headers);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    return fetch(path, { ...init, headers });
  };
}
