// @ts-check
// The decision: three clocks side by side, why this hospital, one key to say yes, any other with a reason.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { Age, clockText, spanText } from '/casebook/age.js';
import { TriageMark } from '/casebook/triage.js';
import { say } from '/casebook/words.js';
import { act, asking, WithReason } from './act.js';
import { isOpen, overriding, selected, shownOthers } from './chosen.js';
import { HoistPlace } from './hoist_place.js';
import { Key } from './keys.js';
import { CareLine, Minutes, MinutesLine, minutesText } from './minutes.js';
import { hospitalName, casualtyLabel, leadsTo, reasonText, resourceName, siteName, spanOrDash, unitName, whoName, whyText } from './names.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').Casualty} Casualty */
/** @typedef {import('./view_types.js').Proposal} Proposal */
/** @typedef {import('./view_types.js').Way} Way */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {{feed: LiveFeed, view: ConsoleView}} Props */

const MODES = ['road', 'air', 'rendezvous'];
const OLD_S = 300; // an open proposal of this age is worth deciding again
const REASONS = 3; // beside a way; all of them in its title
/** @type {Proposal} */
const NOTHING = { options: [], rejected: [], clocks: {}, rules: '', inputs: '', traffic_version: '', roads: '' };

/** @param {Props} props */
export function DecisionPanel({ feed, view }) {
  const id = selected(view);
  const one = id ? view.casualties[id] : undefined;
  if (!id || !one) return html`<section class="panel decision" aria-label=${say('dispatch.decision')}><h2>${say('dispatch.decision')}</h2><p class="none">${say('dispatch.no_decision')}</p></section>`;
  return html`<section class="panel decision" aria-label=${say('dispatch.decision')}>
    <h2>${say('dispatch.decision')} <${TriageMark} category=${one.category} words=${false} /> <b>${one.label}</b>
      ${one.proposed_at && html`<${Age} feed=${feed} at=${one.proposed_at} late_s=${one.option ? Infinity : OLD_S} lost_s=${Infinity} />`}
      <button class="small" onClick=${() => act('propose_destination', { casualty: id })}>${say('dispatch.again')} <${Key} k="R" /></button></h2>
    ${one.proposal && isOpen(one) && html`<${Take} view=${view} id=${id} one=${one} proposal=${one.proposal} />`}
    <div class="scroll" tabindex="0">
      ${one.outdated && isOpen(one) && html`<p class="warn">${say('dispatch.outdated')}</p>`}
      <${Chosen} feed=${feed} view=${view} one=${one} />
      ${one.stranded && html`<${Stranded} view=${view} id=${id} one=${one} ways=${one.stranded} />`}
      ${one.proposal && html`<${ProposalPart} key=${id} view=${view} id=${id} one=${one} proposal=${one.proposal} />`}
      ${!one.proposal && !one.stranded && !one.option && html`<p class="none">${say(one.requested_at ? 'dispatch.deciding' : 'dispatch.not_asked')}</p>`}
    </div>
  </section>`;
}

/** Say yes to what stands on this screen: if the desk has another answer meanwhile, it is refused and shown. @param {string} id @param {Way} way */
export const takeFirst = (id, way) => act('choose_destination', { casualty: id, hospital: way.hospital, mode: way.mode });

/** The yes: always in sight; also to another place for somebody on the way. @param {{view: ConsoleView, id: string, one: Casualty, proposal: Proposal}} props */
function Take({ view, id, one, proposal }) {
  const first = proposal.options[0];
  const again = one.reopened === true;
  return html`<button class="take" disabled=${asking.value > 0} onClick=${() => takeFirst(id, first)}>
    <span>${say(again ? 'dispatch.switch_to' : 'dispatch.take')} <b>${hospitalName(view, first.hospital)}</b> · ${say(`dispatch.mode.${first.mode}`)} · ${spanOrDash(first.eta_s)}</span> <${Key} k="Y" /></button>
    ${again && one.option && html`<${Switch} view=${view} id=${id} chosen=${one.option} proposal=${proposal} />`}`;
}

/** What has become of the way that was chosen, what the switch gains, and a reason to stay. @param {{view: ConsoleView, id: string, chosen: Omit<Way, 'terms'>, proposal: Proposal}} props */
function Switch({ view, id, chosen, proposal }) {
  const now = [...proposal.options, ...proposal.rejected].find((way) => way.hospital === chosen.hospital && way.mode === chosen.mode);
  const first = proposal.options[0];
  const gain_s = now?.definitive_s !== undefined && first.definitive_s !== undefined ? now.definitive_s - first.definitive_s : 0;
  const name = `${id}/${chosen.hospital}/${chosen.mode}/keep`;
  return html`<div class="switch">
    <p><b>${hospitalName(view, chosen.hospital)}</b> ${now ? whyText(view, now.reasons.slice(0, REASONS)) : say('dispatch.no_way')}${gain_s > 0 ? say('dispatch.switch_gain', { minutes: minutesText(gain_s) }) : ''}</p>
    ${overriding.value === name ? html`<${Override} id=${id} way=${chosen} />`
      : html`<button class="small" onClick=${() => { overriding.value = name; }}>${say('dispatch.keep')} <${Key} k="K" /></button>`}</div>`;
}

