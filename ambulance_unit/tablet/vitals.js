// @ts-check
// The monitor on the tablet: numbers with their ages, alarms, waves straight from the vehicle.
// What is lost is "--" and words; an old number never stands as if it were now.
import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import { Age, ageText, freshness } from '/casebook/age.js';
import { qualityText } from '/casebook/picture_quality.js';
import { language, say } from '/casebook/words.js';
import { chosenCasualty } from './casualties.js';
import { tap } from './doing.js';
import { openWaves } from './waves_feed.js';
import '/media/sweep_wave.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('/casebook/feed.js').LiveFeed} LiveFeed */
/** @typedef {NonNullable<TabletView['monitor']['latest']>} Latest */

const STARS = { high: '***', medium: '**', low: '*' };
const CUFF_LATE_S = 300; // a cuff measures every few minutes: its own age counts, not the sample's
const CUFF_LOST_S = 900;
/** Groups that are measured together. @type {{name: string, fields: string[], unit: string}[]} */
const GROUPS = [
  { name: 'hr_bpm', fields: ['hr_bpm'], unit: '/min' },
  { name: 'spo2_pct', fields: ['spo2_pct'], unit: '%' },
  { name: 'pressure', fields: ['sbp_mmhg', 'dbp_mmhg'], unit: 'mm[Hg]' },
  { name: 'rr_bpm', fields: ['rr_bpm'], unit: '/min' },
  { name: 'etco2_mmhg', fields: ['etco2_mmhg'], unit: 'mm[Hg]' },
  { name: 'temp_c', fields: ['temp_c'], unit: 'Cel' },
  { name: 'glucose_mmol_l', fields: ['glucose_mmol_l'], unit: 'mmol/L' },
  { name: 'gcs', fields: ['gcs'], unit: '{score}' },
];

/** @param {{view: TabletView, feed: LiveFeed}} props */
export function VitalsPage({ view, feed }) {
  const { casualty, latest, channels } = view.monitor;
  if (!casualty) return html`<${Nobody} view=${view} /><${PictureLine} view=${view} />`;
  const whom = view.casualties?.[casualty];
  return html`<section class="vitals">
    <p class="on"><b>${whom?.label ?? casualty}</b> ${latest ? html`<${Age} feed=${feed} at=${latest.at} late_s=${5 * feed.rate} lost_s=${15 * feed.rate} />` : say('error.monitor_silent')}<${PictureLine} view=${view} /></p>
    <${Alarms} latest=${latest} feed=${feed} />
    <div class="numbers">${GROUPS.map((group) => html`<${Number} key=${group.name} group=${group} latest=${latest} feed=${feed} />`)}</div>
    <${Waves} kinds=${worthDrawing(channels.map((kind) => kind.toUpperCase()))} />
  </section>`;
}

/** How well the ward sees what the camera sees, and what the network does for it; nothing else on the vehicle tells the crew. @param {{view: TabletView, how?: 'told' | 'here'}} props */
export function PictureLine({ view, how = 'told' }) {
  const heard = view.incident && view.link.state === 'connected'; // what the hub said of the network is old without it
  const uplink = heard ? view.unit?.uplink ?? { state: 'none' } : undefined;
  return html`<span class="quality quiet">${qualityText({ ...(view.picture ?? { missing: 'yet' }), uplink }, how)}</span>`;
}

/** Not every trace has room: the first that there are, in the order a monitor gives them. @param {string[]} kinds */
const worthDrawing = (kinds) => ['ECG_II', 'ECG_I', 'ECG_III', 'ECG_V5', 'PLETH', 'ABP', 'CO2', 'RESP'].filter((kind) => kinds.includes(kind)).slice(0, 3);

/** The monitor is on nobody. @param {{view: TabletView}} props */
function Nobody({ view }) {
  const whom = chosenCasualty(view);
  return html`<section class="empty"><p>${say('unit.monitor_off')}</p>
    ${whom && html`<button class="wide" onClick=${() => tap('attach_monitor', { casualty: whom.id })}>${say('unit.do.monitor_on')} ${whom.label}</button>`}</section>`;
}

/** @param {{latest: Latest | undefined, feed: LiveFeed}} props */
function Alarms({ latest, feed }) {
  feed.tick.value;
  if (!latest || freshness(feed.age_s(latest.at), 5 * feed.rate, 15 * feed.rate) === 'lost') return null;
  return html`<div class="alarms" role="status">${latest.alarms.map((alarm) => html`<span class="alarm ${alarm.priority}" key=${alarm.field}>
    <i class="lamp" aria-hidden="true"></i><span>${STARS[alarm.priority]} ${say(`alarm.${alarm.key}`)}</span></span>`)}</div>`;
}

/** One group: name, value, age. @param {{group: typeof GROUPS[number], latest: Latest | undefined, feed: LiveFeed}} props */
function Number({ group, latest, feed }) {
  feed.tick.value;
  const cuff = group.name === 'pressure' ? latest?.values.nibp_at : undefined;
  const at = cuff ?? latest?.at;
  const [late_s, lost_s] = cuff ? [CUFF_LATE_S, CUFF_LOST_S] : [5 * feed.rate, 15 * feed.rate];
  const age_s = feed.age_s(at);
  const values = group.fields.map((field) => latest?.values[field]);
  const measured = values.some((value) => value !== undefined);
  const state = measured ? freshness(age_s, late_s, lost_s) : 'never';
  const text = !measured || state === 'lost' ? '--' : values.map((value) => value ?? '?').join('/');
  const doubt = state === 'lost' ? undefined : group.fields.map((field) => latest?.doubts[field]).find(Boolean);
  const alarm = state === 'lost' ? undefined : latest?.alarms.find((one) => group.fields.includes(one.field));
  return html`<div class="number ${state} ${alarm?.priority ?? ''} ${text.length > 5 ? 'wide-value' : ''}">
    <span class="name">${say(`unit.sign.${group.name}`)} <small>${say(`unit.${group.unit}`)}</small></span>
    <b>${text}</b>
    <span class="age ${state}">${!measured ? say('unit.not_measured') : state === 'lost' ? say('unit.no_signal') : ageText(age_s)}</span>
    ${doubt && html`<span class="doubt">${say('unit.check_sensor')}</span>`}
  </div>`;
}

/** Live traces; blank with words without a signal. @param {{kinds: string[]}} props */
function Waves({ kinds }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    for (const sweep of sweepsIn(box.current)) sweep.say = say;
  }, [language.value, kinds.join()]);
  useEffect(() => openWaves((wave) => {
    for (const sweep of sweepsIn(box.current)) if (sweep.kind === wave.kind) sweep.push(wave);
  }), []);
  return html`<div class="waves" ref=${box}>${kinds.map((kind) => html`<sweep-wave kind=${kind} key=${kind}></sweep-wave>`)}</div>`;
}

/** @param {HTMLElement | null} box @returns {import('/media/sweep_wave.js').SweepWave[]} */
const sweepsIn = (box) => (box ? /** @type {any} */ ([...box.querySelectorAll('sweep-wave')]) : []);
