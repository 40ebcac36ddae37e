// @ts-check
// The drawing tool on the map: clicks and drags become points, the shape and what it meets become features.
import { effect } from '@preact/signals';
import { drawable, finishArea, finishBox, met, pointer, points, set, shape, tool } from './drawing.js';

/** @typedef {import('maplibre-gl').Map} RoadMap */
/** @typedef {import('./closed_roads.js').Feature} Feature */
/** @typedef {import('./drawing.js').Point} Point */

const LEAST_DRAG_PX = 4;
let held = /** @type {RoadMap | null} */ (null);

/** The middle of the map, where the keyboard's cross stands. @returns {Point} */
export function cross() {
  const middle = held?.getCenter();
  return middle ? [middle.lng, middle.lat] : [0, 0];
}

/** @param {any} event @returns {Point} */
const at = (event) => [event.lngLat.lng, event.lngLat.lat];

/**
 * Let the map be drawn on. Answers how to stop.
 * @param {RoadMap} map @param {(source: string, features: Feature[]) => void} draw
 */
export function drawOn(map, draw) {
  held = map;
  drawable.value = true;
  followMouse(map);
  const stops = [
    effect(() => {
      const drawing = tool.value !== null;
      map.getCanvas().style.cursor = drawing ? 'crosshair' : '';
      if (drawing) { map.doubleClickZoom.disable(); map.getCanvas().focus(); } else map.doubleClickZoom.enable();
    }),
    effect(() => draw('draft', draftFeatures())),
    effect(() => draw('preview', (met.value?.lines ?? []).map(line))),
  ];
  return () => { stops.forEach((stop) => stop()); held = null; drawable.value = false; };
}

/** @param {RoadMap} map */
function followMouse(map) {
  /** @type {{at: Point, x: number, y: number} | null} */
  let corner = null;
  map.on('mousemove', (event) => { if (tool.value) pointer.value = at(event); });
  map.on('mousedown', (event) => {
    if (tool.value !== 'box') return;
    event.preventDefault(); // the map stays where it is
    corner = { at: at(event), x: event.point.x, y: event.point.y };
    points.value = [corner.at];
  });
  map.on('mouseup', (event) => {
    if (!corner || tool.value !== 'box') return;
    const moved = Math.hypot(event.point.x - corner.x, event.point.y - corner.y) >= LEAST_DRAG_PX;
    if (moved) finishBox(corner.at, at(event));
    else points.value = [];
    corner = null;
  });
  map.on('click', (event) => { if (tool.value === 'area' || tool.value === 'road') set(at(event)); });
  map.on('dblclick', (event) => { if (tool.value === 'area') { event.preventDefault(); finishArea(); } });
}

/** The shape as it stands: what is set, and how it would close if the next point were at the pointer. @returns {Feature[]} */
function draftFeatures() {
  const made = shape.value;
  if (made?.stretch) return made.stretch.lines.map(line);
  if (made) return [area(made.polygon), ...made.polygon.map(dot)];
  if (points.value.length === 0) return [];
  const next = pointer.value;
  const ring = tool.value === 'box' && next ? boxOf(points.value[0], next) : next ? [...points.value, next] : points.value;
  return [ring.length > 2 ? area(ring) : line(ring), ...points.value.map(dot)];
}

/** @param {Point} a @param {Point} b @returns {Point[]} */
const boxOf = (a, b) => [a, [b[0], a[1]], b, [a[0], b[1]]];
/** @param {Point[]} ring @returns {Feature} */
const area = (ring) => ({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] } });
/** @param {Point[]} along @returns {Feature} */
const line = (along) => ({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: along } });
/** @param {Point} where @returns {Feature} */
const dot = (where) => ({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: where } });
