// @ts-check
// One patient's card, in three sizes: the whole screen, half of it, a quarter. The order is always the same:
// how urgent and when, the headline and the ask, ATMIST, the numbers, the ward's own answers.
import { html } from 'htm/preact';
import { TriageMark } from '/casebook/triage.js';
import { say } from '/casebook/words.js';
import { BayPicker, hasNext, isWaiting, Members, MessageBox, Messages, NextAction, TeamCall, TeamState } from './actions.js';
import { Countdown } from './arrival.js';
import { ConsultButton } from './consult.js';
import { Picture, Talk, unitOf, Waves } from './media_panel.js';
import { Atmist, Headline, Wanted, whoText } from './report_panel.js';
import { LedgerSign } from './ledger_sign.js';
import { Lamp, MonitorAge, MonitorLine, Scores, SignsPanel } from './signs_panel.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {import('./view_types.js').WallView} WallView */
/** @typedef {'whole' | 'half' | 'quarter'} Size */

/** @param {{feed: LiveFeed, view: WallView, id: string, size: Size, open: () => void}} props */
export function Card({ feed, view, id, size, open }) {
  const c = view.cases[id];
  const whose = { hospital: view.hospital.id, casualty: id };
  const parts = { feed, view, c, id, whose };
  const Body = { whole: Whole, half: Half, quarter: Quarter }[size];
  const opened = (/** @type {any} */ event) => { if (!event.target.closest('button, input, form, label')) open(); };
  return html`<article class="card ${size} ${c.report.category ?? 'none'} ${isWaiting(c) ? 'waiting' : ''} ${c.handover.state}"
    data-casualty=${id} aria-label=${c.report.label} onClick=${opened}><${Body} ...${parts} /></article>`;
}

/** @typedef {{feed: LiveFeed, view: WallView, c: Case, id: string, whose: {hospital: string, casualty: string}}} Parts */

/** How urgent and who. @param {{c: Case, age: boolean, short?: boolean}} props `age`: with age and sex */
const Who = ({ c, age, short = false }) => html`${isWaiting(c) && html`<${Lamp} priority="high" />`}
  <${TriageMark} category=${c.report.category} /><span class="who"><b>${c.report.label}</b> ${age && whoText(c.report, short)}</span>`;

/** Into which bay, and when. @param {{feed: LiveFeed, c: Case}} props */
const When = ({ feed, c }) => html`${c.bay && html`<b class="bay-mark" title=${say('hospital.bay')}>${c.bay}</b>`}<${Countdown} feed=${feed} c=${c} />`;

/** @param {Parts} props */
const Whole = ({ feed, view, c, id, whose }) => html`
  <header><${Who} c=${c} age=${false} /><${Headline} report=${c.report} sizes=${{ largest: 5, smallest: 2.875, lines: 2 }} /><${When} feed=${feed} c=${c} /></header>
  <section class="told">
    <${Wanted} report=${c.report} sizes=${{ largest: 3.5, smallest: 2.625, lines: 2 }} />
    <${Atmist} c=${c} dense=${false} />
    <${Messages} c=${c} />
  </section>
  <section class="feeds">
    <${Picture} unit=${c.streams.video} quality=${c.quality} recording=${c.recording} />
    <${Talk} unit=${c.route.unit?.id} />
    <${Waves} unit=${unitOf(c.streams.waves)} kinds=${['ECG_II', 'PLETH']} />
  </section>
  <${SignsPanel} feed=${feed} id=${id} c=${c} places=${['hr', 'spo2', 'bp', 'rr', 'etco2', 'gcs']} />
  <div class="line"><${MonitorLine} feed=${feed} id=${id} c=${c} /><${SignsPanel} feed=${feed} id=${id} c=${c} places=${['temp', 'glucose']} inline=${true} /><${LedgerSign} c=${c} /><${Scores} feed=${feed} id=${id} c=${c} /><${TeamState} c=${c} /></div>
  <div class="near">
    <div class="act"><${NextAction} feed=${feed} c=${c} whose=${whose} /><${ConsultButton} id=${id} />
      <${BayPicker} c=${c} bays=${view.bays} labels=${labelsOf(view)} whose=${whose} /><${TeamCall} c=${c} whose=${whose} /><${MessageBox} c=${c} whose=${whose} /></div>
    <${Members} c=${c} whose=${whose} />
  </div>`;

/** @param {Parts} props */
const Half = ({ feed, view, c, id, whose }) => html`
  <header><${Who} c=${c} age=${true} short=${true} /><${When} feed=${feed} c=${c} /></header>
  <${Headline} report=${c.report} sizes=${{ largest: 4, smallest: 3, lines: 2 }} />
  <${Wanted} report=${c.report} sizes=${{ largest: 3, smallest: 2.625, lines: 2 }} />
  <${Atmist} c=${c} dense=${true} />
  <${Messages} c=${c} />
  <${SignsPanel} feed=${feed} id=${id} c=${c} places=${['hr', 'spo2', 'bp', 'rr', 'gcs']} />
  <div class="feeds"><${Picture} unit=${c.streams.video} quality=${c.quality} recording=${c.recording} brief=${true} />
    <div class="beside"><${Waves} unit=${unitOf(c.streams.waves)} kinds=${['ECG_II', 'PLETH']} /><${MonitorLine} feed=${feed} id=${id} c=${c} /></div></div>
  <div class="near act"><${NextAction} feed=${feed} c=${c} whose=${whose} /><${ConsultButton} id=${id} />
    <${BayPicker} c=${c} bays=${view.bays} labels=${labelsOf(view)} whose=${whose} />${isWaiting(c) ? null : c.team.team ? html`<${TeamState} c=${c} />` : html`<${TeamCall} c=${c} whose=${whose} />`}</div>`;

/** @param {Parts} props */
const Quarter = ({ feed, c, id, whose }) => html`
  <header><${Who} c=${c} age=${true} short=${true} /><${When} feed=${feed} c=${c} /></header>
  <${Headline} report=${c.report} sizes=${{ largest: 3.5, smallest: 2.75, lines: 1 }} />
  <${Wanted} report=${c.report} sizes=${{ largest: 2.75, smallest: 2.625, lines: 1 }} />
  <${Atmist} c=${c} dense=${true} />
  <div class="feeds"><${SignsPanel} feed=${feed} id=${id} c=${c} places=${['hr', 'spo2', 'bp', 'rr', 'gcs']} />
    ${hasNext(c) ? html`<${NextAction} feed=${feed} c=${c} whose=${whose} />` : html`<div class="beside"><${MonitorAge} feed=${feed} id=${id} c=${c} />
      <${Waves} unit=${unitOf(c.streams.waves)} kinds=${['ECG_II']} labels=${false} /></div>`}</div>`;

/** What people call each casualty, by id. @param {WallView} view */
const labelsOf = (view) => Object.fromEntries(Object.entries(view.cases).map(([id, one]) => [id, one.report.label]));
