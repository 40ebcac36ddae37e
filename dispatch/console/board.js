// @ts-check
// Many casualties: who goes where by what and when, hospitals x triage, sums that add up to everybody, and beside all of
// it what the joint plan proposes.
import { html } from 'htm/preact';
import { clockText } from '/casebook/age.js';
import { TriageMark } from '/casebook/triage.js';
import { say } from '/casebook/words.js';
import { casualtyOrder, dialog, incidentOf, picked } from './chosen.js';
import { Cell, PlanHead, PlannedRow } from './joint_plan.js';
import { hospitalName, kindName, placeName, unitName } from './names.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').Board} Board */

const TAGS = ['red', 'yellow', 'green', 'grey', 'black', 'none'];
const NO_HOSPITAL = '-'; // dispatch/board.py
const close = () => { dialog.value = null; };

/** @param {{view: ConsoleView}} props */
export function BoardPage({ view }) {
  const incident = incidentOf(view);
  const board = incident ? view.boards[incident] : undefined;
  if (!incident || !board) return html`<p class="none">${say('dispatch.no_casualties')}</p><button autofocus onClick=${close}>${say('dispatch.close')}</button>`;
  const estimated = view.incidents[incident].casualties_estimated;
  return html`<p class="quiet">${kindName(view.incidents[incident].kind)} · ${placeName(view.incidents[incident].place)} · ${incident}
      · <b>${say('dispatch.board_total', { n: board.total })}</b>${estimated !== undefined ? ` · ${say('dispatch.about_n', { n: estimated })}` : ''}</p>
    <${PlanHead} view=${view} incident=${incident} plan=${board.plan} />
    <${Counts} view=${view} board=${board} />
    <${Rows} view=${view} board=${board} incident=${incident} />
    <button autofocus onClick=${close}>${say('dispatch.close')}</button>`;
}

/** Hospitals x triage with the sums of rows and columns. @param {{view: ConsoleView, board: Board}} props */
function Counts({ view, board }) {
  const tags = TAGS.filter((tag) => board.categories[tag] || ['red', 'yellow', 'green'].includes(tag));
  const plan = board.plan;
  const size = (/** @type {string} */ id) => (board.hospitals[id] ?? 0) + (plan?.hospitals[id] ?? 0);
  const hospitals = [...new Set([...Object.keys(board.hospitals), ...Object.keys(plan?.hospitals ?? {})])]
    .sort((a, b) => Number(a === NO_HOSPITAL) - Number(b === NO_HOSPITAL) || size(b) - size(a) || (a < b ? -1 : 1));
  return html`<table class="board counts">
    <thead><tr><th scope="col">${say('dispatch.hospital')}</th>${tags.map((tag) => html`<th scope="col" key=${tag}><${TriageMark} category=${tag === 'none' ? undefined : tag} words=${false} /></th>`)}<th scope="col">${say('dispatch.sum')}</th></tr></thead>
    <tbody>${hospitals.map((id) => html`<tr key=${id} class=${id === NO_HOSPITAL ? 'nowhere' : ''}><th scope="row">${id === NO_HOSPITAL ? say('dispatch.no_hospital_yet') : hospitalName(view, id)}</th>
      ${tags.map((tag) => html`<td key=${tag}><${Cell} now=${board.counts[id]?.[tag]} planned=${plan?.counts[id]?.[tag]} plan=${plan} /></td>`)}<td class="sum"><${Cell} now=${board.hospitals[id]} planned=${plan?.hospitals[id]} plan=${plan} /></td></tr>`)}</tbody>
    <tfoot><tr><th scope="row">${say('dispatch.sum')}</th>${tags.map((tag) => html`<td class="sum" key=${tag}>${board.categories[tag] ?? 0}</td>`)}<td class="sum all">${board.total}</td></tr></tfoot></table>`;
}

/** Each casualty once; a row takes the console to them. @param {{view: ConsoleView, board: Board, incident: string}} props */
function Rows({ view, board, incident }) {
  const ids = casualtyOrder(view).filter((id) => board.rows[id]);
  const pick = (/** @type {string} */ id) => { picked.value = id; close(); };
  return html`<div class="wide-scroll" tabindex="0"><table class="board rows">
    <thead><tr>${['casualty', 'to_where', 'by_what', 'at_door', 'how_far'].map((name) => html`<th scope="col" key=${name}>${say(`dispatch.board.${name}`)}</th>`)}${board.plan && html`<th scope="col">${say('dispatch.plan.proposed')}</th><th scope="col">${say('dispatch.plan.answer')}</th>`}</tr></thead>
    <tbody>${ids.map((id) => {
      const [one, row] = [view.casualties[id], board.rows[id]];
      const by = [row.unit, row.aircraft].filter(Boolean).map((unit) => unitName(view, unit)).join(' → ');
      return html`<tr key=${id}><th scope="row"><button class="bare" onClick=${() => pick(id)}><${TriageMark} category=${one.category} words=${false} /> ${one.label}</button></th>
        <td>${row.hospital ? hospitalName(view, row.hospital) : say('dispatch.no_hospital_yet')}</td>
        <td>${[row.mode && say(`dispatch.mode.${row.mode}`), by].filter(Boolean).join(' · ')}</td>
        <td class="time">${row.at ? say(row.there ? 'dispatch.arrived_at' : 'dispatch.eta_at', { clock: clockText(row.at) }) : ''}</td>
        <td>${say(`dispatch.stage.${one.stage}`)}</td>${board.plan && html`<${PlannedRow} key=${board.plan.id} view=${view} incident=${incident} plan=${board.plan} id=${id} />`}</tr>`;
    })}</tbody></table></div>`;
}
