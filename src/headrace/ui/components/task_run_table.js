/** The task runs of a flow run as a table, sorted and filtered here: they are all there already. */

import { useMemo, useState } from "preact/hooks";
import { clock, count } from "../format.js";
import { html } from "../html.js";
import { query } from "../router.js";
import { flowRunPath, taskRunPath } from "../router.js";
import { Duration, Empty, Name, StateBadge, Time } from "./elements.js";
import { listed, StateFilter, TextFilter } from "./filters.js";
import { Rows } from "./rows.js";

/** @typedef {import("../task_runs.js").TaskRuns} TaskRuns */

const SORTS = /** @type {Record<string, string>} */ ({ started: "First started first", latest: "Last started first", longest: "Longest first", name: "By name" });

/** @param {{runs: TaskRuns, version: number}} props */
export function TaskRunTable({ runs, version }) {
  const [sort, setSort] = useState("started");
  const text = (query.value.get("text") ?? "").toLowerCase(), states = listed("state").join();
  const items = useMemo(() => chosen(runs, text, states, sort), [runs, version, text, states, sort]);
  /** @type {import("./rows.js").Column[]} */
  const columns = [
    { name: "State", width: "minmax(110px, 0.8fr)", place: "side", cell: ({ at }) => html`<${StateBadge} ...${runs.stateOf(at)} />` },
    { name: "Task run", width: "minmax(140px, 2fr)", place: "main", cell: ({ at, id }) => html`<a href=${runs.flow_run_id[at] ? flowRunPath(/** @type {string} */ (runs.flow_run_id[at])) : taskRunPath(id)}><${Name}>${runs.name[at]}<//></a>` },
    { name: "Task", width: "minmax(100px, 1.2fr)", cell: ({ at }) => html`<${Name}>${runs.tasks[runs.task[at]].name}<//>` },
    { name: "Started", width: "minmax(120px, 1fr)", place: "below", cell: ({ at }) => html`<${Time} at=${isoOf(runs, at)} />` },
    { name: "Waited", width: "90px", cell: ({ at }) => html`<${Duration} seconds=${Math.max(0, runs.from(at) - runs.created[at])} />` },
    { name: "Ran", width: "90px", place: "below", cell: ({ at }) => html`<${Duration} seconds=${ran(runs, at)} />` },
    { name: "Attempts", width: "70px", cell: ({ at }) => html`<span class="num">${runs.run_count[at]}</span>` },
  ];
  return html`
    <div class="tools filters">
      <${TextFilter} label="Name of a task run" /><${StateFilter} />
      <select aria-label="Order" value=${sort} onChange=${(event) => setSort(event.target.value)}>
        ${Object.entries(SORTS).map(([key, name]) => html`<option value=${key}>${name}</option>`)}
      </select>
      <span class="muted num grow">${count(items.length, "task run")}</span>
    </div>
    ${items.length ? html`<${Rows} label="Task runs" items=${items} columns=${columns} />` : html`<${Empty} title=${runs.id.length ? "No task run meets these filters." : "This run called no tasks."} />`}
  `;
}

/** @param {TaskRuns} runs @param {string} text @param {string} states @param {string} sort */
function chosen(runs, text, states, sort) {
  const items = [];
  for (let at = 0; at < runs.id.length; at++) {
    if (text && !runs.name[at].toLowerCase().includes(text)) continue;
    if (states && !states.includes(runs.stateOf(at).type)) continue;
    items.push({ id: runs.id[at], at });
  }
  /** @type {Record<string, (a: {at: number}, b: {at: number}) => number>} */
  const orders = {
    started: (a, b) => runs.from(a.at) - runs.from(b.at),
    latest: (a, b) => runs.from(b.at) - runs.from(a.at),
    longest: (a, b) => (ran(runs, b.at) ?? -1) - (ran(runs, a.at) ?? -1),
    name: (a, b) => (runs.name[a.at] < runs.name[b.at] ? -1 : 1),
  };
  return items.sort(orders[sort]);
}

/** @param {TaskRuns} runs @param {number} at */
function ran(runs, at) {
  const started = runs.started[at];
  return started === null ? null : Math.max(0, (runs.ended[at] ?? clock.peek() / 1000 - runs.origin) - started);
}

/** @param {TaskRuns} runs @param {number} at */
const isoOf = (runs, at) => (runs.started[at] === null ? null : new Date((runs.origin + /** @type {number} */ (runs.started[at])) * 1000).toISOString());
