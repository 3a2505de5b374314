/** What happens, as it happens: events of all kinds, found and followed. */

import { useMemo, useState } from "preact/hooks";
import { get, post } from "../api.js";
import { attempt } from "../components/dialog.js";
import { Empty, Loaded, Name, Time, useTitle } from "../components/elements.js";
import { spanOf, TextFilter, TimeSpan } from "../components/filters.js";
import { Json } from "../components/json.js";
import { count, number } from "../format.js";
import { html } from "../html.js";
import { useLive } from "../live.js";
import { flowPath, flowRunPath, go, query, setQuery, taskRunPath } from "../router.js";
import { useResource } from "../resource.js";
import { stateClass } from "../states.js";

const PAGE = 50, KINDS = /** @type {[string, string][]} */ ([["", "All kinds"], ["prefect.flow-run.", "Flow runs"], ["prefect.task-run.", "Task runs"], ["-prefect.", "Custom"]]);

export default function Events() {
  useTitle("Events");
  const key = query.value.toString(), known = useMemo(() => new EventList(), [key]);
  const [, redraw] = useState(0), [isFollowing, follow] = useState(true);
  const list = useResource(() => known.refresh(), [key]);
  useLive(isFollowing ? { of: "events" } : null, list.refresh);
  const shown = list.data ?? known;
  const readMore = () => attempt(async () => {
    await shown.more();
    redraw((n) => n + 1);
  });
  return html`
    <div class="head"><h1>Events <span class="muted num">${list.data ? number(shown.total) : ""}</span></h1>
      <button class="button" aria-pressed=${isFollowing} onClick=${() => follow(!isFollowing)}>Follow</button></div>
    <div class="filters" role="search">
      <${TextFilter} label="Words" /><${TextFilter} name="event" label="Name begins with" /><${TextFilter} name="resource" label="Resource’s id" />
      <select aria-label="Kind" value=${query.value.get("kind") ?? ""} onChange=${(event) => setQuery({ kind: event.target.value })}>
        ${KINDS.map(([value, name]) => html`<option value=${value}>${name}</option>`)}
      </select>
      <${TimeSpan} fallback="24h" />
      ${key && html`<button class="button" onClick=${() => go("/events", true)}>Clear</button>`}
    </div>
    <${Loaded} of=${list}>${() => html`<div class="card ${list.isStale ? "stale" : ""}">
      ${shown.events.length ? shown.events.map((event) => html`<${Line} key=${event.id} event=${event} />`) : html`<${Empty} title="No event meets these filters.">Runs tell what they do as events; <code>emit_event()</code> tells what else you want to know.<//>`}
      ${shown.next && html`<p class="note"><button class="button" onClick=${readMore}>Earlier events</button> <span class="muted">${count(shown.total, "event")} in all</span></p>`}
    </div>`}<//>
  `;
}

/** Events from the newest one on, as many as were read. */
class EventList {
  constructor() {
    this.events = /** @type {any[]} */ ([]);
    this.next = /** @type {string | null} */ (null);
    this.total = 0;
  }

  /** Read the first page anew. */
  async refresh() {
    const page = await post("/events/filter", { filter: filter(), limit: PAGE });
    const top = new Set(page.events.map((event) => event.id)), seam = this.events.findLastIndex(({ id }) => top.has(id));
    // What was read below goes on behind the last event that both have; without one it is too far away.
    if (seam < 0) this.next = page.next_page;
    this.events = [...page.events, ...(seam < 0 ? [] : this.events.slice(seam + 1))];
    this.total = page.total;
    return this;
  }

  async more() {
    if (!this.next) return;
    const page = await get(this.next.slice(this.next.indexOf("/events/filter/next")));
    const known = new Set(this.events.map(({ id }) => id));
    this.events = [...this.events, ...page.events.filter(({ id }) => !known.has(id))];
    this.next = page.next_page;
  }
}

/** What the address asks for, as the API's filter. */
function filter() {
  const { since, until } = spanOf("24h");
  const text = query.value.get("text"), name = query.value.get("event"), kind = query.value.get("kind"), resource = query.value.get("resource");
  const isKind = kind && !kind.startsWith("-"); // a name beside a kind may leave that out: `Completed`
  const prefix = !isKind ? name : !name || kind.startsWith(name) ? kind : name.startsWith(kind) ? name : kind + name;
  return {
    event: { ...(prefix && { prefix: [prefix] }), ...(kind?.startsWith("-") && { exclude_prefix: [kind.slice(1)] }) },
    ...(resource && { any_resource: { id_prefix: [resource] } }),
    ...(text && { text: { query: text } }),
    order: "DESC",
    occurred: { since: since ?? "1970-01-01T00:00:00Z", ...(until && { until }) },
  };
}

/** @param {{event: any}} props */
function Line({ event }) {
  const [isOpen, setOpen] = useState(false), type = event.resource["prefect.state-type"];
  const [, kind, name] = /^(?:prefect\.)?([^.]+)?(?:\.(.*))?$/.exec(event.event) ?? [];
  return html`<div class="event">
    <div class="line">
      <button class="copy" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${isOpen ? "▾" : "▸"}<span class="hidden">Show all of it</span></button>
      <span class="badge ${type ? stateClass(type) : "plain"}">${type ? html`<i class="mark"></i><${Name}>${name}<//>` : html`<${Name}>${event.event}<//>`}</span>
      <span class="grow"><${Subject} resource=${event.resource} /> <span class="muted">${type ? kind : ""}${involved(event)}</span></span>
      <${Time} at=${event.occurred} />
    </div>
    ${isOpen && html`<${Json} value=${event} />`}
  </div>`;
}

/** What an event happened to; a link when it has a page. @param {{resource: Record<string, string>}} props */
function Subject({ resource }) {
  const id = resource["prefect.resource.id"], name = resource["prefect.resource.name"] || id;
  const [, kind, key] = /^prefect\.(flow-run|task-run|flow)\.([0-9a-f-]{36})$/.exec(id) ?? [];
  if (!kind) return html`<${Name}>${name}<//>`;
  const to = kind === "flow-run" ? flowRunPath(key) : kind === "task-run" ? taskRunPath(key) : flowPath(key);
  return html`<a href=${to}><${Name}>${name}<//></a>`;
}

/** The flow and the run around it. @param {any} event */
function involved(event) {
  const names = event.related.filter((each) => ["flow-run", "flow"].includes(each["prefect.resource.role"])).map((each) => each["prefect.resource.name"]);
  return names.filter(Boolean).length ? ` in ${names.filter(Boolean).join(", ")}` : "";
}
