/** The server: what it is, how it fares, how it is set. */

import { useEffect, useState } from "preact/hooks";
import { apiUrl, credentials, get } from "../api.js";
import { Card, Command, Copy, Fact, Facts, Loaded, Time, useTitle } from "../components/elements.js";
import { bytes, number } from "../format.js";
import { html } from "../html.js";
import { useResource } from "../resource.js";

const EVERY = 5000;

export default function Settings() {
  useTitle("Settings");
  const server = useResource(() => get("/ui/server"), []), settings = useResource(() => get("/admin/settings"), []);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || server.refresh(), EVERY);
    return () => clearInterval(timer);
  }, []);
  return html`
    <div class="head"><h1>Settings</h1>${credentials.get() !== null && html`<button class="button" onClick=${() => { credentials.set(null); location.reload(); }}>Sign out</button>`}</div>
    <${Card} title="Server" class="padded"><${Loaded} of=${server}>${(data) => html`<${Server} server=${data} />`}<//><//>
    <${Card} title="Use it" class="padded">
      <p>Scripts and the command line send their runs here when they know this address:</p>
      <${Command}>${`export HEADRACE_API_URL=${apiUrl}`}<//>
      <p class="muted">Clients of Prefect know it as <code>PREFECT_API_URL</code>. The API is described at <a href="${apiUrl}/docs" target="_blank">${apiUrl}/docs</a>; figures for Prometheus are at <a href="${apiUrl}/metrics" target="_blank">${apiUrl}/metrics</a>.</p>
    <//>
    <${Card} title="Settings of the server"><${Loaded} of=${settings}>${(data) => html`<${Table} settings=${data} />`}<//><//>
  `;
}

/** @param {{server: any}} props */
const Server = ({ server: { version, api_version, python, platform, started, database, memory_bytes, waiting_writes } }) => html`<${Facts}>
  <${Fact} name="Headrace">${version}<//>
  <${Fact} name="API">${api_version}<//>
  <${Fact} name="Python">${python}<//>
  <${Fact} name="Platform">${platform}<//>
  <${Fact} name="Started"><${Time} at=${started} relative /><//>
  ${memory_bytes && html`<${Fact} name="Memory"><span class="num">${bytes(memory_bytes)}</span><//>`}
  <${Fact} name="Database">${database.kind === "sqlite" ? "SQLite" : "PostgreSQL"} ${database.version}<//>
  <${Fact} name="Stored in"><${Copy} text=${database.name}><code>${database.name}</code><//><//>
  ${database.size_bytes != null && html`<${Fact} name="Size"><span class="num">${bytes(database.size_bytes)}</span><//>`}
  <${Fact} name="Schema">${database.revision}<//>
  <${Fact} name="Waiting for a commit"><span class="num">${number(waiting_writes)}</span><//>
<//>`;

/** @param {{settings: object}} props */
function Table({ settings }) {
  const [text, setText] = useState("");
  const all = leaves(settings, "HEADRACE").filter(([name, value]) => `${name} ${value}`.toLowerCase().includes(text.toLowerCase()));
  return html`
    <div class="tools filters"><input type="search" placeholder="Name or value" aria-label="Name or value" value=${text} onInput=${(event) => setText(event.target.value)} /></div>
    ${all.map(([name, value]) => html`<div class="line setting" key=${name}><code class="grow" title=${name}>${name}</code><code class="muted">${value}</code></div>`)}
  `;
}

/** Settings as variables of the environment, with their values. @param {any} value @param {string} name @returns {[string, string][]} */
function leaves(value, name) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[name, value === null ? "not set" : typeof value === "string" ? value : JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, each]) => leaves(each, `${name}_${key.toUpperCase()}`));
}
