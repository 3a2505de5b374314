/** Where in the page we are: its path and its query, as signals. Links are plain `<a href>`. */

import { signal } from "@preact/signals";

const meta = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=headrace]"));

/** What the server says of itself in the page's head. */
export const served = {
  version: meta.content,
  base: meta.dataset.base ?? "",
  api: meta.dataset.api ?? "/api",
};

/** Below the base that the page is served at. */
export const path = signal(here());
export const query = signal(new URLSearchParams(location.search));

function here() {
  return location.pathname.slice(served.base.length) || "/";
}

function read() {
  path.value = here();
  query.value = new URLSearchParams(location.search);
}

/**
 * Go to a page.
 * @param {string} to its path below the base, with its query
 * @param {boolean} [replace] instead of the present entry of the history
 */
export function go(to, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", served.base + to);
  const before = path.value;
  read();
  if (path.value !== before) scrollTo(0, 0);
}

/**
 * Change the query; null takes a part out.
 * @param {Record<string, string | null>} changes
 */
export function setQuery(changes) {
  go(path.value + withQuery(changes), true);
}

/** The query with changes. @param {Record<string, string | null>} changes */
export function withQuery(changes) {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes)) value ? next.set(name, value) : next.delete(name);
  const text = next.toString();
  return text ? `?${text}` : "";
}

/** The address of a page, for a link. @param {string} to */
export const href = (to) => served.base + to;

export const flowRunPath = (/** @type {string} */ id) => href(`/runs/flow-run/${id}`);
export const taskRunPath = (/** @type {string} */ id) => href(`/runs/task-run/${id}`);
export const flowPath = (/** @type {string} */ id) => href(`/flows/flow/${id}`);

addEventListener("popstate", read);

addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest?.("a[href]");
  if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target || link.hasAttribute("download")) return;
  const to = new URL(link.href);
  if (to.origin !== location.origin || !to.pathname.startsWith(`${served.base}/`)) return;
  if (to.pathname.startsWith(`${new URL(served.api, location.origin).pathname}/`)) return;
  event.preventDefault();
  go(to.pathname.slice(served.base.length) + to.search);
});
