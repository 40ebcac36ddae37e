// @ts-check
// A tap becomes a fact on the vehicle at once, or a refusal that stays on the screen until it was read.
import { signal } from '@preact/signals';
import { ask } from '/casebook/access.js';
import { refusalOf } from '/casebook/words.js';

/** Something is being recorded; the same button may not be hit twice. */
export const busy = signal(false);
/** What was refused last. @type {import('@preact/signals').Signal<any>} */
export const trouble = signal(null);
/** The open sheet. @type {import('@preact/signals').Signal<{name: 'find' | 'triage' | 'findings' | 'handover' | 'steps' | 'divert' | 'wish' | 'files' | 'recording', with: Record<string, any>} | null>} */
export const sheet = signal(null);

/**
 * Ask the vehicle; true when it was recorded.
 * @param {string} name @param {object} [command] @returns {Promise<boolean>}
 */
export async function tap(name, command = {}) {
  if (busy.value) return false;
  busy.value = true;
  trouble.value = null;
  try {
    await ask(name, command);
    return true;
  } catch (wrong) {
    trouble.value = wrong;
    return false;
  } finally {
    busy.value = false;
  }
}

export function closeSheet() {
  sheet.value = null;
  trouble.value = null;
}

export function closeTrouble() {
  trouble.value = null;
}

/** @param {string} _language so that a switch of the language redraws it */
export const troubleText = (_language) => refusalOf(trouble.value);
