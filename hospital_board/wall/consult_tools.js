// @ts-check
// The hand's tools over the picture: what is drawn and in which colour, freeze, take back, wipe. Large, for a finger.
import { html } from 'htm/preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import { say } from '/casebook/words.js';
import { COLOURS } from '/media/marks_ink.js';
import { act } from './actions.js';

/** @typedef {import('./view_types.js').Case} Case */
/** @typedef {import('/media/marks_layer.js').MarksLayer} MarksLayer */
/** @typedef {import('/media/marks_layer.js').Tool} Tool */
/** @typedef {import('/media/marks_ink.js').Colour} Colour */

/** @type {Tool[]} */
const TOOLS = ['look', 'point', 'arrow', 'ink', 'text'];
const NAMES = /** @type {Colour[]} */ (Object.keys(COLOURS));
const TEXT_MAX = 24; // media/guidance/marks.py

/** @param {{c: Case, whose: {hospital: string, casualty: string}, who: string, layer: {current: MarksLayer | null}}} props */
export function Tools({ c, whose, who, layer }) {
  const [tool, take] = useState(/** @type {Tool} */ ('look'));
  const [colour, dip] = useState(/** @type {Colour} */ ('yellow'));
  const [words, write] = useState('');
  const [frozen, freeze] = useState(false);
  useLayoutEffect(() => { // before the hand can touch the picture: an effect after the paint comes late on a busy machine
    if (!layer.current) return;
    layer.current.tool = tool === 'text' && !words.trim() ? 'look' : tool;
    layer.current.colour = colour;
    layer.current.words = words;
  });
  const still = (/** @type {boolean} */ on) => { layer.current?.freeze(on); freeze(layer.current?.isFrozen ?? false); };
  const marks = Object.entries(c.marks ?? {}).sort(([, a], [, b]) => a.number - b.number);
  const own = marks.filter(([, mark]) => mark.author === who).at(-1);
  return html`<div class="tools" role="toolbar" aria-label=${say('media.mark.tools')}>
    <div class="choice">${TOOLS.map((name) => html`<button key=${name} data-tool=${name} aria-pressed=${tool === name} onClick=${() => take(name)}>${say(`media.mark.tool.${name}`)}</button>`)}</div>
    ${tool === 'text' && html`<input value=${words} maxlength=${TEXT_MAX} aria-label=${say('media.mark.text')} placeholder=${say('media.mark.text')}
      onInput=${(/** @type {any} */ event) => write(event.target.value)} />`}
    <div class="choice" role="group" aria-label=${say('media.mark.colours')}>${NAMES.map((name) => html`<button key=${name} class="dip" data-colour=${name} aria-pressed=${colour === name} onClick=${() => dip(name)}>
      <svg viewBox="0 0 44 12" aria-hidden="true"><line x1="4" y1="6" x2="40" y2="6" stroke=${COLOURS[name].ink} stroke-width="5" stroke-linecap="round" stroke-dasharray=${COLOURS[name].dash.map((one) => one * 2).join(' ')} /></svg>${say(`media.mark.colour.${name}`)}</button>`)}</div>
    <div class="choice"><button class="freeze" aria-pressed=${frozen} onClick=${() => still(!frozen)}>${say(frozen ? 'media.mark.run' : 'media.mark.freeze')}</button>
      <button disabled=${!own} onClick=${() => own && act('remove_marks', { ...whose, marks: [own[0]] })}>${say('media.mark.undo')}</button>
      <button disabled=${marks.length === 0} onClick=${() => act('remove_marks', whose)}>${say('media.mark.clear')}</button></div>
  </div>`;
}
