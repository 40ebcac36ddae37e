// @ts-check
// Watch a recording: the pictures with the marks where they were, the numbers and what was told at that moment, and each
// voice on the same clock. Without a name in the address: the recordings that this badge may watch.
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, call, token } from '/casebook/access.js';
import { ageText, clockText, spanText } from '/casebook/age.js';
import { LanguageSwitch, start } from '/casebook/frame.js';
import { HoldBox } from '/casebook/recording_hold.js';
import { isWord, refusalOf, say } from '/casebook/words.js';
import { drawMark, drawPointer, drawTag, fitted } from '/media/marks_ink.js';
import { StampReader } from '/media/stamp.js';
import { readLines, Track } from './replay_track.js';

/** @typedef {{file: string, bytes: number, frames: number, lasted_ms: number, skipped: number, torn: boolean, sha256: string}} File */
/** @typedef {{name: string, unit: string, casualty: string, at: string, until?: string, deleted_at?: string, held: boolean, hold?: {author: string, reason: string, at: string}}} Listed */
/** @typedef {Listed & {author: string, reason: string, here: boolean, files: File[]}} Recording */

const PATH = '/api/v1/recordings';
const DRIFT_S = 0.15; // a voice that is further away from the pictures is set right
const SIGNS = ['hr_bpm', 'spo2_pct', 'sbp_mmhg', 'dbp_mmhg', 'rr_bpm', 'etco2_mmhg', 'temp_c', 'gcs'];
const LATE_MS = 1000; // said when a picture came so much later than others

/** @param {string} name @param {string} [file] */
const where = (name, file) => [PATH, name, file].filter((part) => part !== undefined).map((part, n) => (n ? encodeURIComponent(part) : part)).join('/');

