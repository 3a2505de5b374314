/** The small parts that every page is made of. */

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, apiUrl } from "../api.js";
import { ago, clock, duration, exactDuration, exactTime, localTime, visible } from "../format.js";
import { html } from "../html.js";
import { flowRunPath, served, taskRunPath } from "../router.js";
import { isFinal, stateClass } from "../states.js";

/** The title of the window. @param {string | undefined} title */
export function useTitle(title) {
  useEffect(() => {
    document.title = title ? `${visible(title)} · Headrace` : "Headrace";
  }, [title]);
}

/** A state: its colour, its shape, its name. @param {{type?: string | null, name?: string | null}} props */
export const StateBadge = ({ type, name }) =>
  html`<span class="badge ${stateClass(type)}"><i class="mark" aria-hidden="true"></i><bdi>${name ?? type ?? "No state"}</bdi></span>`;

/** What a user has named. @param {{children?: any}} props */
export const Name = ({ children }) => html`<bdi>${children}</bdi>`;

/** A moment: local time, or how long ago; all of it on hover. @param {{at?: string | null, relative?: boolean}} props */
export function Time({ at, relative = false }) {
  if (!at) return html`<span class="muted">–</span>`;
  const title = `${localTime(at)} here · ${exactTime(at)}`;
  return html`<time datetime=${at} title=${title}>${relative ? ago(at, clock.value) : localTime(at)}</time>`;
}

/** A span of time, human; exact on hover. @param {{seconds?: number | null}} props */
export const Duration = ({ seconds }) =>
  seconds == null
    ? html`<span class="muted">–</span>`
    : html`<span class="num" title=${exactDuration(seconds)}>${duration(seconds)}</span>`;

/** How long a run has taken, or takes so far. @param {{run: any}} props */
export const RunTime = ({ run }) => html`<${Duration} seconds=${secondsOf(run)} />`;

/** @param {any} run @returns {number | null} */
export function secondsOf(run) {
  if (!run.start_time) return null;
  if (isFinal(run.state_type)) return run.total_run_time ?? 0;
  return Math.max(0, (clock.value - Date.parse(run.start_time)) / 1000);
}

