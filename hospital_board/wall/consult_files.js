// @ts-check
// What the crew handed in for this case: pictures small, to be opened large; the rest to be saved.
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { token } from '/casebook/access.js';
import { clockText } from '/casebook/age.js';
import { say } from '/casebook/words.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('./view_types.js').CaseFile} CaseFile */

const SHOWN = /^image\//;
const ENDS = /** @type {Record<string, string>} */ ({ 'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp', 'application/pdf': 'pdf', 'video/mp4': 'mp4', 'video/webm': 'webm' });

/** @param {{c: Case}} props */
export function Files({ c }) {
  const [large, enlarge] = useState('');
  const files = Object.entries(c.files ?? {}).sort(([, a], [, b]) => (a.taken_at < b.taken_at ? 1 : -1));
  if (files.length === 0) return null;
  return html`<section class="files" aria-label=${say('hospital.consult.files')} tabindex="0">
    ${files.map(([sha256, one]) => (SHOWN.test(one.media_type) ? html`<${Thumbnail} key=${sha256} sha256=${sha256} one=${one} enlarge=${enlarge} />` : html`<${Saved} key=${sha256} sha256=${sha256} one=${one} />`))}
    ${large && html`<button class="large" aria-label=${say('unit.files.back')} onClick=${() => enlarge('')}><img src=${large} alt="" /></button>`}</section>`;
}

/** With this screen's badge. @param {string} sha256 @returns {Promise<Blob>} */
async function fetched(sha256) {
  const answer = await fetch(`/api/v1/files/${sha256}`, { headers: { Authorization: `Bearer ${token()}` } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.blob();
}

/** @param {CaseFile} one */
const wordsOf = (one) => say('media.file.taken', { kind: say(`media.file.kind.${one.kind}`), clock: clockText(one.taken_at), unit: one.unit });

/** @param {{sha256: string, one: CaseFile, enlarge: (url: string) => void}} props */
function Thumbnail({ sha256, one, enlarge }) {
  const [url, show] = useState('');
  useEffect(() => {
    let made = '';
    fetched(sha256).then((image) => show((made = URL.createObjectURL(image))), () => undefined);
    return () => URL.revokeObjectURL(made);
  }, [sha256]);
  return html`<button class="thumbnail" onClick=${() => url && enlarge(url)}>${url ? html`<img src=${url} alt=${wordsOf(one)} title=${wordsOf(one)} />` : wordsOf(one)}</button>`;
}

/** @param {{sha256: string, one: CaseFile}} props */
function Saved({ sha256, one }) {
  const save = async () => {
    const url = URL.createObjectURL(await fetched(sha256));
    Object.assign(document.createElement('a'), { href: url, download: `${one.kind}-${sha256.slice(0, 8)}.${ENDS[one.media_type] ?? 'bin'}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };
  return html`<button onClick=${() => void save()}>${say('media.file.save', { kind: say(`media.file.kind.${one.kind}`), clock: clockText(one.taken_at), mb: (one.bytes / 1e6).toFixed(1) })}</button>`;
}
