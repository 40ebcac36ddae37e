// @ts-check
// Ids and word keys as people read them: names of hospitals and units, reasons and log lines as sentences.
import { clockText, spanText } from '/casebook/age.js';
import { rungText, rungWhyText, uplinkText } from '/casebook/picture_quality.js';
import { isWord, language, nameOf, say } from '/casebook/words.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').Reason} Reason */

/** @param {ConsoleView} view @param {string | undefined} id */
export const hospitalName = (view, id) => nameOf(view.hospitals[id ?? '']) || id || '';
/** Where a way leads that may hold for all hospitals (''). @param {ConsoleView} view @param {string} id */
export const leadsTo = (view, id) => (id === '' ? say('destination.any_hospital') : hospitalName(view, id));
/** @param {ConsoleView} view @param {string | undefined} id */
export const unitName = (view, id) => nameOf(view.units[id ?? '']) || id || '';
/** @param {ConsoleView} view @param {string | undefined} id */
export const casualtyLabel = (view, id) => view.casualties[id ?? '']?.label ?? id ?? '';
/** @param {ConsoleView} view @param {string | undefined} id */
export const siteName = (view, id) => nameOf(view.sites[id ?? '']?.place) || id || '';

/** A counted thing or a service. @param {string} word */
export const resourceName = (word) =>
  word === '*' ? say('dispatch.whole_hospital') : isWord(`hospital.resource.${word}`) ? say(`hospital.resource.${word}`) : say(`dispatch.capability.${word}`);

const WAVES = /\.waves$/; // of a stream's name: the waves of a vehicle, not its picture

/** What a hospital has, or what would have to be measured first; of either-or names each. @param {string} word */
const missingName = (word) => (isWord(`dispatch.capability.${word}`) ? say(`dispatch.capability.${word}`)
  : word.split('/').map((one) => (isWord(`dispatch.measure.${one}`) ? say(`dispatch.measure.${one}`) : one)).join('/'));

/** @param {ConsoleView} view @param {string} name @param {any} value @returns {any} */
function fact(view, name, value) {
  if (value === null || value === undefined || value === '') return '–';
  switch (name) {
    case 'missing': return value.map(missingName).join(say('dispatch.join'));
    case 'capability': return say(`dispatch.capability.${value}`);
    case 'resource': return resourceName(value);
    case 'hospital': return hospitalName(view, value);
    case 'unit': case 'aircraft': case 'from_unit': case 'to_unit': return unitName(view, value);
    case 'stream': return unitName(view, value.replace(WAVES, ''));
    case 'casualty': return casualtyLabel(view, value);
    case 'site': return siteName(view, value);
    case 'mode': return say(`dispatch.mode.${value}`);
    case 'category': return say(`triage.${value}`);
    case 'field_triage': return say(`dispatch.field_triage.${value}`);
    case 'criteria': return value.map((/** @type {string} */ one) => (isWord(`dispatch.criterion.${one}`) ? say(`dispatch.criterion.${one}`) : one)).join(say('dispatch.join'));
    case 'duty': return say(`dispatch.duty.${value}`);
    case 'until': return clockText(value);
    case 'to': case 'agency': case 'approver': return agencyName(view, value);
    case 'reason': return roadReason(value);
    case 'rule': return ruleName(value);
    case 'member': return say(`hospital.member.${value}`);
    case 'state': return isWord(`hospital.member_state.${value}`) ? say(`hospital.member_state.${value}`) : value;
    default: return value;
  }
}

/** @param {ConsoleView} view @param {Record<string, any>} facts */
const named = (view, facts) => Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, fact(view, name, value)]));

/** Why, as a sentence. @param {ConsoleView} view @param {Reason} reason */
export function reasonText(view, reason) {
  const facts = named(view, reason.facts);
  if (reason.facts.road === reason.facts.closure) facts.road = view.roads[reason.facts.closure]?.name ?? facts.road;
  if (reason.facts.since) Object.assign(facts, { since: clockText(reason.facts.since), by: byName(view, reason.facts.by), why: roadReason(reason.facts.why) });
  const sentence = say(`reason.${reason.code}`, facts);
  return reason.facts.until ? `${sentence} ${say('dispatch.until', { clock: clockText(reason.facts.until) })}` : sentence;
}

/** Several reasons in one breath. @param {ConsoleView} view @param {Reason[]} reasons */
export const whyText = (view, reasons) => reasons.map((reason) => reasonText(view, reason)).join(say('dispatch.stop'));

