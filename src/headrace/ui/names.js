/** The names of flows by their ids, asked for when somebody shows one. */

import { signal } from "@preact/signals";
import { post } from "./api.js";

const names = signal(/** @type {Map<string, string>} */ (new Map()));
const asked = new Set();
let timer = 0;
let waiting = /** @type {string[]} */ ([]);

/** @param {string} id @returns {string} the name; dots until it is known */
export function flowName(id) {
  if (!asked.has(id)) {
    asked.add(id);
    waiting.push(id);
    timer ||= window.setTimeout(fetchNames);
  }
  return names.value.get(id) ?? "…";
}

async function fetchNames() {
  timer = 0;
  const ids = waiting.splice(0, 200);
  if (waiting.length) timer = window.setTimeout(fetchNames);
  try {
    knowFlows(await post("/flows/filter", { flows: { id: { any_: ids } }, limit: 200 }));
  } catch {
    for (const id of ids) asked.delete(id); // the next who shows it asks again
  }
}

/** @param {{id: string, name: string}[]} flows */
export function knowFlows(flows) {
  if (flows.every(({ id, name }) => names.peek().get(id) === name)) return;
  names.value = new Map([...names.peek(), ...flows.map(({ id, name }) => /** @type {[string, string]} */ ([id, name]))]);
  for (const { id } of flows) asked.add(id);
}
