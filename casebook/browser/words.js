// @ts-check
// Text by key, in the language of this screen. zh is the default; `?lang=en` or the switch changes it.
import { signal } from '@preact/signals';

/** @typedef {'zh' | 'en'} Language */

const asked = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem('aboard.lang');
/** The language in force. */
export const language = signal(/** @type {Language} */ (asked === 'en' ? 'en' : 'zh'));
/** @type {import('@preact/signals').Signal<Record<string, string>>} */
const words = signal({});

/** Load a language and switch to it. @param {Language} [to] @returns {Promise<void>} */
export async function speak(to = language.value) {
  const response = await fetch(`/api/v1/words/${to}`);
  if (!response.ok) throw new Error(`words: ${response.status}`);
  words.value = await response.json();
  language.value = to;
  localStorage.setItem('aboard.lang', to);
  document.documentElement.lang = to === 'zh' ? 'zh-CN' : 'en';
}

/** The other language, for the switch. @returns {Language} */
export const other = () => (language.value === 'zh' ? 'en' : 'zh');

/** Whether there is a sentence for a key: for codes that a region may add to. @param {string} key */
export const isWord = (key) => words.value[key] !== undefined;

/**
 * The sentence for a key, placeholders filled; a missing word shows as its key so that the tests see it.
 * @param {string} key @param {Record<string, unknown>} [facts] @returns {string}
 */
export function say(key, facts = {}) {
  const sentence = words.value[key];
  if (sentence === undefined) {
    console.error(`no word for ${key}`);
    return key;
  }
  return sentence.replace(/\{(\w+)(?::[^}]*)?\}/g, (_, name) => String(facts[name] ?? '?'));
}

/** The name of a thing that has `name_zh` and `name_en`. @param {any} thing @returns {string} */
export const nameOf = (thing) => (language.value === 'zh' ? thing?.name_zh : thing?.name_en) || thing?.name_zh || '';

/** A refusal in this language. @param {any} wrong @returns {string} */
export function refusalOf(wrong) {
  const answer = wrong?.answer;
  if (!answer) return say('error.unexpected');
  return answer[language.value] || say(`error.${answer.error}`, answer.facts);
}
