/** `html`: markup as tagged templates. What is put into it is text, never markup, and none of it hides or misleads. */

import htm from "htm";
import { h } from "preact";
import { visible } from "./format.js";

const SPOKEN = ["title", "aria-label", "placeholder"];

/** @param {any} type @param {Record<string, any> | null} props @param {any[]} children */
function element(type, props, ...children) {
  if (typeof type !== "string") return h(type, props, ...children);
  for (const name of SPOKEN) if (typeof props?.[name] === "string") props[name] = visible(props[name]);
  return h(type, props, ...children.map(shown));
}

/** @param {any} child @returns {any} */
const shown = (child) => (typeof child === "string" ? visible(child) : Array.isArray(child) ? child.map(shown) : child);

export const html = /** @type {(text: TemplateStringsArray, ...values: any[]) => any} */ (htm.bind(element));
