// @ts-check
// What was found, one tap per fact, headline first. A chip is written in both languages: the ward may read the other.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { say } from '/casebook/words.js';
import { both, inBoth, loadBoth } from './both_languages.js';
import { busy, closeSheet, tap } from './doing.js';
import { named } from './naming.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */

/** Lists hold one chip per entry; texts hold chips joined by SEPARATOR. @type {{name: string, list: boolean, chips: string[]}[]} */
const SECTIONS = [
  { name: 'concern', list: false, chips: ['haemorrhagic_shock', 'pelvic_fracture', 'head_injury', 'chest_injury', 'tension_pneumothorax', 'abdominal_injury', 'spinal_injury', 'airway', 'amputation', 'burns', 'limb_fracture', 'minor'] },
  { name: 'ask', list: true, chips: ['trauma_team', 'blood', 'theatre', 'ct', 'airway_doctor', 'interventional', 'neurosurgeon', 'burns_team', 'paediatrician', 'obstetrician'] },
  { name: 'mechanism', list: false, chips: ['rear_end', 'head_on', 'rollover', 'side_impact', 'trapped', 'ejected', 'motorcycle', 'pedestrian', 'fall_high', 'fall_low', 'crush', 'penetrating', 'burn', 'blast'] },
  { name: 'injuries', list: true, chips: ['head', 'face', 'neck', 'chest_left', 'chest_right', 'abdomen', 'pelvis', 'spine', 'arm_left', 'arm_right', 'leg_left', 'leg_right', 'femur', 'open_fracture', 'bleeding', 'burn'] },
  { name: 'treatments', list: true, chips: ['tourniquet', 'pelvic_binder', 'oxygen', 'iv_line', 'tranexamic_acid', 'needle_decompression', 'chest_seal', 'intubation', 'collar', 'splint', 'dressing', 'analgesia', 'warming', 'cpr'] },
  { name: 'pathway', list: false, chips: ['trauma', 'stroke', 'stemi', 'burns', 'paediatric', 'obstetric', 'hand', 'poisoning', 'general'] },
];
const SEPARATOR = '；';

/** @param {{view: TabletView, with: {casualty: string}}} props */
export function FindingsSheet({ view, with: { casualty } }) {
  loadBoth();
  const [name, open] = useState('concern');
  const one = view.casualties?.[casualty];
  const section = SECTIONS.find((each) => each.name === name) ?? SECTIONS[0];
  return html`<div class="head"><button onClick=${closeSheet}>${say('unit.back')}</button><h2><b>${one?.label}</b> ${say('unit.do.findings')}</h2>
      <button class="go" onClick=${closeSheet}>${say('unit.done')}</button></div>
    <div class="findings"><nav aria-label=${say('unit.do.findings')}>${SECTIONS.map((each) => html`<button key=${each.name} aria-pressed=${each === section}
      class=${each === section ? 'here' : ''} onClick=${() => open(each.name)}>${say(`unit.findings.${each.name}`)}</button>`)}</nav>
    ${section.name === 'pathway' ? html`<${Pathway} casualty=${casualty} found=${one?.findings} />` : html`<${Chips} key=${section.name} casualty=${casualty} section=${section} found=${one?.findings} />`}</div>`;
}

/** @param {{casualty: string, found: Record<string, any> | undefined}} props */
function Pathway({ casualty, found }) {
  const now = found?.pathway ?? 'general';
  const flag = (/** @type {string} */ name) => html`<button key=${name} class="grave ${found?.[name] ? 'here' : ''}" aria-pressed=${Boolean(found?.[name])} disabled=${busy.value}
    onClick=${() => tap('findings', { casualty, [name]: !found?.[name] })}>${say(`unit.findings.${name}`)}</button>`;
  return html`<div class="choices">${SECTIONS[5].chips.map((one) => html`<button key=${one} class=${one === now ? 'here' : ''} aria-pressed=${one === now} disabled=${busy.value}
    onClick=${() => tap('findings', { casualty, pathway: one })}>${named('pathway', one)}</button>`)}${['airway_unmanageable', 'in_arrest'].map(flag)}</div>`;
}

/** @param {{casualty: string, section: typeof SECTIONS[number], found: Record<string, any> | undefined}} props */
function Chips({ casualty, section, found }) {
  const [typed, type] = useState('');
  const said = found?.[section.name];
  /** @type {string[]} */
  const now = section.list ? said ?? [] : (said ?? '').split(SEPARATOR).filter(Boolean);
  const known = section.chips.map((chip) => inBoth(`unit.chip.${chip}`));
  const write = (/** @type {string[]} */ texts) => tap('findings', { casualty, [section.name]: section.list ? texts : texts.join(SEPARATOR) });
  const toggle = (/** @type {string} */ text) => write(now.includes(text) ? now.filter((one) => one !== text) : [...now, text]);
  const add = async () => { if (typed.trim() && await write([...now, typed.trim()])) type(''); };
  return html`<div class="choices">
    ${section.chips.map((chip, n) => html`<button key=${chip} class=${now.includes(known[n]) ? 'here' : ''} aria-pressed=${now.includes(known[n])} disabled=${busy.value || !both.value.length}
      onClick=${() => toggle(known[n])}>${say(`unit.chip.${chip}`)}</button>`)}
    ${now.filter((text) => !known.includes(text)).map((text) => html`<button key=${text} class="here" aria-pressed="true" disabled=${busy.value} onClick=${() => toggle(text)}>${text}</button>`)}
    <form class="typed" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); add(); }}>
      <input value=${typed} aria-label=${say('unit.in_words')} placeholder=${say('unit.in_words')} maxlength="200" onInput=${(/** @type {any} */ event) => type(event.target.value)} />
      <button disabled=${busy.value || !typed.trim()}>${say('unit.add')}</button></form></div>`;
}
