/** A task run: its state and why, its inputs, what it logged. */

import { get, post } from "../api.js";
import { Duration, Empty, Fact, Facts, Id, Loaded, Name, RunTime, Short, StateBadge, Tags, TaskRunLink, Time, useTitle } from "../components/elements.js";
import { History } from "../components/history.js";
import { Json } from "../components/json.js";
import { Logs } from "../components/logs.js";
import { Tabs } from "../components/tabs.js";
import { Why } from "../components/why.js";
import { html } from "../html.js";
import { useLive } from "../live.js";
import { flowRunPath, go, href } from "../router.js";
import { useResource } from "../resource.js";
import { isFinal } from "../states.js";

/** @param {{id: string}} props */
export default function TaskRunPage({ id }) {
  const run = useResource(() => get(`/ui/task_runs/${id}`), [id]);
  useLive({ of: "task-run", id }, run.refresh);
  useTitle(run.data ? `${run.data.name} · ${run.data.state_name}` : "Task run");
  return html`<${Loaded} of=${run} noun="task run">${(data) => html`<${Shown} run=${data} />`}<//>`;
}

/** @param {{run: any}} props */
function Shown({ run }) {
  const logs = { task_run_id: { any_: [run.id] } }, child = run.state?.state_details?.child_flow_run_id;
  const tabs = [
    { key: "logs", name: "Logs", show: () => html`<${Logs} of=${logs} watched=${{ of: "task-run-logs", id: run.id }} isLive=${!isFinal(run.state_type)} />` },
    { key: "inputs", name: "Inputs", show: () => html`<${Inputs} run=${run} />` },
    { key: "history", name: "History", show: () => html`<${History} kind="task-run" run=${run} />` },
    { key: "json", name: "JSON", show: () => html`<${Json} value=${run} />` },
  ];
  return html`
    <p class="crumbs"><a href=${href("/runs")}>Runs</a>${run.flow_run_id && html` / <a href=${flowRunPath(run.flow_run_id)}><${Name}>${run.flow_run_name ?? "flow run"}<//></a>`}</p>
    <div class="head"><h1><${Name}>${run.name}<//> <${StateBadge} type=${run.state_type} name=${run.state_name} /></h1>
      ${child && html`<button class="button" onClick=${() => go(`/runs/flow-run/${child}`)}>Subflow run</button>`}</div>
    <${Why} run=${run} logs=${logs} noun="task run" />
    <div class="card plain"><${Facts}>
      <${Fact} name="Started"><${Time} at=${run.start_time} /><//>
      <${Fact} name="Ended"><${Time} at=${run.end_time} /><//>
      <${Fact} name="Ran"><${RunTime} run=${run} /><//>
      <${Fact} name="Waited"><${Duration} seconds=${run.start_time && run.created ? Math.max(0, (Date.parse(run.start_time) - Date.parse(run.created)) / 1000) : null} /><//>
      <${Fact} name="Attempts">${run.run_count}${run.empirical_policy?.retries ? html` <span class="muted">of ${run.empirical_policy.retries + 1} at most</span>` : ""}<//>
      ${run.task_version && html`<${Fact} name="Version"><${Short} text=${run.task_version} /><//>`}
      ${run.cache_key && html`<${Fact} name="Cache key"><${Short} text=${run.cache_key} /><//>`}
      ${run.tags.length > 0 && html`<${Fact} name="Tags"><${Tags} tags=${run.tags} /><//>`}
      <${Fact} name="Id"><${Id} id=${run.id} /><//>
    <//></div>
    <${Tabs} tabs=${tabs} label="Parts of the task run" />
  `;
}

/** Where each argument came from. @param {{run: any}} props */
function Inputs({ run }) {
  const entries = Object.entries(run.task_inputs).filter(([name]) => name !== "__parents__");
  const ids = entries.flatMap(([, inputs]) => inputs.filter((each) => each.input_type === "task_run").map((each) => each.id));
  const others = useResource(async () => (ids.length ? post("/task_runs/filter", { task_runs: { id: { any_: ids.slice(0, 200) } }, limit: 200 }) : []), ids);
  const known = new Map((others.data ?? []).map((each) => [each.id, each]));
  if (!entries.length) return html`<${Empty} title="This task takes no arguments." />`;
  return html`<div>${entries.map(
    ([name, inputs]) => html`<div class="line"><b><${Name}>${name}<//></b><span class="grow">${
      inputs.length
        ? inputs.slice(0, 200).map((each) => {
            const other = known.get(each.id);
            return other ? html`<${TaskRunLink} run=${other} /> <${StateBadge} type=${other.state_type} name=${other.state_name} /> ` : html`<span class="muted">${each.input_type.replace("_", " ")} ${each.name ?? each.type ?? each.id ?? ""}</span> `;
          })
        : html`<span class="muted">a value of the call</span>`
    }</span></div>`,
  )}</div>`;
}
