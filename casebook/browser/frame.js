// @ts-check
// What every screen has around it: start-up, the drill frame, the state of the link, the language switch.
import { render } from 'preact';
import { html } from 'htm/preact';
import { other, say, speak } from './words.js';

/** The permanent frame of a drill: nobody may take exercise for emergency. @param {{drill: boolean | undefined}} props */
export const DrillFrame = ({ drill }) =>
  drill ? html`<div class="drill-frame" role="note"><span>${say('drill.mark')}</span></div>` : null;

/** The link to the hub in words; quiet while live. @param {{feed: import('./feed.js').LiveFeed}} props */
export const LinkState = ({ feed }) =>
  html`<span class="link ${feed.link.value}" role="status">${say(`link.${feed.link.value}`)}</span>`;

/** Switch between zh and en. */
export const LanguageSwitch = () =>
  html`<button class="language" onClick=${() => speak(other())}>${say('language.other')}</button>`;

/**
 * Load the words, then draw `Screen` into the page. @param {any} Screen
 */
export async function start(Screen) {
  await speak();
  const root = document.getElementById('app');
  if (root) render(html`<${Screen} />`, root);
}
