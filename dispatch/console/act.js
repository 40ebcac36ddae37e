// @ts-check
// Ask the desk; what is refused is shown in words until the next ask or a while.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { ask } from '/casebook/access.js';
import { refusalOf, say } from '/casebook/words.js';

const SHOWN_MS = 15000;

/** The last refusal. */
export const refusal = signal(/** @type {any} */ (null));
/** Asks on their way, so that a button is not pressed twice. */
export const asking = signal(0);

/** The answer, or null when refused. @param {string} name @param {Record<string, unknown>} command @returns {Promise<any>} */
export async function act(name, command) {
  refusal.value = null;
  asking.value += 1;
  try {
    return await ask(name, command);
  } catch (wrong) {
    refusal.value = wrong;
    setTimeout(() => { if (refusal.value === wrong) refusal.value = null; }, SHOWN_MS);
    return null;
  } finally {
    asking.value -= 1;
  }
}

export const Refused = () =>
  refusal.value ? html`<p class="refused" role="alert" onClick=${() => { refusal.value = null; }}>${refusalOf(refusal.value)}</p>` : null;

/**
 * A line to write why, and a button that sends it; nothing is sent without words.
 * @param {{label: string, send: (reason: string) => void, cancel?: () => void, limit?: number}} props
 */
export function WithReason({ label, send, cancel, limit = 200 }) {
  const [reason, write] = useState('');
  const submit = (/** @type {Event} */ event) => { event.preventDefault(); if (reason.trim()) send(reason.trim()); };
  const escape = (/** @type {KeyboardEvent} */ event) => { if (event.key === 'Escape') cancel?.(); };
  return html`<form class="override" onSubmit=${submit} onKeyDown=${escape}>
    <label>${say('dispatch.reason_needed')}<input required maxlength=${limit} value=${reason} ref=${focusOnce}
      onInput=${(/** @type {any} */ event) => write(event.target.value)} /></label>
    <button class="small" disabled=${!reason.trim() || asking.value > 0}>${label}</button>
    ${cancel && html`<button class="small" type="button" onClick=${cancel}>${say('dispatch.cancel')}</button>`}
  </form>`;
}

/** Put the cursor where a field or button appears. @param {HTMLElement | null} box */
export const focusOnce = (box) => box?.focus();
