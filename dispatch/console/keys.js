// @ts-check
// The keyboard: one letter per thing to do, never while somebody types.
import { html } from 'htm/preact';
import { say } from '/casebook/words.js';
import { dialog } from './chosen.js';

/** What each key does, for the help; the doing is console.js. */
export const KEYS = /** @type {const} */ ([
  ['1-9', 'dispatch.key.pick'],
  ['Y', 'dispatch.key.yes'],
  ['O', 'dispatch.key.other'],
  ['K', 'dispatch.key.keep'],
  ['R', 'dispatch.key.again'],
  ['W', 'dispatch.key.whatif'],
  ['H', 'dispatch.key.region'],
  ['M', 'dispatch.key.board'],
  ['N', 'dispatch.key.call'],
  ['A', 'dispatch.key.assign'],
  ['T', 'dispatch.key.task'],
  ['C', 'dispatch.key.road'],
  ['D', 'dispatch.key.draw'],
  ['F', 'dispatch.key.fit'],
  ['Esc', 'dispatch.key.close'],
]);

/** A key's cap beside the button that it presses. @param {{k: string | number}} props */
export const Key = ({ k }) => html`<kbd aria-hidden="true">${k}</kbd>`;

/**
 * Hear single keys anywhere on the page but in fields and dialogs. `press` answers whether the key meant something.
 * @param {(key: string) => boolean} press
 */
export function hearKeys(press) {
  document.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const elsewhere = target.closest('input, textarea, select, dialog') || document.querySelector('dialog[open]'); // whose Escape it is
    if (event.ctrlKey || event.metaKey || event.altKey || elsewhere) return;
    if (press(event.key.length === 1 ? event.key.toUpperCase() : event.key)) event.preventDefault();
  });
}

export const KeyHelp = () => html`<table class="keys"><tbody>${KEYS.map(([key, word]) => html`<tr key=${key}><th><${Key} k=${key} /></th><td>${say(word)}</td></tr>`)}</tbody></table>
  <button autofocus onClick=${() => { dialog.value = null; }}>${say('dispatch.close')}</button>`;
