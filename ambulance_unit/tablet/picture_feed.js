// @ts-check
// The camera's picture straight from the vehicle over one WebSocket, each with the places of the marks on that very
// picture; comes back by itself. The message: length of the JSON (4 bytes), JSON, JPEG (ambulance_unit/guidance.py).
import { token } from '/casebook/access.js';

/** @typedef {import('/media/marks_link.js').Places & {viewers: string[]}} Told */

const AGAIN_MS = 1000;
const NO_CAMERA = 4404;

/**
 * Give every picture to `take` until the returned function is called; `none` when the vehicle has no camera. A picture
 * that comes while one is being opened takes its place: what is shown is the newest.
 * @param {{take: (picture: ImageBitmap, told: Told) => void, none: () => void}} to @returns {() => void}
 */
export function openPicture({ take, none }) {
  let over = false;
  let opening = false;
  /** @type {ArrayBuffer | null} */
  let waiting = null;
  /** @type {WebSocket | undefined} */
  let socket;
  const show = async (/** @type {ArrayBuffer} */ message) => {
    opening = true;
    const length = new DataView(message).getUint32(0);
    const told = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, length)));
    try {
      const picture = await createImageBitmap(new Blob([new Uint8Array(message, 4 + length)], { type: 'image/jpeg' }));
      if (!over) take(picture, told);
      picture.close();
    } catch (wrong) {
      if (!(wrong instanceof DOMException)) throw wrong; // a damaged picture is one picture less
    }
    opening = false;
    const next = waiting;
    waiting = null;
    if (next && !over) void show(next);
  };
  const open = () => {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    socket = new WebSocket(`${scheme}//${location.host}/api/v1/picture`, ['aboard.v1', `token.${token()}`]);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => { if (opening) waiting = data; else void show(data); };
    socket.onclose = ({ code }) => {
      if (code === NO_CAMERA) none();
      else if (!over) setTimeout(() => over || open(), AGAIN_MS);
    };
  };
  open();
  return () => {
    over = true;
    socket?.close();
  };
}
