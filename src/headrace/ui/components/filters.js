/** What is shown of a list, kept in the address: text, states, flows, tags, a span of time. */

import { useEffect, useState } from "preact/hooks";
import { post } from "../api.js";
import { html } from "../html.js";
import { flowName, knowFlows } from "../names.js";
import { query, setQuery } from "../router.js";
import { STATE_TYPES, stateClass, typeName } from "../states.js";
import { Icon, Menu, Name } from "./elements.js";

const SPANS = /** @type {Record<string, [string, number]>} */ ({
  "1h": ["Last hour", 3600],
  "24h": ["Last 24 hours", 86_400],
  "7d": ["Last 7 days", 7 * 86_400],
  "30d": ["Last 30 days", 30 * 86_400],
  "90d": ["Last 90 days", 90 * 86_400],
});

/** Values of the query that are lists. @param {string} name */
export const listed = (name) => query.value.get(name)?.split(",").filter(Boolean) ?? [];

/** Put a value into a list of the query, or take it out. @param {string} name @param {string} value */
export function toggle(name, value) {
  const values = listed(name);
  setQuery({ [name]: (values.includes(value) ? values.filter((each) => each !== value) : [...values, value]).join(",") });
}

/**
 * The span of time that the address says.
 * @param {string} fallback what it is when the address says nothing
 * @returns {{since: string | null, until: string | null}} ISO times
 */
export function spanOf(fallback) {
  const since = query.value.get("since") ?? fallback, until = query.value.get("until");
  const span = SPANS[since];
  if (span) return { since: new Date(Date.now() - span[1] * 1000).toISOString(), until: null };
  return { since: validTime(since), until: validTime(until) };
}

/** @param {string | null} text */
function validTime(text) {
  const at = text && text !== "all" ? new Date(text) : null;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : null;
}

/** @param {{fallback: string}} props */
export function TimeSpan({ fallback }) {
  const since = query.value.get("since") ?? fallback, until = query.value.get("until");
  const isOwn = !(since in SPANS) && since !== "all";
  const choose = (/** @type {string} */ value) => setQuery({ since: value === fallback ? null : value, until: null });
  const own = (/** @type {string} */ name) => (event) =>
    setQuery({ [name]: event.target.value ? new Date(event.target.value).toISOString() : null, ...(name === "until" && !isOwn ? { since: spanOf(fallback).since } : {}) });
  return html`<${Menu} label=${isOwn ? "Own span" : (SPANS[since]?.[0] ?? "Any time")} title="Span of time">
    ${Object.entries(SPANS).map(([key, [name]]) => html`<button class="item" aria-current=${key === since} onClick=${() => choose(key)}>${name}</button>`)}
    <button class="item" aria-current=${since === "all"} onClick=${() => choose("all")}>Any time</button>
    <hr />
    <label class="option">From <input type="datetime-local" value=${localInput(spanOf(fallback).since)} onChange=${own("since")} /></label>
    <label class="option">To <input type="datetime-local" value=${localInput(validTime(until))} onChange=${own("until")} /></label>
  <//>`;
}

/** @param {string | null} at @returns {string} as an input for local times has it */
function localInput(at) {
  if (!at) return "";
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Text that is looked for, a moment after it was typed. @param {{name?: string, label: string}} props */
export function TextFilter({ name = "text", label }) {
  const value = query.value.get(name) ?? "";
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => setQuery({ [name]: text }), 200);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<input type="search" placeholder=${label} aria-label=${label} value=${text} onInput=${(event) => setText(event.target.value)} />`;
}

export function StateFilter() {
  const chosen = listed("state");
  return html`<${Menu} label="State${chosen.length ? `: ${chosen.map(typeName).join(", ")}` : ""}">
    ${STATE_TYPES.map(
      (type) => html`<label class="option ${stateClass(type)}"><input type="checkbox" checked=${chosen.includes(type)} onChange=${() => toggle("state", type)} /><i class="mark"></i>${typeName(type)}</label>`,
    )}
  <//>`;
}

export function FlowFilter() {
  const chosen = listed("flow");
  const [text, setText] = useState(""), [flows, setFlows] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    let isWanted = true;
    const found = (flows) => {
      knowFlows(flows);
      if (isWanted) setFlows(flows);
    };
    post("/flows/filter", { flows: text ? { name: { like_: text } } : null, sort: "NAME_ASC", limit: 40 }).then(found, () => setFlows([]));
    return () => (isWanted = false);
  }, [text]);
  const shown = [...chosen.filter((id) => !flows.some((flow) => flow.id === id)), ...flows.map(({ id }) => id)];
  const label = chosen.length ? `Flow: ${chosen.length === 1 ? flowName(chosen[0]) : chosen.length}` : "Flow";
  return html`<${Menu} label=${html`<${Name}>${label}<//>`}>
    <input type="search" placeholder="Name of a flow" aria-label="Name of a flow" value=${text} onInput=${(event) => setText(event.target.value)} />
    ${shown.map((id) => html`<label class="option" key=${id}><input type="checkbox" checked=${chosen.includes(id)} onChange=${() => toggle("flow", id)} /><${Name}>${flowName(id)}<//></label>`)}
  <//>`;
}

/** A tag that every run must have. */
export function TagFilter() {
  const tags = query.value.getAll("tag");
  const add = (event) => {
    if (event.key !== "Enter" || !event.target.value.trim()) return;
    setQuery({ tag: event.target.value.trim() });
    event.target.value = "";
  };
  return tags.length
    ? tags.map((tag) => html`<button class="button" aria-pressed="true" title="Any tag" onClick=${() => setQuery({ tag: null })}>Tag: <${Name}>${tag}<//> <${Icon} name="close" /></button>`)
    : html`<input class="short" type="search" placeholder="Tag" aria-label="Tag" onKeyDown=${add} />`;
}
