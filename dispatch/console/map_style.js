// @ts-check
// How the map looks: the road network itself on a dark ground, colour only for what matters now. No outside request:
// no tiles, no glyphs (MapLibre draws all text from local fonts when the style names none), icons drawn here.

const FONT = ['sans-serif'];
/** @type {[string, string, number][]} class, colour, width in px at zoom 10 */
const ROADS = [
  ['tertiary', '#29313a', 0.5], ['secondary', '#2e3842', 0.7], ['primary', '#394653', 1],
  ['trunk', '#465767', 1.4], ['motorway', '#587087', 2],
];
const EMPTY = { type: /** @type {const} */ ('FeatureCollection'), features: [] };

/** The sources that change; roads apart from what moves, so that a moving unit redraws a handful of points. */
export const LIVE = ['closed', 'plan', 'legs', 'places', 'units'];
const DRAWN_BY_HAND = ['preview', 'draft'];

/** @returns {any} a MapLibre style */
export function style() {
  const sources = Object.fromEntries(['roads', ...LIVE, ...DRAWN_BY_HAND].map((name) => [name, { type: 'geojson', data: EMPTY }]));
  return { version: 8, sources, layers: [{ id: 'ground', type: 'background', paint: { 'background-color': '#12161a' } }, ...roadLayers(), ...liveLayers()] };
}

