// @ts-check
// The map: the road network, closures, legs, hospitals, landing sites, units. Redraws only what changed.
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { effect } from '@preact/signals';
import { Map as RoadMap } from 'maplibre-gl';
import { call } from '/casebook/access.js';
import { language, nameOf, refusalOf, say } from '/casebook/words.js';
import { picked, selected } from './chosen.js';
import { closedLines } from './closed_roads.js';
import { drawOn } from './draw_on_map.js';
import { tool } from './drawing.js';
import { addIcons, LIVE, style } from './map_style.js';
import { coordinates } from './names.js';
import { RoadPanel } from './road_panel.js';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */
/** @typedef {import('./view_types.js').LiveFeed} LiveFeed */
/** @typedef {import('./view_types.js').Place} Place */
/** @typedef {import('./closed_roads.js').Feature} Feature */

const EDGE_PX = 60;
const CLOSEST = 12.5;

/** Asked for by the F key: fit the map to what goes on. */
export const fitAsked = new EventTarget();

/** @param {Place | {lat: number, lon: number}} at @param {Record<string, any>} properties @returns {Feature} */
const point = (at, properties) => ({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: [at.lon, at.lat] } });
/** @param {[number, number][]} line @returns {Feature} */
const line = (line) => ({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: line } });
/** @param {{lat: number, lon: number}} at @returns {[number, number]} */
const lonLat = (at) => [at.lon, at.lat];

/** Everything that moves or changes, as features by source. @param {ConsoleView} view @param {Feature[]} roads @returns {Record<string, Feature[]>} */
export function featuresOf(view, roads) {
  return { closed: closedLines(roads, view.roads), plan: planned(view), legs: legs(view), places: places(view), units: units(view) };
}

/** The proposal as straight strokes: from the scene over the meeting to the hospital, until somebody says yes. @param {ConsoleView} view */
function planned(view) {
  const one = view.casualties[selected(view) ?? ''];
  const first = one?.option ? undefined : one?.proposal?.options[0];
  if (!one || !first) return [];
  const stops = [view.incidents[one.incident].place, view.sites[first.rendezvous ?? '']?.place, view.hospitals[first.hospital].place];
  return [line(stops.filter((place) => place !== undefined).map(lonLat))];
}

/** @param {ConsoleView} view */
const legs = (view) => Object.values(view.units).filter((unit) => unit.incident && unit.leg).map((unit) => line(unit.leg?.line ?? []));

/** @param {ConsoleView} view */
function places(view) {
  const one = view.casualties[selected(view) ?? ''];
  const bound = new Set([one?.option?.hospital ?? one?.proposal?.options[0]?.hospital]);
  const meets = one?.option?.rendezvous ?? one?.proposal?.options[0]?.rendezvous;
  const hospitals = Object.entries(view.hospitals).map(([id, hospital]) => {
    const chosen = bound.has(id);
    const icon = chosen ? 'hospital_chosen' : '*' in hospital.closures ? 'hospital_closed' : 'hospital';
    return point(hospital.place, { icon, chosen, name: nameOf(hospital), order: chosen ? 0 : 2 });
  });
  const sites = Object.entries(view.sites).map(([id, site]) => point(site.place, { icon: 'site', chosen: id === meets, name: nameOf(site.place), order: 1 }));
  const open = Object.values(view.incidents).filter((incident) => incident.stage === 'open');
  return [...hospitals, ...sites, ...open.map((incident) => point(incident.place, { icon: 'incident', chosen: true, name: nameOf(incident.place), order: -1 }))];
}

/** @param {ConsoleView} view */
const units = (view) => Object.values(view.units).map((unit) =>
  point(unit.fix ?? unit.base, { icon: unit.kind, name: nameOf(unit), busy: unit.incident !== undefined }));

/** What the map should show: open incidents, who is on the way, where they go. @param {ConsoleView} view @returns {[number, number][]} */
export function ofInterest(view) {
  const open = Object.values(view.incidents).filter((one) => one.stage === 'open').map((one) => lonLat(one.place));
  const busy = Object.values(view.units).filter((one) => one.incident).map((one) => lonLat(one.fix ?? one.base));
  const targets = Object.values(view.casualties).filter((one) => !one.arrived_at).map((one) => one.option?.hospital ?? one.proposal?.options[0]?.hospital);
  const homes = targets.filter((id) => id !== undefined).map((id) => lonLat(view.hospitals[id].place));
  return [...open, ...busy, ...homes];
}

/** @param {[number, number][]} points @returns {[[number, number], [number, number]]} */
function boundsOf(points) {
  const [lons, lats] = [points.map(([lon]) => lon), points.map(([, lat]) => lat)];
  return [[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]];
}

