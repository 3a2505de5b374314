/** The page: its frame, and which page is shown in it. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { health, unlock } from "./api.js";
import { Dialog, Dialogs } from "./components/dialog.js";
import { Icon, Problem } from "./components/elements.js";
import { openPalette, Palette } from "./components/palette.js";
import { html } from "./html.js";
import { isLive } from "./live.js";
import { href, path, served } from "./router.js";
import { theme } from "./theme.js";

/** @typedef {{pattern: RegExp, load: () => Promise<{default: any}>}} Route */

const ID = "([0-9a-f-]{36})";

/** @type {Route[]} */
const ROUTES = [
  { pattern: /^\/(?:dashboard)?$/, load: () => import("./pages/overview.js") },
  { pattern: /^\/runs\/?$/, load: () => import("./pages/runs.js") },
  { pattern: new RegExp(`^/runs/flow-run/${ID}$`), load: () => import("./pages/flow_run.js") },
  { pattern: new RegExp(`^/runs/task-run/${ID}$`), load: () => import("./pages/task_run.js") },
  { pattern: /^\/flows\/?$/, load: () => import("./pages/flows.js") },
  { pattern: new RegExp(`^/flows/flow/${ID}$`), load: () => import("./pages/flow.js") },
  { pattern: /^\/events\/?$/, load: () => import("./pages/events.js") },
  { pattern: /^\/settings\/?$/, load: () => import("./pages/settings.js") },
];
const NOT_FOUND = { pattern: /^/, load: () => import("./pages/not_found.js") };

/** What the sidebar and the palette offer. A noun gets its line here when it has a page. */
export const PLACES = [
  { name: "Overview", icon: "overview", to: "/", within: /^\/(dashboard)?$/ },
  { name: "Runs", icon: "runs", to: "/runs", within: /^\/runs/ },
  { name: "Flows", icon: "flows", to: "/flows", within: /^\/flows/ },
  { name: "Events", icon: "events", to: "/events", within: /^\/events/ },
  { name: "Settings", icon: "settings", to: "/settings", within: /^\/settings/ },
];

function App() {
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <${Sidebar} />
    <div class="content">
      <${Banner} />
      <main id="main" tabindex="-1"><${Page} /></main>
    </div>
    <${Palette} places=${PLACES} />
    <${Dialogs} />
    ${health.value === "locked" && html`<${SignIn} />`}
  `;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Sidebar() {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path.value]);
  return html`<header class="sidebar ${isOpen ? "open" : ""}">
    <a class="brand" href=${href("/")}><img src=${new URL("favicon.svg", import.meta.url).href} alt="" width="26" height="26" /> Headrace</a>
    <button class="icon unfold" aria-label="Menu" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}><${Icon} name="menu" /></button>
    <button class="find" onClick=${openPalette} aria-label="Search Ctrl K"><${Icon} name="search" /><span>Search</span><kbd>Ctrl K</kbd></button>
    <nav aria-label="Main">
      ${PLACES.map(({ name, icon, to, within }) => html`<a href=${href(to)} aria-current=${within.test(path.value) ? "page" : null}><${Icon} name=${icon} />${name}</a>`)}
    </nav>
    <footer>
      <span class="live ${isLive.value ? "on" : ""}" role="status" title=${isLive.value ? "Changes appear as they happen" : "Changes do not arrive at the moment"}>${isLive.value ? "Live" : "Not live"}</span>
      <span class="muted">${served.version}</span>
      <button class="icon" aria-label="Switch to ${theme.value === "dark" ? "light" : "dark"}" onClick=${theme.toggle}><${Icon} name=${theme.value === "dark" ? "sun" : "moon"} /></button>
    </footer>
  </header>`;
}

const Banner = () =>
  health.value === "down" &&
  html`<div class="banner" role="alert"><b>The server does not answer.</b> What you see may be out of date; this goes away by itself when it is back.</div>`;

/** @param {string} at */
const routeOf = (at) => ROUTES.find(({ pattern }) => pattern.test(at)) ?? NOT_FOUND;

function Page() {
  const [shown, setShown] = useState(/** @type {any} */ (null));
  const at = path.value;
  useEffect(() => {
    let isWanted = true;
    const route = routeOf(at), id = route.pattern.exec(at)?.[1];
    route.load().then(
      ({ default: page }) => isWanted && setShown({ page, id, at }),
      (error) => isWanted && setShown({ error, at }),
    );
    return () => (isWanted = false);
  }, [at]);
  if (!shown) return null;
  if (shown.error) return html`<${Problem} error=${new Error("This part of the page could not be loaded. Reload the page.")} />`;
  return html`<${shown.page} key=${shown.at} id=${shown.id} />`;
}

/** The server asks for credentials. */
function SignIn() {
  const [problem, setProblem] = useState("");
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const secret = new FormData(/** @type {HTMLFormElement} */ (event.target)).get("secret");
    try {
      await unlock(String(secret));
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
    }
  };
  return html`<${Dialog} title="Who are you?">
    <form onSubmit=${submit}>
      <p>This server wants its secret: what <code>HEADRACE_SERVER_API_AUTH_STRING</code> says, as <code>user:password</code>.</p>
      <input name="secret" type="password" autocomplete="current-password" aria-label="user:password" required autofocus />
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      <footer><button class="button primary">Sign in</button></footer>
    </form>
  <//>`;
}

// Asked for before the frame is drawn, not after; what is wrong with it shows where it is used.
routeOf(path.value).load().catch(() => undefined);

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
render(html`<${App} />`, root);
