// @ts-check
// Triage in few taps: one question after the other, as the method's own table asks them; or a category by hand.
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '/casebook/access.js';
import { TriageMark } from '/casebook/triage.js';
import { say } from '/casebook/words.js';
import { busy, closeSheet, tap, trouble } from './doing.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {{input: string, kind: 'yes_no' | 'rate' | 'choice', choices: string[]}} Question */
/** @typedef {{table: string, ask?: Question, category?: string, instead?: string}} Next */

const CHILD_YEARS = 8; // JumpSTART below, START from here on (tables start and jumpstart)
const COUNTS = Array.from({ length: 16 }, (_, n) => n + 1); // breaths in 15 seconds
const CATEGORIES = ['red', 'yellow', 'green', 'black'];

/** @param {{view: TabletView, with: {casualty: string}}} props */
export function TriageSheet({ view, with: { casualty } }) {
  const one = view.casualties?.[casualty];
  const [method, setMethod] = useState((one?.age_years ?? 99) < CHILD_YEARS ? 'jumpstart' : 'start');
  const [given, setGiven] = useState(/** @type {[string, any][]} */ ([]));
  const [next, setNext] = useState(/** @type {Next | null} */ (null));
  const answers = Object.fromEntries(given);
  useEffect(() => {
    let stale = false;
    if (method === 'manual') return;
    call(`/api/v1/triage/${method}`, { method: 'POST', body: JSON.stringify(answers) })
      .then((told) => { if (!stale) setNext(told); }, (wrong) => { trouble.value = wrong; });
    return () => { stale = true; };
  }, [method, JSON.stringify(given)]);
  const answer = (/** @type {any} */ value) => setGiven([...given, [next?.ask?.input ?? '', value]]);
  const change = () => { setMethod(method === 'start' ? 'jumpstart' : method === 'jumpstart' ? 'manual' : 'start'); setGiven([]); setNext(null); };
  const record = async (/** @type {object} */ tag) => { if (await tap('triage', { casualty, method, ...tag })) closeSheet(); };
  return html`<div class="head"><button onClick=${given.length ? () => setGiven(given.slice(0, -1)) : closeSheet}>${say('unit.back')}</button>
      <h2><b>${one?.label}</b> ${say(`unit.method.${method}`)}</h2><button onClick=${change}>${say('unit.other_method')}</button></div>
    ${method === 'manual' ? html`<${ByHand} record=${record} />`
      : next?.category ? html`<${Result} category=${next.category} record=${() => record({ answers })} />`
        : next?.ask ? html`<${Ask} question=${next.ask} answer=${answer} />` : null}`;
}

/** @param {{question: Question, answer: (value: any) => void}} props */
function Ask({ question, answer }) {
  const words = html`<p class="question">${say(`unit.triage.${question.input}`)}</p>`;
  if (question.kind === 'yes_no') {
    return html`<div class="yes-no"><button class="yes" onClick=${() => answer('1')}>${say('unit.yes')}</button>${words}
      <button class="no" onClick=${() => answer('0')}>${say('unit.no')}</button></div>`;
  }
  if (question.kind === 'rate') {
    return html`${words}<div class="choices counts">${COUNTS.map((n) => html`<button key=${n} onClick=${() => answer(4 * n)}><b>${n}</b><small>${say('unit.per_minute', { n: 4 * n })}</small></button>`)}</div>`;
  }
  return html`${words}<div class="choices tall">${question.choices.map((one) => html`<button key=${one} onClick=${() => answer(one)}>${say(`unit.triage.${question.input}.${one}`)}</button>`)}</div>`;
}

/** @param {{category: string, record: () => void}} props */
function Result({ category, record }) {
  return html`<div class="result"><${TriageMark} category=${category} />
    <button class="go" disabled=${busy.value} onClick=${record}>${say('unit.record')}</button></div>`;
}

/** @param {{record: (tag: object) => void}} props */
function ByHand({ record }) {
  return html`<div class="choices tall">${CATEGORIES.map((category) => html`<button key=${category} disabled=${busy.value}
    onClick=${() => record({ category })}><${TriageMark} category=${category} /></button>`)}</div>`;
}
