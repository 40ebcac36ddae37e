// @ts-check
// The crew's tablet: six pages, the next step as one big button, sheets for what takes several taps.
// Fed by the vehicle itself, so it works with the hub gone. Big targets stand at the left and right edges, for thumbs.
import { html } from 'htm/preact';
import { signal } from '@preact/signals';
import { token } from '/casebook/access.js';
import { clockText, spanText } from '/casebook/age.js';
import { LiveFeed } from '/casebook/feed.js';
import { DrillFrame, LanguageSwitch, start } from '/casebook/frame.js';
import { isRecorded, RecordingSign } from '/casebook/recording_sign.js';
import { language, nameOf, say } from '/casebook/words.js';
import { CasualtiesPage } from './casualties.js';
import { DestinationPage } from './destination.js';
import { busy, closeTrouble, sheet, tap, trouble, troubleText } from './doing.js';
import { DiversionBanner } from './elsewhere.js';
import { DivertSheet, WishSheet } from './elsewhere_sheet.js';
import { FilesSheet } from './files_sheet.js';
import { FindSheet } from './find_sheet.js';
import { FindingsSheet } from './findings_sheet.js';
import { HandoverSheet } from './handover_sheet.js';
import { HoistBanner } from './hoist_place.js';
import { HubLink } from './hub_state.js';
import { MessagesPage, OrderBanner, unreadOf } from './messages.js';
import { MissionPage } from './mission.js';
import { hospitalName } from './naming.js';
import { RouteBanner } from './route_change.js';
import { PicturePage } from './self_view.js';
import { EndRecording, recordingOf, RecordingSheet } from './recording_sheet.js';
import { StepsSheet } from './steps_sheet.js';
import { theme, switchTheme } from './theme.js';
import { TriageSheet } from './triage_sheet.js';
import { VitalsPage } from './vitals.js';
import '/media/voice_panel.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */

const PAGES = { mission: MissionPage, casualties: CasualtiesPage, vitals: VitalsPage, destination: DestinationPage, messages: MessagesPage, picture: PicturePage };
const SHEETS = { find: FindSheet, triage: TriageSheet, findings: FindingsSheet, handover: HandoverSheet, steps: StepsSheet, divert: DivertSheet, wish: WishSheet, files: FilesSheet, recording: RecordingSheet };
/** Steps that open a sheet instead of asking at once. @type {('find' | 'triage' | 'handover')[]} */
const OPENS = ['find', 'triage', 'handover'];

const page = signal(/** @type {keyof typeof PAGES} */ ('mission'));
const feed = new LiveFeed('/api/v1/live/tablet');

function Tablet() {
  const view = /** @type {TabletView} */ (feed.view.value);
  if (!view.me) return html`<main class="alone"><p role="status">${say(`link.${feed.link.value}`)}</p><${LanguageSwitch} /></main>`;
  const Page = PAGES[page.value];
  const Sheet = sheet.value ? SHEETS[sheet.value.name] : null;
  return html`<${Header} view=${view} />
    <${Pages} view=${view} />
    <main class="page">
      <${Trouble} /><${OrderBanner} view=${view} /><${RouteBanner} view=${view} /><${DiversionBanner} view=${view} /><${HoistBanner} view=${view} /><${Technical} view=${view} /><${Recorded} view=${view} />
      <div class="scroll" key=${page.value} tabindex="0" role="region" aria-label=${say(`unit.page.${page.value}`)}><${Page} view=${view} feed=${feed} /></div>
      ${view.incident && html`<voice-panel token=${token()} say=${say} unit=${view.me}></voice-panel>`}
    </main>
    <${Rail} view=${view} />
    ${Sheet && html`<div class="sheet" role="dialog" aria-modal="true" aria-label=${say(`unit.sheet.${sheet.value?.name}`)}>
      <${Sheet} key=${JSON.stringify(sheet.value)} view=${view} feed=${feed} with=${sheet.value?.with ?? {}} /><${Trouble} /></div>`}`;
}

