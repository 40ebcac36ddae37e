// @ts-check
// What the crew tells: headline concern and ask first, then ATMIST, each item with who has seen it.
import { html } from 'htm/preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { clockText } from '/casebook/age.js';
import { wayText } from './arrival.js';
import { language, say } from '/casebook/words.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('./view_types.js').Report} Report */

/** @param {string[]} items */
export const listed = (items) => items.join(say('hospital.join'));

/** Age and sex in words, or as short as they go; unknown where nobody said. @param {Report} report @param {boolean} [short] */
export function whoText(report, short = false) {
  const age = report.age === undefined ? (short ? '?' : say('hospital.age_unknown')) : say('hospital.years', { n: report.age });
  return `${age} ${say(`hospital.${short ? 'sex_short' : 'sex'}.${report.sex ?? 'unknown'}`)}`;
}

/** The headline, as large as its length allows. @param {{report: Report, sizes: Sizes}} props */
export function Headline({ report, sizes }) {
  const line = useFitted(sizes);
  return html`<h2 class="concern ${report.concern ? '' : 'unknown'}" ref=${line}>${report.concern ?? say('hospital.no_concern')}</h2>`;
}

/** What the crew wants ready. @param {{report: Report, sizes: Sizes}} props */
export function Wanted({ report, sizes }) {
  const line = useFitted(sizes);
  return html`<p class="ask" ref=${line}><span class="tag">${say('hospital.ask')}</span>
    ${report.ask?.length ? listed(report.ask) : html`<span class="unknown">${say('hospital.unknown')}</span>`}</p>`;
}

/** @typedef {{largest: number, smallest: number, lines: number}} Sizes font sizes in rem; `lines` at the smallest */
const STEP_REM = 0.25;

/** Set a text on one line at the largest size that holds it, else on several at the smallest. @param {Sizes} sizes */
function useFitted({ largest, smallest, lines }) {
  return useSized((box) => {
    box.style.setProperty('-webkit-line-clamp', '1');
    box.style.whiteSpace = 'nowrap';
    for (let size = largest; size >= smallest; size -= STEP_REM) {
      box.style.fontSize = `${size}rem`;
      if (box.scrollWidth <= box.clientWidth) return;
    }
    box.style.setProperty('-webkit-line-clamp', String(lines));
    box.style.whiteSpace = 'normal';
  });
}

/** Fit an element after each drawing and whenever its place changes. @param {(box: HTMLElement) => void} fitTo */
function useSized(fitTo) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    if (box.current) fitTo(box.current);
  });
  useEffect(() => {
    if (!box.current) return;
    const seen = box.current;
    const sizes = new ResizeObserver(() => fitTo(seen));
    sizes.observe(seen);
    return () => sizes.disconnect();
  }, []);
  return box;
}

/**
 * The rows of ATMIST after the headline; E says how they come, the countdown when; requirements are the ask and the bay.
 * @param {Case} c @returns {{item: string, letter: string, text: string | undefined, short?: boolean}[]}
 */
function rowsOf({ report, route }) {
  const time = report.time && say('hospital.since', { clock: clockText(report.time.happened_at) });
  return [
    { item: 'age', letter: 'A', short: true, text: report.age === undefined && !report.sex ? undefined : whoText(report) },
    { item: 'time', letter: 'T', short: true, text: time },
    { item: 'mechanism', letter: 'M', text: report.mechanism },
    { item: 'injuries', letter: 'I', text: report.injuries?.length ? listed(report.injuries) : undefined },
    { item: 'signs', letter: 'S', text: report.signs?.text },
    { item: 'treatment', letter: 'T', text: report.treatment?.length ? listed(report.treatment) : undefined },
    { item: 'eta', letter: 'E', text: wayText(route) },
  ];
}

/** Whether the ward has seen an item: acknowledged, changed since, or only shown. @param {{c: Case, item: string}} props */
function SeenMark({ c, item }) {
  const seen = c.seen?.[item];
  if (seen?.changed) return html`<span class="seen changed">${say('hospital.seen.changed')}</span>`;
  if (seen?.acknowledged_at) return html`<span class="seen acknowledged" title=${say('hospital.seen.acknowledged', { by: seen.acknowledged_by ?? '?', clock: clockText(seen.acknowledged_at) })}>✓</span>`;
  return null;
}

/**
 * ATMIST in rows; dense: one line each, without age and time, which stand in the head. What does not fit is counted.
 * @param {{c: Case, dense: boolean}} props
 */
export function Atmist({ c, dense }) {
  const box = useSized(fit);
  const rows = rowsOf(c).filter((row) => !dense || (row.item !== 'age' && row.item !== 'time'));
  return html`<div class="atmist ${dense ? 'dense' : ''}" ref=${box} lang=${language.value === 'zh' ? 'zh-CN' : 'en'}>
    ${rows.map((row) => html`<div class="row ${row.short ? 'short' : ''}" key=${row.item} data-item=${row.item}>
      <abbr title=${say(`hospital.item.${row.item}`)}>${row.letter}</abbr>
      <span class=${row.text ? 'told' : 'unknown'}>${row.text ?? say('hospital.unknown_item', { item: say(`hospital.item.${row.item}`) })}</span>
      <${SeenMark} c=${c} item=${row.item} />
    </div>`)}
  </div>`;
}

/**
 * Hide whole rows until the rest fits, from the end, what changed since the acknowledgement last; the last row shown
 * says how many are hidden.
 * @param {HTMLElement} box
 */
function fit(box) {
  const rows = /** @type {HTMLElement[]} */ ([...box.querySelectorAll('.row')]);
  const isNews = (/** @type {HTMLElement} */ row) => row.querySelector('.changed') !== null;
  const hideable = [...rows.filter((row) => !isNews(row)).reverse(), ...rows.filter(isNews).reverse()];
  for (const row of rows) {
    row.hidden = false;
    delete row.dataset.more;
  }
  for (let hidden = 0; hidden < rows.length; hidden += 1) {
    if (hidden > 0) hideable[hidden - 1].hidden = true;
    const last = rows.findLast((row) => !row.hidden);
    for (const row of rows) delete row.dataset.more;
    if (last && hidden > 0) last.dataset.more = say('hospital.more', { n: hidden });
    if (!last || last.offsetTop + last.offsetHeight <= box.clientHeight + 1) return;
  }
}
