// @ts-check
// What the console's view holds (dispatch/console_view.py). What is unknown is absent.

/** @typedef {import('/casebook/feed.js').LiveFeed} LiveFeed */
/** @typedef {{lat: number, lon: number, name_zh?: string, name_en?: string, radius_m?: number}} Place */
/** @typedef {{code: string, facts: Record<string, any>}} Reason */
/** @typedef {{hospital: string, mode: string, eta_s?: number, terms: [string, number][], rendezvous?: string, aircraft?: string, decides?: string, reasons: Reason[], place?: number, p_bay?: number, causes?: [string, number][], definitive_s?: number, definitive_low_s?: number, definitive_high_s?: number, onward?: string, would_win?: Reason}} Way */
/** @typedef {{options: Way[], rejected: Way[], clocks: Record<string, Way>, rules: string, inputs: string, traffic_version: string, roads: string, id?: string, capacity?: string, unmeasured?: Reason[], stabilise_at?: string, ask?: string[]}} Proposal */
/** @typedef {{counts: Record<string, Record<string, number>>, hospitals: Record<string, number>, categories: Record<string, number>, stages: Record<string, number>, total: number, rows: Record<string, {hospital?: string, mode?: string, unit?: string, aircraft?: string, at?: string, there: boolean}>, plan?: JointPlan}} Board */
/** @typedef {{deaths: number, taken: number, not_taken: number, care_min?: number, red_min?: number}} Outcome */
/** @typedef {{hospital: string, mode: string, vehicle: string, trip: number, leaves_at: string, arrives_at: string, care_at: string, survival_pct: number, place: string, under_way: boolean, redirected: boolean, differs: boolean, open: boolean, answer?: 'yes' | 'no' | 'lost', why?: string}} Planned */
/** @typedef {{id: string, at: string, by: string, refused?: string, rows: Record<string, Planned>, open: number, left: Record<string, {reason: Reason, stabilise_at?: string, ask?: string[]}>, counts: Record<string, Record<string, number>>, hospitals: Record<string, number>, total: number, outcome: Outcome, compared: Record<string, Outcome>, gap_pct?: number, hurried?: boolean, rules: string, fired: string[], inputs: string, redirections: number, retagged: string[], unplanned: string[]}} JointPlan */
/** @typedef {{stage: string, hospital?: string, at?: string, due_at?: string, acknowledged_at?: string, by?: string, answer?: string, note?: string, repeats?: number}} Prealert */
/** @typedef {{free?: number, total?: number, at: string, by: string, source: string, held: number, left?: number, state: 'known' | 'stale' | 'unknown'}} Figure */
/** @typedef {{reason: string, until?: string, at: string, by: string}} Closure */
/** @typedef {{to: Place, mode: string, eta_s: number, eta_at?: string, length_m: number, avoids: string[], line: [number, number][], why?: Reason[], given_at?: string, seen_at?: string, halted?: boolean}} Leg */

/**
 * @typedef {object} Incident
 * @property {Place} place
 * @property {string} kind
 * @property {number} priority
 * @property {string} channel
 * @property {string} summary
 * @property {string} received_at
 * @property {string} happened_at
 * @property {string} [first_data_at]
 * @property {string} stage
 * @property {number} [casualties_estimated]
 * @property {string[]} hazards
 * @property {Record<string, {agency: string, at: string}>} agencies
 * @property {{clear: boolean, at: string, by: string}} [hoist_place]
 *
 * @typedef {object} Casualty
 * @property {string} incident
 * @property {string} label
 * @property {number} [age_years]
 * @property {string} [sex]
 * @property {string} [category]
 * @property {string} stage
 * @property {string} [concern]
 * @property {string} [unit]
 * @property {string} [wish]
 * @property {string} [requested_at]
 * @property {string} [proposed_at]
 * @property {string} [chosen_at]
 * @property {string} [eta_at]
 * @property {string} [override_reason]
 * @property {string} [bay]
 * @property {string} [arrived_at]
 * @property {Record<string, {value: any, at: string}>} vitals
 * @property {Omit<Way, 'terms'>} [option]
 * @property {{hospital: string, resource: string, slot: number, until: string}} [hold]
 * @property {Prealert} prealert
 * @property {Proposal} [proposal]
 * @property {boolean} [outdated]
 * @property {boolean} [reopened]
 * @property {Way[]} [stranded]
 * @property {string} [stabilise_at]
 * @property {string[]} [ask]
 *
 * @typedef {object} Unit
 * @property {string} kind
 * @property {string} name_zh
 * @property {string} name_en
 * @property {string} district
 * @property {string} duty
 * @property {string} [duty_at]
 * @property {string} [incident]
 * @property {string} [purpose]
 * @property {string[]} [aboard]
 * @property {Place} base
 * @property {{lat: number, lon: number, at: string, speed_kmh?: number, heading_deg?: number}} [fix]
 * @property {Leg} [leg]
 * @property {import('/casebook/picture_quality.js').Quality} [picture]
 * @property {boolean} films
 * @property {{refused: string, at: string}} [media_key] somebody with its badge came with another key
 *
 * @typedef {object} Hospital
 * @property {string} name_zh
 * @property {string} name_en
 * @property {string} district
 * @property {number} [trauma_level]
 * @property {string[]} capabilities
 * @property {Place} place
 * @property {boolean} pad
 * @property {Record<string, Figure>} figures
 * @property {Record<string, Closure>} closures
 * @property {Record<string, {casualty: string, slot: number}>} holds
 * @property {number} inbound
 *
 * @typedef {{incident: string, kind: string, to: string, due_at: string, opened_at: string, note?: string, stage: string, approver?: string, settled_at?: string}} Task
 * @typedef {{reason: string, ref?: string, bearing_deg?: number, until?: string, speed_kmh?: number, at: string, by: string, polygon?: [number, number][], lines?: [number, number][][], name?: string, since?: string, in_force: boolean}} Road
 * @typedef {{at: string, kind: string, by: string, facts: Record<string, any>}} Line
 *
 * @typedef {object} ConsoleView
 * @property {string} [drill]
 * @property {Record<string, Incident>} incidents
 * @property {Record<string, Casualty>} casualties
 * @property {Record<string, Unit>} units
 * @property {Record<string, Hospital>} hospitals
 * @property {Record<string, Task>} tasks
 * @property {Record<string, Road>} roads
 * @property {Record<string, {place: Place, kind: string}>} sites
 * @property {Record<string, {name_zh: string, name_en: string}>} districts
 * @property {Record<string, Board>} boards
 * @property {{traffic: Record<string, {at: string, late_s: number, limit_s: number}>, capacity: Record<string, {at: string, hospitals: number}>, silent: number}} feeds
 * @property {Record<string, Line>} log
 * @property {Record<string, import('./health_sign.js').Concern>} [health]
 */

export {};
