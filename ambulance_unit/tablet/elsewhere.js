// @ts-check
// What became of going elsewhere, above every page until it was read; and of the hospital that was wished for.
import { html } from 'htm/preact';
import { signal } from '@preact/signals';
import { clockText } from '/casebook/age.js';
import { isWord, say } from '/casebook/words.js';
import { sheet } from './doing.js';
import { hospitalName, minutes } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('./view_types.js').Casualty} Casualty */

/** Answers that were read, by casualty and instant. @type {import('@preact/signals').Signal<string[]>} */
const read = signal([]);

/** @param {{view: TabletView}} props */
export function DiversionBanner({ view }) {
  return Object.values(view.casualties ?? {}).map((one) => html`<${Diversion} key=${one.id} view=${view} one=${one} />`);
}

/** @param {{view: TabletView, one: Casualty}} props */
function Diversion({ view, one }) {
  const said = one.diversion;
  const key = `${one.id} ${said?.at} ${said?.state}`;
  if (!said || read.value.includes(key)) return null;
  const hospital = hospitalName(view, said.hospital);
  const answered = said.state === 'followed' || said.state === 'failed';
  const more = said.state === 'followed' ? bayText(one) : said.state === 'failed' ? `${whyText(said.why)} ${say('unit.diversion.stays', { hospital: hospitalName(view, one.destination?.hospital) || '--' })}` : `${say('unit.diversion.reason')} ${said.reason}`;
  return html`<div class="banner ${said.state === 'failed' ? 'blocked' : answered ? 'route' : ''}" role=${answered ? 'alert' : 'status'}>
    <p><b>${one.label} · ${say(`unit.diversion.${said.state}`, { hospital })}</b> <span class="quiet">${clockText(said.answered_at ?? said.at)}</span><br />${more}</p>
    ${answered && html`<button onClick=${() => { read.value = [...read.value, key]; }}>${say('unit.understood')}</button>`}</div>`;
}

/** @param {Casualty} one */
const bayText = (one) => (one.bay ? `${say('unit.bay')} ${one.bay}` : one.hold ? `${say('unit.bay')} ${one.hold.slot}` : say('unit.diversion.no_bay'));

/** @param {string | undefined} why */
const whyText = (why) => say(isWord(`unit.diversion.why.${why}`) ? `unit.diversion.why.${why}` : 'unit.diversion.why.other');

/** The wish and what the desk said to it, and the two ways to name another hospital. @param {{one: Casualty, view: TabletView}} props */
export function Elsewhere({ one, view }) {
  const carried = view.unit?.aboard?.includes(one.id);
  const open = (/** @type {'divert' | 'wish'} */ name) => () => { sheet.value = { name, with: { casualty: one.id } }; };
  return html`${one.wish && html`<p class="in-short"><b>${say('unit.wish')}</b> ${hospitalName(view, one.wish)} · ${wishText(one.wish_answer)}</p>`}
    <div class="actions elsewhere"><button onClick=${open('wish')}>${say('unit.do.wish')}</button>
      ${carried && html`<button class="grave" onClick=${open('divert')}>${say('unit.do.divert')}</button>`}</div>`;
}

/** @param {Casualty['wish_answer']} told */
function wishText(told) {
  if (!told) return say('unit.wish.unanswered');
  const cost = told.cost_s === undefined ? '' : ` (${say('unit.wish.cost', { minutes: minutes(told.cost_s) })})`;
  return `${say(`unit.wish.${told.answer}`)}${cost}`;
}
