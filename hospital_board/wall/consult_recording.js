// @ts-check
// Begin and end the recording of the picture, with the reason and what is known of consent; and what was kept of this case.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { token } from '/casebook/access.js';
import { clockText, spanText } from '/casebook/age.js';
import { HoldBox } from '/casebook/recording_hold.js';
import { say } from '/casebook/words.js';
import { act } from './actions.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {{hospital: string, casualty: string}} Whose */

const CONSENTS = ['given', 'unable'];
const REASON_MAX = 200; // hospital_board/consult_recording.py

/** @param {{c: Case, whose: Whose}} props */
export function RecordBox({ c, whose }) {
  const [open, setOpen] = useState(false);
  if (c.recording?.on) {
    return html`<button class="record" onClick=${() => act('stop_recording', whose)}>${say('media.recording.stop')}</button>`;
  }
  if (!open) {
    return html`<button class="record" disabled=${!c.streams.video} onClick=${() => setOpen(true)}>${say('media.recording.start')}</button>`;
  }
  return html`<${RecordForm} whose=${whose} close=${() => setOpen(false)} />`;
}

/** @param {{whose: Whose, close: () => void}} props */
function RecordForm({ whose, close }) {
  const [reason, write] = useState('');
  const [consent, choose] = useState('');
  const [voice, hear] = useState(false);
  const begin = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (await act('start_recording', { ...whose, reason, consent, voice })) close();
  };
  return html`<form class="record" onSubmit=${begin}>
    <input required maxlength=${REASON_MAX} value=${reason} aria-label=${say('media.recording.reason')} placeholder=${say('media.recording.reason')} onInput=${(/** @type {any} */ event) => write(event.target.value)} />
    <span role="group" aria-label=${say('media.recording.consent')}>${CONSENTS.map((one) => html`<button type="button" key=${one} data-consent=${one} aria-pressed=${consent === one} onClick=${() => choose(one)}>${say(`media.recording.consent.${one}`)}</button>`)}</span>
    <button type="button" aria-pressed=${voice} onClick=${() => hear(!voice)}>${say('media.recording.voice')}</button>
    <button disabled=${!reason.trim() || !consent}>${say('media.recording.start')}</button>
    <button type="button" onClick=${close}>${say('media.recording.cancel')}</button>
  </form>`;
}

/**
 * What was recorded of this case and can be watched, each in a page of its own; and whether it is kept beyond its time.
 * @param {{c: Case, whose: Whose, calledIn: (who: string) => string}} props
 */
export function Recordings({ c, whose, calledIn }) {
  const kept = Object.entries(c.recordings ?? {}).filter(([, one]) => one.until && one.files.length > 0 && !one.deleted_at);
  if (kept.length === 0) return null;
  return html`<ul class="recordings">${kept.map(([name, one]) => html`<li key=${name}><a href=${`/replay?recording=${encodeURIComponent(name)}#${encodeURIComponent(token())}`} target="_blank" rel="noreferrer">
    ${say('media.recording.replay', { name })} ${clockText(one.at)} ${spanText(one.ms / 1000)}</a> <${HoldBox} name=${name} one=${one} whose=${whose} act=${act} calledIn=${calledIn} brief=${true} /></li>`)}</ul>`;
}
