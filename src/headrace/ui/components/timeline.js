/** The timeline of a flow run: when its task runs waited and ran, and which took whose results. */

import { useEffect, useRef, useState } from "preact/hooks";
import { clock, count, duration, exactDuration, localTime, number } from "../format.js";
import { html } from "../html.js";
import { go, flowRunPath, taskRunPath } from "../router.js";
import { isFinal } from "../states.js";
import { theme } from "../theme.js";
import { Duration, Empty, Fact, Facts, Name, StateBadge } from "./elements.js";
import { AXIS, Painter } from "./timeline_painter.js";

/** @typedef {import("../task_runs.js").TaskRuns} TaskRuns */

const LIVE_PAUSE = 100;

/** @param {{runs: TaskRuns, version: number, flowRun: any}} props */
export const Timeline = (props) =>
  props.runs.id.length
    ? html`<${Drawing} ...${props} />`
    : html`<${Empty} title=${isFinal(props.flowRun.state_type) ? "This run called no tasks." : "No task has been called yet."} />`;

/** @param {{runs: TaskRuns, version: number, flowRun: any}} props */
function Drawing({ runs, version, flowRun }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null)), scroller = useRef(/** @type {HTMLElement | null} */ (null));
  const painter = useRef(/** @type {Painter | null} */ (null));
  const [height, setHeight] = useState(200), [hovered, hover] = useState({ run: -1, x: 0, y: 0, isLow: false }), [selected, select] = useState(-1);
  const isLive = !isFinal(flowRun.state_type);

  useEffect(() => {
    const made = new Painter(/** @type {HTMLCanvasElement} */ (canvas.current), runs);
    painter.current = made;
    const resized = new ResizeObserver(() => made.paintSoon());
    resized.observe(/** @type {HTMLCanvasElement} */ (canvas.current));
    return () => {
      resized.disconnect();
      made.stop();
    };
  }, [runs]);
  useEffect(() => painter.current?.restyle(), [theme.value]);
  useEffect(() => {
    const made = /** @type {Painter} */ (painter.current);
    setTimes(made, flowRun);
    made.arrange();
    setHeight(AXIS + made.total + 4);
  }, [runs, version, flowRun.state_id]);
  useEffect(() => {
    if (!isLive) return undefined;
    const timer = setInterval(() => {
      if (document.hidden || !painter.current) return;
      setTimes(painter.current, flowRun);
      painter.current.paintSoon();
    }, LIVE_PAUSE);
    return () => clearInterval(timer);
  }, [isLive, flowRun.state_id]);

  const choose = (/** @type {number} */ run) => {
    const made = /** @type {Painter} */ (painter.current);
    made.selected = run;
    made.paintSoon();
    select(run);
  };
  const handlers = gestures(painter, { hover, choose, folded: () => setHeight(AXIS + (painter.current?.total ?? 0) + 4) });
  const onScroll = () => {
    const made = /** @type {Painter} */ (painter.current);
    made.scroll = scroller.current?.scrollTop ?? 0;
    made.paintSoon();
  };
  const step = (/** @type {number} */ factor) => painter.current?.zoom(factor);
  return html`<div class="timeline">
    <div class="tools">
      <button class="icon" title="Closer (+)" aria-label="Closer" onClick=${() => step(0.6)}>+</button>
      <button class="icon" title="Wider (−)" aria-label="Wider" onClick=${() => step(1.6)}>−</button>
      <button class="button" onClick=${() => painter.current?.fit()}>Fit</button>
    </div>
    <div class="lanes" ref=${scroller} onScroll=${onScroll} style=${{ height: `min(${height}px, 62vh)` }}>
      <canvas ref=${canvas} tabindex="0" role="img" aria-label="Timeline of ${count(runs.id.length, "task run")}; the table of task runs has the same as text" ...${handlers}></canvas>
      <div style=${{ height: `max(0px, calc(${height}px - min(${height}px, 62vh)))` }}></div>
    </div>
    ${hovered.run >= 0 && html`<${Tip} runs=${runs} ...${hovered} />`}
    ${selected >= 0 && selected < runs.id.length && html`<${Selected} runs=${runs} run=${selected} choose=${choose} />`}
    ${!runs.isWhole && html`<p class="muted note">Shown are the first ${number(runs.id.length)} of ${number(runs.total)} task runs.</p>`}
  </div>`;
}

/** @param {Painter} painter @param {any} flowRun */
function setTimes(painter, flowRun) {
  const { runs } = painter, hasEnded = isFinal(flowRun.state_type);
  painter.now = Date.now() / 1000 - runs.origin;
  const first = runs.created.length ? runs.created[0] : 0;
  painter.start = flowRun.start_time ? Math.min(Date.parse(flowRun.start_time) / 1000 - runs.origin, first) : first;
  painter.end = hasEnded && flowRun.end_time ? Date.parse(flowRun.end_time) / 1000 - runs.origin : painter.now;
  if (hasEnded) painter.now = painter.end;
}

/**
 * What mouse, fingers and keys do.
 * @param {{current: Painter | null}} painter
 * @param {{hover: (at: {run: number, x: number, y: number, isLow: boolean}) => void, choose: (run: number) => void, folded: () => void}} act
 */
