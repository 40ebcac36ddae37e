// @ts-check
// The joint plan beside what is: what it comes to against simple rules, what it says for each, and a person's yes or no.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { act, asking, WithReason } from './act.js';
import { byName, casualtyLabel, hospitalName, reasonText, unitName } from './names.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').JointPlan} JointPlan */
/** @typedef {import('./view_types.js').Outcome} Outcome */

const RULES = ['nearest', 'round_robin', 'red_first']; // dispatch/distribution/simple_rules.py
const SUMS = /** @type {const} */ (['deaths', 'care_min', 'red_min', 'not_taken']);

/** What the plan is, how good, against what; yes or no to the whole. @param {{view: ConsoleView, incident: string, plan: JointPlan | undefined}} props */
export function PlanHead({ view, incident, plan }) {
  const [refusing, refuse] = useState(false);
  const propose = html`<button class="small propose" disabled=${asking.value > 0} onClick=${() => act('propose_distribution', { incident })}>${say(plan ? 'dispatch.plan.again' : 'dispatch.plan.propose')}</button>`;
  if (!plan) return html`<p class="joint none">${say('dispatch.plan.nobody_asked')} ${propose}</p>`;
  const no = async (/** @type {string} */ reason) => { if (await act('refuse_distribution', { incident, plan: plan.id, reason })) refuse(false); };
  return html`<section class="joint" aria-label=${say('dispatch.plan.title')}>
    <h3>${say('dispatch.plan.title')} <span class="quiet">${plan.id} · ${clockText(plan.at, true)} · ${byName(view, plan.by)}</span></h3>
    ${plan.refused && html`<p class="shut">${say('dispatch.plan.refused_whole', { reason: plan.refused })}</p>`}
    ${plan.redirections > 0 && html`<p>${say('dispatch.plan.redirections', { n: plan.redirections })}</p>`}
    <${Compared} plan=${plan} />
    <p class="quiet" title=${plan.fired.join(say('dispatch.plan.and'))}>${plan.gap_pct === undefined ? say('distribution.quick') : say('dispatch.plan.gap', { pct: plan.gap_pct })}${' '}${plan.hurried ? `${say('distribution.hurried')} ` : ''}${say('dispatch.plan.stands_on', { rules: plan.rules, inputs: plan.inputs })}</p>
    <p class="buttons answers"><button class="yes" disabled=${!plan.open || asking.value > 0} onClick=${() => act('accept_distribution', { incident, plan: plan.id })}>${say('dispatch.plan.yes_all', { n: plan.open })}</button>
      ${!plan.refused && html`<button class="small" onClick=${() => refuse(!refusing)}>${say('dispatch.plan.no_all')}</button>`} ${propose}</p>
    ${refusing && html`<${WithReason} label=${say('dispatch.plan.no_all')} send=${no} cancel=${() => refuse(false)} />`}
  </section>`;
}

/** The plan and three simple rules on the same case. @param {{plan: JointPlan}} props */
function Compared({ plan }) {
  const rows = [['plan', plan.outcome], ...RULES.filter((name) => plan.compared[name]).map((name) => [name, plan.compared[name]])];
  return html`<table class="board compared"><thead><tr><th scope="col">${say('distribution.column.rule')}</th>${SUMS.map((sum) => html`<th scope="col" key=${sum}>${say(`dispatch.plan.sum.${sum}`)}</th>`)}</tr></thead>
    <tbody>${rows.map(([name, outcome]) => html`<tr key=${name} class=${name}><th scope="row">${say(`distribution.rule.${name}`)}</th>
      ${SUMS.map((sum) => html`<td key=${sum}>${figure(/** @type {Outcome} */ (outcome), sum)}</td>`)}</tr>`)}</tbody></table>`;
}

/** Deaths to a hundredth, minutes and people whole. @param {Outcome} outcome @param {typeof SUMS[number]} sum */
function figure(outcome, sum) {
  const value = outcome[sum];
  return value === undefined ? '-' : sum === 'deaths' ? value.toFixed(2) : String(Math.round(value));
}

/** What is, and where the plan says otherwise an arrow to it. @param {{now: number | undefined, planned: number | undefined, plan: JointPlan | undefined}} props */
export function Cell({ now, planned, plan }) {
  if (!plan || (now ?? 0) === (planned ?? 0)) return now ?? '';
  return html`${now ?? 0} <span class="planned" title=${say('dispatch.plan.title')}>→ ${planned ?? 0}</span>`;
}

/** What the plan says for one casualty, and a yes or a no to it. @param {{view: ConsoleView, incident: string, plan: JointPlan, id: string}} props */
export function PlannedRow({ view, incident, plan, id }) {
  const [refusing, refuse] = useState(false);
  const [row, left] = [plan.rows[id], plan.left[id]];
  if (left) return html`<td class="late" colspan="2">${leftText(view, left)}</td>`;
  if (!row) return html`<td colspan="2">${plan.unplanned.includes(id) ? say('dispatch.plan.unplanned') : ''}</td>`;
  const yes = () => act('accept_distribution', { incident, plan: plan.id, casualties: [id] });
  const no = async (/** @type {string} */ reason) => { if (await act('refuse_distribution', { incident, plan: plan.id, casualties: [id], reason })) refuse(false); };
  const by = row.trip > 1 ? say('dispatch.plan.trip', { unit: unitName(view, row.vehicle), n: row.trip }) : unitName(view, row.vehicle);
  const when = row.under_way ? say('dispatch.eta_at', { clock: clockText(row.arrives_at) }) : say('dispatch.plan.leaves_arrives', { leaves: clockText(row.leaves_at), arrives: clockText(row.arrives_at) });
  const more = [by, when, say('dispatch.plan.survives', { pct: row.survival_pct }), row.place === 'standing' && say('dispatch.plan.standing'), row.redirected && say('dispatch.plan.redirected')];
  return html`<td class=${row.differs ? 'planned' : ''}><b>${hospitalName(view, row.hospital)}</b> · ${more.filter(Boolean).join(' · ')}</td>
    <td class="answer">${row.open && !refusing && html`<button class="small yes" aria-label=${say('dispatch.plan.yes_one', { casualty: casualtyLabel(view, id) })} disabled=${asking.value > 0} onClick=${yes}>${say('dispatch.plan.yes')}</button>
      <button class="small" aria-label=${say('dispatch.plan.no_one', { casualty: casualtyLabel(view, id) })} onClick=${() => refuse(true)}>${say('dispatch.plan.no')}</button>`}
      ${refusing && html`<${WithReason} label=${say('dispatch.plan.no')} send=${no} cancel=${() => refuse(false)} />`}
      ${row.answer && !refusing && html`<span class=${row.answer}>${say(`dispatch.plan.answer.${row.answer}`)}${row.why ? ` · ${row.why}` : ''}</span>`}</td>`;
}

/** @param {ConsoleView} view @param {JointPlan['left'][string]} left */
function leftText(view, left) {
  const asked = (left.ask ?? []).map((id) => hospitalName(view, id)).join(say('dispatch.plan.and'));
  return [reasonText(view, left.reason), left.stabilise_at && say('distribution.left_stabilise', { hospital: hospitalName(view, left.stabilise_at) }), asked && say('distribution.left_ask', { hospitals: asked })].filter(Boolean).join(' ');
}
