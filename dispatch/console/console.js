// @ts-check
// The dispatcher's console: calls, casualties and units on the left, map and activity log in the middle, the decision,
// hospitals and tasks on the right. Everything is fed by the hub; nothing here has to be typed to stay true.
import { html } from 'htm/preact';
import { clockText } from '/casebook/age.js';
import { LiveFeed } from '/casebook/feed.js';
import { DrillFrame, LanguageSwitch, LinkState, start } from '/casebook/frame.js';
import { say } from '/casebook/words.js';
import { act, asking, Refused } from './act.js';
import { Calls, Casualties, Units } from './casualties.js';
import { casualtyOrder, dialog, isOpen, overriding, picked, selected, shownOthers } from './chosen.js';
import { DecisionPanel, takeFirst } from './decision.js';
import { Dialogs } from './dialogs.js';
import { cross } from './draw_on_map.js';
import { drawable, drawKey, take } from './drawing.js';
import { HealthSign } from './health_sign.js';
import { Hospitals } from './hospitals.js';
import { hearKeys, Key } from './keys.js';
import { fitAsked, MapPanel } from './map.js';
import { ActivityLog, Tasks } from './tasks.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */

const feed = new LiveFeed('/api/v1/live/console');

function Console() {
  const view = /** @type {ConsoleView} */ (feed.view.value);
  if (!view.units) return html`<main class="alone"><p role="status">${say(`link.${feed.link.value}`)}</p><${LanguageSwitch} /></main>`;
  return html`<${TopBar} drill=${view.drill !== undefined} health=${view.health} />
    <main class="desk">
      <div class="column left"><${Calls} feed=${feed} view=${view} /><${Casualties} feed=${feed} view=${view} /><${Units} feed=${feed} view=${view} /></div>
      <div class="column middle"><${MapPanel} feed=${feed} view=${view} /><${ActivityLog} view=${view} /></div>
      <div class="column right"><${DecisionPanel} feed=${feed} view=${view} /><${Hospitals} feed=${feed} view=${view} /><${Tasks} feed=${feed} view=${view} /></div>
    </main>
    ${dialog.value === null && html`<${Refused} />`}
    <${Dialogs} feed=${feed} view=${view} />`;
}

/** @param {{drill: boolean, health: ConsoleView['health']}} props */
function TopBar({ drill, health }) {
  feed.tick.value;
  const silent = feed.link.value !== 'live';
  return html`<header class="top"><${DrillFrame} drill=${drill} /><h1>${say('dispatch.title')}</h1>
    <button class="small" onClick=${() => { dialog.value = 'road'; }}>${say('dispatch.roads')} <${Key} k="C" /></button>
    <button class="small" onClick=${() => { dialog.value = 'whatif'; }}>${say('dispatch.whatif')} <${Key} k="W" /></button>
    <button class="small" onClick=${() => { dialog.value = 'region'; }}>${say('dispatch.region')} <${Key} k="H" /></button>
    <button class="small" onClick=${() => { dialog.value = 'board'; }}>${say('dispatch.board')} <${Key} k="M" /></button>
    <button class="small" onClick=${() => { dialog.value = 'keys'; }}>${say('dispatch.keys')} <${Key} k="?" /></button>
    <span class="space"></span><${HealthSign} concerns=${health} />
    ${silent && html`<span class="lost" role="alert">${say('dispatch.as_of', { clock: clockText(feed.now(), true) })}</span>`}
    <${LinkState} feed=${feed} /><span class="clock">${silent ? '--:--:--' : clockText(feed.now(), true)}</span><${LanguageSwitch} /></header>`;
}

/** Say yes to the first option of the selected casualty. @param {ConsoleView} view */
function yes(view) {
  const id = selected(view);
  const one = id ? view.casualties[id] : undefined;
  if (id && one?.proposal && isOpen(one) && asking.value === 0) takeFirst(id, one.proposal.options[0]);
}

let opened = ''; // the other way that was opened last

/** Open the reason for a way that is not the proposal; pressed again, for the next one. @param {ConsoleView} view */
function other(view) {
  const id = selected(view);
  const proposal = id ? view.casualties[id].proposal : undefined;
  if (!id || !proposal) return;
  const names = shownOthers(proposal).map((way) => `${id}/${way.hospital}/${way.mode}`);
  opened = names[(names.indexOf(opened) + 1) % names.length] ?? '';
  if (opened) overriding.value = opened;
}

/** Open the reason for staying with what was chosen. @param {ConsoleView} view */
function keep(view) {
  const id = selected(view);
  const one = id ? view.casualties[id] : undefined;
  if (id && one?.reopened && one.option) overriding.value = `${id}/${one.option.hospital}/${one.option.mode}/keep`;
}

/** Move through the casualties' rows. @param {ConsoleView} view @param {number} by */
function move(view, by) {
  const order = casualtyOrder(view);
  const place = order.indexOf(selected(view) ?? '') + by;
  if (order[place]) picked.value = order[place];
}

/** @type {Record<string, NonNullable<typeof dialog.value>>} */
const DIALOGS = { N: 'call', A: 'assign', T: 'task', C: 'road', W: 'whatif', H: 'region', M: 'board', '?': 'keys' };
/** @type {Record<string, (view: ConsoleView) => void>} */
const DOES = {
  ArrowDown: (view) => move(view, 1),
  ArrowUp: (view) => move(view, -1),
  Y: yes,
  O: other,
  K: keep,
  R: (view) => { if (selected(view)) act('propose_destination', { casualty: selected(view) }); },
  F: () => fitAsked.dispatchEvent(new Event('fit')),
  D: () => { if (drawable.value) take('area'); else dialog.value = 'road'; },
  Escape: () => { overriding.value = null; },
};

hearKeys((key) => {
  const view = /** @type {ConsoleView} */ (feed.view.value);
  if (!view.units) return false;
  if (drawKey(key, cross)) return !key.startsWith('Arrow'); // arrows are the map's while somebody draws
  if (/^[1-9]$/.test(key)) picked.value = casualtyOrder(view)[Number(key) - 1] ?? picked.value;
  else if (DIALOGS[key]) dialog.value = DIALOGS[key];
  else if (DOES[key]) DOES[key](view);
  else return false;
  return true;
});

await start(Console);
