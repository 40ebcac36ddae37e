// @ts-check
// Keep a recording beyond its time, or let it go when its time comes: always with a reason, and by whom it was said.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { clockText } from './age.js';
import { say } from './words.js';

/** @typedef {{held: boolean, hold?: {author: string, reason: string, at: string}, deleted_at?: string}} Kept */
/** @typedef {(name: string, command: Record<string, unknown>) => Promise<boolean>} Act */

const REASON_MAX = 200; // hospital_board/consult_recording.py

/**
 * What was said last, and a button to say otherwise. Nothing where the files are gone.
 * @param {{name: string, one: Kept, whose: {hospital: string, casualty: string}, act: Act, calledIn?: (who: string) => string, brief?: boolean}} props `brief`: little room, by whom and when only as a hint
 */
export function HoldBox({ name, one, whose, act, calledIn = (who) => who, brief = false }) {
  const [open, setOpen] = useState(false);
  const [reason, write] = useState('');
  if (one.deleted_at) return null;
  const word = one.held ? 'release' : 'hold';
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await act('hold_recording', { ...whose, recording: name, held: !one.held, reason })) {
      setOpen(false);
      write('');
    }
  };
  if (open) {
    return html`<form class="hold" onSubmit=${send}>
      <input required maxlength=${REASON_MAX} value=${reason} aria-label=${say(`media.recording.${word}_why`)} placeholder=${say(`media.recording.${word}_why`)} onInput=${(/** @type {any} */ event) => write(event.target.value)} />
      <button disabled=${!reason.trim()}>${say(`media.recording.${word}`)}</button>
      <button type="button" onClick=${() => setOpen(false)}>${say('media.recording.cancel')}</button></form>`;
  }
  const state = one.held ? 'held' : 'released';
  const facts = one.hold && { author: calledIn(one.hold.author), clock: clockText(one.hold.at), reason: one.hold.reason };
  const whole = facts ? say(`media.recording.${state}`, facts) : '';
  return html`<span class="hold"><button onClick=${() => setOpen(true)}>${say(`media.recording.${word}`)}</button>${facts && html` <span class=${state} title=${whole}>${brief ? say(`media.recording.${state}_brief`, facts) : whole}</span>`}</span>`;
}