/** A line of the activity log as a sentence. @param {ConsoleView} view @param {import('./view_types.js').Line} line */
export function lineText(view, line) {
  const { kind, facts } = line;
  const said = named(view, facts);
  if (kind === 'leg_given' && facts.why) return say('event.leg_changed', { ...said, why: whyText(view, facts.why) });
  if (kind.startsWith('road_') && !facts.ref) said.ref = view.roads[facts.closure] ? roadName(facts.closure, view.roads[facts.closure]) : facts.closure;
  if (kind === 'task_opened') said.kind = say(`dispatch.task.${facts.kind}`);
  if (kind.startsWith('task_')) said.task = taskName(view, facts.task);
  if (kind === 'picture_quality_changed') Object.assign(said, { rung: rungText(facts.rung), why: rungWhyText(facts.why) });
  if (kind === 'uplink_changed') said.state = uplinkText({ state: facts.state, why: facts.why });
  if (kind === 'incident_opened') said.kind = kindName(facts.kind);
  if (kind === 'handover_signed') said.side = say(`dispatch.side.${facts.side}`);
  const ofWaves = WAVES.test(facts.stream ?? '') && isWord(`event.${kind}.waves`);
  return say(`event.${kind}${ofWaves ? '.waves' : facts.clear === false ? '.not' : ''}`, said);
}

/** @param {ConsoleView} view @param {string} id */
function taskName(view, id) {
  const task = view.tasks[id];
  if (!task) return id;
  const whose = task.note && view.sites[task.note] ? siteName(view, task.note) : agencyName(view, task.note || task.to);
  return `${say(`dispatch.task.${task.kind}`)} (${whose})`;
}

const KINDS = ['traffic', 'fall', 'chest_pain', 'stroke', 'burns', 'poisoning', 'collapse', 'obstetric', 'other'];
export const KNOWN_KINDS = KINDS;
/** What the call is about; words that we do not know stand as they came. @param {string} kind */
export const kindName = (kind) => (KINDS.includes(kind) ? say(`dispatch.kind.${kind}`) : kind);

const AGENCIES = ['110', '119', 'air_agency', 'duty_head', 'centre_leader', 'police', 'police_command', 'dispatcher'];
/** Who is told or asked: a service, a district, or whoever was typed. @param {ConsoleView} view @param {string} name */
export const agencyName = (view, name) => (AGENCIES.includes(name) ? say(`dispatch.agency.${name}`) : nameOf(view.districts[name]) || name);

/** Why a road is closed or slow; words that we do not know stand as they came. @param {string} why */
export const roadReason = (why) => (['works', 'congestion', 'weather', 'feed', 'what_if'].includes(why) ? say(`dispatch.road.${why}`) : why);

/** Which road a closure is of; an area without a road that names it is called an area. @param {string} id @param {import('./view_types.js').Road} road */
export const roadName = (id, road) => road.ref || (road.name && road.name !== id ? road.name : road.polygon ? say('dispatch.roads_there') : id);

/** A rule of the destination tables in words; a region's own stands as it is named. @param {string} rule */
const ruleName = (rule) => (isWord(`dispatch.rule.${rule}`) ? say(`dispatch.rule.${rule}`) : rule);

/** Who said it: the role in words, and the person; an id that the line itself names is left out. @param {ConsoleView} view @param {string} by */
export function byName(view, by) {
  const [role, ...rest] = by.split(':');
  const who = rest.join(':');
  const known = ['dispatcher', 'ed', 'paramedic', 'director', 'desk'].includes(role) ? say(`dispatch.role.${role}`) : role;
  return role === 'desk' || who === role || view.hospitals[who] || view.units[who] ? known : `${known} ${who}`;
}

/** A person, or the name of the hospital or unit that an id stands for. @param {ConsoleView} view @param {string | undefined} who */
export const whoName = (view, who) => (who ? nameOf(view.hospitals[who] ?? view.units[who]) || who : '');

/** A place by name, else by its coordinates with their datum. @param {import('./view_types.js').Place} place */
export const placeName = (place) => (language.value === 'zh' ? place.name_zh : place.name_en) || place.name_zh || place.name_en || coordinates(place.lat, place.lon);

/** Coordinates as they are read out and copied: the datum is part of them. @param {number} lat @param {number} lon */
export const coordinates = (lat, lon) => `${lat.toFixed(5)}, ${lon.toFixed(5)} WGS-84`;

/** Seconds as minutes and seconds, or dashes. @param {number | undefined} span_s */
export const spanOrDash = (span_s) => (span_s === undefined ? '--:--' : spanText(Math.round(span_s)));