/** A file with this screen's badge. @param {string} name @param {string} file @returns {Promise<Blob>} */
async function fetched(name, file) {
  const answer = await fetch(where(name, file), { headers: { Authorization: `Bearer ${token()}` } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.blob();
}

function Replay() {
  const name = new URLSearchParams(location.search).get('recording');
  const [told, know] = useState(/** @type {Recording | Listed[] | null} */ (null));
  const [trouble, refuse] = useState(/** @type {any} */ (null));
  useEffect(() => { call(name ? where(name) : PATH).then(know, refuse); }, []);
  if (trouble) return html`<main class="alone"><p role="alert">${refusalOf(trouble)}</p><${LanguageSwitch} /></main>`;
  if (!told) return html`<main class="alone"><p role="status">${say('link.connecting')}</p></main>`;
  return Array.isArray(told) ? html`<${Listing} all=${told} />` : html`<${Watching} one=${told} />`;
}

/** @param {{all: Listed[]}} props */
const Listing = ({ all }) => html`<main class="alone"><${LanguageSwitch} />
  ${all.length === 0 && html`<p>${say('front.media.none')}</p>`}
  <ul>${all.map((one) => html`<li key=${one.name}><a href=${`?recording=${encodeURIComponent(one.name)}`}>${say('media.recording.replay', { name: one.name })}</a> ${clockText(one.at)} ${stateOf(one)}</li>`)}</ul></main>`;

/** Why there is nothing to watch, or nothing at all to say. @param {Listed} one */
function stateOf(one) {
  if (one.deleted_at) return say('media.replay.deleted', { clock: clockText(one.deleted_at) });
  return one.until ? '' : say('media.replay.running');
}

/** @param {{one: Recording}} props */
function Watching({ one }) {
  const parts = one.files.filter((file) => file.frames > 0 && /^\d+\.(webm|mkv)$/.test(file.file));
  const [chosen, choose] = useState(parts[0]?.file);
  const part = parts.find(({ file }) => file === chosen);
  const why = stateOf(one) || (!one.here && parts.length ? say('media.replay.elsewhere') : '') || (part ? '' : say('media.replay.none'));
  return html`<header class="top"><h1>${say('media.replay.title', { name: one.name })}</h1><b class="past">${say('media.replay.past')}</b>
      <span>${clockText(one.at)} ${say('media.replay.by', { author: one.author, reason: one.reason })}</span><${Keeping} one=${one} /><${LanguageSwitch} /></header>
    ${parts.length > 1 && html`<nav>${parts.map(({ file, lasted_ms }) => html`<button key=${file} aria-pressed=${file === chosen} onClick=${() => choose(file)}>${say('media.replay.part', { n: parseInt(file, 10), span: spanText(lasted_ms / 1000) })}</button>`)}</nav>`}
    ${why || !part ? html`<main class="alone"><p role="status">${why}</p></main>` : html`<${Part} key=${part.file} name=${one.name} part=${part} files=${one.files} />`}`;
}

/** How long it is kept, for the ward that may change it. @param {{one: Recording}} props */
function Keeping({ one }) {
  const [now, know] = useState(one);
  const [hospital, own] = useState('');
  const [trouble, refuse] = useState(/** @type {any} */ (null));
  useEffect(() => { call('/api/v1/me').then((badge) => own(badge.role === 'ed' ? badge.hospital : ''), () => undefined); }, []);
  if (!hospital || !one.until) return null;
  const act = (/** @type {string} */ name, /** @type {object} */ command) => ask(name, command).then(() => call(where(one.name)))
    .then((told) => { know(told); refuse(null); return true; }, (wrong) => { refuse(wrong); return false; });
  return html`<${HoldBox} name=${one.name} one=${now} whose=${{ hospital, casualty: one.casualty }} act=${act} />${trouble && html`<b role="alert">${refusalOf(trouble)}</b>`}`;
}

/** Everything of one part, fetched before it is shown. @param {{name: string, part: File, files: File[]}} props */
function Part({ name, part, files }) {
  const [got, get] = useState(/** @type {{film: string, voices: string[], track: Track} | null} */ (null));
  const [failed, fail] = useState(false);
  useEffect(() => {
    /** @type {string[]} */
    const urls = [];
    const url = (/** @type {Blob} */ blob) => { urls.push(URL.createObjectURL(blob)); return urls[urls.length - 1]; };
    (async () => {
      const number = parseInt(part.file, 10);
      const track = new Track(readLines(await (await fetched(name, `${number}.jsonl`)).text()));
      const film = url(await fetched(name, part.file));
      const spoken = track.voices.filter((voice) => files.some(({ file }) => file === voice));
      get({ film, voices: await Promise.all(spoken.map(async (voice) => url(await fetched(name, voice)))), track });
    })().catch(() => fail(true));
    return () => urls.forEach((one) => URL.revokeObjectURL(one));
  }, []);
  if (failed) return html`<main class="alone"><p role="alert">${say('media.replay.none')}</p></main>`;
  if (!got) return html`<main class="alone"><p role="status">${say('media.replay.loading', { mb: (part.bytes / 1e6).toFixed(1) })}</p></main>`;
  return html`<${Player} name=${name} part=${part} film=${got.film} voices=${got.voices} track=${got.track} />`;
}

/** @param {{name: string, part: File, film: string, voices: string[], track: Track}} props */
function Player({ name, part, film, voices, track }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [t_ms, go] = useState(0);
  const [cannot, refuse] = useState(false);
  useEffect(() => {
    const [video, canvas] = [box.current?.querySelector('video'), box.current?.querySelector('canvas')];
    if (!video || !canvas) return;
    const reader = new StampReader();
    let over = false;
    const next = () => video.requestVideoFrameCallback((_, { mediaTime }) => {
      if (over) return;
      const at_ms = mediaTime * 1000;
      paint(canvas, video, track, reader.read(video), at_ms);
      go(at_ms);
      next();
    });
    next();
    const follow = () => box.current?.querySelectorAll('audio').forEach((audio) => {
      if (Math.abs(audio.currentTime - video.currentTime) > DRIFT_S) audio.currentTime = video.currentTime;
      audio.playbackRate = video.playbackRate;
      if (video.paused) audio.pause();
      else if (audio.paused && !audio.ended) audio.play().catch(() => undefined);
    });
    const names = ['play', 'pause', 'seeked', 'ratechange', 'timeupdate'];
    names.forEach((event) => video.addEventListener(event, follow));
    return () => { over = true; names.forEach((event) => video.removeEventListener(event, follow)); };
  }, []);
  return html`<main class="replay">
    <section class="scene"><div class="sight" ref=${box}><video controls playsinline src=${film} onError=${() => refuse(true)}></video><canvas aria-hidden="true"></canvas>
        ${voices.map((voice) => html`<audio key=${voice} src=${voice}></audio>`)}</div>
      <p class="under"><span class="moment">${clockText(track.clockAt(t_ms), true)} · ${spanText(t_ms / 1000)}</span>
        ${track.lateAt(t_ms) >= LATE_MS && html`<b class="late">${say('media.replay.came_late', { ms: track.lateAt(t_ms) })}</b>`}
        ${part.torn && html`<span>${say('media.replay.torn')}</span>`}${part.skipped > 0 && html`<span>${say('media.replay.skipped', { n: part.skipped })}</span>`}
        ${cannot && html`<b role="alert">${say('media.replay.cannot')}</b>`}
        <a href=${film} download=${`${name}.${part.file}`}>${say('media.replay.save')}</a></p></section>
    <aside><${Numbers} track=${track} t_ms=${t_ms} /><${Marks} track=${track} t_ms=${t_ms} /><${Told} track=${track} t_ms=${t_ms} /></aside>
  </main>`;
}

/**
 * Marks, pointers and tags where they were on this very frame.
 * @param {HTMLCanvasElement} canvas @param {HTMLVideoElement} video @param {Track} track @param {import('/media/stamp.js').Stamp | null} stamp @param {number} t_ms
 */
function paint(canvas, video, track, stamp, t_ms) {
  [canvas.width, canvas.height] = [canvas.clientWidth, canvas.clientHeight];
  const to = canvas.getContext('2d');
  if (!to || !video.videoWidth) return;
  const whole = fitted(video.videoWidth, video.videoHeight, canvas.width, canvas.height);
  const places = track.placesFor(stamp);
  let held = 0;
  for (const [id, mark] of Object.entries(track.marksAt(t_ms))) {
    const place = places?.marks[id];
    if (!Array.isArray(place)) continue;
    drawMark(to, mark, place, whole);
    held += 1;
  }
  for (const [who, at] of Object.entries(places?.pointers ?? {})) drawPointer(to, at, who, whole);
  for (const [tag, corners] of Object.entries(places?.tags ?? {})) if (track.wearerOf(tag)) drawTag(to, corners, track.wearerOf(tag) ?? '', whole);
  canvas.dataset.held = String(held); // for whoever looks: how many, and on which frame
  canvas.dataset.frame = String(stamp?.frame ?? '');
}

/** @param {{track: Track, t_ms: number}} props */
function Numbers({ track, t_ms }) {
  const known = Object.entries(track.numbersAt(t_ms));
  const now = track.clockAt(t_ms);
  return html`<section><h2>${say('media.replay.numbers')}</h2>${known.length === 0 && html`<p>${say('media.replay.no_numbers')}</p>`}
    ${known.map(([id, values]) => html`<div key=${id}><h3>${track.labelOf(id)}</h3><dl>${SIGNS.filter((field) => values[field]).map((field) => html`<div key=${field} data-field=${field}>
      <dt>${say(`vital.${field}`)}</dt><dd><b>${values[field].value}</b> <span class="age">${ageText(Math.max(0, (now - Date.parse(values[field].at)) / 1000))}</span></dd></div>`)}</dl></div>`)}</section>`;
}

/** @param {{track: Track, t_ms: number}} props */
function Marks({ track, t_ms }) {
  const marks = Object.values(track.marksAt(t_ms));
  return html`<section><h2>${say('media.replay.marks')}</h2>${marks.length === 0 ? html`<p>${say('media.replay.no_marks')}</p>`
    : html`<ul>${marks.map((mark) => html`<li key=${mark.number}>${say('media.replay.mark', { n: mark.number, author: mark.author })} ${mark.text ?? ''}</li>`)}</ul>`}</section>`;
}

/** What was said and done up to here, the newest first. @param {{track: Track, t_ms: number}} props */
function Told({ track, t_ms }) {
  const told = track.toldAt(t_ms).filter(({ kind }) => kind !== 'vitals_recorded' && isWord(`event.${kind}`)).reverse();
  return html`<section class="told" tabindex="0" role="region" aria-label=${say('media.replay.told')}><h2>${say('media.replay.told')}</h2>${told.length === 0 ? html`<p>${say('media.replay.nothing')}</p>`
    : html`<ul>${told.map((line) => html`<li key=${line.came_ms + line.kind}><span class="age">${spanText(line.came_ms / 1000)}</span> ${line.by}: ${say(`event.${line.kind}${line.body.clear === false ? '.not' : ''}`, line.body)}</li>`)}</ul>`}</section>`;
}

await start(Replay);
