// @ts-check
/**
 * <voice-panel>: talk with everybody who is on about one vehicle's patient. Who is on, with microphone and voice; join,
 * talk while pressed, leave the microphone open or mute it, leave. What does not work stands there in words.
 *
 * Properties in: `unit`, `token` (or `ask`), `say(key, facts)`, `nameOf(party)` (else the role's word).
 * Readable: `voice` (the VoiceLink). Sizes come from the screen: `font-size`, `--voice-touch` (height of a button).
 */

import { VoiceLink } from "./voice_link.js";

const STYLE = `
  :host { display: flex; flex-wrap: wrap; align-items: center; gap: .3em .5em; min-width: 0; line-height: 1.15; }
  ul { list-style: none; display: flex; flex-wrap: wrap; gap: .2em .6em; margin: 0; padding: 0; min-width: 0; }
  li { display: inline-flex; align-items: center; gap: .3em; white-space: nowrap; color: var(--quiet, #a9b4be); }
  li.talking { color: var(--text, #e8ecef); font-weight: 700; }
  li svg { width: 1.1em; height: 1.1em; flex: none; fill: none; stroke: currentColor; stroke-width: 2; }
  li.talking svg { fill: currentColor; } li.lost { color: var(--late, #e0b13c); text-decoration: line-through; }
  p { margin: 0; color: var(--quiet, #a9b4be); } p.trouble { color: var(--late, #e0b13c); font-weight: 650; }
  p:empty, ul:empty, button[hidden] { display: none; }
  .buttons { display: flex; flex-wrap: wrap; gap: .3em; margin-left: auto; }
  button { font: inherit; color: var(--text, #e8ecef); background: var(--button, #2b3640); border: 2px solid var(--line, #36404a);
           border-radius: 8px; padding: .1em .6em; min-height: var(--voice-touch, 2.2em); cursor: pointer; touch-action: none; }
  button:focus-visible { outline: 3px solid var(--accent, #8ec5ff); outline-offset: 2px; }
  button.sends { background: #0b5cad; border-color: #8ec5ff; color: #fff; font-weight: 700; }
`;
/** A microphone: open, crossed out, or an ear for who only hears. @type {Record<string, string>} */
const MARKS = {
  through: '<path d="M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3"/>',
  closed: '<path d="M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3M3 3l18 18"/>',
  none: '<path d="M7 10a5 5 0 0 1 10 0c0 4-4 4-4 8a3 3 0 0 1-5 2"/>',
};

/** @typedef {import("./voice_link.js").Party} Party */

/** Conversations of this page by vehicle: they outlive a panel that a screen takes away. @type {Map<string, VoiceLink>} */
const going = new Map();

export class VoicePanel extends HTMLElement {
  /** @type {import("./video_tile.js").Say} */
  #say = (key) => key;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.list = document.createElement("ul");
    this.words = document.createElement("p");
    this.words.setAttribute("role", "status");
    this.buttons = document.createElement("div");
    this.buttons.className = "buttons";
    this.talk = this.#button("talk", () => {});
    this.open = this.#button("open", () => this.voice?.use(this.voice.mode === "open" ? "press" : "open"));
    this.mute = this.#button("mute", () => this.voice?.use(this.voice.mode === "muted" ? "press" : "muted"));
    this.join = this.#button("join", () => void this.voice?.join());
    this.leave = this.#button("leave", () => this.voice?.leave());
    this.hear = this.#button("hear", () => this.voice?.unblock());
    root.append(style, this.list, this.words, this.buttons);
    this.#hold(this.talk);
    this.token = "";
    /** @type {import("./link.js").Ask | undefined} */
    this.ask = undefined;
    /** @type {((party: Party) => string) | null} */
    this.nameOf = null;
    /** @type {VoiceLink | null} */
    this.voice = null;
    this.heard = () => this.#write();
    this.spoken = new MutationObserver(() => this.#write()); // the page speaks another language now
  }

  get say() {
    return this.#say;
  }

  set say(say) {
    this.#say = say;
    this.#write();
  }

  get unit() {
    return this.getAttribute("unit") ?? "";
  }

  set unit(unit) {
    if (unit === this.unit) return;
    this.setAttribute("unit", unit);
    if (this.isConnected) this.#restart();
  }

  connectedCallback() {
    this.spoken.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
    this.#restart();
  }

  disconnectedCallback() {
    this.spoken.disconnect();
    this.#let();
  }

