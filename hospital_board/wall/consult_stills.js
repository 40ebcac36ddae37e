// @ts-check
// Keep a still of the picture in the case, and show the last ones kept.
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { token } from '/casebook/access.js';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';
import { act } from './actions.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('/media/marks_layer.js').MarksLayer} MarksLayer */

const SHOWN = 2;

/** @param {{c: Case, layer: {current: MarksLayer | null}, whose: {hospital: string, casualty: string}}} props */
export function Stills({ c, layer, whose }) {
  const [busy, work] = useState(false);
  const kept = Object.entries(c.snapshots ?? {}).sort(([, a], [, b]) => (a.at < b.at ? 1 : -1));
  const keep = async () => {
    work(true);
    const still = await layer.current?.snapshot();
    if (still) await act('keep_still', { ...whose, frame: still.stamp.frame, frame_wall_ms: still.stamp.wallMs, image: await base64(still.image) });
    work(false);
  };
  return html`<div class="stills"><button class="keep" disabled=${busy} onClick=${keep}>${say('hospital.consult.still')}</button>
    ${kept.length > 0 && html`<span>${say('hospital.consult.still_kept', { n: kept.length })}</span>`}
    ${kept.slice(0, SHOWN).map(([id, one]) => html`<${Still} key=${id} sha256=${one.sha256} words=${say('hospital.consult.by', { by: one.author, clock: clockText(one.at) })} />`)}</div>`;
}

/** One still, fetched with this screen's badge. @param {{sha256: string, words: string}} props */
function Still({ sha256, words }) {
  const [url, show] = useState('');
  useEffect(() => {
    let made = '';
    fetch(`/api/v1/still/${sha256}`, { headers: { Authorization: `Bearer ${token()}` } })
      .then((answer) => (answer.ok ? answer.blob() : Promise.reject(new Error(String(answer.status)))))
      .then((image) => show((made = URL.createObjectURL(image))), () => undefined);
    return () => URL.revokeObjectURL(made);
  }, [sha256]);
  return url ? html`<img src=${url} alt=${words} title=${words} />` : null;
}

/** @param {Blob} image @returns {Promise<string>} */
async function base64(image) {
  const bytes = new Uint8Array(await image.arrayBuffer());
  let text = '';
  for (let n = 0; n < bytes.length; n += 0x8000) text += String.fromCharCode(...bytes.subarray(n, n + 0x8000));
  return btoa(text);
}
