/**
 * The graph of a flow run: which task runs take whose results.
 *
 * Nodes are put into layers, each behind all that it depends on (the longest path to it), and ordered within a layer by the mean
 * place of their neighbours, a few times to and fro (the method of Sugiyama, Tagawa and Toda, 1981). Tasks that ran often are one
 * node with a count, unless there are few runs.
 */

import { useMemo, useState } from "preact/hooks";
import { count, duration, number } from "../format.js";
import { html } from "../html.js";
import { flowRunPath, setQuery, taskRunPath } from "../router.js";
import { stateClass, STATE_TYPES, typeName } from "../states.js";
import { Empty, Name } from "./elements.js";

/** @typedef {import("../task_runs.js").TaskRuns} TaskRuns */
/** @typedef {{key: string, label: string, runs: number[], after: Set<string>, layer: number, x: number, y: number}} Node */

const FEW = 24, MOST = 400, WIDTH = 190, HEIGHT = 46, ACROSS = 70, DOWN = 14, EDGE = 16, SWEEPS = 6;

/** @param {{runs: TaskRuns, version: number}} props */
export function Graph({ runs, version }) {
  const [isFolded, fold] = useState(runs.id.length > FEW), [near, setNear] = useState(/** @type {string | null} */ (null));
  const mustFold = runs.id.length > MOST;
  const { nodes, width, height } = useMemo(() => layout(nodesOf(runs, isFolded || mustFold)), [runs, version, isFolded]);
  if (!runs.id.length) return html`<${Empty} title="There are no task runs to draw." />`;
  const all = [...nodes.values()];
  const touches = (/** @type {Node} */ a, /** @type {Node} */ b) => near === a.key || near === b.key;
  return html`
    <div class="tools">
      <span class="muted grow">${count(all.length, "node")}${all.length > MOST ? `, the first ${number(MOST)} are drawn` : ""}</span>
      ${!mustFold && html`<button class="button" aria-pressed=${isFolded} onClick=${() => fold(!isFolded)}>One node a task</button>`}
    </div>
    <div class="graph" tabindex="0" role="group" aria-label="Graph of dependencies">
      <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}">
        ${all.slice(0, MOST).flatMap((node) =>
          [...node.after].map((key) => {
            const from = /** @type {Node} */ (nodes.get(key)), [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, node.x, node.y + HEIGHT / 2];
            const bend = Math.max(30, Math.abs(x2 - x1) / 2);
            return html`<path class=${touches(from, node) ? "near" : ""} d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}" />`;
          }),
        )}
      </svg>
      ${all.slice(0, MOST).map((node) => html`<${Box} key=${node.key} node=${node} runs=${runs} point=${setNear} />`)}
    </div>
  `;
}

/** @param {{node: Node, runs: TaskRuns, point: (key: string | null) => void}} props */
function Box({ node, runs, point }) {
  const [first] = node.runs, isOne = node.runs.length === 1;
  const counts = new Map();
  for (const run of node.runs) counts.set(runs.stateOf(run).type, (counts.get(runs.stateOf(run).type) ?? 0) + 1);
  const types = STATE_TYPES.filter((type) => counts.has(type));
  const worst = types[types.length - 1];
  const to = isOne ? (runs.flow_run_id[first] ? flowRunPath(/** @type {string} */ (runs.flow_run_id[first])) : taskRunPath(runs.id[first])) : "?tab=tasks";
  const open = (/** @type {Event} */ event) => {
    if (isOne) return;
    event.preventDefault();
    setQuery({ tab: "tasks", text: node.label });
  };
  const started = runs.started[first], ended = runs.ended[first];
  const note = isOne ? (started === null || ended === null ? runs.stateOf(first).name : duration(ended - started)) : types.map((type) => `${number(counts.get(type))} ${typeName(type)}`).join(", ");
  return html`<a class="node ${stateClass(worst)}" href=${to} title="${node.label}\n${note}" style=${{ left: `${node.x}px`, top: `${node.y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }}
    onClick=${open} onMouseEnter=${() => point(node.key)} onMouseLeave=${() => point(null)} onFocus=${() => point(node.key)} onBlur=${() => point(null)}>
    <b><${Name}>${node.label}<//></b>${!isOne && html` <span class="muted num">×${number(node.runs.length)}</span>`}
    <span class="muted">${note}</span>
    <span class="shares">${types.map((type) => html`<i class=${stateClass(type)} style=${{ flexGrow: counts.get(type) }}></i>`)}</span>
  </a>`;
}

/** @param {TaskRuns} runs @param {boolean} isFolded @returns {Map<string, Node>} */
function nodesOf(runs, isFolded) {
  const nodes = /** @type {Map<string, Node>} */ (new Map());
  const keyOf = (/** @type {number} */ run) => (isFolded ? `task ${runs.task[run]}` : runs.id[run]);
  for (let run = 0; run < runs.id.length; run++) {
    const key = keyOf(run);
    let node = nodes.get(key);
    if (!node) nodes.set(key, (node = { key, label: runs.name[run], runs: [], after: new Set(), layer: -1, x: 0, y: 0 }));
    node.runs.push(run);
    if (node.runs.length === 2) node.label = runs.tasks[runs.task[run]].name;
    for (const before of runs.before(run)) if (keyOf(before) !== key) node.after.add(keyOf(before));
  }
  return nodes;
}

/** @param {Map<string, Node>} nodes */
function layout(nodes) {
  for (const node of nodes.values()) layerOf(node, nodes);
  const layers = /** @type {Node[][]} */ ([]);
  for (const node of nodes.values()) (layers[node.layer] ??= []).push(node);
  const behind = new Map([...nodes.keys()].map((key) => [key, /** @type {string[]} */ ([])]));
  for (const node of nodes.values()) for (const key of node.after) behind.get(key)?.push(node.key);
  const tallest = Math.max(...layers.map(({ length }) => length)), height = tallest * (HEIGHT + DOWN) - DOWN + 2 * EDGE;
  const place = () => layers.forEach((layer) => layer.forEach((node, at) => (node.y = EDGE + (height - 2 * EDGE - layer.length * (HEIGHT + DOWN) + DOWN) / 2 + at * (HEIGHT + DOWN))));
  place();
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isForth = sweep % 2 === 0;
    for (const layer of isForth ? layers : [...layers].reverse()) {
      const mean = new Map(layer.map((node) => [node, meanOf(isForth ? [...node.after] : (behind.get(node.key) ?? []), nodes) ?? node.y]));
      layer.sort((a, b) => /** @type {number} */ (mean.get(a)) - /** @type {number} */ (mean.get(b)));
      layer.forEach((node, at) => (node.y = EDGE + (height - 2 * EDGE - layer.length * (HEIGHT + DOWN) + DOWN) / 2 + at * (HEIGHT + DOWN)));
    }
  }
  for (const node of nodes.values()) node.x = EDGE + node.layer * (WIDTH + ACROSS);
  return { nodes, height, width: layers.length * (WIDTH + ACROSS) - ACROSS + 2 * EDGE };
}

/** The length of the longest path to a node. Tasks that take each other's results in turn go round: the way back is left out. @param {Node} start @param {Map<string, Node>} nodes */
function layerOf(start, nodes) {
  const path = [{ node: start, waits: [...start.after] }], onPath = new Set([start]);
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const next = nodes.get(top.waits.pop() ?? "");
    if (next && next.layer < 0 && !onPath.has(next) && top.node.layer < 0) {
      top.waits.push(next.key);
      path.push({ node: next, waits: [...next.after] });
      onPath.add(next);
    } else if (!next) {
      if (top.node.layer < 0) top.node.layer = 1 + Math.max(-1, ...[...top.node.after].map((key) => nodes.get(key)?.layer ?? -1));
      onPath.delete(top.node);
      path.pop();
    }
  }
}

/** @param {string[]} keys @param {Map<string, Node>} nodes */
function meanOf(keys, nodes) {
  return keys.length ? keys.reduce((sum, key) => sum + (nodes.get(key)?.y ?? 0), 0) / keys.length : null;
}
