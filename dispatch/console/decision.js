// @ts-check
// The decision: three clocks side by side, why this hospital, one key to say yes, any other with a reason.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { Age, clockText, spanText } from '/casebook/age.js';
import { TriageMark } from '/casebook/triage.js';
import { say } from '/casebook/words.js';
import { act, asking, WithReason } from './act.js';
import { isOpen, overriding, selected } from './chosen.js';
import { Key } from './keys.js';
import { casualtyLabel, hospitalName, reasonText, resourceName, siteName, spanOrDash, unitName, whoName } from './names.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').Casualty} Casualty */
/** @typedef {import('./view_types.js').Way} Way */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {{feed: LiveFeed, view: ConsoleView}} Props */

const MODES = ['road', 'air', 'rendezvous'];
/** @type {Record<string, string>} */
const PART_OF = { climb: 'flight', cruise: 'flight', approach_landing: 'flight', unloading: 'to_door', pad_to_ed: 'to_door' };
const OLD_S = 300; // an open proposal of this age is worth deciding again
const REASONS = 3; // beside a way; all of them in its title
const OTHERS = 5; // ways shown before the rest is unfolded

/** @param {Props} props */
export function DecisionPanel({ feed, view }) {
  const id = selected(view);
  const one = id ? view.casualties[id] : undefined;
  if (!id || !one) return html`<section class="panel decision" aria-label=${say('dispatch.decision')}><h2>${say('dispatch.decision')}</h2><p class="none">${say('dispatch.no_decision')}</p></section>`;
  return html`<section class="panel decision" aria-label=${say('dispatch.decision')}>
    <h2>${say('dispatch.decision')} <${TriageMark} category=${one.category} words=${false} /> <b>${one.label}</b>
      ${one.proposed_at && html`<${Age} feed=${feed} at=${one.proposed_at} late_s=${one.option ? Infinity : OLD_S} lost_s=${Infinity} />`}
      <button class="small" onClick=${() => act('propose_destination', { casualty: id })}>${say('dispatch.again')} <${Key} k="R" /></button></h2>
    ${one.proposal && isOpen(one) && html`<${Take} view=${view} id=${id} first=${one.proposal.options[0]} again=${one.reopened === true} />`}
    <div class="scroll" tabindex="0">
      ${one.outdated && isOpen(one) && html`<p class="warn">${say('dispatch.outdated')}</p>`}
      <${Chosen} feed=${feed} view=${view} one=${one} />
      ${one.stranded && html`<${Stranded} view=${view} id=${id} ways=${one.stranded} />`}
      ${one.proposal && html`<${Proposal} key=${id} view=${view} id=${id} one=${one} proposal=${one.proposal} />`}
      ${!one.proposal && !one.stranded && !one.option && html`<p class="none">${say(one.requested_at ? 'dispatch.deciding' : 'dispatch.not_asked')}</p>`}
    </div>
  </section>`;
}

/** The yes: always in sight; also to another place for somebody on the way. @param {{view: ConsoleView, id: string, first: Way, again: boolean}} props */
const Take = ({ view, id, first, again }) => html`<button class="take" disabled=${asking.value > 0} onClick=${() => act('choose_destination', { casualty: id })}>
  <span>${say(again ? 'dispatch.switch_to' : 'dispatch.take')} <b>${hospitalName(view, first.hospital)}</b> · ${say(`dispatch.mode.${first.mode}`)} · ${spanOrDash(first.eta_s)}</span> <${Key} k="Y" /></button>`;

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

/** @param {{view: ConsoleView, id: string, one: Casualty, proposal: import('./view_types.js').Proposal}} props */
function Proposal({ view, id, one, proposal }) {
  const first = proposal.options[0];
  const undecided = isOpen(one);
  const columns = MODES.map((mode) => (proposal.clocks[mode]?.eta_s === undefined ? '.62fr' : '1fr')).join(' ');
  return html`<div class="clocks" style=${`grid-template-columns:${columns}`}>${MODES.map((mode) => html`<${Clock} key=${mode} view=${view} mode=${mode} way=${proposal.clocks[mode]} />`)}</div>
    ${undecided && html`<ul class="why">${first.reasons.map((reason, n) => html`<li key=${n}>${reasonText(view, reason)}</li>`)}</ul>`}
    <${Others} view=${view} id=${id} proposal=${proposal} undecided=${undecided} />
    <p class="quiet version">${say('dispatch.version', { rules: proposal.rules, inputs: proposal.inputs, traffic: proposal.traffic_version })}</p>`;
}

/** One mode's clock: how long, to where, minute by minute; or why not. @param {{view: ConsoleView, mode: string, way: Way | undefined}} props */
function Clock({ view, mode, way }) {
  const barred = way !== undefined && way.place === undefined;
  const title = way?.reasons.map((reason) => reasonText(view, reason)).join('\n');
  return html`<article class="clock ${mode} ${way?.place === 1 ? 'first' : ''} ${barred || !way ? 'barred' : ''}" title=${title}>
    <p class="mode">${say(`dispatch.mode.${mode}`)} ${way?.place === 1 && html`<b>${say('dispatch.proposed')}</b>`}</p>
    <p class="time">${spanOrDash(way?.eta_s)}</p>
    ${way && html`<p class="home">${hospitalName(view, way.hospital)}</p>`}
    ${way && way.eta_s !== undefined && html`<${Terms} way=${way} />`}
    ${barred && way.reasons.slice(0, 2).map((reason, n) => html`<p class="no" key=${n}>${reasonText(view, reason)}</p>`)}
    ${way?.decides && !barred && html`<p class="quiet">${say(`routing.decides.${way.decides}`)}</p>`}
    ${!way && html`<p class="no">${say('dispatch.not_considered')}</p>`}
  </article>`;
}

