/** All flow runs: found, chosen, acted upon. */

import { useState } from "preact/hooks";
import { post, put, remove } from "../api.js";
import { attempt, Dialog, tell } from "../components/dialog.js";
import { Empty, Icon, Loaded, Menu, Name, NoRuns, useTitle } from "../components/elements.js";
import { FlowFilter, listed, spanOf, StateFilter, TagFilter, TextFilter, TimeSpan } from "../components/filters.js";
import { FLOW_RUN_COLUMNS, useFlowRunChanges, useFlowRuns, useSelection } from "../components/flow_runs.js";
import { BulkActions } from "../components/run_actions.js";
import { Rows } from "../components/rows.js";
import { count, number } from "../format.js";
import { html } from "../html.js";
import { go, query, setQuery } from "../router.js";
import { useResource } from "../resource.js";

const SORTS = /** @type {Record<string, string>} */ ({
  EXPECTED_START_TIME_DESC: "Newest first",
  EXPECTED_START_TIME_ASC: "Oldest first",
  END_TIME_DESC: "Last ended first",
  NAME_ASC: "By name",
});
const NEWEST = "EXPECTED_START_TIME_DESC";
const FILTERS = ["text", "state", "flow", "tag", "since", "until", "sub"];

export default function Runs() {
  useTitle("Runs");
  const about = [query.value.toString()];
  const isFiltered = FILTERS.some((name) => query.value.has(name));
  const list = useFlowRuns(() => ({ ...scope(), sort: sort() }), about);
  const total = useResource(() => post("/flow_runs/count", scope()), about);
  useFlowRunChanges(total.refresh);
  const { chosen, choose, toggle } = useSelection(about[0]);
  const columns = [{ name: html`<${ChooseAll} runs=${list.runs} chosen=${chosen} choose=${choose} />`, width: "30px", cell: box }, ...FLOW_RUN_COLUMNS];
  /** @param {any} run */
  function box(run) {
    return html`<input type="checkbox" aria-label="Choose ${run.name}" checked=${chosen.has(run.id)} onChange=${() => toggle(run.id)} />`;
  }
  return html`
    <div class="head"><h1>Runs <span class="muted num">${total.data === undefined ? "" : number(total.data)}</span></h1>
      <${SavedFilters} />
    </div>
    <div class="filters" role="search">
      <${TextFilter} label="Name of a run" />
      <${StateFilter} /><${FlowFilter} /><${TagFilter} /><${TimeSpan} fallback="all" />
      <select aria-label="Order" value=${sort()} onChange=${(event) => setQuery({ sort: event.target.value === NEWEST ? null : event.target.value })}>
        ${Object.entries(SORTS).map(([key, name]) => html`<option value=${key}>${name}</option>`)}
      </select>
      <button class="button" aria-pressed=${query.value.has("sub")} onClick=${() => setQuery({ sub: query.value.has("sub") ? null : "1" })}>Subflows</button>
      ${isFiltered && html`<button class="button" onClick=${() => go("/runs", true)}>Clear</button>`}
    </div>
    ${chosen.size > 0 && html`<${BulkActions} ids=${[...chosen]} total=${total.data ?? 0} all=${() => allIds(scope(), choose)} done=${() => { choose(new Set()); list.refresh(); }} />`}
    <${Loaded} of=${list}>${() =>
      list.runs.length
        ? html`<div class="card ${list.isStale ? "stale" : ""}"><${Rows} label="Flow runs" items=${list.runs} columns=${columns} onEnd=${list.more} total=${total.data} /></div>`
        : html`<div class="card"><${isFiltered ? NoMatch : NoRuns} /></div>`}
    <//>
  `;
}

const NoMatch = () => html`<${Empty} title="No run meets all of these filters."><button class="button" onClick=${() => go("/runs", true)}>Show all runs</button><//>`;

const sort = () => (query.value.get("sort") ?? "") in SORTS ? /** @type {string} */ (query.value.get("sort")) : NEWEST;

/** What the address asks for, as the API's filter. */
function scope() {
  const { since, until } = spanOf("all"), states = listed("state"), flows = listed("flow");
  const text = query.value.get("text"), tags = query.value.getAll("tag");
  return {
    flow_runs: {
      ...(states.length && { state: { type: { any_: states } } }),
      ...(text && { name: { like_: text } }),
      ...(tags.length && { tags: { all_: tags } }),
      ...((since || until) && { expected_start_time: { after_: since, before_: until } }),
      ...(!query.value.has("sub") && { parent_task_run_id: { is_null_: true } }),
    },
    flows: flows.length ? { id: { any_: flows } } : null,
  };
}

/** @param {object} scope @param {(ids: Set<string>) => void} choose */
async function allIds(scope, choose) {
  const ids = new Set();
  for (;;) {
    const page = await post("/flow_runs/filter", { ...scope, sort: "ID_DESC", limit: 200, offset: ids.size });
    for (const run of page) ids.add(run.id);
    if (page.length < 200) return choose(ids);
  }
}

/** @param {{runs: any[], chosen: Set<string>, choose: (ids: Set<string>) => void}} props */
function ChooseAll({ runs, chosen, choose }) {
  const all = runs.length > 0 && runs.every(({ id }) => chosen.has(id));
  return html`<input type="checkbox" aria-label="Choose all that are loaded" checked=${all} onChange=${() => choose(new Set(all ? [] : runs.map(({ id }) => id)))} />`;
}

/** Filters that were given a name; everybody who uses this server has the same. */
function SavedFilters() {
  const [isNaming, setNaming] = useState(false);
  const searches = useResource(() => post("/saved_searches/filter", { limit: 100 }), []);
  const save = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const name = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("name"));
    await attempt(async () => {
      await put("/saved_searches/", { name, filters: [{ object: "FlowRun", property: "page", type: "string", operation: "query", value: query.value.toString() }] });
      tell(`The filters are saved as “${name}”.`);
      setNaming(false);
      searches.refresh();
    });
  };
  const forget = (search) => attempt(async () => {
    await remove(`/saved_searches/${search.id}`);
    searches.refresh();
  });
  const ours = (searches.data ?? []).filter((search) => search.filters[0]?.property === "page");
  return html`<${Menu} label="Saved filters">
    ${ours.map(
      (search) => html`<div class="split"><button class="item" onClick=${() => go(`/runs?${search.filters[0].value}`)}><${Name}>${search.name}<//></button>
        <button class="icon" aria-label="Forget ${search.name}" onClick=${() => forget(search)}><${Icon} name="close" /></button></div>`,
    )}
    ${ours.length > 0 && html`<hr />`}
    <button class="item" onClick=${() => setNaming(true)}>Save the present filters …</button>
  <//>
  ${isNaming && html`<${Dialog} title="Save these filters" onClose=${() => setNaming(false)}>
    <form onSubmit=${save}>
      <input type="text" name="name" placeholder="Failed last night" aria-label="Name" required maxlength="200" autofocus />
      <footer><button type="button" class="button" onClick=${() => setNaming(false)}>Cancel</button><button class="button primary">Save</button></footer>
    </form>
  <//>`}`;
}
