// @ts-check
// Whether a vehicle's picture is recorded, on every screen alike: a sign and words, never the colour alone.
import { html } from 'htm/preact';
import { clockText } from './age.js';
import { say } from './words.js';

/** @typedef {{on: boolean, name: string, author: string, voice: boolean, at?: string, reason?: string, consent?: string, why?: string}} Recording */

/** A recording that ended although nobody wanted it to: shown until another one begins. */
const UNWANTED = ['no_room', 'unreadable', 'no_engine'];

/** @param {Recording | undefined} recording */
export const isRecorded = (recording) => recording?.on === true;

/**
 * While it runs: since when and by whom. When it ended against somebody's will: why. Else nothing, or with `always` that
 * nothing is recorded.
 * @param {{recording: Recording | undefined, always?: boolean, brief?: boolean, calledIn?: (who: string) => string}} props
 */
export function RecordingSign({ recording, always = false, brief = false, calledIn = (who) => who }) {
  if (recording?.on) {
    const since = say('media.recording.since', { clock: clockText(recording.at), author: calledIn(recording.author) });
    return html`<span class="recording on" role="status" title=${since}><${Dot} on=${true} /><b>${say(recording.voice ? 'media.recording.on_voice' : 'media.recording.on')}</b>${brief ? null : ` ${since}`}</span>`;
  }
  const why = recording?.why ?? '';
  if (UNWANTED.includes(why) || (always && why)) {
    return html`<span class="recording ${UNWANTED.includes(why) ? 'failed' : 'off'}" role="status"><${Dot} on=${false} />${say(`media.recording.why.${why}`, { clock: clockText(recording?.at) })}</span>`;
  }
  return always ? html`<span class="recording off"><${Dot} on=${false} />${say('media.recording.off')}</span>` : null;
}

/** @param {{on: boolean}} props */
const Dot = ({ on }) => html`<svg viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="5" class=${on ? 'full' : 'empty'} />${on ? null : html`<line x1="2" y1="10" x2="10" y2="2" />`}</svg>`;
