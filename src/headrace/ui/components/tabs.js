/** Parts of a page of which one is shown; which, the address says. */

import { html } from "../html.js";
import { path, query, setQuery, served, withQuery } from "../router.js";

/**
 * @typedef {object} Tab
 * @property {string} key
 * @property {any} name
 * @property {() => any} show
 */

/** @param {{tabs: Tab[], label: string}} props */
export function Tabs({ tabs, label }) {
  const shown = tabs.find(({ key }) => key === query.value.get("tab")) ?? tabs[0];
  const open = (/** @type {Tab} */ tab) => ({ tab: tab === tabs[0] ? null : tab.key, line: null });
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const step = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1 })[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(shown) + step + tabs.length) % tabs.length];
    setQuery(open(next));
    const list = /** @type {HTMLElement} */ (event.currentTarget);
    requestAnimationFrame(() => /** @type {HTMLElement | null} */ (list.querySelector("[aria-selected=true]"))?.focus());
  };
  return html`<section class="card">
    <div class="tabs" role="tablist" aria-label=${label} onKeyDown=${onKey}>
      ${tabs.map((tab) => html`<a role="tab" id="tab-${tab.key}" aria-controls="panel" aria-selected=${tab === shown} tabindex=${tab === shown ? 0 : -1} href=${served.base + path.value + withQuery(open(tab))}>${tab.name}</a>`)}
    </div>
    <div id="panel" role="tabpanel" aria-labelledby="tab-${shown.key}" key=${shown.key}>${shown.show()}</div>
  </section>`;
}
