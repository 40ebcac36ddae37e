// @ts-check
// The emergency department's wall: what is coming here, the most urgent large, the rest in a queue. Never scrolls,
// connects for ever, loads itself anew when the hub serves a newer build.
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { call } from '/casebook/access.js';
import { clockText, spanText } from '/casebook/age.js';
import { LiveFeed } from '/casebook/feed.js';
import { DrillFrame, LanguageSwitch, LinkState, start } from '/casebook/frame.js';
import { TriageMark } from '/casebook/triage.js';
import { nameOf, refusalOf, say } from '/casebook/words.js';
import { isWaiting, Refused } from './actions.js';
import { Card } from './card.js';
import { CapacityStrip } from './capacity_strip.js';
import { Consult, consulting } from './consult.js';
import { isHubLost } from './signs_panel.js';

/** @typedef {import('./view_types.js').WallView} WallView */

const OPEN_MS = 60000; // a card that was opened closes again by itself
const BUILD_MS = 60000;
const RETRY_MS = 3000;
const IN_QUEUE = 5;
/** @type {import('./card.js').Size[][]} */
const SIZES = [[], ['whole'], ['half', 'half'], ['half', 'quarter', 'quarter'], ['quarter', 'quarter', 'quarter', 'quarter']];

const feed = signal(/** @type {LiveFeed | null} */ (null));
const trouble = signal(/** @type {any} */ (null));

/** Whose wall this is: the badge's hospital; a director names one in the address. */
async function connect() {
  for (;;) {
    try {
      const badge = await call('/api/v1/me');
      const hospital = badge.hospital || new URLSearchParams(location.search).get('hospital');
      trouble.value = null;
      feed.value = new LiveFeed(`/api/v1/live/wall/${encodeURIComponent(hospital ?? '')}`);
      return;
    } catch (wrong) {
      trouble.value = wrong;
      await new Promise((again) => setTimeout(again, RETRY_MS));
    }
  }
}

function Wall() {
  const live = feed.value;
  if (!live) return html`<main class="alone"><p role="status">${trouble.value ? refusalOf(trouble.value) : say('link.connecting')}</p><${LanguageSwitch} /></main>`;
  const view = /** @type {WallView} */ (live.view.value);
  if (!view.hospital) return html`<main class="alone"><p role="status">${say(`link.${live.link.value}`)}</p><${LanguageSwitch} /></main>`;
  const open = consulting.value;
  if (open && view.cases[open]) {
    return html`<${TopBar} live=${live} view=${view} /><${Lost} live=${live} /><${Consult} key=${open} feed=${live} view=${view} id=${open} /><${Refused} />`;
  }
  return html`<${TopBar} live=${live} view=${view} />
    <${Lost} live=${live} />
    <${Cards} live=${live} view=${view} />
    <${Queue} live=${live} view=${view} />
    <${CapacityStrip} feed=${live} view=${view} />
    <${Refused} />`;
}

/** @param {{live: LiveFeed, view: WallView}} props */
function TopBar({ live, view }) {
  live.tick.value;
  const waiting = Object.values(view.cases).filter(isWaiting).length;
  return html`<header class="top"><${DrillFrame} drill=${view.drill} />
    <div class="left"><h1>${nameOf(view.hospital)}</h1></div>
    <div class="right"><span class="inbound">${waiting > 0 ? html`<b>${say('hospital.waiting', { n: waiting })}</b>` : say('hospital.inbound', { n: view.order.length })}</span>
      <${LinkState} feed=${live} />
      <span class="clock">${isHubLost(live) ? '--:--:--' : clockText(live.now(), true)}</span><${LanguageSwitch} /></div>
  </header>`;
}

/** The hub is silent: said across the board, with the instant of what still stands. @param {{live: LiveFeed}} props */
function Lost({ live }) {
  live.tick.value;
  return isHubLost(live) ? html`<p class="hub-lost" role="alert">${say('hospital.hub_lost', { clock: clockText(live.now(), true) })}</p>` : null;
}

/** @param {{live: LiveFeed, view: WallView}} props */
function Cards({ live, view }) {
  const [opened, open] = useState(/** @type {string | null} */ (null));
  const waiting = view.order.filter((id) => isWaiting(view.cases[id])).join();
  useEffect(() => open(null), [waiting]); // a new pre-alert must be seen beside the others
  useEffect(() => {
    const close = setTimeout(() => open(null), OPEN_MS);
    return () => clearTimeout(close);
  }, [opened]);
  const shown = opened && view.cases[opened] ? [opened] : view.order.slice(0, view.large);
  if (shown.length === 0) return html`<main class="cards none"><p>${say('hospital.nobody')}</p></main>`;
  return html`<main class="cards n${shown.length}">${shown.map((id, place) => html`<${Card} key=${id} feed=${live} view=${view} id=${id}
    size=${SIZES[shown.length][place]} open=${() => open(opened ? null : id)} />`)}</main>`;
}

/** Those without a large card, in one line. @param {{live: LiveFeed, view: WallView}} props */
function Queue({ live, view }) {
  live.tick.value;
  const rest = view.order.slice(view.large);
  if (rest.length === 0) return null;
  return html`<nav class="queue" aria-label=${say('hospital.queue')}>
    ${rest.slice(0, IN_QUEUE).map((id) => {
      const { report, route, handover } = view.cases[id];
      const left_s = route.eta_at ? (Date.parse(route.eta_at) - live.now()) / 1000 : null;
      const when = handover.state === 'completed' ? say('hospital.handed_over') : handover.arrived_at ? say('hospital.arrived')
        : left_s === null || isHubLost(live) ? '--:--' : spanText(left_s);
      return html`<span class="queued" key=${id}><${TriageMark} category=${report.category} words=${false} /><b>${report.label}</b>
        <span class="concern">${report.concern ?? say('hospital.no_concern')}</span> <span class="when">${when}</span></span>`;
    })}
    ${rest.length > IN_QUEUE && html`<b>+${rest.length - IN_QUEUE}</b>`}
  </nav>`;
}

/** Load the page anew when the hub serves another build of it. */
async function watchBuild() {
  const stamp = async () => (await fetch('/wall/wall.js', { method: 'HEAD', cache: 'no-store' })).headers.get('etag');
  const first = await stamp().catch(() => null);
  setInterval(async () => {
    const now = await stamp().catch(() => null);
    if (first && now && now !== first) location.reload();
  }, BUILD_MS);
}

/** Keep the screen on where the browser may. */
const stayAwake = () => navigator.wakeLock?.request('screen').catch(() => undefined);

await start(Wall);
stayAwake();
document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') stayAwake(); });
connect();
watchBuild();
