// @ts-check
// The picture is recorded, and somebody aboard does not want it any more: who says so, and one touch ends it.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { isRecorded } from '/casebook/recording_sign.js';
import { say } from '/casebook/words.js';
import { inBoth, loadBoth } from './both_languages.js';
import { busy, closeSheet, sheet, tap } from './doing.js';
import { Choice } from './find_sheet.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('/casebook/recording_sign.js').Recording} Recording */

const WHY = ['patient', 'family', 'scene'];

/** What runs on this vehicle, else what of it was recorded last. @param {TabletView} view @returns {Recording | undefined} */
export function recordingOf(view) {
  const told = Object.values(view.casualties ?? {}).flatMap((one) => one.recording ?? []);
  return told.find(isRecorded) ?? told.sort((a, b) => ((a.at ?? '') < (b.at ?? '') ? 1 : -1))[0];
}

/** While it runs and nobody has ended it yet. @param {{view: TabletView}} props */
export function EndRecording({ view }) {
  const running = recordingOf(view);
  if (!running?.on || running.ending) return null;
  return html`<button class="end-recording" onClick=${() => { sheet.value = { name: 'recording', with: {} }; }}>${say('unit.do.stop_recording')}</button>`;
}

/** @param {{view: TabletView}} props */
export function RecordingSheet({ view }) {
  loadBoth();
  const [why, because] = useState(/** @type {string | undefined} */ (undefined));
  const [typed, type] = useState('');
  const running = recordingOf(view);
  const reason = typed.trim() || (why ? inBoth(`unit.why_not_recorded.${why}`) : '');
  const send = async () => { if (await tap('stop_recording', { recording: running?.name ?? '', reason })) closeSheet(); };
  return html`<div class="head"><button onClick=${closeSheet}>${say('unit.back')}</button><h2>${say('unit.do.stop_recording')}</h2>
      <button class="go" disabled=${busy.value || !reason || !running?.on} onClick=${send}>${say('unit.end_it')}</button></div>
    <p>${say('unit.recording_rights')}</p>
    <${Choice} name="why_not_recorded" all=${WHY} chosen=${why} choose=${because} text=${(/** @type {string} */ word) => say(`unit.why_not_recorded.${word}`)} />
    <input value=${typed} aria-label=${say('unit.in_words')} placeholder=${say('unit.in_words')} maxlength="200" onInput=${(/** @type {any} */ event) => type(event.target.value)} />`;
}