function roadLayers() {
  const lines = ROADS.map(([name, colour, width]) => ({
    id: `road-${name}`, type: 'line', source: 'roads',
    filter: ['in', ['get', 'class'], ['literal', [name, `${name}_link`]]],
    layout: { 'line-cap': 'round', 'line-join': 'round' },
    paint: { 'line-color': colour, 'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 8, width * 0.6, 10, width, 14, width * 5] },
  }));
  const rest = {
    id: 'road-rest', type: 'line', source: 'roads', minzoom: 12,
    filter: ['!', ['in', ['get', 'class'], ['literal', ROADS.flatMap(([name]) => [name, `${name}_link`])]]],
    paint: { 'line-color': '#252c33', 'line-width': 1 },
  };
  const refs = {
    id: 'road-ref', type: 'symbol', source: 'roads',
    filter: ['all', ['has', 'ref'], ['in', ['get', 'class'], ['literal', ['motorway', 'trunk']]]],
    layout: { 'symbol-placement': 'line', 'symbol-spacing': 320, 'text-field': ['get', 'ref'], 'text-font': FONT, 'text-size': 11, 'text-rotation-alignment': 'viewport' },
    paint: { 'text-color': '#93a1ae', 'text-halo-color': '#12161a', 'text-halo-width': 2 },
  };
  return [rest, ...lines, refs];
}

function liveLayers() {
  const label = { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 12, 'text-variable-anchor': ['top', 'bottom', 'left', 'right'], 'text-radial-offset': 1.1, 'text-max-width': 9, 'text-optional': true };
  return [
    { id: 'closed', type: 'line', source: 'closed', layout: { 'line-cap': 'butt' },
      paint: { 'line-color': ['case', ['get', 'shut'], '#ff6b5e', '#b98f2c'], 'line-width': ['case', ['get', 'shut'], 4, 1.5], 'line-dasharray': [2, 1.2], 'line-opacity': ['case', ['get', 'shut'], 1, 0.5] } },
    { id: 'preview', type: 'line', source: 'preview', layout: { 'line-cap': 'round' }, paint: { 'line-color': '#ffb3aa', 'line-width': 5, 'line-opacity': 0.75 } },
    { id: 'draft', type: 'fill', source: 'draft', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': '#ff6b5e', 'fill-opacity': 0.18 } },
    { id: 'draft-edge', type: 'line', source: 'draft', paint: { 'line-color': '#ff6b5e', 'line-width': 2 } },
    { id: 'draft-dots', type: 'circle', source: 'draft', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 4, 'circle-color': '#ffffff', 'circle-stroke-color': '#ff6b5e', 'circle-stroke-width': 2 } },
    { id: 'plan', type: 'line', source: 'plan', paint: { 'line-color': '#8ec5ff', 'line-width': 1.5, 'line-dasharray': [1, 3], 'line-opacity': 0.8 } },
    { id: 'legs', type: 'line', source: 'legs', layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': '#8ec5ff', 'line-width': 3.5, 'line-opacity': 0.85 } },
    { id: 'places', type: 'symbol', source: 'places',
      layout: { 'icon-image': ['get', 'icon'], 'icon-size': ['case', ['==', ['get', 'icon'], 'incident'], 1.6, 1], 'icon-allow-overlap': true, 'symbol-sort-key': ['get', 'order'], ...label },
      paint: { 'text-color': ['case', ['get', 'chosen'], '#e8ecef', '#8d99a5'], 'text-halo-color': '#12161a', 'text-halo-width': 1.5 } },
    { id: 'units', type: 'symbol', source: 'units',
      layout: { 'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, ...label },
      paint: { 'text-color': ['case', ['get', 'busy'], '#e8ecef', '#a9b4be'], 'text-halo-color': '#12161a', 'text-halo-width': 1.5, 'icon-opacity': ['case', ['get', 'busy'], 1, 0.75] } },
  ];
}

const PX = 44; // twice the size on the map, for sharp screens
/** @type {Record<string, (pen: CanvasRenderingContext2D) => void>} */
const DRAWN = {
  hospital: (pen) => { box(pen, '#1d2329', '#7d8a96'); cross(pen, '#a9b4be'); },
  hospital_chosen: (pen) => { box(pen, '#16324b', '#8ec5ff'); cross(pen, '#ffffff'); },
  hospital_closed: (pen) => { box(pen, '#2a1614', '#ff6b5e'); strike(pen); },
  site: (pen) => { ring(pen, '#12161a', '#a9b4be'); letter(pen, '#a9b4be'); },
  incident: (pen) => { diamond(pen, '#5a1f1a', '#ff6b5e'); mark(pen); },
  ambulance: (pen) => { ring(pen, '#e8ecef', '#12161a'); cross(pen, '#2b5f8f', 0.6); },
  ambulance_5g: (pen) => { ring(pen, '#8ec5ff', '#12161a'); cross(pen, '#12324d', 0.6); },
  helicopter: (pen) => { ring(pen, '#e8ecef', '#12161a'); rotor(pen); },
};

/** Draw all icons into the map. @param {import('maplibre-gl').Map} map */
export function addIcons(map) {
  for (const [name, draw] of Object.entries(DRAWN)) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = PX;
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    draw(pen);
    map.addImage(name, pen.getImageData(0, 0, PX, PX), { pixelRatio: 2 });
  }
}

/** @param {CanvasRenderingContext2D} pen @param {string} fill @param {string} line */
function filled(pen, fill, line) { pen.fillStyle = fill; pen.strokeStyle = line; pen.lineWidth = 3; pen.fill(); pen.stroke(); }
/** @param {CanvasRenderingContext2D} pen @param {string} fill @param {string} line */
function box(pen, fill, line) { pen.beginPath(); pen.roundRect(6, 6, 32, 32, 6); filled(pen, fill, line); }
/** @param {CanvasRenderingContext2D} pen @param {string} fill @param {string} line */
function ring(pen, fill, line) { pen.beginPath(); pen.arc(22, 22, 17, 0, 7); filled(pen, fill, line); }
/** @param {CanvasRenderingContext2D} pen @param {string} fill @param {string} line */
function diamond(pen, fill, line) { pen.beginPath(); pen.moveTo(22, 3); pen.lineTo(41, 22); pen.lineTo(22, 41); pen.lineTo(3, 22); pen.closePath(); filled(pen, fill, line); }
/** @param {CanvasRenderingContext2D} pen @param {string} colour @param {number} [size] */
function cross(pen, colour, size = 1) { const arm = 11 * size; pen.fillStyle = colour; pen.fillRect(22 - arm, 19, 2 * arm, 6); pen.fillRect(19, 22 - arm, 6, 2 * arm); }
/** @param {CanvasRenderingContext2D} pen */
function strike(pen) { pen.strokeStyle = '#ff6b5e'; pen.lineWidth = 5; pen.beginPath(); pen.moveTo(12, 12); pen.lineTo(32, 32); pen.moveTo(32, 12); pen.lineTo(12, 32); pen.stroke(); }
/** The H of a landing site, drawn, not written. @param {CanvasRenderingContext2D} pen @param {string} colour */
function letter(pen, colour) { pen.fillStyle = colour; pen.fillRect(14, 13, 4, 18); pen.fillRect(26, 13, 4, 18); pen.fillRect(16, 20, 12, 4); }
/** @param {CanvasRenderingContext2D} pen */
function mark(pen) { pen.fillStyle = '#ffffff'; pen.fillRect(20, 12, 4, 13); pen.fillRect(20, 28, 4, 4); }
/** @param {CanvasRenderingContext2D} pen */
function rotor(pen) { pen.strokeStyle = '#12324d'; pen.lineWidth = 4; pen.beginPath(); pen.moveTo(10, 22); pen.lineTo(34, 22); pen.moveTo(22, 10); pen.lineTo(22, 34); pen.stroke(); pen.beginPath(); pen.arc(22, 22, 5, 0, 7); pen.fillStyle = '#12324d'; pen.fill(); }
