// @ts-check
// The live picture and waves of one vehicle: the elements of the media room, fed by one link each.
import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import { token } from '/casebook/access.js';
import { qualityBrief, qualityText } from '/casebook/picture_quality.js';
import { RecordingSign } from '/casebook/recording_sign.js';
import { say } from '/casebook/words.js';
import '/media/sweep_wave.js';
import '/media/video_tile.js';
import '/media/voice_panel.js';
import { WaveLink } from '/media/wave_link.js';
import { heardLive } from './live_numbers.js';

/**
 * The first-person picture, and how well it comes: the rung of the quality ladder, why, and since when.
 * @param {{unit: string | undefined, quality: import('/casebook/picture_quality.js').Quality | undefined, recording: import('/casebook/recording_sign.js').Recording | undefined, brief?: boolean}} props
 * `brief`: room for few words only, on the picture itself
 */
export function Picture({ unit, quality, recording, brief = false }) {
  if (!unit) return html`<div class="no-picture">${say('media.video.no_signal')}</div>`;
  const whole = qualityText(quality, 'beside');
  return html`<div class="picture"><video-tile token=${token()} say=${say} unit=${unit}></video-tile>
    <${RecordingSign} recording=${recording} brief=${true} /><p class="quality ${brief ? '' : 'near'}" title=${whole}>${brief ? qualityBrief(quality) : whole}</p></div>`;
}

/**
 * The waves of the patient on the monitor; without a stream the traces are blank with words.
 * @param {{unit: string | undefined, kinds: string[], labels?: boolean}} props `labels` false: no room for the name
 */
export function Waves({ unit, kinds, labels = true }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!unit) return;
    const link = new WaveLink({ unit, token: token() });
    link.addEventListener('wave', (event) => {
      const wave = /** @type {CustomEvent} */ (event).detail;
      for (const sweep of sweepsIn(box.current)) if (sweep.kind === wave.kind) sweep.push(wave);
    });
    link.addEventListener('numerics', (event) => heardLive(/** @type {CustomEvent} */ (event).detail));
    link.start();
    return () => link.stop();
  }, [unit]);
  return html`<div class="waves" ref=${box}>${kinds.map((kind) => html`<sweep-wave say=${labels ? say : sayUnlabelled} kind=${kind} key=${kind}></sweep-wave>`)}</div>`;
}

/** @param {string} key @param {Record<string, string | number>} [facts] */
const sayUnlabelled = (key, facts) => (key.startsWith('media.wave.') ? '' : say(key, facts));

/** @param {HTMLElement | null} box @returns {import('/media/sweep_wave.js').SweepWave[]} */
const sweepsIn = (box) => (box ? /** @type {any} */ ([...box.querySelectorAll('sweep-wave')]) : []);

/** The talk with the crew and dispatch; read and touched at arm's length. @param {{unit: string | undefined}} props */
export const Talk = ({ unit }) => (unit ? html`<div class="near talk"><voice-panel token=${token()} say=${say} unit=${unit}></voice-panel></div>` : null);

/** The vehicle of a stream's name. @param {string | undefined} stream */
export const unitOf = (stream) => stream?.replace(/\.waves$/, '');
