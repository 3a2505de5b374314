/** The command palette (Ctrl-K): go anywhere by a few letters of its name, or by an id. */

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post } from "../api.js";
import { html } from "../html.js";
import { go } from "../router.js";
import { theme } from "../theme.js";
import { Dialog } from "./dialog.js";
import { Icon, Name, StateBadge } from "./elements.js";

/** @typedef {{name: string, icon: string, state?: any, hint?: string, act: () => void}} Choice */

const isOpen = signal(false);

export const openPalette = () => (isOpen.value = true);

addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") isOpen.value = !isOpen.value;
  else if (event.key === "/" && !/** @type {Element} */ (event.target).closest("input, textarea, select, dialog")) openPalette();
  else return;
  event.preventDefault();
});

/** @param {{places: {name: string, icon: string, to: string}[]}} props */
export const Palette = ({ places }) => isOpen.value && html`<${Search} places=${places} />`;

/** @param {{places: {name: string, icon: string, to: string}[]}} props */
function Search({ places }) {
  const [text, setText] = useState(""), [found, setFound] = useState(/** @type {Choice[]} */ ([])), [at, setAt] = useState(0);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const close = () => (isOpen.value = false);
  const commands = [
    ...places.map(({ name, icon, to }) => ({ name, icon, act: () => go(to) })),
    { name: `Switch to ${theme.value === "dark" ? "light" : "dark"}`, icon: "sun", act: theme.toggle },
  ].filter(({ name }) => name.toLowerCase().includes(text.trim().toLowerCase()));
  const choices = /** @type {Choice[]} */ ([...commands, ...found]);
  useEffect(() => {
    let isWanted = true;
    setAt(0);
    const timer = setTimeout(
      () => look(text.trim()).then((choices) => isWanted && setFound(choices), () => isWanted && setFound([])),
      text ? 80 : 0,
    );
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [text]);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);
  const choose = (/** @type {Choice | undefined} */ choice) => {
    if (!choice) return;
    close();
    choice.act();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const step = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1 })[event.key];
    if (step) setAt((last) => (last + step + choices.length) % (choices.length || 1));
    else if (event.key === "Enter") choose(choices[at]);
    else return;
    event.preventDefault();
  };
  return html`<${Dialog} title="Search" kind="palette" onClose=${close}>
    <input type="text" placeholder="Page, flow, run or id" aria-label="Search" autofocus value=${text} role="combobox"
      aria-expanded="true" aria-controls="choices" aria-activedescendant="choice-${at}" autocomplete="off" spellcheck=${false}
      onInput=${(event) => setText(event.target.value)} onKeyDown=${onKey} />
    <div id="choices" role="listbox" aria-label="Found" ref=${list}>
      ${choices.map(
        (choice, index) => html`<div id="choice-${index}" role="option" aria-selected=${index === at} onClick=${() => choose(choice)} onMouseMove=${() => setAt(index)}>
          <${Icon} name=${choice.icon} /><${Name}>${choice.name}<//>${choice.state && html`<${StateBadge} ...${choice.state} />`}
          <span class="muted">${choice.hint}</span>
        </div>`,
      )}
    </div>
    ${!choices.length && html`<p class="muted">Nothing is called that.</p>`}
  <//>`;
}

/** What is called so, or has that id. @param {string} text @returns {Promise<Choice[]>} */
async function look(text) {
  if (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text)) return lookUp(text);
  const name = text ? { name: { like_: text } } : undefined;
  const [flows, runs] = await Promise.all([
    post("/flows/filter", { flows: name ?? null, limit: 6, sort: "NAME_ASC" }),
    post("/flow_runs/filter", { flow_runs: name ?? null, limit: 8, sort: "EXPECTED_START_TIME_DESC" }),
  ]);
  return [
    ...flows.map((flow) => ({ name: flow.name, icon: "flows", hint: "flow", act: () => go(`/flows/flow/${flow.id}`) })),
    ...runs.map(runChoice),
  ];
}

/** @param {string} id @returns {Promise<Choice[]>} */
async function lookUp(id) {
  const kinds = /** @type {[string, string, string][]} */ ([
    ["flow_runs", "/runs/flow-run/", "runs"],
    ["task_runs", "/runs/task-run/", "runs"],
    ["flows", "/flows/flow/", "flows"],
  ]);
  const found = await Promise.allSettled(kinds.map(([noun]) => get(`/${noun}/${id}`)));
  return found.flatMap((each, index) => {
    const [noun, page, icon] = kinds[index];
    const hint = noun.slice(0, -1).replace("_", " ");
    return each.status === "fulfilled" ? [{ name: each.value.name, icon, hint, state: stateOf(each.value), act: () => go(page + id) }] : [];
  });
}

/** @param {any} run @returns {Choice} */
const runChoice = (run) => ({ name: run.name, icon: "runs", state: stateOf(run), act: () => go(`/runs/flow-run/${run.id}`) });

/** @param {any} run */
const stateOf = (run) => run.state_type && { type: run.state_type, name: run.state_name };
