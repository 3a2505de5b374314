/** Lists of flow runs: read page by page, kept up to date, chosen from. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { post } from "../api.js";
import { html } from "../html.js";
import { useLive } from "../live.js";
import { flowName } from "../names.js";
import { flowPath } from "../router.js";
import { useResource } from "../resource.js";
import { FlowRunLink, Name, RunTime, StateBadge, Tags, Time } from "./elements.js";

const PAGE = 100;

/**
 * Flow runs that meet a filter, the first page of them and as many more as are asked for.
 * @param {() => object} filter the body of `POST /flow_runs/filter`, but for its page
 * @param {unknown[]} about what the filter depends on
 */
export function useFlowRuns(filter, about) {
  const list = useMemo(() => new RunList(), [JSON.stringify(about)]), [, redraw] = useState(0);
  list.filter = filter;
  const top = useResource(() => list.refresh(), about);
  useLive({ of: "flow-runs" }, (ids) => {
    for (const id of ids ?? []) list.changed.add(id);
    top.refresh();
  });
  const shown = top.data ?? list;
  const more = async () => {
    if (await shown.more()) redraw((n) => n + 1);
  };
  return { ...top, runs: shown.runs, more };
}

/** Runs from the first one on, as many as were read. */
class RunList {
  constructor() {
    this.filter = /** @type {() => object} */ (() => ({}));
    this.runs = /** @type {any[]} */ ([]);
    this.changed = /** @type {Set<string>} */ (new Set());
    this.isWhole = this.isReading = false;
  }

  /** Read the first page anew, and what has changed below it. */
  async refresh() {
    const { changed } = this;
    this.changed = new Set();
    const page = await this.#page({ limit: PAGE });
    const top = new Set(page.map(({ id }) => id)), below = this.runs.filter(({ id }) => changed.has(id) && !top.has(id));
    const fresh = new Map((await runsOf(below)).map((run) => [run.id, run]));
    // What was read below goes on behind the last run that both have; without one it is too far away.
    const seam = this.runs.findLastIndex(({ id }) => top.has(id));
    if (page.length < PAGE || seam < 0) this.isWhole = page.length < PAGE;
    const rest = page.length < PAGE || seam < 0 ? [] : this.runs.slice(seam + 1);
    this.runs = [...page, ...rest.map((run) => fresh.get(run.id) ?? run)];
    return this;
  }

  /** Read on. @returns {Promise<boolean>} whether there were more */
  async more() {
    if (this.isWhole || this.isReading) return false;
    this.isReading = true;
    try {
      const page = await this.#page({ limit: 2 * PAGE, offset: this.runs.length });
      const known = new Set(this.runs.map(({ id }) => id));
      this.runs = [...this.runs, ...page.filter(({ id }) => !known.has(id))];
      this.isWhole = page.length < 2 * PAGE;
      return true;
    } finally {
      this.isReading = false;
    }
  }

  /** @param {object} part @returns {Promise<any[]>} */
  #page(part) {
    return post("/flow_runs/filter", { ...this.filter(), ...part });
  }
}

/** @param {any[]} runs @returns {Promise<any[]>} the same as they are now */
async function runsOf(runs) {
  const ids = runs.slice(0, 2 * PAGE).map(({ id }) => id);
  return ids.length ? post("/flow_runs/filter", { flow_runs: { id: { any_: ids } }, limit: 2 * PAGE }) : [];
}

/** @type {import("./rows.js").Column[]} */
export const FLOW_RUN_COLUMNS = [
  { name: "State", width: "minmax(110px, 0.8fr)", place: "side", cell: (run) => html`<${StateBadge} type=${run.state_type} name=${run.state_name} />` },
  { name: "Run", width: "minmax(140px, 1.6fr)", place: "main", cell: (run) => html`<${FlowRunLink} run=${run} />` },
  { name: "Flow", width: "minmax(120px, 1.3fr)", place: "below", cell: (run) => html`<a href=${flowPath(run.flow_id)}><${Name}>${flowName(run.flow_id)}<//></a>` },
  { name: "Started", width: "minmax(130px, 0.9fr)", place: "below", cell: (run) => html`<${Time} at=${run.start_time ?? run.expected_start_time} />` },
  { name: "Took", width: "90px", place: "below", cell: (run) => html`<${RunTime} run=${run} />` },
  { name: "Tags", width: "minmax(80px, 1fr)", cell: (run) => html`<${Tags} tags=${run.tags} />` },
];

/** @param {string} name */
export const flowRunColumn = (name) => /** @type {import("./rows.js").Column} */ (FLOW_RUN_COLUMNS.find((column) => column.name === name));

/** Call something when flow runs change, as long as the component is shown. @param {() => void} act */
export function useFlowRunChanges(act) {
  useLive({ of: "flow-runs" }, act);
}

/** Whatever is chosen of a list; nothing, once it is another list. @param {string} about */
export function useSelection(about) {
  const [chosen, choose] = useState(/** @type {Set<string>} */ (new Set()));
  useEffect(() => choose(new Set()), [about]);
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(chosen);
    next.delete(id) || next.add(id);
    choose(next);
  };
  return { chosen, choose, toggle };
}
