// @ts-check
// Tasks with their clocks, and the activity log.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { clockText, spanText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { act, asking, WithReason } from './act.js';
import { dialog } from './chosen.js';
import { Key } from './keys.js';
import { agencyName, byName, lineText } from './names.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {{feed: LiveFeed, view: ConsoleView}} Props */

const OPEN = ['open', 'escalated'];
const ENDS_WITH_YES = ['cross_district', 'duty_head', 'mutual_aid', 'hospital_choice']; // nothing is left to be done after the yes

/** Unsettled ones first, the one whose clock runs out first on top. @param {ConsoleView} view */
const order = (view) => Object.keys(view.tasks).sort((a, b) => {
  const [x, y] = [view.tasks[a], view.tasks[b]];
  return Number(!OPEN.includes(x.stage)) - Number(!OPEN.includes(y.stage)) || Date.parse(x.due_at) - Date.parse(y.due_at);
});

/** @param {Props} props */
export function Tasks({ feed, view }) {
  const ids = order(view);
  const open = ids.filter((id) => OPEN.includes(view.tasks[id].stage)).length;
  return html`<section class="panel tasks" aria-label=${say('dispatch.tasks')}>
    <h2>${say('dispatch.tasks')} <span class="count">${say('dispatch.open_of', { open, all: ids.length })}</span>
      <button class="small" onClick=${() => { dialog.value = 'task'; }}>${say('dispatch.new_task')} <${Key} k="T" /></button></h2>
    <div class="scroll" tabindex="0">${ids.map((id) => html`<${TaskRow} key=${id} feed=${feed} view=${view} id=${id} />`)}</div>
  </section>`;
}

/** @param {Props & {id: string}} props */
function TaskRow({ feed, view, id }) {
  feed.tick.value;
  const [refusing, refuse] = useState(false);
  const task = view.tasks[id];
  const open = OPEN.includes(task.stage);
  const left_s = (Date.parse(task.due_at) - feed.now()) / 1000;
  return html`<article class="task ${task.stage}">
    <p class="head"><span>${say(`dispatch.task.${task.kind}`)}</span> <span class="quiet">${task.note ? `${agencyName(view, task.note)} ` : ''}${task.note !== task.to && html`${task.stage === 'escalated' ? '↑ ' : ''}${agencyName(view, task.to)}`}</span>
      <span class="stage">${say(`dispatch.task_stage.${task.stage}`)}</span>
      <span class="left ${open && left_s < 0 ? 'over' : ''}">${open ? spanText(left_s) : task.settled_at ? clockText(task.settled_at) : ''}</span></p>
    ${(open || (task.stage === 'approved' && !ENDS_WITH_YES.includes(task.kind))) && html`<p class="do">
      ${open && html`<button class="small" disabled=${asking.value > 0} onClick=${() => act('approve_task', { task: id })}>${say('dispatch.approve')}</button>`}
      <button class="small" disabled=${asking.value > 0} onClick=${() => act('finish_task', { task: id })}>${say('dispatch.finish')}</button>
      ${open && html`<button class="small" onClick=${() => refuse(!refusing)}>${say('dispatch.refuse')}</button>`}</p>`}
    ${refusing && open && html`<${WithReason} label=${say('dispatch.refuse')} send=${(/** @type {string} */ reason) => act('refuse_task', { task: id, reason })} />`}
  </article>`;
}

/** What happened, newest first. @param {{view: ConsoleView}} props */
export function ActivityLog({ view }) {
  const ids = Object.keys(view.log).sort((a, b) => Number(b) - Number(a));
  return html`<section class="panel log" aria-label=${say('dispatch.log')}>
    <h2>${say('dispatch.log')}</h2>
    <ol class="scroll" tabindex="0">${ids.map((id) => html`<li key=${id} class=${view.log[id].kind}><time>${clockText(view.log[id].at, true)}</time>
      <span class="what">${lineText(view, view.log[id])}</span> <span class="by">${byName(view, view.log[id].by)}</span></li>`)}</ol>
  </section>`;
}
