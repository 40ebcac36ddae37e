// @ts-check
// What the ward does for a case, by touch: acknowledge, ask back, bay, team, members, message, signature.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { ask } from '/casebook/access.js';
import { clockText, spanText } from '/casebook/age.js';
import { refusalOf, say } from '/casebook/words.js';

/** @typedef {import('./view_types.js').Bay} Bay */
/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {{hospital: string, casualty?: string}} Whose */

const SHOWN_MS = 12000;
const NEXT_STATE = /** @type {Record<string, string>} */ ({ called: 'coming', coming: 'ready', ready: 'unavailable', unavailable: 'called' });
const TICKS = /** @type {Record<string, string>} */ ({ called: '○', coming: '→', ready: '✓', unavailable: '✕' });
const PHRASES = 6;

/** The last refusal, in words of this language, until the next tap or a while. */
export const refusal = signal(/** @type {any} */ (null));

/** Ask a desk of the ward; what is refused is shown. @param {string} name @param {Whose & Record<string, unknown>} command */
export async function act(name, command) {
  refusal.value = null;
  try {
    await ask(name, command);
    return true;
  } catch (wrong) {
    refusal.value = wrong;
    setTimeout(() => { if (refusal.value === wrong) refusal.value = null; }, SHOWN_MS);
    return false;
  }
}

export const Refused = () =>
  refusal.value ? html`<p class="refused" role="alert" onClick=${() => { refusal.value = null; }}>${refusalOf(refusal.value)}</p>` : null;

/** Whether the ward still owes an answer; with the patient at the door it owes a signature instead. @param {Case} c */
export const isWaiting = (c) => c.handover.state === 'expected' && isUnanswered(c);

/** @param {Case} c */
const isUnanswered = (c) =>
  c.prealert.state === 'sent' || c.prealert.state === 'escalated' || c.prealert.answer === 'query' || c.prealert.news === true;

/** Whether the ward has said no and may still say yes. @param {Case} c */
const isRefused = (c) => c.prealert.state === 'refused' && c.handover.state === 'expected';

/** Whether the ward itself has something to do next. @param {Case} c */
export const hasNext = (c) =>
  isWaiting(c) || isRefused(c) || ((c.handover.state === 'arrived' || c.handover.state === 'started') && !c.handover.signed?.hospital)
  || (c.handover.state === 'completed' && c.bay !== undefined);

/** The big button for the one thing to do next. @param {{feed: LiveFeed, c: Case, whose: Whose}} props */
export function NextAction({ feed, c, whose }) {
  feed.tick.value;
  const { state, due_at, answer, news } = c.prealert;
  if (c.handover.state === 'arrived' || c.handover.state === 'started') {
    if (c.handover.signed?.hospital) return html`<span class="waiting">${say('hospital.signed_waiting')}</span>`;
    return html`<button class="next sign" onClick=${() => act('sign_handover', whose)}>${say('hospital.sign')}</button>`;
  }
  if (c.handover.state === 'completed') {
    return c.bay ? html`<button class="next clear" onClick=${() => act('clear_bay', whose)}>${say('hospital.clear_bay', { bay: c.bay })}</button>` : null;
  }
  if (isRefused(c)) return html`<button class="next" title=${c.prealert.note} onClick=${() => act('acknowledge_prealert', { ...whose, answer: 'accept' })}>${say('hospital.accept_refused')}</button>`;
  if (!isWaiting(c)) return null;
  const left_s = due_at ? (Date.parse(due_at) - feed.now()) / 1000 : undefined;
  const words = state === 'escalated' ? 'hospital.acknowledge_escalated' : news ? 'hospital.acknowledge_news' : answer === 'query' ? 'hospital.accept' : 'hospital.acknowledge';
  return html`<button class="next acknowledge" onClick=${() => act('acknowledge_prealert', { ...whose, answer: 'accept' })}>
    ${say(words)} ${left_s !== undefined && left_s > 0 && html`<span class="due">${spanText(left_s)}</span>`}</button>`;
}

/** The bays as buttons; those of others are named and closed. @param {{c: Case, bays: Record<string, Bay>, labels: Record<string, string>, whose: Whose}} props */
export function BayPicker({ c, bays, labels, whose }) {
  const names = Object.keys(bays);
  if (names.length === 0) return html`<span class="unknown">${say('hospital.bays_unknown')}</span>`;
  return html`<div class="bays" role="group" aria-label=${say('hospital.bay')}>${names.map((bay) => {
    const { state, casualty } = bays[bay];
    const mine = casualty === whose.casualty;
    const closed = !mine && (state === 'assigned' || state === 'in_use');
    return html`<button key=${bay} class="bay ${state} ${mine && state !== 'held' ? 'mine' : ''}" disabled=${closed} aria-pressed=${c.bay === bay}
      onClick=${() => act('assign_bay', { ...whose, bay })}>${bay}${!mine && casualty ? ` ${labels[casualty] ?? ''}` : ''}</button>`;
  })}</div>`;
}

