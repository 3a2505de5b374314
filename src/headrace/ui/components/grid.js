/** Runs by tasks: a column for each of the last runs of a flow, a row for each task, a cell for what became of it. */

import { useEffect, useRef } from "preact/hooks";
import { duration, exactTime, localTime, number } from "../format.js";
import { html } from "../html.js";
import { flowRunPath, taskRunPath } from "../router.js";
import { secondsOf, Name } from "./elements.js";
import { stateClass, STATE_TYPES, typeName } from "../states.js";

/** @param {{grid: {flow_runs: any[], tasks: [string, string][], cells: [number, number, Record<string, number>, number, string | null][]}}} props */
export function Grid({ grid: { flow_runs: runs, tasks, cells } }) {
  const byPlace = new Map(cells.map((cell) => [`${cell[0]} ${cell[1]}`, cell]));
  const seconds = runs.map((run) => secondsOf({ ...run, total_run_time: run.end_time ? (Date.parse(run.end_time) - Date.parse(run.start_time)) / 1000 : 0 }) ?? 0);
  const longest = Math.max(1e-9, ...seconds);
  const order = runs.map((_, at) => runs.length - 1 - at); // the newest at the right, as on any axis of time
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => box.current?.scrollTo(box.current.scrollWidth, 0), []);
  return html`<div class="grid-scroll" ref=${box} tabindex="0" role="group" aria-label="Grid of runs and tasks"><table class="grid">
    <thead><tr><th scope="col"><span class="muted">Took at most ${duration(longest)}</span></th>
      ${order.map((at) => {
        const run = runs[at];
        return html`<th scope="col"><a class=${stateClass(run.state_type)} href=${flowRunPath(run.id)} aria-label="${run.name}, ${run.state_name}"
          title="${run.name}: ${run.state_name}\n${localTime(run.start_time ?? run.expected_start_time)}, ${duration(seconds[at])}\n${exactTime(run.start_time ?? run.expected_start_time)}"><i style=${{ height: `${Math.max(4, (100 * seconds[at]) / longest)}%` }}></i></a></th>`;
      })}
    </tr></thead>
    <tbody>${tasks.map(
      ([key, name], row) => html`<tr key=${key}><th scope="row"><${Name}>${name}<//></th>
        ${order.map((at) => html`<td>${cellOf(byPlace.get(`${at} ${row}`), runs[at], name)}</td>`)}
      </tr>`,
    )}</tbody>
  </table></div>`;
}

/** @param {[number, number, Record<string, number>, number, string | null] | undefined} cell @param {any} run @param {string} task */
function cellOf(cell, run, task) {
  if (!cell) return null;
  const [, , counts, seconds, only] = cell, types = STATE_TYPES.filter((type) => counts[type]);
  const sum = types.reduce((sum, type) => sum + counts[type], 0);
  const what = types.map((type) => `${number(counts[type])} ${typeName(type)}`).join(", ");
  const to = only ? taskRunPath(only) : `${flowRunPath(run.id)}?tab=tasks&text=${encodeURIComponent(task)}`;
  return html`<a href=${to} title="${task} in ${run.name}\n${what}\n${duration(seconds)}${sum > 1 ? " together" : ""}" aria-label="${task}: ${what}">
    ${types.map((type) => html`<i class=${stateClass(type)} style=${{ flexGrow: counts[type] }}></i>`)}${sum > 1 && html`<span>${sum > 999 ? "…" : sum}</span>`}
  </a>`;
}