/** @param {{view: TabletView}} props */
function Header({ view }) {
  feed.tick.value;
  const began = view.incident?.happened_at;
  const gone = feed.link.value === 'lost' || feed.link.value === 'refused';
  return html`<header class="top"><${DrillFrame} drill=${Boolean(view.drill)} />
    <div><h1>${nameOf(view.unit) || view.me}</h1>
      <span class="clock">${gone ? '--:--:--' : clockText(feed.now(), true)}</span>
      ${began && !gone && html`<span class="since">${say('unit.since_crash', { span: spanText((feed.now() - Date.parse(began)) / 1000) })}</span>`}</div>
    <${HubLink} view=${view} feed=${feed} />
    <button class="square" aria-label=${say(`unit.theme.${theme.value}`)} onClick=${switchTheme}>${theme.value === 'night' ? '☀' : '☾'}</button>
    <${LanguageSwitch} />
  </header>`;
}

/** Whether the picture is recorded, on every page: the crew and whoever is aboard may know. @param {{view: TabletView}} props */
function Recorded({ view }) {
  const recording = recordingOf(view);
  return html`<${RecordingSign} recording=${recording} brief=${!isRecorded(recording)} calledIn=${(/** @type {string} */ who) => hospitalName(view, who)} />`;
}

/** @param {{view: TabletView}} props */
function Pages({ view }) {
  const marks = { messages: unreadOf(view).length, casualties: Object.keys(view.casualties ?? {}).length };
  return html`<nav class="pages" aria-label=${say('unit.pages')}>
    ${Object.keys(PAGES).map((name) => {
      const mark = name === 'messages' || name === 'casualties' ? marks[name] : 0;
      return html`<button key=${name} class=${page.value === name ? 'here' : ''} aria-current=${page.value === name ? 'page' : undefined}
        onClick=${() => { page.value = /** @type {keyof typeof PAGES} */ (name); }}>${say(`unit.page.${name}`)}${mark > 0 && html` <b class="mark">${mark}</b>`}</button>`;
    })}
  </nav>`;
}

/** The right edge: what comes next, and everything else. @param {{view: TabletView}} props */
function Rail({ view }) {
  const next = view.next ?? { wait: 'mission' };
  const whom = next.with?.casualty ? view.casualties?.[next.with.casualty] : undefined;
  const opens = OPENS.find((name) => name === next.do);
  const go = () => { if (opens) sheet.value = { name: opens, with: next.with ?? {} }; else tap(next.do ?? '', next.with); };
  return html`<aside class="rail" aria-label=${say('unit.rail')}>
    ${next.do
      ? html`<button class="next" disabled=${busy.value} onClick=${go}><span class="small">${say('unit.next')}</span>
          <b>${say(`unit.do.${next.do}`)}</b>${whom && html`<span class="whom">${whom.label}</span>`}</button>`
      : html`<p class="next waiting" role="status"><span class="small">${say('unit.waiting')}</span><b>${say(`unit.wait.${next.wait}`)}</b></p>`}
    <${EndRecording} view=${view} />
    <button onClick=${() => { sheet.value = { name: 'steps', with: {} }; }}>${say('unit.other_steps')}</button>
  </aside>`;
}

/** What did not work, until somebody has read it. */
function Trouble() {
  if (!trouble.value) return null;
  return html`<div class="trouble" role="alert"><span>${troubleText(language.value)}</span><button onClick=${closeTrouble}>${say('unit.understood')}</button></div>`;
}

/** What is technically wrong on the vehicle. @param {{view: TabletView}} props */
function Technical({ view }) {
  const states = Object.entries(view.technical ?? {});
  if (feed.link.value === 'lost' || feed.link.value === 'refused') {
    return html`<p class="technical" role="alert">${say(feed.link.value === 'refused' ? 'link.refused' : 'unit.vehicle_lost')}</p>`;
  }
  return states.map(([name, state]) => html`<p class="technical" role="status" key=${name}>${state[language.value]}</p>`);
}

theme.subscribe((now) => { document.documentElement.dataset.theme = now; });
await start(Tablet);
const stayAwake = () => navigator.wakeLock?.request('screen').catch(() => undefined);
stayAwake();
document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') stayAwake(); });