/** A button that copies. @param {{text: string, label?: string, children?: any}} props */
export function Copy({ text, label = "Copy", children }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await writeClipboard(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return html`<button class=${children ? "copy" : "icon"} title=${label} aria-label=${label} onClick=${copy}>
    ${children} <${Icon} name=${done ? "check" : "copy"} /><span class="hidden" role="status">${done ? "Copied" : ""}</span>
  </button>`;
}

/** @param {string} text */
export async function writeClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Pages that are served without TLS to other machines have no clipboard.
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** An id, short; it is copied whole. @param {{id: string}} props */
export const Id = ({ id }) => html`<${Copy} text=${id} label="Copy ${id}"><code>${id.slice(-8)}</code><//>`;

/** A text of which the beginning tells enough; it is copied whole. @param {{text: string}} props */
export const Short = ({ text }) => (text.length > 16 ? html`<${Copy} text=${text} label="Copy ${text.slice(0, 200)}"><code>${text.slice(0, 12)}…</code><//>` : html`<code>${text}</code>`);

/** @param {{run: any}} props */
export const FlowRunLink = ({ run }) => html`<a href=${flowRunPath(run.id)}><${Name}>${run.name}<//></a>`;

/** @param {{run: any}} props */
export const TaskRunLink = ({ run }) => html`<a href=${taskRunPath(run.id)}><${Name}>${run.name}<//></a>`;

/** @param {{tags?: string[]}} props */
export const Tags = ({ tags = [] }) =>
  html`<span class="tags">${tags.map((tag) => html`<a class="tag" href="${served.base}/runs?tag=${encodeURIComponent(tag)}"><${Name}>${tag}<//></a>`)}</span>`;

/** Facts by name. @param {{children?: any}} props */
export const Facts = ({ children }) => html`<dl class="facts">${children}</dl>`;

/** @param {{name: string, children?: any}} props */
export const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

/** A part of a page. @param {{title?: any, aside?: any, class?: string, children?: any}} props */
export const Card = ({ title, aside, class: kind = "", children }) =>
  html`<section class="card ${kind}">${title && html`<header><h2>${title}</h2>${aside}</header>`}${children}</section>`;

/** What is not there, and what to do next. @param {{title: string, children?: any}} props */
export const Empty = ({ title, children }) => html`<div class="empty"><p><b>${title}</b></p>${children && html`<div>${children}</div>`}</div>`;

/** A command to copy. @param {{children: string}} props */
export const Command = ({ children }) => html`<div class="command"><code>${children}</code><${Copy} text=${children} /></div>`;

/** A server that has recorded nothing. */
export const NoRuns = () => html`<${Empty} title="Nothing has run here yet.">
  <p>Run a flow with this server's address, and it appears here while it runs:</p>
  <${Command}>${`HEADRACE_API_URL=${apiUrl} python your_flow.py`}<//>
<//>`;

/** @param {{error: Error, noun?: string}} props */
export function Problem({ error, noun = "page" }) {
  const isGone = error instanceof ApiError && error.status === 404;
  if (isGone) return html`<${Empty} title="This ${noun} is not there.">It may have been deleted, or the address may be wrong.<//>`;
  return html`<div class="problem" role="alert"><b>That did not work.</b> ${error.message}</div>`;
}

/** What a resource has, or why it has not. @param {{of: import("../resource.js").Resource<any>, noun?: string, children: (data: any) => any}} props */
export function Loaded({ of, noun, children }) {
  if (of.error && (of.data === undefined || (of.error instanceof ApiError && of.error.status === 404)))
    return html`<${Problem} error=${of.error} noun=${noun} />`;
  if (of.data === undefined) return html`<div class="loading" role="status"><span class="hidden">Loading</span></div>`;
  return children(of.data);
}

const PATHS = /** @type {Record<string, string>} */ ({
  overview: "M3 13h4v7H3zM10 4h4v16h-4zM17 9h4v11h-4z",
  runs: "M4 6h10M4 12h16M8 18h12",
  flows: "M6 5a2 2 0 1 0 0 4 2 2 0 0 0 0-4M18 15a2 2 0 1 0 0 4 2 2 0 0 0 0-4M8 7h5a3 3 0 0 1 3 3v5",
  events: "M3 12h4l3-8 4 16 3-8h4",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M20 20l-4.7-4.7",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M4 12.5 9.5 18 20 6.5",
  close: "M5 5l14 14M19 5 5 19",
  down: "M6 9l6 6 6-6",
  right: "M9 6l6 6-6 6",
  menu: "M4 6h16M4 12h16M4 18h16",
  sun: "M12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M12 1.5v2.5M12 20v2.5M1.5 12H4M20 12h2.5M4.6 4.6l1.7 1.7M17.7 17.7l1.7 1.7M4.6 19.4l1.7-1.7M17.7 6.3l1.7-1.7",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4.2 4.2 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4.2 4.2 0 0 0 6 6l1-1",
  more: "M5 12h.01M12 12h.01M19 12h.01",
});

/** @param {{name: string}} props */
export const Icon = ({ name }) => html`<svg class="glyph" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;

/**
 * A menu behind a button.
 * @param {{label?: any, icon?: string, title?: string, children?: any}} props what the button says, or its icon and what that means
 */
export function Menu({ label, icon, title, children }) {
  const box = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    const close = (/** @type {Event} */ event) => {
      const details = box.current;
      if (!details?.open) return;
      if (event instanceof KeyboardEvent) {
        if (event.key !== "Escape") return;
        details.querySelector("summary")?.focus();
      } else if (details.contains(/** @type {Node} */ (event.target))) return;
      details.open = false;
    };
    addEventListener("click", close, true);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("click", close, true);
      removeEventListener("keydown", close);
    };
  }, []);
  const chosen = (/** @type {Event} */ event) => {
    if (box.current && /** @type {Element} */ (event.target).closest(".item")) box.current.open = false;
  };
  return html`<details class="menu" ref=${box} onClick=${chosen}>
    <summary class="button" title=${title} aria-label=${icon && title}>${icon ? html`<${Icon} name=${icon} />` : html`<bdi>${label}</bdi> <${Icon} name="down" />`}</summary>
    <div class="popup">${children}</div>
  </details>`;
}