/** Call the team at a level; the level the crew suggests stands out. @param {{c: Case, whose: Whose}} props */
export const TeamCall = ({ c, whose }) => html`<div class="levels" role="group" aria-label=${say('hospital.team')}>${[1, 2].map((level) => html`
  <button key=${level} class=${c.prealert.level === level && !c.team.team ? 'suggested' : ''} aria-pressed=${c.team.level === level}
    onClick=${() => act('activate_team', { ...whose, level })}>${say(`hospital.call_level.${level}`)}</button>`)}</div>`;

/** One tap moves a member on: called, coming, ready, unavailable. @param {{c: Case, whose: Whose}} props */
export const Members = ({ c, whose }) => html`<div class="members">${(c.team.order ?? []).map((member) => {
  const state = c.team.members?.[member].state ?? 'called';
  return html`<button key=${member} class="member ${state}" title=${say(`hospital.member_state.${state}`)} data-member=${member}
    aria-label=${`${say(`hospital.member.${member}`)}: ${say(`hospital.member_state.${state}`)}`}
    onClick=${() => act('report_member', { ...whose, member, state: NEXT_STATE[state] })}><i aria-hidden="true">${TICKS[state]}</i>${say(`hospital.member.${member}`)}</button>`;
})}</div>`;

/** How far the team is, to be read from afar. @param {{c: Case}} props */
export function TeamState({ c }) {
  const { team, level, ready, called, complete_at } = c.team;
  if (!team) return html`<span class="team none">${say('hospital.no_team')}</span>`;
  const words = complete_at ? say('hospital.team_complete', { clock: clockText(complete_at) }) : say('hospital.team_ready', { ready, called });
  return html`<span class="team ${complete_at ? 'complete' : ''}">${say('hospital.team')} ${say(`hospital.level.${level}`)} ${words}</span>`;
}

/** The doctor's words to the crew; an order waits for its read-back. @param {{c: Case, whose: Whose}} props */
export function MessageBox({ c, whose }) {
  const [text, write] = useState('');
  const [order, mark] = useState(false);
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (text.trim() && (await act('send_message', { ...whose, text, order }))) write('');
  };
  const answer = async (/** @type {'query' | 'refuse'} */ said) => {
    if (await act('acknowledge_prealert', { ...whose, answer: said, note: text })) write('');
  };
  return html`<form class="message-box" onSubmit=${send}>
    <input value=${text} maxlength="300" list="phrases" aria-label=${say('hospital.message')} placeholder=${say('hospital.message')}
      onInput=${(/** @type {any} */ event) => write(event.target.value)} />
    <datalist id="phrases">${Array.from({ length: PHRASES }, (_, n) => html`<option key=${n} value=${say(`hospital.phrase.${n + 1}`)} />`)}</datalist>
    <label class="order"><input type="checkbox" checked=${order} onChange=${(/** @type {any} */ event) => mark(event.target.checked)} />${say('hospital.order')}</label>
    <button type="submit" disabled=${!text.trim()}>${say('hospital.send')}</button>
    ${isWaiting(c) && html`<button type="button" disabled=${!text.trim()} onClick=${() => answer('query')}>${say('hospital.query')}</button>`}
    ${c.handover.state === 'expected' && c.prealert.state !== 'none' && !isRefused(c) && html`<button type="button" class="refuse" disabled=${!text.trim()} title=${say('hospital.refuse_why')} onClick=${() => answer('refuse')}>${say('hospital.refuse')}</button>`}
  </form>`;
}

/** The oldest order that is not read back, red, with how many more; else the newest words. @param {{c: Case}} props */
export function Messages({ c }) {
  const open = c.messages.filter((one) => one.red);
  const shown = open[0] ?? c.messages.at(-1);
  if (!shown) return null;
  const state = say(shown.order ? `hospital.order_state.${shown.state}` : `hospital.message_state.${shown.state}`);
  return html`<p class="message ${shown.red ? 'red' : shown.state}"><span class="mark">${state}${open.length > 1 ? ` 1/${open.length}` : ''}</span> ${shown.text}${shown.read_back
    ? html` <q>${shown.read_back}</q>` : null}</p>`;
}
