// @ts-check
/**
 * Read the frame stamp that the camera burnt into its picture. The code is described in `media/stamp.py`.
 */

const BLOCK_PX = 8;
const COLUMNS = 48;
const ROWS = 2;
const EDGE_PX = 2; // deblocking smears a block's borders
const MIDDLE = 128;
export const WIDTH_PX = COLUMNS * BLOCK_PX;
export const HEIGHT_PX = ROWS * BLOCK_PX;

/** @typedef {{frame: number, wallMs: number}} Stamp frame number since the camera began, and when it was made */

/**
 * The stamp in the top left corner of some pixels, or null when there is none or it is damaged.
 * @param {{data: Uint8ClampedArray | Uint8Array, width: number, height: number}} pixels RGBA
 * @returns {Stamp | null}
 */
export function findStamp(pixels) {
  if (pixels.width < WIDTH_PX || pixels.height < HEIGHT_PX) return null;
  const bytes = new Uint8Array((COLUMNS * ROWS) / 8);
  for (let bit = 0; bit < COLUMNS * ROWS; bit++) {
    const bright = blockMean(pixels, bit % COLUMNS, Math.floor(bit / COLUMNS)) > MIDDLE;
    if (bright) bytes[bit >> 3] |= 0x80 >> (bit & 7);
  }
  const view = new DataView(bytes.buffer);
  if (crc16(bytes.subarray(0, 10)) !== view.getUint16(10)) return null;
  return { frame: view.getUint32(0), wallMs: view.getUint16(4) * 2 ** 32 + view.getUint32(6) };
}

/**
 * Mean green of a block's inner pixels: green follows luma closely enough for black and white.
 * @param {{data: Uint8ClampedArray | Uint8Array, width: number}} pixels
 * @param {number} column
 * @param {number} row
 */
function blockMean(pixels, column, row) {
  let sum = 0;
  for (let y = row * BLOCK_PX + EDGE_PX; y < (row + 1) * BLOCK_PX - EDGE_PX; y++) {
    for (let x = column * BLOCK_PX + EDGE_PX; x < (column + 1) * BLOCK_PX - EDGE_PX; x++) {
      sum += pixels.data[(y * pixels.width + x) * 4 + 1];
    }
  }
  return sum / (BLOCK_PX - 2 * EDGE_PX) ** 2;
}

/**
 * CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF.
 * @param {Uint8Array} bytes
 */
function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let n = 0; n < 8; n++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

/** Reads stamps off a playing video through a small canvas of its own. */
export class StampReader {
  constructor() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [WIDTH_PX, HEIGHT_PX];
    this.context = canvas.getContext("2d", { willReadFrequently: true });
  }

  /**
   * @param {HTMLVideoElement} video
   * @returns {Stamp | null}
   */
  read(video) {
    if (!this.context || video.videoWidth < WIDTH_PX) return null;
    this.context.drawImage(video, 0, 0, WIDTH_PX, HEIGHT_PX, 0, 0, WIDTH_PX, HEIGHT_PX);
    return findStamp(this.context.getImageData(0, 0, WIDTH_PX, HEIGHT_PX));
  }
}
