// @ts-check
/**
 * The microphone of this screen, or the reason why there is none: a named state, never an exception.
 * Echo, noise and loudness are the browser's own affair (Media Capture and Streams, 4.3.8).
 */

/** @typedef {"" | "denied" | "absent" | "busy" | "insecure" | "unplugged" | "failed"} NoMicrophone why there is none */

/** @type {Readonly<Record<string, NoMicrophone>>} names of getUserMedia's errors */
const WHY = Object.freeze({
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "absent",
  OverconstrainedError: "absent",
  NotReadableError: "busy",
  AbortError: "busy",
});
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

export class Microphone {
  /** @param {() => void} changed told when there is one or none any more */
  constructor(changed) {
    this.changed = changed;
    /** @type {MediaStreamTrack | null} */
    this.track = null;
    /** @type {NoMicrophone} */
    this.why = "";
    this.wanted = false;
    this.hears = () => void this.#again();
  }

  /** Ask for it. Afterwards there is a track, silent until `let through`, or `why` not. */
  async open() {
    this.wanted = true;
    const devices = navigator.mediaDevices; // absent where the page did not come over HTTPS or from this machine
    if (!devices) return this.#none("insecure");
    devices.addEventListener("devicechange", this.hears);
    try {
      const stream = await devices.getUserMedia({ audio: SOUND });
      const [track] = stream.getAudioTracks();
      if (!this.wanted) return track.stop();
      track.enabled = false;
      track.onended = () => this.#none("unplugged");
      [this.track, this.why] = [track, ""];
      this.changed();
    } catch (why) {
      this.#none(WHY[/** @type {Error} */ (why).name] ?? "failed");
    }
  }

  /** Let sound through, or silence: while it is silent the browser sends none. @param {boolean} through */
  let(through) {
    if (this.track) this.track.enabled = through;
  }

  close() {
    this.wanted = false;
    navigator.mediaDevices?.removeEventListener("devicechange", this.hears);
    this.track?.stop();
    this.track = null;
    this.why = "";
  }

  /** @param {NoMicrophone} why */
  #none(why) {
    [this.track, this.why] = [null, why];
    this.changed();
  }

  /** A device came or went: one that was missing may be there now. */
  async #again() {
    if (this.wanted && !this.track && this.why !== "denied") await this.open();
  }
}
