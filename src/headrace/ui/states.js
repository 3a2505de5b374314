/** The types of states: their order, their colours. */

/** @typedef {"SCHEDULED"|"PENDING"|"RUNNING"|"PAUSED"|"CANCELLING"|"COMPLETED"|"CANCELLED"|"FAILED"|"CRASHED"} StateType */

/** In the order in which they are stacked and listed. @type {StateType[]} */
export const STATE_TYPES = [
  "COMPLETED", "RUNNING", "PENDING", "SCHEDULED", "PAUSED", "CANCELLING", "CANCELLED", "CRASHED", "FAILED",
];

const FINAL = new Set(["COMPLETED", "CANCELLED", "FAILED", "CRASHED"]);

/** Whether a run in such a state has ended. @param {string | null | undefined} type */
export const isFinal = (type) => FINAL.has(type ?? "");

/** `Completed` @param {string} type */
export const typeName = (type) => type[0] + type.slice(1).toLowerCase();

/** The class of what has the colours of a type. @param {string | null | undefined} type */
export const stateClass = (type) => `is-${(type ?? "pending").toLowerCase()}`;

/** The colours of marks by type, for what is painted and not styled; read anew when the theme changes. */
export function stateColours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(STATE_TYPES.map((type) => [type, style.getPropertyValue(`--${type.toLowerCase()}`).trim()]));
}
