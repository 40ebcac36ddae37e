// @ts-check
// What the tablet's feed holds (ambulance_unit/told.py, laid over by overlay.py, and Agent.tablet_view). Unknown is absent.

/** @typedef {{casualty: string, kind: string, bytes: number, sent: number, state: 'waiting' | 'sending' | 'refused', why?: string, taken_at: string}} WaitingFile */
/** @typedef {{lat: number, lon: number, name_zh: string, name_en: string, radius_m?: number}} Place */
/** @typedef {{code: string, facts: Record<string, any>}} Reason */
/** @typedef {{hospital: string, mode: string, eta_s?: number, rendezvous?: string, reasons: Reason[], p_bay?: number, definitive_s?: number, would_win?: Reason}} Rejection */
/** @typedef {{free?: number, total?: number, at: string, by: string, held: number, limit_s: number}} Figure */
/** @typedef {{sender: string, text: string, order: boolean, at: string, read_at?: string, read_by?: string, read_back?: string}} Message */
/** @typedef {{field: string, priority: 'high' | 'medium' | 'low', key: string}} Alarm */

/**
 * @typedef {object} Casualty
 * @property {string} id
 * @property {string} label
 * @property {number} [age_years]
 * @property {string} [sex]
 * @property {string} stage
 * @property {string} [category]
 * @property {string} [unit]
 * @property {string} [wish]
 * @property {{answer: 'honoured' | 'declined' | 'unsafe', cost_s?: number}} [wish_answer]
 * @property {{hospital: string, reason: string, at: string, state: 'sent' | 'waiting' | 'followed' | 'failed', why?: string, answered_at?: string}} [diversion]
 * @property {string} [requested_at]
 * @property {Record<string, any>} [findings]
 * @property {string} [findings_at]
 * @property {{hospital: string, mode: string, eta_s: number}} [proposal]
 * @property {{hospital: string, mode: string, eta_s: number, rendezvous?: string, reasons: Reason[], rejected: Rejection[], name_zh: string, name_en: string, chosen_at: string, override_reason?: string, p_bay?: number, definitive_s?: number, onward?: string, runner_up?: Rejection}} [destination]
 * @property {Rejection[]} [stranded]
 * @property {string} [stabilise_at]
 * @property {string[]} [ask]
 * @property {{resource: string, slot: number}} [hold]
 * @property {Record<string, {eta_s?: number, rendezvous?: string, reasons: Reason[]}>} [clocks]
 * @property {{stage: string, hospital: string, sent_at: string, eta_at?: string, acknowledged_at?: string, by?: string, answer?: string, note?: string, level?: number}} [prealert]
 * @property {string} [bay]
 * @property {{name: string, level?: number, members: Record<string, {state: string, at: string}>}} [team]
 * @property {Record<string, Message>} messages
 * @property {Record<string, import('/media/marks_ink.js').Mark>} [marks]
 * @property {import('/casebook/recording_sign.js').Recording} [recording]
 * @property {Record<string, {kind: string, taken_at: string, at: string}>} [files]
 * @property {number} [tag]
 * @property {boolean} [hoist_asked]
 * @property {Record<string, {by: string, at: string}>} signatures
 * @property {string} [arrived_at]
 * @property {Record<string, string>} times
 *
 * @typedef {object} TabletView
 * @property {string} me
 * @property {{scenario: string, rate: number}} [drill]
 * @property {{id: string, kind: string, name_zh: string, name_en: string, duty: string, duty_at?: string, aboard: string[], times: Record<string, string>, uplink?: import('/casebook/picture_quality.js').Uplink}} [unit]
 * @property {{id: string, place: Place, kind: string, priority: number, summary: string, happened_at: string, received_at: string, hazards: string[], casualties_estimated?: number, agencies: Record<string, string>, hoist_place?: {clear: boolean, at: string, by: string}}} [incident]
 * @property {{to: Place, length_m: number, eta_s: number, eta_at?: string, mode: string, avoids: string[], given_at: string, why?: Reason[], seen_at?: string, halted?: Place}} [leg]
 * @property {Record<string, Casualty>} [casualties]
 * @property {Record<string, {id: string, kind: string, name_zh: string, name_en: string, duty: string, eta_at?: string, to?: Place}>} [partners]
 * @property {Record<string, {name_zh: string, name_en: string, figures: Record<string, Figure>, closures: Record<string, {reason: string, until?: string}>}>} [hospitals]
 * @property {Record<string, {reason: string, ref?: string, until?: string, speed_kmh?: number, at: string}>} [roads]
 * @property {string} [told_at]
 * @property {{state: 'connecting' | 'connected' | 'late' | 'lost' | 'refused', since?: string, refusal?: any}} link
 * @property {{waiting: number, corrupt: number}} outbox
 * @property {{casualty?: string, channels: string[], latest?: {casualty: string, at: string, values: Record<string, any>, alarms: Alarm[], doubts: Record<string, {key: string, low?: number, high?: number}>}}} monitor
 * @property {import('/casebook/picture_quality.js').Quality} [picture]
 * @property {Record<string, {zh: string, en: string, since: string}>} technical
 * @property {{do?: string, with?: Record<string, any>, wait?: string}} next
 * @property {WaitingFile[]} [files]
 */

export {};
