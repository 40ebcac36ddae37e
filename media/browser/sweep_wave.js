// @ts-check
/**
 * <sweep-wave>: one live trace, drawn as a monitor draws it: a pen sweeps by sample time behind an erasing bar.
 *
 * Only what is new is drawn. NaN lifts the pen, a gap is blank, and without any signal for two seconds the trace is
 * blank with words: an empty buffer never draws a line, for a flat line means asystole.
 * Properties in: `kind`, `seconds`, `range` ([low, high] or null for the kind's own), `say`; method `push(wave)`.
 */

const STALE_MS = 2000;
const LOOK_MS = 250;
const MEASURE_MS = 1200; // one beat or more, before a kind without a range is first drawn
const ERASE_SHARE = 0.03; // of the width, ahead of the pen

/** @typedef {import("./waves.js").ChannelWave} ChannelWave */

/**
 * Colour and range by kind; ranges in the kind's unit. No range: measure the signal.
 * Colours follow monitor habit (ECG green, pleth cyan, arterial red, respiration and CO2 yellow); the label says it too.
 * @type {{test: RegExp, colour: string, range: [number, number] | null}[]}
 */
const LOOKS = [
  { test: /^ECG_/, colour: "#4be38a", range: [-1.2, 1.8] },
  { test: /^PLETH$/, colour: "#5cd6ff", range: null },
  { test: /^RESP$/, colour: "#ffe066", range: null },
  { test: /^ABP$/, colour: "#ff7b72", range: [0, 200] },
  { test: /^CO2$/, colour: "#ffe066", range: [0, 60] },
];

const STYLE = `
  :host { display: block; position: relative; background: #05080b; min-height: 48px; }
  canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
  span, p { position: absolute; margin: 0; font-weight: 600; line-height: 1.2; font-size: var(--wave-text, 16px); }
  span { left: 6px; top: 4px; color: var(--wave-colour); }
  p { inset: 0; display: grid; place-content: center; color: #e8eef4; }
`;

export class SweepWave extends HTMLElement {
  /** @type {(key: string, facts?: Record<string, string | number>) => string} */
  #say = (key) => key;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.canvas = document.createElement("canvas");
    this.label = document.createElement("span");
    this.words = document.createElement("p");
    this.words.setAttribute("role", "status");
    root.append(style, this.canvas, this.label, this.words);
    this.context = this.canvas.getContext("2d");
    this.seconds = 6;
    /** @type {[number, number] | null} */
    this.range = null;
    /** @type {ChannelWave[]} */
    this.pending = [];
    this.frame = 0;
    this.timer = 0;
    this.signalAt = 0; // performance.now() of the last sample that was a number
    this.samplesDrawn = 0;
    this.blank = true;
    this.lastMs = NaN; // sample time of the last sample looked at
    this.lastX = 0;
    this.lastY = NaN; // NaN: the pen is up
    this.low = NaN;
    this.high = NaN;
    this.seenLow = Infinity; // of a kind without a range, since the range was last set
    this.seenHigh = -Infinity;
    this.seenMs = 0;
    /** @type {ChannelWave[]} */
    this.measuring = []; // waiting for the first range
    this.sizes = new ResizeObserver(() => this.#fit());
  }

  get say() {
    return this.#say;
  }

  set say(say) {
    this.#say = say;
    if (this.isConnected) this.#write(); // in the new words at once
  }

  get kind() {
    return this.getAttribute("kind") ?? "";
  }

  set kind(kind) {
    this.setAttribute("kind", kind);
    if (this.isConnected) this.#dress();
  }

  connectedCallback() {
    this.#dress();
    this.sizes.observe(this);
    this.timer = window.setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  disconnectedCallback() {
    window.clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.sizes.disconnect();
  }

  /** Take some samples; they are drawn with the next animation frame. @param {ChannelWave} wave */
  push(wave) {
    if (!this.isConnected || wave.samples.length === 0) return;
    if (this.pending.length < 250) this.pending.push(wave); // ten seconds: a hidden page draws nothing
    if (wave.samples.some((sample) => !Number.isNaN(sample))) this.#signal();
    this.frame ||= requestAnimationFrame(() => this.#draw());
  }

  #signal() {
    this.signalAt = performance.now();
    if (this.blank) {
      this.blank = false;
      this.words.textContent = "";
      this.#lift();
    }
  }

  /** Begin anew: nothing drawn, pen up, scale unknown. */
  #lift() {
    [this.lastMs, this.lastX, this.lastY] = [NaN, 0, NaN];
    [this.low, this.high] = [NaN, NaN];
    [this.seenLow, this.seenHigh, this.seenMs] = [Infinity, -Infinity, 0];
    this.measuring = [];
  }

