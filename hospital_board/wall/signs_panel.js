// @ts-check
// The numbers of one patient, big, each group with its age; alarms as a lamp beside steady words.
import { html } from 'htm/preact';
import { say } from '/casebook/words.js';
import { withLive } from './live_numbers.js';
import { PLACES, monitorAt, monitorState, shownIn } from './signs.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */

const STARS = { high: '***', medium: '**', low: '*' };
const ORDER = ['high', 'medium', 'low'];

/** The hub is not heard: nothing that streams may stand. @param {LiveFeed} feed */
export const isHubLost = (feed) => feed.link.value === 'lost' || feed.link.value === 'refused';

/** @param {LiveFeed} feed */
const clockOf = (feed) => ({
  age_s: (/** @type {string | undefined} */ at) => feed.age_s(at), rate: feed.rate, hubLost: isHubLost(feed),
});

/** What is known of a patient's vital signs, the newer of recorded and live. @param {string} id @param {Case} c */
const vitalsOf = (id, c) => withLive(id, c.report.signs?.vitals ?? {});

/** A short age: 3 s, 2 min, 1 h. @param {number | null} age_s */
export function shortAge(age_s) {
  if (age_s === null) return say('age.never');
  if (age_s < 90) return say('hospital.age.seconds', { n: Math.round(age_s) });
  if (age_s < 5400) return say('hospital.age.minutes', { n: Math.round(age_s / 60) });
  return say('hospital.age.hours', { n: Math.round(age_s / 3600) });
}

/**
 * @param {{feed: LiveFeed, id: string, c: Case, places: string[], inline?: boolean}} props `places`: ids of PLACES in
 *   order; `inline`: in a line of text, only what was ever measured
 */
export function SignsPanel({ feed, id, c, places, inline = false }) {
  feed.tick.value;
  const vitals = vitalsOf(id, c);
  const clock = clockOf(feed);
  const trend = feed.samples.get(id) ?? [];
  return html`<div class="signs ${inline ? 'inline' : ''}" data-monitor=${monitorState(vitals, clock)}>
    ${places.map((name) => {
      const place = PLACES.find((one) => one.id === name);
      if (!place) return null;
      const shown = shownIn(place, vitals, clock, c.doubts ?? {}, trend);
      if (inline && shown.state === 'never') return null;
      const alarm = shown.state === 'lost' ? undefined : place.fields.map((field) => c.alarms[field]).find(Boolean);
      return html`<div class="sign ${shown.state} ${alarm?.priority ?? ''}" data-sign=${name} key=${name}>
        <div class="name">${alarm && html`<${Lamp} priority=${alarm.priority} />`}${say(`hospital.sign.${name}`)} ${shown.state === 'spot' || shown.state === 'late'
          ? html`<span class="age ${shown.state === 'late' ? 'late' : ''}">${shortAge(feed.age_s(shown.at))}</span>` : null}</div>
        <div class="value"><b>${shown.text}</b>${shown.arrow && html`<i class="arrow">${shown.arrow}</i>`}</div>
      </div>`;
    })}
  </div>`;
}

/** The lamp of an alarm: a small shape that flashes by its priority; words beside it never do. @param {{priority: 'high' | 'medium' | 'low'}} props */
export const Lamp = ({ priority }) => html`<svg class="lamp ${priority}" viewBox="0 0 20 20" aria-hidden="true">
  <path d=${priority === 'high' ? 'M10 1 19 18H1z' : priority === 'medium' ? 'M10 1 19 10 10 19 1 10z' : 'M10 2a8 8 0 1 0 .01 0z'} />
</svg>`;

/** One line: the worst alarm in words and how many more, with the monitor's age; or that the monitor is lost. @param {{feed: LiveFeed, id: string, c: Case}} props */
export function MonitorLine({ feed, id, c }) {
  feed.tick.value;
  const vitals = vitalsOf(id, c);
  const clock = clockOf(feed);
  const state = monitorState(vitals, clock);
  const at = monitorAt(vitals);
  if (state === 'never') return html`<p class="monitor never">${say('hospital.monitor.never')}</p>`;
  if (state === 'lost') {
    return html`<p class="monitor lost" role="status"><${Lamp} priority="medium" />${STARS.medium} ${say('hospital.monitor.lost')}</p>`;
  }
  const alarms = Object.values(c.alarms).sort((a, b) => ORDER.indexOf(a.priority) - ORDER.indexOf(b.priority));
  return html`<p class="monitor ${state}">
    ${alarms.slice(0, 1).map((alarm) => html`<span class="alarm ${alarm.priority}"><${Lamp} priority=${alarm.priority} /><span>${STARS[alarm.priority]} ${say(`alarm.${alarm.key}`)}</span></span>`)}
    ${alarms.length > 1 && html`<span class="more">+${alarms.length - 1}</span>`}
    <span class="age ${state === 'late' ? 'late' : ''}">${alarms.length === 0 ? `${say('hospital.monitor.name')} ` : ''}${shortAge(feed.age_s(at))}</span>
  </p>`;
}

/** How old the monitor's numbers are, alone. @param {{feed: LiveFeed, id: string, c: Case}} props */
export function MonitorAge({ feed, id, c }) {
  feed.tick.value;
  const vitals = vitalsOf(id, c);
  const state = monitorState(vitals, clockOf(feed));
  if (state === 'never' || state === 'lost') return null;
  return html`<span class="age ${state === 'late' ? 'late' : ''}">${shortAge(feed.age_s(monitorAt(vitals)))}</span>`;
}

/** MEWS and shock index: the number, or how much is missing; blank when what they rest on is lost. @param {{feed: LiveFeed, id: string, c: Case}} props */
export function Scores({ feed, id, c }) {
  feed.tick.value;
  const lost = monitorState(vitalsOf(id, c), clockOf(feed)) === 'lost';
  const { mews, shock_index: shock } = c.scores ?? {};
  return html`<div class="scores">
    ${mews && mews.status !== 'not_applicable' && html`<span class="score ${lost ? '' : mews.category}">${say('hospital.score.mews')} ${scoreText(mews, mews.total, lost)}</span>`}
    ${shock?.status === 'complete' && html`<span class="score ${shock.outputs.elevated && !lost ? 'high' : ''}">${say('hospital.score.shock_index')} ${scoreText(shock, Number(shock.outputs.si_4dp).toFixed(1), lost)}</span>`}
  </div>`;
}

/** @param {Case['scores'][string]} score @param {number | string | undefined} total @param {boolean} lost */
function scoreText(score, total, lost) {
  if (lost) return html`<b>--</b>`;
  if (score.status !== 'complete') return html`<i>${say('hospital.score.missing', { n: score.missing.length })}</i>`;
  return html`<b>${total}</b>${score.stale.length > 0 && html` <i>${say('hospital.score.stale')}</i>`}`;
}