/** @param {{feed: LiveFeed, view: ConsoleView}} props */
export function MapPanel({ feed, view }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [under, tellUnder] = useState(/** @type {{lat: number, lon: number} | null} */ (null));
  const [trouble, tell] = useState(/** @type {any} */ (null));
  const [credit, tellCredit] = useState('');
  useEffect(() => {
    if (!box.current) return undefined;
    let stop = () => {};
    openMap(box.current, feed, tellUnder, tellCredit).then((ended) => { stop = ended; }, tell);
    return () => stop();
  }, []);
  const copy = () => under && navigator.clipboard?.writeText(coordinates(under.lat, under.lon));
  return html`<div class="panel map">
    <div class="canvas" ref=${box}></div><${RoadPanel} feed=${feed} view=${view} />${tool.value && html`<span class="cross" aria-hidden="true"></span>`}
    ${trouble && html`<p class="none" role="alert">${trouble.answer ? refusalOf(trouble) : say('dispatch.no_map')}</p>`}
    <p class="readout"><button class="bare" title=${say('dispatch.copy')} onClick=${copy}>${under ? coordinates(under.lat, under.lon) : say('dispatch.datum.inside')}</button>
      <span class="credit">${credit}</span></p>
  </div>`;
}

/**
 * Open the map on the hub's roads and keep it in step with the feed. Answers how to stop.
 * @param {HTMLDivElement} box @param {LiveFeed} feed
 * @param {(at: {lat: number, lon: number}) => void} tellUnder @param {(text: string) => void} tellCredit
 */
async function openMap(box, feed, tellUnder, tellCredit) {
  const roads = await call('/api/v1/roads.geojson');
  tellCredit(roads.attribution);
  const [west, south, east, north] = roads.bbox;
  const map = new RoadMap({
    container: box, style: style(), bounds: [[west, south], [east, north]], attributionControl: false, dragRotate: false,
    pitchWithRotate: false, touchPitch: false, fadeDuration: 0, keyboard: true, locale: { 'Map.Title': say('dispatch.map') },
  });
  await new Promise((ready, failed) => { map.once('load', ready); map.once('error', failed); });
  addIcons(map);
  setData(map, 'roads', roads.features);
  map.on('mousemove', (event) => tellUnder({ lat: event.lngLat.lat, lon: event.lngLat.lng }));
  const stops = [follow(map, feed, roads.features), drawOn(map, (source, features) => setData(map, source, features))];
  return () => { stops.forEach((stop) => stop()); map.remove(); };
}

/** @param {RoadMap} map @param {string} source @param {Feature[]} features */
function setData(map, source, features) {
  const held = /** @type {import('maplibre-gl').GeoJSONSource | undefined} */ (map.getSource(source));
  held?.setData(/** @type {any} */ ({ type: 'FeatureCollection', features }));
}

/** Redraw a source when its features changed; fit by itself until somebody moves the map by hand. @param {RoadMap} map @param {LiveFeed} feed @param {Feature[]} roads */
function follow(map, feed, roads) {
  /** @type {Record<string, string>} */
  const drawn = {};
  let byHand = false;
  let fitted = '';
  /** @type {any} */
  let closures = null;
  /** @type {Feature[]} */
  let closed = [];
  map.on('dragstart', () => { byHand = true; });
  map.on('wheel', () => { byHand = true; });
  const fit = () => {
    const points = ofInterest(feed.view.peek());
    if (points.length) map.fitBounds(boundsOf(points), { padding: EDGE_PX, maxZoom: CLOSEST, duration: 0 });
  };
  const asked = () => { byHand = false; fit(); };
  fitAsked.addEventListener('fit', asked);
  const stop = effect(() => {
    const view = /** @type {ConsoleView} */ (feed.view.value);
    language.value; // names on the map change with the language
    picked.value; // and the proposal's strokes with the casualty
    if (!view.units) return;
    if (view.roads !== closures) [closures, closed] = [view.roads, closedLines(roads, view.roads)];
    const now = { ...featuresOf(view, []), closed };
    for (const source of LIVE) {
      const features = now[/** @type {keyof typeof now} */ (source)];
      const print = source === 'closed' ? JSON.stringify(view.roads) : JSON.stringify(features);
      if (drawn[source] !== print) { drawn[source] = print; setData(map, source, features); }
    }
    const interest = Object.keys(view.incidents).join() + places(view).filter((one) => one.properties.chosen).length;
    if (!byHand && interest !== fitted) { fitted = interest; fit(); }
  });
  return () => { stop(); fitAsked.removeEventListener('fit', asked); };
}
