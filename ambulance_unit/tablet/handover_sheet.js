// @ts-check
// The handover, to be read out with hands off: headline and ask, then ATMIST, then both sign. Works with the hub gone.
import { html } from 'htm/preact';
import { clockText } from '/casebook/age.js';
import { TriageMark } from '/casebook/triage.js';
import { nameOf, say } from '/casebook/words.js';
import { busy, closeSheet, tap } from './doing.js';
import { listed, named, whoText } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('./view_types.js').Casualty} Casualty */

const SIGNS = [['hr_bpm', ''], ['spo2_pct', '%'], ['rr_bpm', ''], ['etco2_mmhg', ''], ['temp_c', '°C'], ['glucose_mmol_l', ''], ['gcs', '']];

/** @param {{view: TabletView, with: {casualty: string}}} props */
export function HandoverSheet({ view, with: { casualty } }) {
  const one = view.casualties?.[casualty];
  if (!one) return html`<div class="head"><button onClick=${closeSheet}>${say('unit.back')}</button><h2>${say('unit.no_casualty')}</h2><span></span></div>`;
  return html`<div class="head"><button onClick=${closeSheet}>${say('unit.back')}</button>
      <h2><b>${one.label}</b> ${say('unit.handover')} · ${nameOf(one.destination)}${one.bay ? ` · ${one.bay}` : ''}</h2><${Sign} one=${one} /></div>
    <${ReadOut} one=${one} view=${view} /><${Signatures} one=${one} />`;
}

/** The one thing to do now. @param {{one: Casualty}} props */
function Sign({ one }) {
  const casualty = one.id;
  if (one.stage === 'arrived') return html`<button class="go" disabled=${busy.value} onClick=${() => tap('start_handover', { casualty })}>${say('unit.start_handover')}</button>`;
  if (one.stage === 'handing_over' && !one.signatures.crew) {
    return html`<button class="go" disabled=${busy.value} onClick=${() => tap('sign_handover', { casualty })}>${say('unit.sign')}</button>`;
  }
  return html`<button onClick=${closeSheet}>${say('unit.done')}</button>`;
}

/** @param {{one: Casualty, view: TabletView}} props */
function ReadOut({ one, view }) {
  const found = one.findings ?? {};
  const rows = [
    ['concern', found.concern], ['ask', listed(found.ask ?? [])], ['age', whoText(one)],
    ['time', view.incident ? clockText(view.incident.happened_at) : ''], ['mechanism', found.mechanism],
    ['injuries', listed(found.injuries ?? [])], ['signs', signsText(one, view, found.signs)],
    ['treatment', listed(found.treatments ?? [])],
  ];
  return html`<dl class="read-out"><div><dt>${say('unit.triage_mark')}</dt><dd><${TriageMark} category=${one.category} /></dd></div>
    ${rows.map(([name, text]) => html`<div key=${name} class=${`read-${name}`}><dt>${say(`unit.read.${name}`)}</dt><dd>${text || html`<i>${say('unit.not_stated')}</i>`}</dd></div>`)}</dl>`;
}

/** The newest numbers with the instant they were measured. @param {Casualty} one @param {TabletView} view @param {string} [text] */
function signsText(one, view, text) {
  const latest = view.monitor.latest?.casualty === one.id ? view.monitor.latest : undefined;
  if (!latest) return text ?? '';
  const values = latest.values;
  const numbers = SIGNS.filter(([field]) => values[field] !== undefined).map(([field, unit]) => `${say(`unit.sign.${field}`)} ${values[field]}${unit}`);
  if (values.sbp_mmhg !== undefined) numbers.splice(1, 0, `${say('unit.sign.pressure')} ${values.sbp_mmhg}/${values.dbp_mmhg ?? '?'}`);
  return [text, `${numbers.join(' · ')} (${clockText(latest.at)})`].filter(Boolean).join(' · ');
}

/** @param {{one: Casualty}} props */
function Signatures({ one }) {
  return html`<div class="signatures">${['crew', 'hospital'].map((side) => {
    const signed = one.signatures?.[side];
    return html`<p key=${side} class=${signed ? 'good' : ''}>${say(`unit.side.${side}`)}: ${signed ? `✓ ${signed.by} ${clockText(signed.at)}` : say('unit.not_signed')}</p>`;
  })}<p>${named('stage', one.stage)}</p></div>`;
}
