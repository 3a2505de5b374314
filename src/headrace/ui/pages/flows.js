/** All flows, each with how its last runs went. */

import { useState } from "preact/hooks";
import { post } from "../api.js";
import { Duration, Empty, Loaded, Name, NoRuns, Tags, Time, useTitle } from "../components/elements.js";
import { TextFilter } from "../components/filters.js";
import { useFlowRunChanges } from "../components/flow_runs.js";
import { LastRuns } from "../components/last_runs.js";
import { Rows } from "../components/rows.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { knowFlows } from "../names.js";
import { flowPath, go, query } from "../router.js";
import { useResource } from "../resource.js";
import { isFinal } from "../states.js";

const PAGE = 100;

export default function Flows() {
  useTitle("Flows");
  const text = query.value.get("text"), [size, setSize] = useState(PAGE);
  const filter = text ? { name: { like_: text } } : null;
  const total = useResource(() => post("/flows/count", { flows: filter }), [text]);
  const shown = useResource(async () => {
    const pages = Array.from({ length: size / PAGE }, (_, at) => post("/flows/filter", { flows: filter, sort: "NAME_ASC", limit: PAGE, offset: at * PAGE }));
    const flows = (await Promise.all(pages)).flat();
    knowFlows(flows);
    const runs = flows.length ? await lastRuns(flows.map(({ id }) => id)) : {};
    return flows.map((flow) => ({ ...flow, runs: runs[flow.id] ?? [] }));
  }, [text, size]);
  useFlowRunChanges(() => {
    shown.refresh();
    total.refresh();
  });
  const more = () => total.data > size && setSize(size + PAGE);
  return html`
    <div class="head"><h1>Flows <span class="muted num">${total.data === undefined ? "" : number(total.data)}</span></h1></div>
    <div class="filters" role="search"><${TextFilter} label="Name of a flow" /></div>
    <${Loaded} of=${shown}>${(flows) =>
      html`<div class="card ${shown.isStale ? "stale" : ""}">${
        flows.length
          ? html`<${Rows} label="Flows" items=${flows} columns=${COLUMNS} onEnd=${more} total=${total.data} />`
          : text
            ? html`<${Empty} title="No flow is called that."><button class="button" onClick=${() => go("/flows", true)}>Show all flows</button><//>`
            : html`<${NoRuns} />`
      }</div>`}
    <//>
  `;
}

/** @param {string[]} ids @returns {Promise<Record<string, any[]>>} */
async function lastRuns(ids) {
  const parts = [];
  for (let at = 0; at < ids.length; at += 200) parts.push(post("/ui/flows/last-runs", { flow_ids: ids.slice(at, at + 200), runs: 20 }));
  return Object.assign({}, ...(await Promise.all(parts)));
}

/** @type {import("../components/rows.js").Column[]} */
const COLUMNS = [
  { name: "Flow", width: "minmax(140px, 1.6fr)", place: "main", cell: ({ id, name }) => html`<a href=${flowPath(id)}><${Name}>${name}<//></a>` },
  { name: "Last runs", width: "minmax(170px, 1.4fr)", place: "side", cell: ({ runs }) => html`<${LastRuns} runs=${runs} />` },
  { name: "Last run", width: "minmax(110px, 1fr)", place: "below", cell: ({ runs }) => (runs[0] ? html`<${Time} at=${runs[0].timestamp} relative />` : html`<span class="muted">never</span>`) },
  { name: "Ended well", width: "90px", cell: ({ runs }) => wellOf(runs) },
  { name: "Takes", width: "90px", place: "below", cell: ({ runs }) => html`<${Duration} seconds=${usual(runs)} />` },
  { name: "Tags", width: "minmax(60px, 0.8fr)", cell: ({ tags }) => html`<${Tags} tags=${tags} />` },
];

/** @param {any[]} runs */
function wellOf(runs) {
  const ended = runs.filter((run) => isFinal(run.state_type)), well = ended.filter((run) => run.state_type === "COMPLETED");
  return ended.length ? html`<span class="num" title="${well.length} of the last ${ended.length}">${Math.round((100 * well.length) / ended.length)} %</span>` : html`<span class="muted">–</span>`;
}

/** The median of what completed runs took. @param {any[]} runs */
function usual(runs) {
  const took = runs.filter((run) => run.state_type === "COMPLETED").map((run) => run.duration).sort((a, b) => a - b);
  return took.length ? took[took.length >> 1] : null;
}
