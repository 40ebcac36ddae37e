// @ts-check
// What the camera sees, with the physician's marks where they are now, and a few large numbers at the edges.
// The middle stays free: numbers stand in the outer sixth on each side, with their ages; a tap on the picture hides them.
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ageText, freshness } from '/casebook/age.js';
import { language, say } from '/casebook/words.js';
import { drawMark, drawPointer, drawTag } from '/media/marks_ink.js';
import { chosenCasualty } from './casualties.js';
import { busy, tap } from './doing.js';
import { hospitalName } from './naming.js';
import { openPicture } from './picture_feed.js';
import { PictureLine } from './vitals.js';

/** @typedef {import('./view_types.js').TabletView} TabletView */
/** @typedef {import('/casebook/feed.js').LiveFeed} LiveFeed */
/** @typedef {import('/media/marks_ink.js').Mark} Mark */
/** @typedef {import('./picture_feed.js').Told} Told */

const STALE_MS = 2000; // an older picture is not shown, and with it no mark
const LOOK_MS = 250;
const CUFF_LATE_S = 300;
const CUFF_LOST_S = 900;
const TAGS_SHOWN = 3;
/** Few numbers, by what a crew looks for first; those of a cuff with their own age. */
const LEFT = [{ name: 'hr_bpm', fields: ['hr_bpm'] }, { name: 'spo2_pct', fields: ['spo2_pct'] }, { name: 'pressure', fields: ['sbp_mmhg', 'dbp_mmhg'] }];
const RIGHT = [{ name: 'rr_bpm', fields: ['rr_bpm'] }, { name: 'etco2_mmhg', fields: ['etco2_mmhg'] }];

/** @param {{view: TabletView, feed: LiveFeed}} props */
export function PicturePage({ view, feed }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [state, become] = useState(/** @type {'none' | 'no_camera' | 'live'} */ ('none'));
  const [bare, hide] = useState(false);
  const [lost, tellLost] = useState(/** @type {[Mark, string][]} */ ([]));
  const [loose, tellLoose] = useState(/** @type {string[]} */ ([]));
  const [viewers, see] = useState(/** @type {string[]} */ ([]));
  const latest = useRef(view);
  latest.current = view;
  useEffect(() => {
    let shownAt = -Infinity;
    const stop = openPicture({
      take: (picture, told) => {
        shownAt = performance.now();
        const canvas = box.current?.querySelector('canvas');
        if (canvas) tellLost(changed(paint(canvas, picture, told, latest.current)));
        see(changed(told.viewers));
        tellLoose(changed(Object.keys(told.tags).filter((number) => !(number in labelsOf(latest.current)))));
        become('live');
      },
      none: () => become('no_camera'),
    });
    const looking = setInterval(() => become((now) => (now === 'live' && performance.now() - shownAt > STALE_MS ? 'none' : now)), LOOK_MS);
    return () => { clearInterval(looking); stop(); };
  }, []);
  const unplaced = state === 'live' ? lost : Object.values(marksOf(view)).map((mark) => /** @type {[Mark, string]} */ ([mark, 'no_picture']));
  return html`<section class="own-view">
    <div class="own-picture ${state}" ref=${box}>
      <canvas width="640" height="360" role="img" aria-label=${say('unit.picture.alt')} hidden=${state !== 'live'} onClick=${() => hide(!bare)}></canvas>
      ${state !== 'live' && html`<p role="status">${say(`unit.picture.${state}`)}</p>`}
      <div class="hud left">${!bare && LEFT.map((group) => html`<${Figure} key=${group.name} group=${group} view=${view} feed=${feed} />`)}</div>
      <div class="hud right">${!bare && RIGHT.map((group) => html`<${Figure} key=${group.name} group=${group} view=${view} feed=${feed} />`)}
        <button aria-pressed=${bare} title=${say('unit.picture.how_blank')} onClick=${() => hide(!bare)}>${say(bare ? 'unit.picture.show' : 'unit.picture.hide')}</button></div>
    </div>
    <div role="status">${unplaced.length > 0 && html`<ul class="unplaced">${unplaced.map(([mark, why]) => html`<li key=${mark.number}>${say('media.mark.lost', { n: mark.number, why: say(`media.mark.why.${why}`) })}</li>`)}</ul>`}</div>
    <${LooseTags} view=${view} numbers=${state === 'live' ? loose : []} />
    <p class="below"><span class="viewers ${viewers.length ? 'on' : ''}">${viewers.length ? say('unit.picture.viewers', { names: viewers.map((who) => hospitalName(view, who)).join(' · ') }) : say('unit.picture.nobody')}</span><${PictureLine} view=${view} how="here" /></p>
  </section>`;
}

