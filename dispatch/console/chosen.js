// @ts-check
// What this dispatcher looks at: the casualty, the incident, the open dialog. Only on this screen, never recorded.
import { signal } from '@preact/signals';

/** @typedef {import('./view_types.js').ConsoleView} ConsoleView */

/** The casualty picked by hand, by id; null: whoever needs a decision first. */
export const picked = signal(/** @type {string | null} */ (null));
/** The dialog that is open. */
export const dialog = signal(/** @type {null | 'call' | 'assign' | 'task' | 'road' | 'keys' | 'whatif' | 'region' | 'board'} */ (null));
/** The way whose override reason is being written: `casualty/hospital/mode`. */
export const overriding = signal(/** @type {string | null} */ (null));

const URGENCY = ['red', 'yellow', undefined, 'green', 'grey', 'black'];

/** Casualties in the order of their rows: most urgent first, then by label. @param {ConsoleView} view */
export const casualtyOrder = (view) =>
  Object.keys(view.casualties).sort((a, b) => {
    const [x, y] = [view.casualties[a], view.casualties[b]];
    return URGENCY.indexOf(x.category) - URGENCY.indexOf(y.category) || x.label.localeCompare(y.label);
  });

/** Whether the proposal is open: nobody has said yes, or the roads made another one since. @param {import('./view_types.js').Casualty} one */
export const isOpen = (one) => one.option === undefined || one.reopened === true;
/** Whether somebody has to say yes for this casualty. @param {import('./view_types.js').Casualty} one */
export const awaitsYes = (one) => (isOpen(one) && one.proposal !== undefined) || one.stranded !== undefined;

/** The casualty in the decision panel. @param {ConsoleView} view @returns {string | undefined} */
export function selected(view) {
  if (picked.value && view.casualties[picked.value]) return picked.value;
  const order = casualtyOrder(view);
  return order.find((id) => awaitsYes(view.casualties[id])) ?? order.find((id) => view.casualties[id].stage !== 'handed_over') ?? order[0];
}

const OTHERS = 5; // ways shown before the rest is unfolded

/** The losers that are shown at first: those there is a way to, in their order. @param {import('./view_types.js').Proposal} proposal */
export const shownOthers = (proposal) => proposal.rejected.filter((way) => way.eta_s !== undefined).slice(0, OTHERS);

/** The incident that new units and tasks belong to: the selected casualty's, else the newest open one. @param {ConsoleView} view */
export function incidentOf(view) {
  const id = selected(view);
  if (id) return view.casualties[id].incident;
  const open = Object.keys(view.incidents).filter((one) => view.incidents[one].stage === 'open');
  return open.sort().at(-1);
}
