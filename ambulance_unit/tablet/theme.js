// @ts-check
// Day and night: light ground in the sun, dark in the vehicle at night; remembered on this tablet.
import { signal } from '@preact/signals';

/** @type {import('@preact/signals').Signal<'day' | 'night'>} */
export const theme = signal(localStorage.getItem('aboard.theme') === 'day' ? 'day' : 'night');

export function switchTheme() {
  theme.value = theme.value === 'night' ? 'day' : 'night';
  localStorage.setItem('aboard.theme', theme.value);
}