/**
 * Keep the old value while the new one says the same, so that nothing is drawn anew twelve times a second.
 * @template T @param {T} value @returns {(before: T) => T}
 */
const changed = (value) => (before) => (JSON.stringify(before) === JSON.stringify(value) ? before : value);

/** Every mark in the vehicle's view, by id. @param {TabletView} view @returns {Record<string, Mark>} */
const marksOf = (view) => Object.assign({}, ...Object.values(view.casualties ?? {}).map((one) => one.marks ?? {}));

/** Whose each tag is, by its number. @param {TabletView} view @returns {Record<string, string>} */
const labelsOf = (view) => Object.fromEntries(Object.values(view.casualties ?? {}).filter((one) => one.tag !== undefined).map((one) => [one.tag, one.label]));

/** A tag in the picture that is on nobody yet: one tap says that it is the chosen casualty's. @param {{view: TabletView, numbers: string[]}} props */
function LooseTags({ view, numbers }) {
  const whom = chosenCasualty(view);
  if (!whom || numbers.length === 0) return null;
  return html`<div class="loose" role="group" aria-label=${say('unit.picture.tie_group')}>${numbers.slice(0, TAGS_SHOWN).map((number) => html`<button key=${number} disabled=${busy.value}
    onClick=${() => tap('tie_tag', { casualty: whom.id, tag: Number(number) })}>${say('unit.picture.tie', { n: number, label: whom.label })}</button>`)}</div>`;
}

/**
 * The picture and what is known on it; gives the marks whose place is not, with the reason.
 * @param {HTMLCanvasElement} canvas @param {ImageBitmap} picture @param {Told} told @param {TabletView} view @returns {[Mark, string][]}
 */
function paint(canvas, picture, told, view) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) [canvas.width, canvas.height] = [picture.width, picture.height];
  const to = canvas.getContext('2d');
  if (!to) return [];
  to.drawImage(picture, 0, 0);
  const whole = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  const labels = labelsOf(view);
  for (const [number, corners] of Object.entries(told.tags)) if (labels[number]) drawTag(to, corners, labels[number], whole);
  /** @type {[Mark, string][]} */
  const lost = [];
  for (const [id, mark] of Object.entries(marksOf(view))) {
    const place = told.marks[id] ?? 'waiting';
    if (typeof place === 'string') lost.push([mark, place]);
    else drawMark(to, mark, place, whole);
  }
  for (const [who, at] of Object.entries(told.pointers)) drawPointer(to, at, hospitalName(view, who), whole);
  canvas.dataset.held = String(Object.keys(marksOf(view)).length - lost.length); // for whoever looks: how many, and on which frame
  canvas.dataset.frame = String(told.frame);
  return lost;
}

/** One number with its age; "--" when it is lost, never the last one. @param {{group: {name: string, fields: string[]}, view: TabletView, feed: LiveFeed}} props */
function Figure({ group, view, feed }) {
  feed.tick.value;
  language.value;
  const latest = view.monitor.latest;
  const values = group.fields.map((field) => latest?.values[field]);
  if (!latest || values.every((value) => value === undefined)) return null;
  const cuff = group.name === 'pressure' ? latest.values.nibp_at : undefined;
  const [late_s, lost_s] = cuff ? [CUFF_LATE_S, CUFF_LOST_S] : [5 * feed.rate, 15 * feed.rate];
  const age_s = feed.age_s(cuff ?? latest.at);
  const state = freshness(age_s, late_s, lost_s);
  const alarm = state === 'lost' ? undefined : latest.alarms.find((one) => group.fields.includes(one.field));
  return html`<div class="figure ${state} ${alarm?.priority ?? ''}"><span>${say(`unit.sign.${group.name}`)}</span>
    <b>${state === 'lost' ? '--' : values.map((value) => value ?? '?').join('/')}</b><span class="age ${state}">${state === 'lost' ? say('unit.no_signal') : ageText(age_s)}</span></div>`;
}
