// @ts-check
// A closure while it is being drawn: the tool in hand, its points, the finished shape, and what the desk says it meets.
// Only on this screen until it is sent; the map draws it (draw_on_map.js), the panel asks for the rest (road_panel.js).
import { batch, effect, signal, untracked } from '@preact/signals';
import { act } from './act.js';

/** @typedef {[number, number]} Point lon, lat */
/** @typedef {'area' | 'box' | 'road'} Tool */
/** @typedef {{polygon: Point[], ref?: string, bearing_deg?: number, oneway?: boolean, stretch?: any}} Shape */
/** @typedef {{roads: {ref: string, name_zh: string, name_en: string, length_m: number}[], more: number, length_m: number, lines: Point[][], units: string[]}} Met */

const LEAST = 3; // points of an area
const DIGITS = 6;

/** The tool in hand; null: the mouse moves the map. */
export const tool = signal(/** @type {Tool | null} */ (null));
/** The points set so far. */
export const points = signal(/** @type {Point[]} */ ([]));
/** Where the pointer, or the cross of the keyboard, is. */
export const pointer = signal(/** @type {Point | null} */ (null));
/** The finished shape, waiting for its reason. */
export const shape = signal(/** @type {Shape | null} */ (null));
/** One direction only: degrees, or null for both. */
export const direction = signal(/** @type {number | null} */ (null));
/** What the shape meets, as the desk told last. */
export const met = signal(/** @type {Met | null} */ (null));
/** Whether there is a map to draw on. */
export const drawable = signal(false);

/** @param {Tool} which */
export function take(which) {
  batch(() => { drop(); tool.value = which; });
}

/** Put everything away. */
export function drop() {
  tool.value = null;
  points.value = [];
  pointer.value = null;
  shape.value = null;
  direction.value = null;
  met.value = null;
}

/** @param {Point} point */
const rounded = ([lon, lat]) => /** @type {Point} */ ([Number(lon.toFixed(DIGITS)), Number(lat.toFixed(DIGITS))]);

/** A click, or the keyboard's cross, sets a point; on a road it takes the stretch there. @param {Point} at */
export async function set(at) {
  if (tool.value === 'road') await takeStretch(at);
  else if (tool.value === 'box' && points.value.length === 1) finishBox(points.value[0], at);
  else if (tool.value) points.value = [...points.value, rounded(at)];
}

/** @param {Point} at */
async function takeStretch([lon, lat]) {
  const stretch = await act('find_stretch', { lat, lon });
  if (!stretch || tool.value !== 'road') return;
  finish({ polygon: stretch.polygon, ref: stretch.ref || undefined, bearing_deg: stretch.bearing_deg, oneway: stretch.oneway, stretch });
}

/** The two corners of a box. @param {Point} a @param {Point} b */
export function finishBox(a, b) {
  if (a[0] === b[0] || a[1] === b[1]) return;
  finish({ polygon: [a, [b[0], a[1]], b, [a[0], b[1]]].map((point) => rounded(/** @type {Point} */ (point))) });
}

/** The area is closed. */
export function finishArea() {
  if (tool.value === 'area' && points.value.length >= LEAST) finish({ polygon: points.value });
}

/** @param {Shape} made */
function finish(made) {
  batch(() => { tool.value = null; points.value = []; shape.value = made; });
}

/** Take the last point back. */
export function back() {
  points.value = points.value.slice(0, -1);
}

/**
 * Keys while drawing: space sets a point at the cross, Enter closes the area, Backspace takes one back, Escape drops it.
 * @param {string} key @param {() => Point} cross where the map's middle is
 */
export function drawKey(key, cross) {
  if (key === 'Escape' && (tool.value || shape.value)) drop();
  else if (!tool.value) return false;
  else if (key === ' ') set(cross());
  else if (key === 'Enter' && tool.value === 'area') finishArea();
  else if (key === 'Enter') set(cross());
  else if (key === 'Backspace') back();
  else return key.startsWith('Arrow'); // the map moves under the cross
  return true;
}

/** Where the shape lies, in the words of the asks. @param {Shape} made @param {number | null} bearing */
export const whereOf = (made, bearing) => ({ polygon: made.polygon, ...(made.ref ? { ref: made.ref } : {}), ...(bearing === null ? {} : { bearing_deg: bearing }) });

let asked = 0;
effect(() => {
  const made = shape.value;
  const bearing = direction.value;
  asked += 1;
  const mine = asked;
  if (!made) { met.value = null; return; }
  untracked(() => act('preview_closure', whereOf(made, bearing))).then((answer) => { if (mine === asked) met.value = answer; });
});
