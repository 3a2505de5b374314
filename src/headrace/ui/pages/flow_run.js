/** A flow run: its state and why, when its tasks ran, what it logged, what it was given, and what can be done to it. */

import { useRef } from "preact/hooks";
import { get, post } from "../api.js";
import { attempt, tell } from "../components/dialog.js";
import { Copy, Duration, Empty, Fact, Facts, FlowRunLink, Id, Loaded, Name, RunTime, Short, StateBadge, Tags, Time, useTitle } from "../components/elements.js";
import { FLOW_RUN_COLUMNS, useFlowRuns } from "../components/flow_runs.js";
import { Graph } from "../components/graph.js";
import { History } from "../components/history.js";
import { Json } from "../components/json.js";
import { Logs } from "../components/logs.js";
import { Rows } from "../components/rows.js";
import { RunActions } from "../components/run_actions.js";
import { Tabs } from "../components/tabs.js";
import { TaskRunTable } from "../components/task_run_table.js";
import { Timeline } from "../components/timeline.js";
import { Why } from "../components/why.js";
import { number } from "../format.js";
import { html } from "../html.js";
import { useLive } from "../live.js";
import { flowName } from "../names.js";
import { flowPath, href } from "../router.js";
import { useResource } from "../resource.js";
import { isFinal } from "../states.js";
import { TaskRuns } from "../task_runs.js";

/** @param {{id: string}} props */
export default function FlowRunPage({ id }) {
  const run = useResource(() => get(`/flow_runs/${id}`), [id]);
  const tasks = useRef(new TaskRuns());
  const taskRuns = useResource(async () => ({ runs: await tasks.current.read(id), version: tasks.current.version }), [id]);
  const subflows = useResource(() => post("/flow_runs/count", { flow_runs: { parent_flow_run_id: { any_: [id] } } }), [id]);
  useLive({ of: "flow-run", id }, () => [run, taskRuns, subflows].forEach(({ refresh }) => refresh()));
  useTitle(run.data ? `${run.data.name} · ${run.data.state_name}` : "Flow run");
  return html`<${Loaded} of=${run} noun="flow run">${(data) => html`<${Shown} run=${data} taskRuns=${taskRuns} subflows=${subflows.data ?? 0} />`}<//>`;
}

/** @param {{run: any, taskRuns: import("../resource.js").Resource<{runs: TaskRuns, version: number}>, subflows: number}} props */
function Shown({ run, taskRuns, subflows }) {
  const flow = flowName(run.flow_id), logs = { flow_run_id: { any_: [run.id] } };
  const runs = taskRuns.data?.runs;
  const nameOf = (/** @type {string} */ task) => runs?.name[runs.places.get(task) ?? -1];
  const drawn = (part) => () => html`<${Loaded} of=${taskRuns}>${(data) => html`<${part} ...${data} flowRun=${run} />`}<//>`;
  const tabs = [
    { key: "timeline", name: "Timeline", show: drawn(Timeline) },
    { key: "graph", name: "Graph", show: drawn(Graph) },
    { key: "tasks", name: html`Task runs <span class="muted num">${runs ? number(runs.total) : ""}</span>`, show: drawn(TaskRunTable) },
    { key: "logs", name: "Logs", show: () => html`<${Logs} of=${logs} watched=${{ of: "flow-run-logs", id: run.id }} isLive=${!isFinal(run.state_type)} nameOf=${nameOf} />` },
    ...(subflows ? [{ key: "subflows", name: html`Subflows <span class="muted num">${number(subflows)}</span>`, show: () => html`<${Subflows} run=${run} />` }] : []),
    { key: "parameters", name: "Parameters", show: () => html`<${Given} run=${run} />` },
    { key: "history", name: "History", show: () => html`<${History} kind="flow-run" run=${run} />` },
  ];
  return html`
    <p class="crumbs"><a href=${href("/runs")}>Runs</a> / <a href=${flowPath(run.flow_id)}><${Name}>${flow}<//></a>${run.parent_task_run_id && html` / <${Parent} of=${run} />`}</p>
    <div class="head"><h1><${Name}>${run.name}<//> <${StateBadge} type=${run.state_type} name=${run.state_name} /></h1>
      ${run.state_type === "PAUSED" && html`<button class="button primary" onClick=${() => resume(run)}>Resume</button>`}
      <${RunActions} run=${run} flow=${flow} />
    </div>
    <${Why} run=${run} logs=${logs} noun="flow run" />
    <div class="card plain"><${Facts}>
      <${Fact} name="Started">${run.start_time ? html`<${Time} at=${run.start_time} />` : html`<span class="muted">due</span> <${Time} at=${run.expected_start_time} />`}<//>
      <${Fact} name="Ended"><${Time} at=${run.end_time} /><//>
      <${Fact} name="Took"><${RunTime} run=${run} /><//>
      <${Fact} name="Waited"><${Duration} seconds=${waited(run)} /><//>
      ${run.run_count > 1 && html`<${Fact} name="Attempts">${run.run_count}<//>`}
      ${run.flow_version && html`<${Fact} name="Version"><${Short} text=${run.flow_version} /><//>`}
      ${run.created_by?.display_value && html`<${Fact} name="Created by"><${Name}>${run.created_by.display_value}<//><//>`}
      ${run.tags.length > 0 && html`<${Fact} name="Tags"><${Tags} tags=${run.tags} /><//>`}
      <${Fact} name="Id"><${Id} id=${run.id} /><//>
    <//></div>
    <${Tabs} tabs=${tabs} label="Parts of the run" />
  `;
}

/** Seconds from when it should have started, or was made. @param {any} run */
const waited = (run) => (run.start_time && run.expected_start_time ? Math.max(0, (Date.parse(run.start_time) - Date.parse(run.expected_start_time)) / 1000) : null);

/** @param {any} run */
const resume = (run) =>
  attempt(async () => {
    const answer = await post(`/flow_runs/${run.id}/resume`, {});
    if (answer.status !== "ACCEPT") throw new Error(answer.details?.reason ?? "It cannot be resumed.");
    tell(`${run.name} goes on.`);
  });

/** The run that called this one. @param {{of: any}} props */
function Parent({ of: { parent_task_run_id: task } }) {
  const parent = useResource(async () => get(`/flow_runs/${(await get(`/task_runs/${task}`)).flow_run_id}`), [task]);
  return parent.data ? html`<${FlowRunLink} run=${parent.data} />` : "…";
}

/** @param {{run: any}} props */
function Subflows({ run }) {
  const list = useFlowRuns(() => ({ flow_runs: { parent_flow_run_id: { any_: [run.id] } }, sort: "EXPECTED_START_TIME_ASC" }), [run.id]);
  return html`<${Loaded} of=${list}>${() => html`<${Rows} label="Subflow runs" items=${list.runs} columns=${FLOW_RUN_COLUMNS} onEnd=${list.more} />`}<//>`;
}

/** What the run was given, and where its result is. @param {{run: any}} props */
function Given({ run }) {
  const result = run.state?.data, names = Object.keys(run.parameters);
  return html`<div class="given">
    ${names.length ? html`<${Json} value=${run.parameters} />` : html`<${Empty} title="This run was given no parameters." />`}
    ${result?.storage_key && html`<p class="note"><b>Result</b> <span class="muted">kept as</span> <${Copy} text=${result.storage_key}><code>${result.storage_key}</code><//></p>`}
    ${Object.keys(run.labels ?? {}).length > 0 && html`<h3 class="note">Labels</h3><${Json} value=${run.labels} />`}
  </div>`;
}
