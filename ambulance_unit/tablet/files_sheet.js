// @ts-check
// Hand in a picture or a file for a casualty: what it is, then take or choose it; and what became of those handed in.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call } from '/casebook/access.js';
import { clockText } from '/casebook/age.js';
import { isWord, say } from '/casebook/words.js';
import { busy, closeSheet, trouble } from './doing.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('./view_types.js').WaitingFile} WaitingFile */

const KINDS = ['photo', 'strip_12lead', 'ultrasound', 'clip']; // media/file_types.py
const ACCEPTED = 'image/jpeg,image/png,image/webp,application/pdf,video/mp4,video/webm';

/** @param {{view: TabletView, with: {casualty: string}}} props */
export function FilesSheet({ view, with: { casualty } }) {
  const [kind, choose] = useState(KINDS[0]);
  const label = view.casualties?.[casualty]?.label ?? '';
  const waiting = (view.files ?? []).filter((one) => one.casualty === casualty);
  const received = Object.entries(view.casualties?.[casualty]?.files ?? {}).sort(([, a], [, b]) => (a.at < b.at ? 1 : -1));
  return html`<div class="head"><button onClick=${closeSheet}>${say('unit.files.back')}</button><h2>${say('unit.sheet.files')} <b>${label}</b></h2>
      <label class="go pick">${say(busy.value ? 'unit.files.keeping' : 'unit.files.choose')}<input class="unseen" type="file" accept=${ACCEPTED} disabled=${busy.value}
        onChange=${(/** @type {any} */ event) => { void handIn(event.target.files[0], casualty, kind); event.target.value = ''; }} /></label></div>
    <div class="choices" role="group" aria-label=${say('unit.sheet.files')}>${KINDS.map((one) => html`<button key=${one} data-kind=${one} aria-pressed=${one === kind} class=${one === kind ? 'here' : ''} onClick=${() => choose(one)}>${say(`media.file.kind.${one}`)}</button>`)}</div>
    <ul class="handed-in">${waiting.map((one) => html`<li key=${one.taken_at} class=${one.state}><b>${say(`media.file.kind.${one.kind}`)}</b> ${clockText(one.taken_at)} <span role="status">${stateText(one)}</span></li>`)}
      ${received.map(([sha256, one]) => html`<li key=${sha256} class="received"><b>${say(`media.file.kind.${one.kind}`)}</b> ${clockText(one.taken_at)} <span>${say('unit.files.received', { clock: clockText(one.at) })}</span></li>`)}
      ${waiting.length + received.length === 0 && html`<li>${say('unit.files.none')}</li>`}</ul>`;
}

/** @param {WaitingFile} one */
function stateText(one) {
  const why = one.why && isWord(`error.${one.why}`) ? say(`error.${one.why}`) : one.why ?? '';
  if (one.state === 'refused') return say('unit.files.refused', { why });
  if (one.state === 'sending') return say('unit.files.sending', { pct: Math.floor((100 * one.sent) / one.bytes) });
  return why ? say('unit.files.later', { why }) : say('unit.files.waiting');
}

/** Give it to the vehicle, which keeps it and sends it. @param {File | undefined} file @param {string} casualty @param {string} kind */
async function handIn(file, casualty, kind) {
  if (!file || busy.value) return;
  busy.value = true;
  trouble.value = null;
  try {
    await call(`/api/v1/files?casualty=${encodeURIComponent(casualty)}&kind=${kind}`, { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } });
  } catch (wrong) {
    trouble.value = wrong;
  } finally {
    busy.value = false;
  }
}
