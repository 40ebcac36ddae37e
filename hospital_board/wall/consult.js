// @ts-check
// The consult: one case opened over the whole board. The picture large, marks drawn on it, waves and numbers beside it,
// orders with their read-back, the talk, and who else looks.
import { html } from 'htm/preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { call, token } from '/casebook/access.js';
import { clockText } from '/casebook/age.js';
import { qualityText } from '/casebook/picture_quality.js';
import { RecordingSign } from '/casebook/recording_sign.js';
import { TriageMark } from '/casebook/triage.js';
import { language, nameOf, say } from '/casebook/words.js';
import { GuidanceLink } from '/media/marks_link.js';
import '/media/marks_layer.js';
import '/media/video_tile.js';
import '/media/voice_panel.js';
import { act, MessageBox } from './actions.js';
import { Countdown } from './arrival.js';
import { Files } from './consult_files.js';
import { RecordBox, Recordings } from './consult_recording.js';
import { Stills } from './consult_stills.js';
import { Tools } from './consult_tools.js';
import { unitOf, Waves } from './media_panel.js';
import { whoText } from './report_panel.js';
import { MonitorLine, SignsPanel } from './signs_panel.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {import('./view_types.js').WallView} WallView */
/** @typedef {import('/media/marks_layer.js').MarksLayer} MarksLayer */

/** The case that is open, by id. */
export const consulting = signal(/** @type {string | null} */ (null));

/** @param {{id: string}} props */
export const ConsultButton = ({ id }) =>
  html`<button class="consult-open" onClick=${() => { consulting.value = id; }}>${say('hospital.consult.open')}</button>`;

/** Who this screen is, as its marks say it. */
function useWho() {
  const [who, know] = useState('');
  useEffect(() => { call('/api/v1/me').then((badge) => know(badge.who), () => undefined); }, []);
  return who;
}

/** One link for guidance while the case is open. @param {string | undefined} unit */
function useGuidance(unit) {
  const link = useMemo(() => (unit ? new GuidanceLink({ unit, token: token() }) : null), [unit]);
  const [viewers, see] = useState(/** @type {{names: string[], vehicle: boolean}} */ ({ names: [], vehicle: false }));
  useEffect(() => {
    if (!link) return;
    link.addEventListener('viewers', (event) => see(/** @type {CustomEvent} */ (event).detail));
    link.start();
    return () => link.stop();
  }, [link]);
  return { link, viewers };
}

/** @param {{feed: LiveFeed, view: WallView, id: string}} props */
export function Consult({ feed, view, id }) {
  const c = view.cases[id];
  const unit = c.streams.video;
  const who = useWho();
  const { link, viewers } = useGuidance(unit);
  const layer = useRef(/** @type {MarksLayer | null} */ (null));
  const whose = { hospital: view.hospital.id, casualty: id };
  return html`<main class="consult" aria-label=${say('hospital.consult.title', { label: c.report.label })}>
    <section class="scene">
      ${unit ? html`<${Scene} view=${view} c=${c} unit=${unit} link=${link} layer=${layer} whose=${whose} />` : html`<div class="no-picture">${say('media.video.no_signal')}</div>`}
      <p class="under"><${RecordingSign} recording=${c.recording} always=${true} brief=${true} calledIn=${(/** @type {string} */ name) => calledIn(view, name)} /><span>${qualityText(c.quality, 'beside')}</span>
        <span class="viewers">${viewers.names.length ? say('hospital.consult.viewers', { names: viewers.names.map((name) => calledIn(view, name)).join(' · ') }) : say('hospital.consult.nobody')}</span>
        ${unit && !viewers.vehicle && html`<b class="away" role="status">${say('media.mark.vehicle_away')}</b>`}</p>
    </section>
    <aside class="side">
      <header><${TriageMark} category=${c.report.category} words=${false} /><span class="who"><b>${c.report.label}</b> ${whoText(c.report, true)}</span><${Countdown} feed=${feed} c=${c} /></header>
      <p class="concern">${c.report.concern ?? say('hospital.no_concern')}</p>
      <${SignsPanel} feed=${feed} id=${id} c=${c} places=${['hr', 'spo2', 'bp', 'rr', 'etco2', 'gcs']} />
      <${MonitorLine} feed=${feed} id=${id} c=${c} />
      <${Waves} unit=${unitOf(c.streams.waves)} kinds=${['ECG_II', 'PLETH', 'CO2']} />
      ${c.route.unit && html`<div class="near"><voice-panel token=${token()} say=${say} unit=${c.route.unit.id}></voice-panel></div>`}
      <${Orders} c=${c} /><${Files} c=${c} /><${Recordings} c=${c} whose=${whose} calledIn=${(/** @type {string} */ name) => calledIn(view, name)} />
    </aside>
    <footer class="near"><div class="work"><${Tools} c=${c} whose=${whose} who=${who} layer=${layer} /><button class="close" onClick=${() => { consulting.value = null; }}>${say('hospital.consult.close')}</button></div><div class="say"><${MessageBox} c=${c} whose=${whose} /><${RecordBox} c=${c} whose=${whose} /><${Stills} c=${c} layer=${layer} whose=${whose} /></div></footer>
  </main>`;
}

