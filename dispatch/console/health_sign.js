// @ts-check
// What is wrong with the hub itself, in the top bar: nothing while it is well, the sentences when somebody looks.
import { html } from 'htm/preact';
import { say } from '/casebook/words.js';

/** @typedef {{key: string, severity: 'warn' | 'stop', facts: Record<string, unknown>}} Concern */

/** @param {{concerns: Record<string, Concern> | undefined}} props */
export function HealthSign({ concerns }) {
  const told = Object.entries(concerns ?? {});
  if (told.length === 0) return null;
  const worst = told.some(([, one]) => one.severity === 'stop') ? 'stop' : 'warn';
  return html`<details class="health ${worst}"><summary><span role="alert">${say('health.concerns', { n: told.length })}</span></summary>
    <ul>${told.map(([id, one]) => html`<li key=${id} class=${one.severity}>${say(`health.${one.key}`, one.facts)}</li>`)}</ul></details>`;
}
