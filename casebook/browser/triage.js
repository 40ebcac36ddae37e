// @ts-check
// The triage mark: colour, roman numeral, shape and word together, so that no one depends on colour.
import { html } from 'htm/preact';
import { say } from './words.js';

/** @type {Record<string, {numeral: string, shape: string}>} */
const MARKS = {
  red: { numeral: 'I', shape: 'M4 4h24v24H4z' }, // square
  yellow: { numeral: 'II', shape: 'M16 2 30 29H2z' }, // triangle
  green: { numeral: 'III', shape: 'M16 2a14 14 0 1 0 .01 0z' }, // circle
  grey: { numeral: 'IV', shape: 'M16 2 30 16 16 30 2 16z' }, // diamond
  black: { numeral: '0', shape: 'M10 2h12l8 8v12l-8 8H10l-8-8V10z' }, // octagon
};

/**
 * @param {{category: string | undefined, words?: boolean}} props `words` false leaves the word to the title only
 */
export function TriageMark({ category, words = true }) {
  const mark = category ? MARKS[category] : undefined;
  const word = say(`triage.${mark ? category : 'none'}`);
  return html`<span class="triage ${mark ? category : 'none'}" title=${word}>
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <path d=${mark?.shape ?? 'M4 4h24v24H4z'} />
      <text x="16" y=${category === 'yellow' ? 25 : 22} text-anchor="middle">${mark?.numeral ?? '?'}</text>
    </svg>
    <span class=${words ? 'word' : 'unseen'}>${word}</span>
  </span>`;
}
