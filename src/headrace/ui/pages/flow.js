/** A flow: its last runs as a grid of runs and tasks, and all of its runs. */

import { get, post } from "../api.js";
import { Card, Empty, Id, Loaded, Name, Tags, useTitle } from "../components/elements.js";
import { flowRunColumn, FLOW_RUN_COLUMNS, useFlowRunChanges, useFlowRuns } from "../components/flow_runs.js";
import { Grid } from "../components/grid.js";
import { Rows } from "../components/rows.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { knowFlows } from "../names.js";
import { href } from "../router.js";
import { useResource } from "../resource.js";

const COLUMNS = FLOW_RUN_COLUMNS.filter((column) => column !== flowRunColumn("Flow"));

/** @param {{id: string}} props */
export default function FlowPage({ id }) {
  const flow = useResource(async () => {
    const found = await get(`/flows/${id}`);
    knowFlows([found]);
    return found;
  }, [id]);
  useTitle(flow.data?.name ?? "Flow");
  return html`<${Loaded} of=${flow} noun="flow">${(data) => html`<${Shown} flow=${data} />`}<//>`;
}

/** @param {{flow: any}} props */
function Shown({ flow }) {
  const scope = { flows: { id: { any_: [flow.id] } } };
  const grid = useResource(() => get(`/ui/flows/${flow.id}/grid?runs=30`), [flow.id]);
  const total = useResource(() => post("/flow_runs/count", scope), [flow.id]);
  const list = useFlowRuns(() => ({ ...scope, sort: "EXPECTED_START_TIME_DESC" }), [flow.id]);
  useFlowRunChanges(() => {
    grid.refresh();
    total.refresh();
  });
  return html`
    <p class="crumbs"><a href=${href("/flows")}>Flows</a></p>
    <div class="head"><h1><${Name}>${flow.name}<//></h1><${Tags} tags=${flow.tags} /><${Id} id=${flow.id} /></div>
    <${Card} title="Last runs and their tasks">
      <${Loaded} of=${grid}>${(data) => (data.flow_runs.length ? html`<${Grid} grid=${data} />` : html`<${Empty} title="This flow has not run yet." />`)}<//>
    <//>
    <${Card} title=${html`Runs <span class="muted num">${total.data === undefined ? "" : number(total.data)}</span>`}>
      <${Loaded} of=${list}>${() => html`<${Rows} label="Runs of the flow" items=${list.runs} columns=${COLUMNS} onEnd=${list.more} total=${total.data} />`}<//>
    <//>
  `;
}
