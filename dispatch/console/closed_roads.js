// @ts-check
// Which of the drawn roads a closure means: by number, direction and area, as routing reads it (routing/traffic.py).
// Pure; for the eye only: what a vehicle may drive is decided on the hub.

/** @typedef {import('./view_types.js').Road} Road */
/** @typedef {{type: 'Feature', properties: Record<string, any>, geometry: {type: string, coordinates: any}}} Feature */

/** Whether a point lies in a ring, by crossing count. @param {number} x @param {number} y @param {[number, number][]} ring */
export function inside(x, y, ring) {
  let within = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [xi, yi] = ring[i];
    const [xj, yj] = ring[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}

/** Course from a to b, degrees from north; near enough for a drawing. @param {[number, number]} a @param {[number, number]} b */
export function bearing(a, b) {
  const east = (b[0] - a[0]) * Math.cos((a[1] * Math.PI) / 180);
  return ((Math.atan2(east, b[1] - a[1]) * 180) / Math.PI + 360) % 360;
}

/** @param {number} one @param {number} other */
const apart = (one, other) => Math.abs(((one - other + 540) % 360) - 180);

/**
 * The stretches of the drawn roads that a closure means, as line features with `shut` (true) or slowed (false).
 * @param {Feature[]} roads @param {Record<string, Road>} closures @returns {Feature[]}
 */
export function closedLines(roads, closures) {
  return Object.entries(closures).filter(([, road]) => road.in_force).flatMap(([id, road]) =>
    road.lines ? road.lines.map((line) => /** @type {Feature} */ ({ type: 'Feature', properties: { closure: id, shut: road.speed_kmh === undefined }, geometry: { type: 'LineString', coordinates: line } })) : roads.filter((feature) => meant(feature, road)).flatMap((feature) => stretches(feature.geometry.coordinates, road, feature.properties.oneway === true)
      .map((line) => /** @type {Feature} */ ({ type: 'Feature', properties: { closure: id, shut: road.speed_kmh === undefined }, geometry: { type: 'LineString', coordinates: line } }))));
}

/** @param {Feature} feature @param {Road} road */
const meant = (feature, road) => (road.ref || road.polygon) && !road.lines && (!road.ref || String(feature.properties.ref ?? '').split(';').includes(road.ref));

/** Runs of segments inside the area and in the direction. @param {[number, number][]} line @param {Road} road @param {boolean} oneway @returns {[number, number][][]} */
function stretches(line, road, oneway) {
  /** @type {[number, number][][]} */
  const runs = [];
  let run = /** @type {[number, number][]} */ ([]);
  for (let i = 1; i < line.length; i += 1) {
    if (hit(line[i - 1], line[i], road, oneway)) run.push(...(run.length ? [line[i]] : [line[i - 1], line[i]]));
    else if (run.length) { runs.push(run); run = []; }
  }
  return run.length ? [...runs, run] : runs;
}

/** @param {[number, number]} a @param {[number, number]} b @param {Road} road @param {boolean} oneway */
function hit(a, b, road, oneway) {
  const ring = road.polygon;
  const touches = !ring || [a, b, /** @type {[number, number]} */ ([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2])].some(([x, y]) => inside(x, y, ring));
  return touches && (road.bearing_deg === undefined || !oneway || apart(bearing(a, b), road.bearing_deg) < 90);
}