  #draw() {
    this.frame = 0;
    const waves = this.pending;
    this.pending = [];
    if (!this.context || this.blank || !this.canvas.width) return;
    this.context.strokeStyle = this.#looks().colour;
    this.context.lineWidth = Math.max(1, 1.6 * devicePixelRatio);
    this.context.lineJoin = "round";
    for (const wave of waves) {
      this.measuring.push(wave);
      if (!this.#scaled(wave)) continue; // drawn before the next one is scaled: where a sweep begins depends on the pen
      for (const measured of this.measuring) this.#drawWave(this.context, measured);
      this.measuring = [];
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ChannelWave} wave
   */
  #drawWave(context, wave) {
    const stepMs = 1000 / wave.rateHz;
    if (wave.startMs < this.lastMs - stepMs) return; // came too late: its place is behind the pen
    const gapMs = wave.startMs - this.lastMs;
    if (!(gapMs < 2.5 * stepMs + 1)) this.#skip(context, wave.startMs);
    this.#clearAhead(context, wave.startMs + wave.samples.length * stepMs);
    context.beginPath();
    for (let n = 0; n < wave.samples.length; n++) this.#penTo(context, wave.startMs + n * stepMs, wave.samples[n]);
    context.stroke();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} ms
   * @param {number} sample
   */
  #penTo(context, ms, sample) {
    const [x, y] = [this.#x(ms), this.#y(sample)];
    if (!Number.isNaN(y)) {
      const down = !Number.isNaN(this.lastY) && x >= this.lastX;
      if (down) {
        context.moveTo(this.lastX, this.lastY);
        context.lineTo(x, y);
      }
      this.samplesDrawn += 1;
    }
    [this.lastMs, this.lastX, this.lastY] = [ms, x, y];
  }

  /**
   * A gap: lift the pen and leave its stretch blank.
   * @param {CanvasRenderingContext2D} context
   * @param {number} toMs
   */
  #skip(context, toMs) {
    if (Number.isNaN(this.lastMs) || toMs - this.lastMs >= this.seconds * 1000) {
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.lastX = this.#x(toMs);
    } else {
      this.#clearAhead(context, toMs);
    }
    this.lastY = NaN;
  }

  /**
   * Erase from the pen to the place of `toMs` and the bar ahead of it.
   * @param {CanvasRenderingContext2D} context
   * @param {number} toMs
   */
  #clearAhead(context, toMs) {
    const { width, height } = this.canvas;
    const end = this.#x(toMs) + ERASE_SHARE * width;
    const from = this.lastX + context.lineWidth;
    if (end - ERASE_SHARE * width < this.lastX) {
      context.clearRect(from, 0, width, height);
      context.clearRect(0, 0, end, height);
    } else {
      context.clearRect(from, 0, end - from, height);
      if (end > width) context.clearRect(0, 0, end - width, height);
    }
  }

  /**
   * The range of the drawing: given, the kind's own, or measured. A measured one changes only where a sweep begins, so
   * that one sweep has one scale. False while a first second is still being measured.
   * @param {ChannelWave} wave
   */
  #scaled(wave) {
    const range = this.range ?? this.#looks().range;
    if (range) {
      [this.low, this.high] = range;
      return true;
    }
    for (const sample of wave.samples) {
      if (sample < this.seenLow) this.seenLow = sample;
      if (sample > this.seenHigh) this.seenHigh = sample;
    }
    this.seenMs += (wave.samples.length * 1000) / wave.rateHz;
    const due = this.seenMs >= MEASURE_MS && (Number.isNaN(this.low) || this.#wraps(wave));
    if (due && this.seenHigh >= this.seenLow) {
      [this.low, this.high] = [this.seenLow, this.seenHigh];
      [this.seenLow, this.seenHigh, this.seenMs] = [Infinity, -Infinity, 0];
    }
    return !Number.isNaN(this.low);
  }

  /** Does the pen come round to the left edge with this wave? @param {ChannelWave} wave */
  #wraps(wave) {
    return wave.startMs > this.lastMs && this.#x(wave.startMs) < this.lastX;
  }

  /** @param {number} ms */
  #x(ms) {
    return ((ms / 1000 / this.seconds) % 1) * this.canvas.width;
  }

  /** @param {number} sample */
  #y(sample) {
    const span = this.high - this.low;
    const share = span > 0 ? (sample - this.low) / span : 0.5 + 0 * sample;
    return this.canvas.height * (0.92 - 0.84 * Math.min(1.08, Math.max(-0.08, share)));
  }

  #looks() {
    return LOOKS.find((look) => look.test.test(this.kind)) ?? { colour: "#e8eef4", range: null };
  }

  #dress() {
    this.style.setProperty("--wave-colour", this.#looks().colour);
    this.#write();
  }

  /** Blank with words when the signal has stopped. */
  #look() {
    if (!this.blank && performance.now() - this.signalAt > STALE_MS) {
      this.blank = true;
      this.pending = [];
      this.context?.clearRect(0, 0, this.canvas.width, this.canvas.height);
    }
    this.#write();
  }

  #write() {
    this.label.textContent = this.kind ? this.say(`media.wave.${this.kind}`) : "";
    this.toggleAttribute("blank", this.blank);
    if (!this.blank) return;
    const age = Math.floor((performance.now() - this.signalAt) / 1000);
    const words = this.signalAt ? this.say("media.waves.since", { age_s: age }) : this.say("media.waves.no_signal");
    if (this.words.textContent !== words) this.words.textContent = words;
  }

  /** Match the canvas to its place on the screen; what was drawn is gone, so the pen starts anew. */
  #fit() {
    const [width, height] = [this.clientWidth, this.clientHeight].map((px) => Math.round(px * devicePixelRatio));
    if (width === this.canvas.width && height === this.canvas.height) return;
    [this.canvas.width, this.canvas.height] = [width, height];
    this.#lift();
  }
}

if (!customElements.get("sweep-wave")) customElements.define("sweep-wave", SweepWave);
