// @ts-check
// What a crew says with one tap is written in both languages at once: the ward may read the other.
import { signal } from '@preact/signals';

/** @type {import('@preact/signals').Signal<Record<string, string>[]>} */
export const both = signal([]);

export async function loadBoth() {
  if (both.value.length) return;
  both.value = await Promise.all(['zh', 'en'].map(async (language) => (await fetch(`/api/v1/words/${language}`)).json()));
}

/** @param {string} key */
export const inBoth = (key) => both.value.map((words) => words[key]).join(' ');