/**
 * The picture with its marks.
 * @param {{view: WallView, c: Case, unit: string, link: GuidanceLink | null, layer: {current: MarksLayer | null}, whose: {hospital: string, casualty: string}}} props
 */
function Scene({ view, c, unit, link, layer, whose }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    const [tile, over] = [box.current?.querySelector('video-tile'), box.current?.querySelector('marks-layer')];
    if (!tile || !over || !link) return;
    layer.current = /** @type {MarksLayer} */ (over);
    layer.current.tile = /** @type {import('/media/video_tile.js').VideoTile} */ (tile);
    layer.current.book = link.book;
    /** @type {[string, (detail: any) => void][]} */
    const takes = [
      ['drawn', ({ kind, points, stamp }) => act('draw_mark', {
        ...whose, unit, kind, points, frame: stamp.frame, frame_wall_ms: stamp.wallMs, colour: layer.current?.colour,
        text: kind === 'text' ? layer.current?.words ?? '' : '',
      })],
      ['pointed', ({ stamp, at }) => link.point(stamp, at)],
      ['held', ({ stamp }) => link.hold(stamp)],
    ];
    const heard = takes.map(([name, take]) => /** @type {const} */ ([name, (/** @type {Event} */ event) => take(/** @type {CustomEvent} */ (event).detail)]));
    for (const [name, hear] of heard) over.addEventListener(name, hear);
    return () => { for (const [name, hear] of heard) over.removeEventListener(name, hear); };
  }, [unit, link]);
  useEffect(() => {
    const over = layer.current;
    if (!over) return;
    over.say = say;
    over.labelOf = (tag) => Object.values(view.cases).find((one) => String(one.tag) === tag)?.report.label ?? null;
    over.nameOf = (who) => calledIn(view, who);
    over.marks = marksOn(c, unit);
  }, [c.marks, unit, view.cases, language.value]);
  return html`<div class="sight" ref=${box}><video-tile token=${token()} say=${say} unit=${unit}></video-tile><marks-layer></marks-layer></div>`;
}

/** A screen of this ward by the ward's name, anybody else by their own. @param {WallView} view @param {string} who */
const calledIn = (view, who) => (who === view.hospital.id ? nameOf(view.hospital) : who);

/** Marks on the picture of this vehicle. @param {Case} c @param {string} unit */
const marksOn = (c, unit) => Object.fromEntries(Object.entries(c.marks ?? {}).filter(([, mark]) => mark.unit === unit));

/** Everything said to and by the crew, the newest first; an order stays red until it was read back. @param {{c: Case}} props */
function Orders({ c }) {
  const said = [...c.messages].reverse().sort((a, b) => Number(b.red) - Number(a.red));
  return html`<section class="orders" aria-label=${say('hospital.consult.orders')} tabindex="0">
    ${said.length === 0 && html`<p class="quiet">${say('hospital.consult.none')}</p>`}
    ${said.map((one) => html`<p key=${one.id} class="message ${one.red ? 'red' : one.state}"><span class="mark">${say(one.order ? `hospital.order_state.${one.state}` : `hospital.message_state.${one.state}`)} ${clockText(one.at)}</span>
      <span class="text">${one.text}</span>${one.read_back && html` <q>${one.read_back}</q> <small>${say('hospital.consult.by', { by: one.read_by ?? '', clock: clockText(one.read_at) })}</small>`}</p>`)}
  </section>`;
}