  #restart() {
    this.#let();
    if (this.unit) {
      const voice = going.get(this.unit) ?? new VoiceLink({ unit: this.unit, token: this.token, ask: this.ask });
      if (!going.has(this.unit)) voice.start();
      going.set(this.unit, voice);
      voice.addEventListener("change", this.heard);
      this.voice = voice;
    }
    this.#write();
  }

  /** Out of sight: who takes part goes on hearing, but the microphone is closed; nobody speaks without seeing it. */
  #let() {
    const { voice } = this;
    this.voice = null;
    if (!voice) return;
    voice.removeEventListener("change", this.heard);
    voice.press(false);
    if (voice.mode === "open") voice.use("press");
    if (voice.state !== "off") return;
    voice.stop();
    going.delete(voice.unit);
  }

  /**
   * @param {string} name
   * @param {() => void} does
   */
  #button(name, does) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = name;
    button.part.add("button", name);
    button.addEventListener("click", (event) => {
      event.stopPropagation(); // a touch here is not a touch on the card around it
      does();
    });
    this.buttons.append(button);
    return button;
  }

  /** Talk while the button is down, by finger, mouse or key; whatever takes it away ends it. @param {HTMLButtonElement} button */
  #hold(button) {
    const down = () => this.voice?.press(true);
    const up = () => this.voice?.press(false);
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      down();
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(end, up);
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
    button.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && (event.preventDefault(), down()));
    button.addEventListener("keyup", (event) => [" ", "Enter"].includes(event.key) && (event.preventDefault(), up()));
  }

  #write() {
    const { voice } = this;
    if (!voice) {
      this.list.replaceChildren();
      this.words.textContent = "";
      for (const button of this.buttons.children) /** @type {HTMLElement} */ (button).hidden = true;
      return;
    }
    this.#writeList(voice);
    this.#writeWords(voice);
    this.#writeButtons(voice);
    this.setAttribute("state", voice.state);
    this.setAttribute("mic", voice.mic);
  }

  /** @param {VoiceLink} voice */
  #writeList(voice) {
    const shown = voice.parties.map((party) => {
      const name = party.id === voice.you ? this.say("media.voice.you") : (this.nameOf?.(party) ?? this.say(`media.voice.role.${party.role}`));
      const item = document.createElement("li");
      const state = party.state === "lost" ? "lost" : party.talking ? "talking" : party.mic;
      item.className = state;
      item.dataset.who = party.who;
      item.title = `${name}: ${this.say(`media.voice.party.${state}`)}`;
      item.setAttribute("aria-label", item.title);
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      mark.setAttribute("viewBox", "0 0 24 24");
      mark.innerHTML = party.mic === "none" ? MARKS.none : party.mic === "muted" ? MARKS.closed : MARKS.through;
      item.append(mark, name);
      return item;
    });
    if (shown.map((one) => one.outerHTML).join() !== [...this.list.children].map((one) => one.outerHTML).join()) this.list.replaceChildren(...shown);
  }

  /** What is wrong first; then the plain state. @param {VoiceLink} voice */
  #writeWords(voice) {
    const without = voice.state === "on" ? voice.microphone.why : "";
    const key = voice.blocked ? "blocked" : without ? `mic.${without}` : voice.state === "on" ? "" : voice.state === "off" && voice.unknown ? "unknown"
      : voice.state === "off" && voice.parties.length === 0 ? "nobody" : voice.state === "off" ? "" : voice.state;
    const text = key ? this.say(`media.voice.${key}`) : "";
    if (text !== this.words.textContent) this.words.textContent = text;
    this.words.className = ["lost", "refused", "blocked", "unknown"].includes(key) || without ? "trouble" : "";
  }

  /** @param {VoiceLink} voice */
  #writeButtons(voice) {
    const [takesPart, speaks] = [voice.state !== "off", voice.state === "on" && voice.mic !== "none"];
    this.join.hidden = takesPart;
    this.leave.hidden = !takesPart;
    this.hear.hidden = !voice.blocked;
    this.talk.hidden = !speaks || voice.mode !== "press";
    this.open.hidden = !speaks;
    this.mute.hidden = !speaks;
    for (const button of [this.join, this.leave, this.hear, this.talk, this.open, this.mute]) this.#name(button, button.className.split(" ")[0]);
    this.talk.classList.toggle("sends", voice.mic === "held");
    this.open.classList.toggle("sends", voice.mic === "open");
    this.mute.classList.toggle("sends", voice.mic === "muted");
    for (const [button, on] of /** @type {[HTMLElement, boolean][]} */ ([[this.talk, voice.pressed], [this.open, voice.mode === "open"], [this.mute, voice.mode === "muted"]]))
      button.setAttribute("aria-pressed", String(on));
  }

  /**
   * @param {HTMLElement} button
   * @param {string} word
   */
  #name(button, word) {
    const text = this.say(`media.voice.do.${word}`);
    if (button.textContent !== text) button.textContent = text;
  }
}

if (!customElements.get("voice-panel")) customElements.define("voice-panel", VoicePanel);
