// @ts-check
// Words for codes of the casebook; a code that has no word here is shown as it is (a region may have its own).
import { clockText } from '/casebook/age.js';
import { isWord, language, nameOf, say } from '/casebook/words.js';

/** @type {Record<string, Set<string>>} */
const KNOWN = {
  kind: new Set(['traffic', 'fall', 'chest_pain', 'stroke', 'burns', 'poisoning', 'drowning', 'violence', 'fire', 'industrial', 'other']),
  hazard: new Set(['traffic', 'fuel', 'fire', 'electricity', 'chemical', 'violence', 'water', 'collapse', 'height', 'smoke', 'infection']),
  agency: new Set(['110', '119', '120', 'air', 'police', 'fire']),
  mode: new Set(['road', 'air', 'rendezvous']),
  resource: new Set(['resus_bay', 'ed_bed', 'icu_bed', 'theatre', 'ct', 'cath_lab', 'ventilator', 'trauma_team', 'blood_o_neg', 'helipad', '*']),
  capability: new Set([
    'trauma_centre', 'ct', 'theatre', 'icu', 'blood', 'neurosurgery', 'cardiothoracic', 'vascular', 'replantation', 'burns',
    'paediatric', 'obstetric', 'pci', 'thrombolysis', 'thrombectomy', 'hyperbaric', 'ecmo', 'helipad',
  ]),
  prealert: new Set(['none', 'sent', 'escalated', 'acknowledged', 'refused']),
  member: new Set(['called', 'coming', 'ready', 'unavailable']),
  stage: new Set(['found', 'triaged', 'destined', 'aboard', 'arrived', 'handing_over', 'handed_over', 'closed']),
  duty: new Set([
    'available', 'standby', 'assigned', 'acknowledged', 'en_route', 'on_scene', 'at_patient', 'transporting',
    'at_landing_site', 'at_destination',
  ]),
  pathway: new Set(['trauma', 'stroke', 'stemi', 'burns', 'paediatric', 'obstetric', 'hand', 'poisoning', 'general']),
};

/** @param {string} group @param {string | undefined} code @returns {string} */
export const named = (group, code) => (code === undefined ? '' : KNOWN[group]?.has(code) ? say(`unit.${group}.${code}`) : code);

/** @param {string[]} texts */
export const listed = (texts) => texts.filter(Boolean).join(language.value === 'zh' ? '、' : ', ');

/** A rule of the destination tables by its words; a region's own rule stands as it is named. @param {string} rule */
export const ruleName = (rule) => (isWord(`dispatch.rule.${rule}`) ? say(`dispatch.rule.${rule}`) : rule);

/** Who said it: the role in words. @param {string} by */
const roleName = (by) => {
  const role = by.split(':')[0];
  return ['dispatcher', 'ed', 'paramedic', 'director', 'desk'].includes(role) ? say(`dispatch.role.${role}`) : by;
};

/** Why a road is closed or slow. @param {string} why */
const roadReason = (why) => (['works', 'congestion', 'weather', 'feed'].includes(why) ? say(`dispatch.road.${why}`) : why);

/** Why, in a sentence; codes and ids among the facts get their words. @param {import('./view_types.js').TabletView} view @param {{code: string, facts: Record<string, any>}} reason */
export function reasonText(view, reason) {
  const facts = { ...reason.facts };
  if (typeof facts.hospital === 'string') facts.hospital = hospitalName(view, facts.hospital);
  if (typeof facts.aircraft === 'string') facts.aircraft = nameOf(view.partners?.[facts.aircraft]) || facts.aircraft;
  if (typeof facts.capability === 'string') facts.capability = named('capability', facts.capability);
  if (typeof facts.resource === 'string') facts.resource = named('resource', facts.resource);
  for (const name of ['missing', 'lacks']) {
    if (facts[name] !== undefined) facts[name] = listed([facts[name]].flat().map((code) => named('capability', code)));
  }
  if (typeof facts.rule === 'string') facts.rule = ruleName(facts.rule);
  if (facts.since) Object.assign(facts, { since: clockText(facts.since), by: roleName(facts.by), why: roadReason(facts.why) });
  return say(`reason.${reason.code}`, facts);
}

/** Age and sex in short: 41 · male. @param {{age_years?: number, sex?: string}} one */
export const whoText = (one) =>
  [one.age_years === undefined ? say('unit.age_unknown') : say('unit.years', { n: one.age_years }), one.sex ? say(`unit.sex.${one.sex}`) : ''].filter(Boolean).join(' · ');

/** Minutes, rounded; "--" when nobody knows. @param {number | undefined} span_s */
export const minutes = (span_s) => (span_s === undefined ? '--' : say('unit.minutes', { n: Math.round(span_s / 60) }));

/** A hospital by id. @param {import('./view_types.js').TabletView} view @param {string | undefined} id */
export const hospitalName = (view, id) => (id ? nameOf(view.hospitals?.[id]) || id : '');

/** Where a way leads that may hold for all hospitals (''). @param {import('./view_types.js').TabletView} view @param {string} id */
export const leadsTo = (view, id) => (id === '' ? say('destination.any_hospital') : hospitalName(view, id));
