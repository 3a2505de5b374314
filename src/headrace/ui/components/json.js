/** Values of JSON as a tree that unfolds; however large, only a part of it is in the document at first. */

import { useState } from "preact/hooks";
import { brief, count } from "../format.js";
import { html } from "../html.js";
import { Copy } from "./elements.js";

const MANY = 100, LONG = 2000;

/** @param {{value: unknown}} props */
export const Json = ({ value }) => html`<div class="json"><span class="whole"><${Copy} text=${JSON.stringify(value, null, 2) ?? ""} label="Copy all of it as JSON" /></span><${Value} value=${value} depth=${0} /></div>`;

/** @param {{value: any, depth: number}} props */
function Value({ value, depth }) {
  if (typeof value === "string") return html`<${Text} text=${value} />`;
  if (value === null || typeof value !== "object") return html`<span class="literal">${String(value)}</span>`;
  const isList = Array.isArray(value), entries = Object.entries(value);
  if (!entries.length) return html`<span class="muted">${isList ? "[]" : "{}"}</span>`;
  return html`<${Branch} entries=${entries} isList=${isList} value=${value} depth=${depth} />`;
}

/** @param {{entries: [string, any][], isList: boolean, value: any, depth: number}} props */
function Branch({ entries, isList, value, depth }) {
  const [isOpen, setOpen] = useState(depth < 2 && entries.length <= MANY), [most, setMost] = useState(MANY);
  const size = count(entries.length, isList ? "item" : "key");
  return html`<details open=${isOpen} onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary><span class="muted">${isOpen ? size : brief(isList ? value.slice(0, 20) : value)}</span></summary>
    ${isOpen &&
    html`<ul>
      ${entries.slice(0, most).map(([key, each]) => html`<li><span class="key">${key}</span> <${Value} value=${each} depth=${depth + 1} /></li>`)}
      ${entries.length > most && html`<li><button class="button" onClick=${() => setMost(most + 10 * MANY)}>More of ${size}</button></li>`}
    </ul>`}
  </details>`;
}

/** A text; of a long one the beginning, until somebody asks for all. @param {{text: string}} props */
export function Text({ text }) {
  const [isWhole, setWhole] = useState(text.length <= LONG);
  return html`<span class="text">${isWhole ? text : text.slice(0, LONG)}</span>
    ${!isWhole && html`<button class="button" onClick=${() => setWhole(true)}>… all ${count(text.length, "character")}</button>`}`;
}
