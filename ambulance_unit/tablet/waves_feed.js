// @ts-check
// The monitor's waves straight from the vehicle over one WebSocket, in media's binary form; comes back by itself.
import { token } from '/casebook/access.js';
import { decodeWaves } from '/media/waves.js';

const AGAIN_MS = 1000;

/**
 * Give every channel of every packet to `take` until the returned function is called.
 * @param {(wave: import('/media/waves.js').ChannelWave) => void} take @returns {() => void}
 */
export function openWaves(take) {
  let over = false;
  /** @type {WebSocket | undefined} */
  let socket;
  const open = () => {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    socket = new WebSocket(`${scheme}//${location.host}/api/v1/waves`, ['aboard.v1', `token.${token()}`]);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (message) => {
      try {
        decodeWaves(message.data).channels.forEach(take);
      } catch (wrong) {
        if (!(wrong instanceof RangeError)) throw wrong; // a malformed packet is one packet less
      }
    };
    socket.onclose = () => {
      if (!over) setTimeout(() => over || open(), AGAIN_MS);
    };
  };
  open();
  return () => {
    over = true;
    socket?.close();
  };
}
