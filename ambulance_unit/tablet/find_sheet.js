// @ts-check
// A casualty was found: a letter, roughly how old, man or woman; one tap is enough, the rest may stay unknown.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { say } from '/casebook/words.js';
import { busy, closeSheet, tap } from './doing.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */

const LABELS = [...'ABCDEFGHIJKL'];
const AGES = [1, 4, 7, 12, 18, 25, 35, 45, 55, 65, 75, 85];
const SEXES = ['m', 'f'];

/** @param {{view: TabletView}} props */
export function FindSheet({ view }) {
  const taken = new Set(Object.values(view.casualties ?? {}).map((one) => one.label));
  const [label, setLabel] = useState(LABELS.find((one) => !taken.has(one)) ?? '');
  const [age, setAge] = useState(/** @type {number | undefined} */ (undefined));
  const [sex, setSex] = useState(/** @type {string | undefined} */ (undefined));
  const record = async () => {
    const done = await tap('found_casualty', { label, ...(age === undefined ? {} : { age_years: age }), ...(sex ? { sex } : {}) });
    const incident = view.incident?.id;
    if (done && view.unit?.duty === 'on_scene') await tap('at_patient', { casualty: `${incident}-${label}` });
    if (done) closeSheet();
  };
  return html`<div class="head"><button onClick=${closeSheet}>${say('unit.back')}</button><h2>${say('unit.do.find')} <b>${label}</b></h2>
      <button class="go" disabled=${busy.value || !label} onClick=${record}>${say('unit.record')}</button></div>
    <${Choice} name="label" all=${LABELS.filter((one) => !taken.has(one))} chosen=${label} choose=${setLabel} text=${(/** @type {string} */ one) => one} />
    <${Choice} name="age" all=${AGES} chosen=${age} choose=${setAge} text=${(/** @type {number} */ n) => say('unit.about_years', { n })} />
    <${Choice} name="sex" all=${SEXES} chosen=${sex} choose=${setSex} text=${(/** @type {string} */ one) => say(`unit.sex.${one}`)} />`;
}

/**
 * Buttons of which one may be chosen; the chosen one touched again is unknown again.
 * @param {{name: string, all: any[], chosen: any, choose: (one: any) => void, text: (one: any) => string}} props
 */
export function Choice({ name, all, chosen, choose, text }) {
  return html`<h3>${say(`unit.choose.${name}`)}</h3><div class="choices" role="group" aria-label=${say(`unit.choose.${name}`)}>${all.map((one) => html`<button key=${one}
    aria-pressed=${one === chosen} class=${one === chosen ? 'here' : ''} onClick=${() => choose(one === chosen ? undefined : one)}>${text(one)}</button>`)}</div>`;
}
