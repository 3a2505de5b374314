/** What is going on: runs over time, what runs now, what is late, what ended last, what fails. */

import { post } from "../api.js";
import { StateBars } from "../components/bars.js";
import { Card, Empty, FlowRunLink, Loaded, Name, NoRuns, RunTime, StateBadge, Time, useTitle } from "../components/elements.js";
import { spanOf, TimeSpan } from "../components/filters.js";
import { useFlowRunChanges } from "../components/flow_runs.js";
import { compact, count, number } from "../format.js";
import { html } from "../html.js";
import { flowName, knowFlows } from "../names.js";
import { flowPath, flowRunPath, href, query } from "../router.js";
import { useResource } from "../resource.js";
import { stateClass, STATE_TYPES, typeName } from "../states.js";

const BARS = 60;
const TOP = { parent_task_run_id: { is_null_: true } };
const ACTIVE = ["RUNNING", "PENDING", "CANCELLING", "PAUSED"];

export default function Overview() {
  useTitle("Overview");
  const span = query.value.get("since") ?? "24h";
  const about = [span, query.value.get("until")];
  const history = useResource(async () => {
    const { since, until } = spanOf("24h");
    return post("/ui/flow_runs/states-over-time", { flow_runs: TOP, since: since ?? (await oldest()), until, buckets: BARS });
  }, about);
  const active = useResource(() => runs({ state: { type: { any_: ACTIVE } } }), []);
  const late = useResource(
    () => runs({ state: { type: { any_: ["SCHEDULED"] } }, next_scheduled_start_time: { before_: new Date(Date.now() - 15_000).toISOString() } }),
    [],
  );
  const ended = useResource(() => runs({ end_time: { is_null_: false } }, "END_TIME_DESC"), []);
  const failing = useResource(async () => {
    const { since, until } = spanOf("24h");
    const flows = await post("/ui/flows/failing", { since: since ?? "1970-01-01T00:00:00Z", until, limit: 8 });
    knowFlows(flows.map((each) => ({ id: each.flow_id, name: each.flow_name })));
    return flows;
  }, about);
  useFlowRunChanges(() => [history, active, late, ended, failing].forEach(({ refresh }) => refresh()));

  return html`
    <div class="head"><h1>Overview</h1><${TimeSpan} fallback="24h" /></div>
    <${Card} title="Runs by state" class=${history.isStale ? "stale" : ""}>
      <${Loaded} of=${history}>${(data) => html`<${History} data=${data} span=${span} />`}<//>
    <//>
    <div class="columns">
      <div class="stack">
        <${Card} title="Active" aside=${html`<a href=${href(`/runs?state=${ACTIVE.join(",")}`)}>All</a>`}>
          <${Loaded} of=${active}>${(found) => (found.length ? found.map((run) => html`<${Line} key=${run.id} run=${run} />`) : html`<${Empty} title="Nothing runs right now." />`)}<//>
        <//>
        ${late.data?.length > 0 &&
        html`<${Card} title="Late">
          ${late.data.map((run) => html`<${Line} key=${run.id} run=${run} />`)}
        <//>`}
        ${ended.data?.length > 0 &&
        html`<${Card} title="Ended last" aside=${html`<a href=${href("/runs?sort=END_TIME_DESC")}>All</a>`}>
          ${ended.data.map((run) => html`<${Line} key=${run.id} run=${run} />`)}
        <//>`}
      </div>
      <${Card} title="Failing flows">
        <${Loaded} of=${failing}>${(found) => (found.length ? found.map((flow) => html`<${Failing} key=${flow.flow_id} flow=${flow} />`) : html`<${Empty} title="No flow has failed in this time." />`)}<//>
      <//>
    </div>
  `;
}

/** @param {object} filter */
const runs = (filter, sort = "EXPECTED_START_TIME_DESC") => post("/flow_runs/filter", { flow_runs: { ...TOP, ...filter }, sort, limit: 10 });

/** When the oldest run was to start. */
async function oldest() {
  const [run] = await post("/flow_runs/filter", { flow_runs: TOP, sort: "EXPECTED_START_TIME_ASC", limit: 1 });
  return run?.expected_start_time ?? new Date(Date.now() - 86_400_000).toISOString();
}

/** @param {{data: any, span: string}} props */
function History({ data, span }) {
  const sums = STATE_TYPES.map((type) => ({ type, sum: (data.counts[type] ?? []).reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0) })).filter(({ sum }) => sum);
  if (!sums.length) return span === "all" ? html`<${NoRuns} />` : html`<${Empty} title="Nothing has run in this time."><a href=${href("/?since=all")}>Look at any time</a><//>`;
  const until = query.value.get("until");
  const all = (/** @type {string} */ type) => href(`/runs?state=${type}&since=${span}${until ? `&until=${until}` : ""}`);
  const total = sums.reduce((all, { sum }) => all + sum, 0);
  return html`
    <p class="totals">
      <span><b class="num">${compact(total)}</b> ${total === 1 ? "run" : "runs"}</span>
      ${sums.map(({ type, sum }) => html`<a class=${stateClass(type)} href=${all(type)} title=${`${number(sum)} ${typeName(type)}`}><i class="mark"></i><b class="num">${compact(sum)}</b> ${typeName(type)}</a>`)}
    </p>
    <${StateBars} history=${data} to=${(/** @type {string} */ since, /** @type {string} */ until) => href(`/runs?since=${since}&until=${until}`)} />
  `;
}

/** @param {{run: any}} props */
const Line = ({ run }) => html`<div class="line">
  <${StateBadge} type=${run.state_type} name=${run.state_name} />
  <span class="grow"><${FlowRunLink} run=${run} /> <a class="muted" href=${flowPath(run.flow_id)}><${Name}>${flowName(run.flow_id)}<//></a></span>
  ${run.start_time && !run.end_time ? html`<${RunTime} run=${run} />` : html`<${Time} at=${run.end_time ?? run.expected_start_time} relative />`}
</div>`;

/** @param {{flow: any}} props */
const Failing = ({ flow: { flow_id, flow_name, failed, ended, last } }) => html`<div class="line tall">
  <span class="grow">
    <a href=${flowPath(flow_id)}><b><${Name}>${flow_name}<//></b></a> <span class="muted">${number(failed)} of ${count(ended, "run")} failed</span>
    <a class="error" href=${flowRunPath(last.id)}><bdi>${(last.message ?? last.state_name ?? "").slice(0, 300)}</bdi></a>
  </span>
  <${Time} at=${last.end_time} relative />
</div>`;
