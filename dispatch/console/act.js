// @ts-check
// Ask the desk; what is refused is shown in words until the next ask or a while.
import { html } from 'htm/preact';
import { signal } from '@preact/signals';
import { ask } from '/casebook/access.js';
import { refusalOf } from '/casebook/words.js';

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
