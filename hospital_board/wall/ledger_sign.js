// @ts-check
// Whether every sample of this patient is in the record: complete as far as the vehicle has counted, or how many are not.
import { html } from 'htm/preact';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';

/** @typedef {import('./view_types.js').Case} Case */

const MARKS = { complete: '✓', waiting: '↻', lost: '✕', counting: '‖' };

/** Nothing while nobody has counted and nothing is missed. @param {{c: Case}} props */
export function LedgerSign({ c }) {
  const told = c.ledger;
  if (!told || (told.state === 'counting' && !told.pauses_s)) return null;
  return html`<p class="ledger ${told.state}" data-ledger=${told.state}><span aria-hidden="true">${MARKS[told.state]}</span> ${wordsOf(told)}</p>`;
}

/** @param {NonNullable<Case['ledger']>} told */
function wordsOf(told) {
  if (told.state === 'lost') return say('hospital.ledger.lost', { n: told.lost });
  if (told.state === 'waiting') return say('hospital.ledger.waiting', { n: told.waiting });
  if (told.state === 'counting') return say('hospital.ledger.pauses', { n: told.pauses_s });
  return say('hospital.ledger.complete', { clock: clockText(told.until ?? '') });
}