function gestures(painter, { hover, choose, folded }) {
  const drag = useRef({ x: 0, isDown: false, hasMoved: false });
  const at = (/** @type {MouseEvent} */ event) => [event.offsetX, event.offsetY];
  const over = (/** @type {number} */ run, x = 0, y = 0) => {
    const made = /** @type {Painter} */ (painter.current);
    made.canvas.style.cursor = run >= 0 ? "pointer" : x < made.gutter ? "default" : "grab";
    if (made.hovered !== run) made.paintSoon();
    made.hovered = run;
    hover({ run, x, y, isLow: made.canvas.getBoundingClientRect().top + y > innerHeight - 160 });
  };
  return {
    onWheel: (/** @type {WheelEvent} */ event) => {
      if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY) && !event.shiftKey) return;
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) painter.current?.zoom(Math.exp(event.deltaY / 200), event.offsetX);
      else painter.current?.pan(event.deltaX || event.deltaY);
    },
    onPointerDown: (/** @type {PointerEvent} */ event) => {
      drag.current = { x: event.clientX, isDown: true, hasMoved: false };
    },
    onPointerMove: (/** @type {PointerEvent} */ event) => {
      const { current } = drag, [x, y] = at(event);
      if (!current.isDown) return over(painter.current?.runAt(x, y) ?? -1, x, y);
      if (!current.hasMoved && Math.abs(event.clientX - current.x) < 4) return;
      /** @type {Element} */ (event.target).setPointerCapture(event.pointerId);
      painter.current?.pan(current.x - event.clientX);
      drag.current = { x: event.clientX, isDown: true, hasMoved: true };
      over(-1);
    },
    onPointerUp: (/** @type {PointerEvent} */ event) => {
      const { hasMoved, isDown } = drag.current, made = /** @type {Painter} */ (painter.current), [x, y] = at(event);
      drag.current.isDown = false;
      if (hasMoved || !isDown) return;
      const row = made.rowAt(y);
      if (row && (x < made.gutter || row.lane < 0)) {
        made.toggle(row.group);
        folded();
      } else choose(made.runAt(x, y));
    },
    onPointerLeave: () => painter.current && over(-1),
    onPointerCancel: () => (drag.current.isDown = false),
    onDblClick: (/** @type {MouseEvent} */ event) => painter.current?.zoom(0.4, event.offsetX),
    onKeyDown: (/** @type {KeyboardEvent} */ event) => {
      if (painter.current && press(painter.current, event.key, choose)) event.preventDefault();
    },
  };
}

/** @param {Painter} painter @param {string} key @param {(run: number) => void} choose @returns {boolean} whether it did something */
function press(painter, key, choose) {
  const { runs, selected, width } = painter;
  if (key === "+" || key === "=") painter.zoom(0.6);
  else if (key === "-") painter.zoom(1.6);
  else if (key === "0" || key === "Home") painter.fit();
  else if (key === "ArrowLeft") painter.pan(-width / 8);
  else if (key === "ArrowRight") painter.pan(width / 8);
  else if (key === "n" || key === "p") {
    const next = Math.min(Math.max(selected + (key === "n" ? 1 : -1), 0), runs.id.length - 1);
    painter.show(next);
    choose(next);
  } else if (key === "Enter" && selected >= 0) go(pageOf(runs, selected));
  else if (key === "Escape") choose(-1);
  else return false;
  return true;
}

/** The page of what a bar stands for. @param {TaskRuns} runs @param {number} run */
const pageOf = (runs, run) => (runs.flow_run_id[run] ? `/runs/flow-run/${runs.flow_run_id[run]}` : `/runs/task-run/${runs.id[run]}`);

/** How long a run waited and ran. @param {TaskRuns} runs @param {number} run */
function spans(runs, run) {
  const now = clock.value / 1000 - runs.origin, started = runs.started[run], ended = runs.ended[run];
  return { waited: Math.max(0, (started ?? ended ?? now) - runs.created[run]), ran: started === null ? null : Math.max(0, (ended ?? now) - started) };
}

/** @param {{runs: TaskRuns, run: number, x: number, y: number, isLow: boolean}} props */
function Tip({ runs, run, x, y, isLow }) {
  const { waited, ran } = spans(runs, run), { type, name } = runs.stateOf(run);
  const place = { left: `min(${x + 14}px, calc(100% - 250px))`, top: `${y + (isLow ? 30 : 60)}px`, transform: isLow ? "translateY(-100%)" : "none" };
  return html`<div class="tip" style=${place}>
    <b><${Name}>${runs.name[run]}<//></b> <${StateBadge} type=${type} name=${name} />
    <div>waited ${duration(waited)}${ran === null ? "" : `, ran ${duration(ran)}`}${runs.run_count[run] > 1 ? `, ${runs.run_count[run]} attempts` : ""}</div>
    <div class="muted">${localTime((runs.origin + runs.from(run)) * 1000)}, ${exactDuration(Number((runs.from(run) - runs.created[0]).toFixed(6)))} after the first</div>
  </div>`;
}

/** @param {{runs: TaskRuns, run: number, choose: (run: number) => void}} props */
function Selected({ runs, run, choose }) {
  const { waited, ran } = spans(runs, run), { type, name } = runs.stateOf(run);
  const subflow = runs.flow_run_id[run];
  const others = (/** @type {number[]} */ list) =>
    list.length
      ? html`${list.slice(0, 6).map((other) => html`<button class="copy" onClick=${() => choose(other)}><${Name}>${runs.name[other]}<//></button> `)}${list.length > 6 ? html`<span class="muted">and ${number(list.length - 6)} more</span>` : ""}`
      : html`<span class="muted">none</span>`;
  return html`<div class="chosen" role="status">
    <p><a href=${subflow ? flowRunPath(subflow) : taskRunPath(runs.id[run])}><b><${Name}>${runs.name[run]}<//></b></a> <${StateBadge} type=${type} name=${name} /></p>
    <${Facts}>
      <${Fact} name="Waited"><${Duration} seconds=${waited} /><//>
      <${Fact} name="Ran"><${Duration} seconds=${ran} /><//>
      <${Fact} name="Takes results of">${others(runs.before(run))}<//>
      <${Fact} name="Gives its result to">${others(runs.behind(run))}<//>
    <//>
  </div>`;
}