/** What was decided, and whether the hospital knows. @param {Props & {one: Casualty}} props */
function Chosen({ feed, view, one }) {
  feed.tick.value;
  if (!one.option) return null;
  const { hospital, mode, rendezvous, aircraft } = one.option;
  const left_s = one.eta_at && !one.arrived_at ? (Date.parse(one.eta_at) - feed.now()) / 1000 : undefined;
  const { stage, due_at, by, answer } = one.prealert;
  const due_s = due_at && stage === 'sent' ? (Date.parse(due_at) - feed.now()) / 1000 : undefined;
  return html`<div class="chosen">
    <p><b>${hospitalName(view, hospital)}</b> · ${say(`dispatch.mode.${mode}`)}${rendezvous ? ` · ${siteName(view, rendezvous)}` : ''}${aircraft ? ` · ${unitName(view, aircraft)}` : ''}
      <span class="left">${one.arrived_at ? say('dispatch.arrived_at', { clock: clockText(one.arrived_at) }) : left_s !== undefined ? spanText(left_s) : ''}</span></p>
    <p class="quiet">${one.hold ? say('dispatch.held', { resource: resourceName(one.hold.resource), slot: one.hold.slot }) : say('dispatch.not_held')}${one.bay ? ` · ${say('dispatch.bay', { bay: one.bay })}` : ''}
      · <span class="prealert ${stage} ${answer ?? ''}">${say(`dispatch.prealert.${answer === 'query' ? 'query' : stage}`, { by: whoName(view, by) })}${due_s !== undefined ? ` ${spanText(Math.max(0, due_s))}` : ''}</span></p>
    ${one.override_reason && html`<p class="quiet">${say('dispatch.override_reason', { reason: one.override_reason })}</p>`}
  </div>`;
}

/** @param {{view: ConsoleView, id: string, one: Casualty, proposal: Proposal}} props */
function ProposalPart({ view, id, one, proposal }) {
  const first = proposal.options[0];
  const undecided = isOpen(one);
  return html`<${HoistPlace} view=${view} one=${one} ways=${[...proposal.options, ...proposal.rejected]} />
    <${Clocks} view=${view} proposal=${proposal} />
    ${undecided && html`<ul class="why">${first.reasons.map((reason, n) => html`<li key=${n}>${reasonText(view, reason)}</li>`)}</ul>`}
    <${Others} view=${view} id=${id} proposal=${proposal} undecided=${undecided} />
    ${proposal.unmeasured && html`<div class="unmeasured"><h3>${say('dispatch.unmeasured')}</h3><ul class="why">${proposal.unmeasured.map((reason, n) => html`<li key=${n}>${reasonText(view, reason)}</li>`)}</ul></div>`}
    <p class="quiet version">${say('dispatch.version', { id: proposal.id ?? '–', rules: proposal.rules, inputs: proposal.inputs, traffic: proposal.traffic_version, capacity: proposal.capacity ?? '–', roads: proposal.roads || '–' })}</p>`;
}

/** @param {{view: ConsoleView, proposal: Proposal}} props */
export function Clocks({ view, proposal }) {
  const columns = MODES.map((mode) => (proposal.clocks[mode]?.eta_s === undefined ? '.62fr' : '1fr')).join(' ');
  return html`<div class="clocks" style=${`grid-template-columns:${columns}`}>${MODES.map((mode) => html`<${Clock} key=${mode} view=${view} mode=${mode} way=${proposal.clocks[mode]} />`)}</div>`;
}

/** One mode's clock: how long, to where, minute by minute; or why not. @param {{view: ConsoleView, mode: string, way: Way | undefined}} props */
function Clock({ view, mode, way }) {
  const barred = way !== undefined && way.place === undefined;
  const title = way?.reasons.map((reason) => reasonText(view, reason)).join('\n');
  return html`<article class="clock ${mode} ${way?.place === 1 ? 'first' : ''} ${barred || !way ? 'barred' : ''}" title=${title}>
    <p class="mode">${say(`dispatch.mode.${mode}`)} ${way?.place === 1 && html`<b>${say('dispatch.proposed')}</b>`}</p>
    <p class="time">${spanOrDash(way?.eta_s)}</p>
    ${way && html`<p class="home">${leadsTo(view, way.hospital)}</p><${CareLine} way=${way} />`}
    ${way && way.eta_s !== undefined && html`<${Minutes} way=${way} />`}
    ${barred && way.reasons.slice(0, 2).map((reason, n) => html`<p class="no" key=${n}>${reasonText(view, reason)}</p>`)}
    ${way?.decides && !barred && html`<p class="quiet">${say(`routing.decides.${way.decides}`)}</p>`}
    ${!way && html`<p class="no">${say('dispatch.not_considered')}</p>`}
  </article>`;
}

