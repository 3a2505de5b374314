/** Lists of flow runs: read page by page, kept up to date, chosen from. */

import { useEffect, useRef, useState } from "preact/hooks";
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
  const key = JSON.stringify(about);
  const list = useRef({ key: "", runs: /** @type {any[]} */ ([]), isWhole: false, isReading: false });
  const [, redraw] = useState(0);
  const changed = useRef(/** @type {Set<string>} */ (new Set()));

  const top = useResource(async () => {
    const page = await post("/flow_runs/filter", { ...filter(), limit: PAGE });
    const known = list.current.key === key ? list.current.runs : [];
    const ids = new Set(page.map((run) => run.id));
    const below = page.length < PAGE ? [] : known.slice(PAGE).filter((run) => !ids.has(run.id));
    list.current = { key, runs: [...page, ...(await fresh(below, changed.current))], isWhole: page.length < PAGE, isReading: false };
    changed.current = new Set();
    return list.current;
  }, about);

  const more = async () => {
    const { current } = list;
    if (current.isWhole || current.isReading || current.key !== key) return;
    current.isReading = true;
    try {
      const page = await post("/flow_runs/filter", { ...filter(), limit: 2 * PAGE, offset: current.runs.length });
      if (list.current !== current) return;
      const ids = new Set(current.runs.map((run) => run.id));
      current.runs = [...current.runs, ...page.filter((run) => !ids.has(run.id))];
      current.isWhole = page.length < 2 * PAGE;
      redraw((n) => n + 1);
    } finally {
      current.isReading = false;
    }
  };

  useLive({ of: "flow-runs" }, (ids) => {
    for (const id of ids ?? []) changed.current.add(id);
    top.refresh();
  });
  return { ...top, runs: list.current.runs, more };
}

/** Runs below the first page, those read anew that have changed. @param {any[]} runs @param {Set<string>} changed */
async function fresh(runs, changed) {
  const ids = runs.map(({ id }) => id).filter((id) => changed.has(id)).slice(0, 2 * PAGE);
  if (!ids.length) return runs;
  const page = await post("/flow_runs/filter", { flow_runs: { id: { any_: ids } }, limit: 2 * PAGE });
  const byId = new Map(page.map((run) => [run.id, run]));
  return runs.map((run) => byId.get(run.id) ?? run);
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

/** Whatever is chosen of a list. */
export function useSelection() {
  const [chosen, choose] = useState(/** @type {Set<string>} */ (new Set()));
  useEffect(() => () => choose(new Set()), []);
  const toggle = (/** @type {string} */ id) => {
    const next = new Set(chosen);
    next.delete(id) || next.add(id);
    choose(next);
  };
  return { chosen, choose, toggle };
}
