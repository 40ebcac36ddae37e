// @ts-check
// Whether a vehicle's picture is recorded, on every screen alike: a sign and words, never the colour alone.
import { html } from 'htm/preact';
import { clockText } from './age.js';
import { say } from './words.js';

/** @typedef {{on: boolean, name: string, author: string, voice: boolean, casualty?: string, at?: string, reason?: string, consent?: string, why?: string, by?: string, ending?: boolean}} Recording `ending`: the crew has said so, the hub has not heard it yet */

/** A recording that ended although nobody wanted it to: shown until another one begins. */
const UNWANTED = ['no_room', 'unreadable', 'no_engine'];
/** The patient's word against it: shown as long. */
const WITHDRAWN = 'withdrawn';

/** @param {Recording | undefined} recording */
export const isRecorded = (recording) => recording?.on === true;

/**
 * While it runs: since when and by whom. When it ended against somebody's will, or by the patient's: why. Else nothing, or with `always` that
 * nothing is recorded.
 * @param {{recording: Recording | undefined, always?: boolean, brief?: boolean, calledIn?: (who: string) => string}} props
 */
export function RecordingSign({ recording, always = false, brief = false, calledIn = (who) => who }) {
  if (recording?.on && recording.ending) {
    return html`<span class="recording on" role="status"><${Dot} on=${true} /><b>${say('media.recording.ending')}</b></span>`;
  }
  if (recording?.on) {
    const since = say('media.recording.since', { clock: clockText(recording.at), author: calledIn(recording.author) });
    return html`<span class="recording on" role="status" title=${since}><${Dot} on=${true} /><b>${say(recording.voice ? 'media.recording.on_voice' : 'media.recording.on')}</b>${brief ? null : ` ${since}`}</span>`;
  }
  const why = recording?.why ?? '';
  if (UNWANTED.includes(why) || why === WITHDRAWN || (always && why)) {
    const who = recording?.by ? say('media.recording.said', { author: calledIn(recording.by), reason: recording.reason ?? '' }) : '';
    return html`<span class="recording ${UNWANTED.includes(why) ? 'failed' : 'off'}" role="status" title=${who}><${Dot} on=${false} />${say(`media.recording.why.${why}`, { clock: clockText(recording?.at) })}${brief || !who ? null : ` ${who}`}</span>`;
  }
  return always ? html`<span class="recording off"><${Dot} on=${false} />${say('media.recording.off')}</span>` : null;
}

/** @param {{on: boolean}} props */
const Dot = ({ on }) => html`<svg viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="5" class=${on ? 'full' : 'empty'} />${on ? null : html`<line x1="2" y1="10" x2="10" y2="2" />`}</svg>`;