/** Every other way with its reasons; taking one needs a reason of one's own. @param {{view: ConsoleView, id: string, proposal: Proposal, undecided: boolean}} props */
function Others({ view, id, proposal, undecided }) {
  const [all, unfold] = useState(false);
  const possible = proposal.rejected.filter((way) => way.eta_s !== undefined);
  const impossible = proposal.rejected.filter((way) => way.eta_s === undefined);
  const shown = all ? [...possible, ...impossible] : shownOthers(proposal);
  const hidden = proposal.rejected.length - shown.length;
  return html`<h3>${say(undecided ? 'dispatch.others' : 'dispatch.elsewhere')} <${Key} k="O" /></h3>
    <ol class="others">${shown.map((way) => html`<${Other} key=${`${way.hospital}/${way.mode}/${way.rendezvous ?? ''}`} view=${view} id=${id} way=${way} proposal=${proposal} />`)}</ol>
    ${(hidden > 0 || all) && html`<button class="small" onClick=${() => unfold(!all)}>${all ? say('dispatch.fewer') : say('dispatch.more', { n: hidden })}</button>`}`;
}

/** @param {{view: ConsoleView, id: string, way: Way, proposal: Proposal}} props */
function Other({ view, id, way, proposal }) {
  const name = `${id}/${way.hospital}/${way.mode}`;
  const ranked = proposal.options.find((one) => one.hospital === way.hospital && one.mode === way.mode && one.rendezvous === way.rendezvous);
  const possible = ranked !== undefined;
  const takeable = possible || (way.mode === 'road' && way.eta_s !== undefined);
  const open = overriding.value === name;
  const title = way.reasons.map((reason) => reasonText(view, reason)).join('\n');
  return html`<li class=${possible ? 'possible' : 'barred'} title=${title}>
    <p class="head"><span class="home">${leadsTo(view, way.hospital)}</span> <span class="mode">${say(`dispatch.mode.${way.mode}`)}</span> <span class="time">${spanOrDash(way.eta_s)}</span>
      ${takeable && !open && html`<button class="small choose" onClick=${() => { overriding.value = name; }}>${say('dispatch.choose')}</button>`}</p>
    <${CareLine} way=${ranked ?? way} />
    <${MinutesLine} way=${way} />
    <p class="why">${whyText(view, way.reasons.slice(0, REASONS))}</p>
    ${way.would_win && html`<p class="would">${say('dispatch.would_win', { change: reasonText(view, way.would_win) })}</p>`}
    ${open && html`<${Override} id=${id} way=${way} />`}
  </li>`;
}

/** @param {{id: string, way: {hospital: string, mode: string}}} props */
function Override({ id, way }) {
  const cancel = () => { overriding.value = null; };
  const take = async (/** @type {string} */ reason) => {
    if (await act('choose_destination', { casualty: id, hospital: way.hospital, mode: way.mode, override_reason: reason })) cancel();
  };
  return html`<${WithReason} label=${say('dispatch.confirm')} send=${take} cancel=${cancel} limit=${500} />`;
}

/** Nobody can take this casualty: where to stabilise, whom to ask, every hospital with its reasons; one may still be forced. @param {{view: ConsoleView, id: string, one: Casualty, ways: Way[]}} props */
const Stranded = ({ view, id, one, ways }) => html`<p class="warn" role="alert">${say('dispatch.stranded', { label: casualtyLabel(view, id) })}</p>
  <${WhereNow} view=${view} stabilise_at=${one.stabilise_at} ask=${one.ask} />
  <${HoistPlace} view=${view} one=${one} ways=${ways} />
  <ol class="others">${ways.filter((way) => way.mode === 'road').map((way) => html`<${Other} key=${way.hospital} view=${view} id=${id} way=${way} proposal=${NOTHING} />`)}</ol>`;

/** @param {{view: ConsoleView, stabilise_at?: string, ask?: string[]}} props */
export const WhereNow = ({ view, stabilise_at, ask = [] }) => html`
  ${stabilise_at && html`<p class="where-now"><b>${say('dispatch.stabilise_at')}</b> ${hospitalName(view, stabilise_at)}</p>`}
  ${ask.length > 0 && html`<p class="where-now"><b>${say('dispatch.ask_them')}</b> ${ask.map((one) => hospitalName(view, one)).join(say('dispatch.join'))}</p>`}`;
