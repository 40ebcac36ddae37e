// @ts-check
// What the wall's view holds (hospital_board/board.py). What is unknown is absent.

/** @typedef {import('/casebook/feed.js').LiveFeed} LiveFeed */
/** @typedef {{value: number | string, at: string}} Measured */
/** @typedef {{priority: 'high' | 'medium' | 'low', key: string, value: number, limit: number}} Alarm */
/** @typedef {{id: string, kind: string, name_zh: string, name_en: string, duty: string}} Unit */
/** @typedef {{id: string, text: string, sender: string, order: boolean, at: string, state: string, red: boolean, read_at?: string, read_by?: string, read_back?: string}} Message */
/** @typedef {{told_at: string, shown_at: string, acknowledged_at?: string, acknowledged_by?: string, changed?: boolean, signed_at?: string}} Seen */
/** @typedef {{state: 'free' | 'held' | 'assigned' | 'in_use', casualty?: string}} Bay */
/** @typedef {{state: 'known' | 'stale' | 'unknown', free?: number, total?: number, in_use?: number, left?: number, chance_pct?: number, held: number, at?: string, by?: string, limit_s: number}} Resource */
/** @typedef {{count: number, recent: {casualty: string, codes: string[], reason: string, at: string, by: string}[]}} Forced */
/** @typedef {{reason: string, until?: string, at: string, by: string}} Closure */
/** @typedef {{kind: string, media_type: string, bytes: number, unit: string, taken_at: string, at: string}} CaseFile */

/**
 * @typedef {object} Report
 * @property {string} label
 * @property {string} [category]
 * @property {string} [concern]
 * @property {string[]} [ask]
 * @property {number} [age]
 * @property {string} [sex]
 * @property {{happened_at: string, received_at: string}} [time]
 * @property {string} [mechanism]
 * @property {string[]} [injuries]
 * @property {{text?: string, at?: string, vitals?: Record<string, Measured>}} [signs]
 * @property {string[]} [treatment]
 * @property {{needs?: string[], level?: number}} [requirements]
 * @property {string[]} unknown
 *
 * @typedef {object} Case
 * @property {Report} report
 * @property {string} stage
 * @property {Record<string, {key: string}>} doubts
 * @property {{state: 'counting' | 'waiting' | 'lost' | 'complete', waiting: number, lost: number, pauses_s: number, until?: string}} [ledger]
 * @property {Record<string, Alarm>} alarms
 * @property {Record<string, {status: string, total?: number, outputs: Record<string, any>, category: string, missing: string[], stale: string[]}>} scores
 * @property {{eta_at?: string, mode?: string, site?: {id: string, name_zh: string, name_en: string}, unit?: Unit, partner?: Unit}} route
 * @property {{video?: string, waves?: string}} streams
 * @property {import('/casebook/picture_quality.js').Quality} [quality]
 * @property {{state: string, at?: string, due_at?: string, level?: number, repeats: number, answer?: string, note?: string, by?: string, acknowledged_at?: string, refused_at?: string, news?: boolean}} prealert
 * @property {string} [bay]
 * @property {{team?: string, level?: number, at?: string, members?: Record<string, {state: string, at: string}>, order?: string[], ready?: number, called?: number, complete_at?: string}} team
 * @property {Message[]} messages
 * @property {{state: string, arrived_at?: string, completed_at?: string, signed: Record<string, {by: string, at: string}>}} handover
 * @property {Record<string, Seen>} seen
 * @property {Record<string, import('/media/marks_ink.js').Mark>} [marks]
 * @property {Record<string, {author: string, at: string, unit: string, sha256: string, marks: string[]}>} [snapshots]
 * @property {import('/casebook/recording_sign.js').Recording} [recording]
 * @property {Record<string, {at: string, until?: string, files: string[], ms: number, bytes: number, held: boolean, hold?: {author: string, reason: string, at: string}, deleted_at?: string}>} [recordings]
 * @property {Record<string, CaseFile>} [files]
 * @property {number} [tag]
 *
 * @typedef {object} WallView
 * @property {{id: string, name_zh: string, name_en: string}} hospital
 * @property {boolean} drill
 * @property {number} large
 * @property {string[]} order
 * @property {Record<string, Case>} cases
 * @property {{resources: Record<string, Resource>, closures: Record<string, Closure>, forced: Forced, ahead_min: number}} capacity
 * @property {Record<string, Bay>} bays
 */

export {};
