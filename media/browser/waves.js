// @ts-check
/**
 * Decode live wave packets. The format is described in `media/waveforms.py`; NaN is "no signal".
 */

const [HEADER_BYTES, RUN_BYTES] = [16, 4]; // version 1 had no run
const CHANNEL_BYTES = 20;
const PACKET_BYTES_MAX = 1150;
const NO_SIGNAL = -32768;

/** Wire number to channel name. @type {Readonly<Record<number, string>>} */
export const KINDS = Object.freeze({
  1: "ECG_I", 2: "ECG_II", 3: "ECG_III", 4: "ECG_AVR", 5: "ECG_AVL", 6: "ECG_AVF",
  7: "ECG_V1", 8: "ECG_V2", 9: "ECG_V3", 10: "ECG_V4", 11: "ECG_V5", 12: "ECG_V6",
  20: "PLETH", 21: "RESP", 22: "ABP", 23: "CO2", 24: "CVP", 25: "PAP", 26: "ICP",
});

/**
 * @typedef {object} ChannelWave
 * @property {string} kind name of the channel
 * @property {number} rateHz samples per second
 * @property {number} firstIndex index of the first sample since the channel began
 * @property {number} startMs the vehicle's clock at the first sample, ms since 1970
 * @property {Float32Array} samples values in the kind's unit, NaN where there was no signal
 *
 * @typedef {{sequence: number, startMs: number, run: number, channels: ChannelWave[]}} WavePacket
 */

/**
 * The packet in a message. Throws RangeError when it breaks the format.
 * @param {ArrayBuffer} message
 * @returns {WavePacket}
 */
export function decodeWaves(message) {
  const view = new DataView(message);
  if (view.byteLength > PACKET_BYTES_MAX) throw new RangeError("length");
  const version = view.getUint8(2);
  if (view.getUint16(0) !== 0x4157 || (version !== 1 && version !== 2)) throw new RangeError("header");
  const sequence = view.getUint32(4, true);
  const startMs = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
  const run = version === 1 ? 0 : view.getUint32(HEADER_BYTES, true);
  const channels = [];
  let at = HEADER_BYTES + (version === 1 ? 0 : RUN_BYTES);
  for (let n = view.getUint8(3); n > 0; n--) {
    const channel = decodeChannel(view, at, startMs);
    at += CHANNEL_BYTES + 2 * channel.samples.length;
    channels.push(channel);
  }
  if (at !== view.byteLength) throw new RangeError("end");
  return { sequence, startMs, run, channels };
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {number} startMs
 * @returns {ChannelWave}
 */
function decodeChannel(view, at, startMs) {
  const kind = KINDS[view.getUint8(at)];
  const rateHz = view.getUint16(at + 2, true);
  const count = view.getUint16(at + 4, true);
  const scale = view.getFloat32(at + 12, true);
  const offset = view.getFloat32(at + 16, true);
  if (!kind || !rateHz || !(scale > 0) || !Number.isFinite(offset)) throw new RangeError("channel");
  const samples = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    const raw = view.getInt16(at + CHANNEL_BYTES + 2 * n, true);
    samples[n] = raw === NO_SIGNAL ? NaN : raw * scale + offset;
  }
  return { kind, rateHz, firstIndex: view.getUint32(at + 8, true), startMs, samples };
}

/** Counts what arrived and what is missing, packets in any order; a far jump is a new sender. */
export class SequenceLedger {
  static RESTART = 1000;

  constructor() {
    this.received = 0;
    this.lost = 0;
    this.highest = -1;
    /** @type {Set<number>} */
    this.missing = new Set();
  }

  /** @param {number} sequence */
  add(sequence) {
    if (this.highest < 0 || Math.abs(sequence - this.highest) > SequenceLedger.RESTART) {
      this.missing.clear();
    } else if (sequence > this.highest) {
      for (let n = this.highest + 1; n < sequence; n++) this.missing.add(n);
      this.lost += sequence - this.highest - 1;
    } else if (this.missing.delete(sequence)) {
      this.lost -= 1;
      this.received += 1;
      return;
    } else {
      return; // a repeat
    }
    this.highest = sequence;
    this.received += 1;
    for (const n of this.missing) if (sequence - n > SequenceLedger.RESTART) this.missing.delete(n);
  }
}