/** The minutes by cause, in order: a bar and its legend. @param {{way: Way}} props */
function Terms({ way }) {
  const parts = grouped(way.terms);
  return html`<div class="bar" aria-hidden="true">${parts.map(([name, span_s]) => html`<span key=${name} class=${name} style=${`flex-grow:${span_s}`}></span>`)}</div>
    <dl class="terms">${parts.map(([name, span_s, title]) => html`<div key=${name} title=${title}><dt><i class=${name}></i>${say(`dispatch.term.${name}`)}</dt><dd>${spanText(Math.round(span_s))}</dd></div>`)}</dl>`;
}

/** Terms that one says in one breath, added up; each with its own terms as title. @param {[string, number][]} terms @returns {[string, number, string][]} */
function grouped(terms) {
  /** @type {Map<string, [number, string[]]>} */
  const parts = new Map();
  for (const [name, span_s] of terms) {
    const [total_s, titles] = parts.get(PART_OF[name] ?? name) ?? [0, []];
    parts.set(PART_OF[name] ?? name, [total_s + span_s, [...titles, `${say(`routing.term.${name}`)} ${spanText(Math.round(span_s))}`]]);
  }
  return [...parts].map(([name, [total_s, titles]]) => [name, total_s, titles.join('\n')]);
}

/** Every other way with its reasons; taking one needs a reason of one's own. @param {{view: ConsoleView, id: string, proposal: import('./view_types.js').Proposal, undecided: boolean}} props */
function Others({ view, id, proposal, undecided }) {
  const [all, unfold] = useState(false);
  const possible = proposal.rejected.filter((way) => way.eta_s !== undefined);
  const impossible = proposal.rejected.filter((way) => way.eta_s === undefined);
  const shown = all ? [...possible, ...impossible] : possible.slice(0, OTHERS);
  const hidden = proposal.rejected.length - shown.length;
  return html`<h3>${say(undecided ? 'dispatch.others' : 'dispatch.elsewhere')} <${Key} k="O" /></h3>
    <ol class="others">${shown.map((way) => html`<${Other} key=${`${way.hospital}/${way.mode}/${way.rendezvous ?? ''}`} view=${view} id=${id} way=${way} proposal=${proposal} />`)}</ol>
    ${(hidden > 0 || all) && html`<button class="small" onClick=${() => unfold(!all)}>${all ? say('dispatch.fewer') : say('dispatch.more', { n: hidden })}</button>`}`;
}

/** @param {{view: ConsoleView, id: string, way: Way, proposal: import('./view_types.js').Proposal}} props */
function Other({ view, id, way, proposal }) {
  const name = `${way.hospital}/${way.mode}`;
  const possible = proposal.options.some((one) => one.hospital === way.hospital && one.mode === way.mode);
  const takeable = possible || (way.mode === 'road' && way.eta_s !== undefined);
  const open = overriding.value === `${id}/${name}`;
  const title = way.reasons.map((reason) => reasonText(view, reason)).join('\n');
  return html`<li class=${possible ? 'possible' : 'barred'} title=${title}>
    <p class="head"><span class="home">${hospitalName(view, way.hospital)}</span> <span class="mode">${say(`dispatch.mode.${way.mode}`)}</span> <span class="time">${spanOrDash(way.eta_s)}</span>
      ${takeable && !open && html`<button class="small choose" onClick=${() => { overriding.value = `${id}/${name}`; }}>${say('dispatch.choose')}</button>`}</p>
    <p class="why">${way.reasons.slice(0, REASONS).map((reason) => reasonText(view, reason)).join(say('dispatch.stop'))}</p>
    ${open && html`<${Override} id=${id} way=${way} />`}
  </li>`;
}

/** @param {{id: string, way: Way}} props */
function Override({ id, way }) {
  const cancel = () => { overriding.value = null; };
  const take = async (/** @type {string} */ reason) => {
    if (await act('choose_destination', { casualty: id, hospital: way.hospital, mode: way.mode, override_reason: reason })) cancel();
  };
  return html`<${WithReason} label=${say('dispatch.confirm')} send=${take} cancel=${cancel} limit=${500} />`;
}

/** Nobody can take this casualty: every hospital with its reasons; one may still be forced. @param {{view: ConsoleView, id: string, ways: Way[]}} props */
const Stranded = ({ view, id, ways }) => html`<p class="warn" role="alert">${say('dispatch.stranded', { label: casualtyLabel(view, id) })}</p>
  <ol class="others">${ways.filter((way) => way.mode === 'road').map((way) => html`<${Other} key=${way.hospital} view=${view} id=${id} way=${way} proposal=${{ options: [], rejected: [], clocks: {}, rules: '', inputs: '', traffic_version: '' }} />`)}</ol>`;
