// @ts-check
// A closure for "what if" taken from the map: the dialog steps aside while somebody draws with the same tools as for a real
// one, and comes back with what was drawn; nothing of it is sent but in the question itself.
import { effect, signal } from '@preact/signals';
import { nameOf, say } from '/casebook/words.js';
import { dialog } from './chosen.js';
import { drop, shape, take, tool, whereOf } from './drawing.js';

/** @typedef {{where: ReturnType<typeof whereOf>, name: string}} Shut */
/** @typedef {{reopen: string[], close: string[], shut: Shut[], hospitals: Record<string, boolean>, aircraft: Record<string, boolean>, figures: Record<string, number>, daylight: '' | 'day' | 'night'}} Supposition */

/** What was supposed when the dialog stepped aside; null: nobody draws for it. @type {import('@preact/signals').Signal<Supposition | null>} */
export const picking = signal(null);
/** What the dialog goes on with when it comes back. @type {Supposition | null} */
let kept = null;

/** Step aside and take the road tool. @param {Supposition} supposed */
export function pickOnMap(supposed) {
  dialog.value = null;
  take('road');
  picking.value = supposed;
}

/** What was supposed before the map was asked, once; null: begin with the world as it is. */
export function takeUp() {
  const now = kept;
  kept = null;
  return now;
}

effect(() => {
  const before = picking.value;
  const made = shape.value;
  if (!before || (!made && tool.value !== null)) return; // not for us, or not finished
  kept = made ? { ...before, shut: [...before.shut, { where: whereOf(made, null), name: nameFor(made) }] } : before;
  picking.value = null;
  drop();
  dialog.value = 'whatif';
});

/** @param {import('./drawing.js').Shape} made */
const nameFor = ({ stretch }) => (stretch ? `${[stretch.ref, nameOf(stretch)].filter(Boolean).join(' ') || say('dispatch.unnamed_road')} ${say('dispatch.km', { n: (stretch.length_m / 1000).toFixed(1) })}` : say('dispatch.drawn_area'));
