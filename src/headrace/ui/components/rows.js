/** A table of any length: only the rows in sight are in the document. Arrow keys go from row to row. */

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";

const AROUND = 12;
const phone = matchMedia("(max-width: 760px)");

/**
 * @typedef {object} Column
 * @property {any} name
 * @property {string} width of the grid's track
 * @property {(item: any) => any} cell
 * @property {string} [place] where on a phone: `main`, `side`, `below`; nowhere when left out
 */

/**
 * @param {object} props
 * @param {string} props.label
 * @param {any[]} props.items each with an `id`
 * @param {Column[]} props.columns
 * @param {() => void} [props.onEnd] called when the last rows come into sight
 * @param {number} [props.total] of all rows, also of those not loaded
 */
export function Rows({ label, items, columns, onEnd, total }) {
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const height = phone.matches ? 62 : 38;
  const [first, last] = useRange(body, items.length, height);
  useEffect(() => {
    if (onEnd && items.length && last >= items.length) onEnd();
  }, [last, items.length]);
  const grid = { gridTemplateColumns: columns.map(({ width }) => width).join(" ") };
  return html`<div class="table" role="table" aria-label=${label} aria-rowcount=${(total ?? items.length) + 1} onKeyDown=${walk}>
    <div class="row titles" role="row" style=${grid}>${columns.map(({ name }) => html`<div role="columnheader">${name}</div>`)}</div>
    <div ref=${body} role="rowgroup" style=${{ height: `${items.length * height}px` }}>
      <div role="presentation" style=${{ transform: `translateY(${first * height}px)` }}>
        ${items.slice(first, last).map(
          (item, index) => html`<div class="row" role="row" key=${item.id} aria-rowindex=${first + index + 2} style=${{ ...grid, height: `${height}px` }}>
            ${columns.map(({ cell, place }) => html`<div role="cell" class=${place ?? "wide-only"}>${cell(item)}</div>`)}
          </div>`,
        )}
      </div>
    </div>
  </div>`;
}

/**
 * The rows in sight.
 * @param {{current: HTMLElement | null}} body @param {number} count @param {number} height
 * @returns {[number, number]}
 */
function useRange(body, count, height) {
  const [range, setRange] = useState(/** @type {[number, number]} */ ([0, 50]));
  useEffect(() => {
    const look = () => {
      if (!body.current) return;
      const above = -body.current.getBoundingClientRect().top / height;
      const first = Math.max(0, Math.floor(above) - AROUND), last = Math.ceil(above + innerHeight / height) + AROUND;
      setRange((range) => (range[0] === first && range[1] === last ? range : [first, last]));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [count, height]);
  return [Math.min(range[0], count), Math.max(0, Math.min(range[1], count))];
}

/** @param {KeyboardEvent} event */
function walk(event) {
  const step = /** @type {Record<string, string>} */ ({ ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" })[event.key];
  const target = /** @type {HTMLElement} */ (event.target);
  if (!step || target.closest("select, .popup")) return;
  const row = /** @type {any} */ (target.closest(".row"))?.[step];
  const next = row?.querySelector("a[href]");
  if (!next) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}
