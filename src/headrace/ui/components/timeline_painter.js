/**
 * Paints task runs as bars in lanes on a time axis.
 *
 * A row is what has a height: a task with its only lane; a task folded, as how many of its runs ran at once; one lane of a task
 * that is unfolded. All that is in sight is gone through for each picture, also of 100,000 runs. Bars of one colour are painted
 * together, and those narrower than a pixel become one in the worst of their states, so that no failure is too short to be seen.
 */

import { duration, visible } from "../format.js";
import { STATE_TYPES, stateColours } from "../states.js";

/** @typedef {import("../task_runs.js").TaskRuns} TaskRuns */
/** @typedef {import("../task_runs.js").Group} Group */
/** @typedef {{group: Group, lane: number, top: number, height: number}} Row a lane of -1 is that of a folded task, or of a heading */

export const AXIS = 26;
const HEAD = 24, LANE = 16, MANY_LANES = 40, MOST_EDGES = 300, NARROWEST = 1e-5;
const FIRST_BAD = STATE_TYPES.indexOf("CRASHED");

export class Painter {
  /** @param {HTMLCanvasElement} canvas @param {TaskRuns} runs */
  constructor(canvas, runs) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    this.runs = runs;
    this.groups = /** @type {Group[]} */ ([]);
    this.rows = /** @type {Row[]} */ ([]);
    this.rowOf = /** @type {Map<number, Row>} where each run is */ (new Map());
    this.folds = /** @type {Map<number, boolean>} what somebody has folded or unfolded, by task */ (new Map());
    this.start = this.end = this.now = 0;
    this.view = /** @type {[number, number] | null} what somebody has zoomed to */ (null);
    this.scroll = this.frame = this.width = this.height = 0;
    this.total = 0;
    this.hovered = this.selected = -1;
    this.colours = /** @type {Record<string, string>} */ ({});
    this.sans = "";
    this.restyle();
  }

  /** The colours have changed. */
  restyle() {
    const style = getComputedStyle(this.canvas);
    const token = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = stateColours();
    this.colours = { ...stateColours(), text: token("text"), muted: token("muted"), line: token("line"), back: token("surface"), accent: token("accent") };
    this.sans = token("sans");
    this.paintSoon();
  }

  /** The runs have changed, or how they are folded. */
  arrange() {
    this.groups = this.runs.groups();
    this.fold();
  }

  fold() {
    const lanes = this.groups.reduce((sum, { lanes }) => sum + lanes.length, 0);
    this.rows = [];
    this.rowOf.clear();
    let top = 0;
    const add = (/** @type {Group} */ group, /** @type {number} */ lane, /** @type {number} */ height) => {
      const row = { group, lane, top, height };
      this.rows.push(row);
      top += height;
      return row;
    };
    for (const group of this.groups) {
      group.isFolded = group.lanes.length > 1 && (this.folds.get(group.task) ?? lanes > MANY_LANES);
      const head = add(group, group.lanes.length > 1 ? -1 : 0, HEAD);
      if (group.lanes.length > 1 && !group.isFolded) for (let lane = 0; lane < group.lanes.length; lane++) add(group, lane, LANE);
      for (const run of group.waiting) this.rowOf.set(run, head);
    }
    this.total = top;
    this.paintSoon();
  }

  /** @param {Group} group */
  toggle(group) {
    if (group.lanes.length < 2) return;
    this.folds.set(group.task, !group.isFolded);
    this.fold();
  }

  /** What is shown of time: from, to. @returns {[number, number]} */
  get span() {
    if (this.view) return this.view;
    const least = Math.max(this.end - this.start, 1e-3);
    return [this.start - least * 0.01, this.start + least * 1.02];
  }

  get gutter() {
    return Math.min(200, this.width * 0.3);
  }

  /** @param {number} at seconds */
  x(at) {
    const [from, to] = this.span;
    return this.gutter + ((at - from) / (to - from)) * (this.width - this.gutter);
  }

  /** @param {number} x @returns {number} seconds */
  time(x) {
    const [from, to] = this.span;
    return from + ((x - this.gutter) / (this.width - this.gutter)) * (to - from);
  }

  /** @param {number} factor below 1 goes nearer @param {number} x what stays where it is */
  zoom(factor, x = (this.gutter + this.width) / 2) {
    const at = this.time(x), [from, to] = this.span;
    const size = Math.min(Math.max((to - from) * factor, NARROWEST), 4 * Math.max(this.end - this.start, 1e-3));
    const share = (at - from) / (to - from);
    this.look(at - share * size, at + (1 - share) * size);
  }

  /** @param {number} pixels */
  pan(pixels) {
    const [from, to] = this.span, by = (pixels * (to - from)) / (this.width - this.gutter);
    this.look(from + by, to + by);
  }

  /** @param {number} from @param {number} to seconds */
  look(from, to) {
    this.view = /** @type {[number, number]} */ ([from, to]);
    this.paintSoon();
  }

  fit() {
    this.view = null;
    this.paintSoon();
  }

  /** Bring a run into the span that is shown. @param {number} run */
  show(run) {
    const [from, to] = this.span, start = this.runs.from(run), end = this.endOf(run);
    if (start >= from && end <= to) return;
    const around = Math.max((to - from) / 2, end - start);
    this.look((start + end) / 2 - around, (start + end) / 2 + around);
  }

  /** @param {number} run */
  endOf(run) {
    return this.runs.ended[run] ?? this.now;
  }

  /** The row at a height, below what is scrolled away. @param {number} y @returns {Row | undefined} */
  rowAt(y) {
    const at = y - AXIS + this.scroll;
    let low = 0, high = this.rows.length - 1;
    if (y < AXIS || at >= this.total) return undefined;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      this.rows[middle].top <= at ? (low = middle) : (high = middle - 1);
    }
    return this.rows[low];
  }

  /** The run at a point; -1 where there is none. @param {number} x @param {number} y */
  runAt(x, y) {
    const row = this.rowAt(y);
    if (!row || row.lane < 0 || !row.group.lanes.length || x < this.gutter) return -1;
    const { runs, size } = row.group.lanes[row.lane];
    let best = -1, least = 4;
    for (let at = 0; at < size; at++) {
      const left = this.x(this.runs.from(runs[at])), right = this.x(this.endOf(runs[at]));
      const away = x < left ? left - x : x > right ? x - right : 0;
      if (away < least) [best, least] = [runs[at], away];
    }
    return best;
  }

  paintSoon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = -1;
  }

  paint() {
    const { context, canvas } = this, ratio = devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    if (canvas.width !== Math.round(this.width * ratio) || canvas.height !== Math.round(this.height * ratio)) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = this.colours.back;
    context.fillRect(0, 0, this.width, this.height);
    context.font = `12px ${this.sans}`;
    context.textBaseline = "middle";
    const shown = this.rows.filter(({ top, height }) => top + height >= this.scroll && top <= this.scroll + this.height);
    this.#grid();
    this.#bars(shown);
    this.#edges();
    this.#labels(shown);
    this.#axis();
  }

  /** Where the lines of the axis are: seconds, and what is written there. @returns {[number, string][]} */
  #ticks() {
    const [from, to] = this.span, most = Math.max(2, (this.width - this.gutter) / 110);
    const step = STEPS.find((each) => (to - from) / each <= most) ?? 10 ** Math.ceil(Math.log10((to - from) / most));
    const ticks = /** @type {[number, string][]} */ ([]);
    const digits = this.start;
    for (let at = Math.ceil((from - digits) / step); at * step + digits <= to; at++) ticks.push([digits + at * step, at ? duration(at * step) : "0"]);
    return ticks;
  }

  #grid() {
    this.context.fillStyle = this.colours.line;
    for (const [at] of this.#ticks()) this.context.fillRect(Math.round(this.x(at)), 0, 1, this.height);
  }

  #axis() {
    const { context } = this;
    context.fillStyle = this.colours.back;
    context.fillRect(0, 0, this.width, AXIS - 1);
    context.fillStyle = this.colours.line;
    context.fillRect(0, AXIS - 1, this.width, 1);
    context.fillStyle = this.colours.muted;
    for (const [at, text] of this.#ticks()) {
      const x = this.x(at);
      if (x >= this.gutter - 1 && x < this.width - 20) context.fillText(text, x + 4, AXIS / 2);
    }
  }

  /** @param {Row[]} rows */
  #bars(rows) {
    const bars = /** @type {Record<string, number[]>} x, y, width, height of each bar by colour */ ({});
    const names = /** @type {[number, number, number, number][]} */ ([]);
    const waits = /** @type {number[]} */ ([]);
    const put = (/** @type {string} */ type, /** @type {number[]} */ ...bar) => (bars[type] ??= []).push(...bar);
    for (const row of rows) {
      const y = AXIS + row.top - this.scroll;
      if (row.lane < 0 && row.group.isFolded) this.#profile(row, y, put);
      else if (row.lane >= 0 && row.group.lanes.length) this.#lane(row, y, put, waits, names);
      if (row.lane <= 0 && row.group.waiting.length) this.#waiting(row.group, y, waits);
    }
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(this.gutter, AXIS, this.width - this.gutter, this.height);
    context.clip();
    context.fillStyle = this.colours.PENDING;
    for (let at = 0; at < waits.length; at += 4) context.fillRect(waits[at], waits[at + 1], waits[at + 2], waits[at + 3]);
    for (const type of STATE_TYPES) {
      const each = bars[type];
      if (!each) continue;
      context.fillStyle = this.colours[type];
      for (let at = 0; at < each.length; at += 4) context.fillRect(each[at], each[at + 1], each[at + 2], each[at + 3]);
    }
    context.fillStyle = this.colours.back;
    context.font = `10.5px ${this.sans}`;
    for (const [run, x, y, width] of names) context.fillText(this.#fitting(this.runs.name[run], width - 10), x + 5, y);
    context.restore();
  }

  /**
   * The bars of runs that do not overlap.
   * @param {Row} row @param {number} y @param {(type: string, ...bar: number[]) => void} put
   * @param {number[]} waits @param {[number, number, number, number][]} names
   */
  #lane({ group, lane, height }, y, put, waits, names) {
    const { runs, size } = group.lanes[lane], { started, created } = this.runs, pad = height > LANE ? 4 : 1.5;
    let free = this.gutter, pixel = -1, worst = -1;
    const top = y + pad, tall = height - 2 * pad;
    const flush = () => {
      if (pixel >= 0) put(STATE_TYPES[worst], pixel, top, 1.5, tall);
      pixel = worst = -1;
    };
    for (let at = 0; at < size; at++) {
      const run = runs[at], left = this.x(this.runs.from(run)), right = this.x(this.endOf(run));
      if (right < this.gutter) continue;
      if (left > this.width) break;
      const wait = started[run] === null ? left : Math.max(this.x(created[run]), free);
      if (left - wait > 1.5) waits.push(wait, y + height / 2 - 1, left - wait, 2);
      free = right;
      const rank = STATE_TYPES.indexOf(/** @type {any} */ (this.runs.stateOf(run).type));
      if (right - left < 1.5) {
        if (Math.floor(left) !== pixel) flush();
        pixel = Math.floor(left);
        worst = Math.max(worst, rank);
        continue;
      }
      flush();
      const from = Math.max(left, this.gutter - 2), width = Math.min(right, this.width + 2) - from;
      put(STATE_TYPES[rank], from, top, width - (width > 4 ? 1 : 0), tall);
      if (width > 46 && height > 13) names.push([run, from, y + height / 2 + 0.5, width]);
    }
    flush();
  }

  /**
   * How many runs of a task ran at once, by state.
   * @param {Row} row @param {number} y @param {(type: string, ...bar: number[]) => void} put
   */
  #profile({ group, height }, y, put) {
    const size = Math.ceil(this.width - this.gutter) + 1;
    const sums = /** @type {Map<number, Int32Array>} */ (new Map());
    for (const { runs, size: count } of group.lanes)
      for (let at = 0; at < count; at++) {
        const run = runs[at];
        const left = Math.max(0, Math.floor(this.x(this.runs.from(run)) - this.gutter)), right = Math.floor(this.x(this.endOf(run)) - this.gutter);
        if (right < 0 || left >= size - 1) continue;
        const rank = STATE_TYPES.indexOf(/** @type {any} */ (this.runs.stateOf(run).type));
        let sum = sums.get(rank);
        if (!sum) sums.set(rank, (sum = new Int32Array(size + 1)));
        sum[left]++;
        sum[Math.min(right + 1, size)]--;
      }
    const ranks = [...sums.keys()].sort((a, b) => a - b), now = new Int32Array(ranks.length), tall = height - 5;
    // The height is that of all lanes. What there is of a state can be seen, a failure at once.
    for (let x = 0; x < size; x++) {
      let bottom = y + height - 2;
      for (let at = 0; at < ranks.length; at++) {
        now[at] += /** @type {Int32Array} */ (sums.get(ranks[at]))[x];
        if (!now[at]) continue;
        const isBad = ranks[at] >= FIRST_BAD, part = Math.max(isBad ? tall / 2 : 2, Math.min(1, now[at] / group.lanes.length) * tall);
        bottom = Math.max(bottom - part, y + 1);
        put(STATE_TYPES[ranks[at]], this.gutter + x, bottom, isBad ? 3 : 1, part);
      }
    }
  }

  /** Runs that have not started: a line up to now. @param {Group} group @param {number} y @param {number[]} waits */
  #waiting({ waiting }, y, waits) {
    const left = Math.max(this.gutter, this.x(Math.min(...waiting.slice(0, 1000).map((run) => this.runs.created[run]))));
    const right = Math.min(this.x(this.now), this.width);
    for (let x = left; x < right; x += 6) waits.push(x, y + HEAD - 4, Math.min(3, right - x), 2);
  }

  /** Whose results the run takes that is pointed at, or chosen, and who takes its. */
  #edges() {
    const run = this.hovered >= 0 ? this.hovered : this.selected;
    if (run < 0 || run >= this.runs.id.length) return;
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(this.gutter, AXIS, this.width, this.height);
    context.clip();
    context.strokeStyle = context.fillStyle = this.colours.accent;
    context.lineWidth = 1.5;
    const place = this.#placeOf(run);
    for (const other of this.runs.before(run).slice(0, MOST_EDGES)) this.#edge(this.#placeOf(other), place);
    for (const other of this.runs.behind(run).slice(0, MOST_EDGES)) this.#edge(place, this.#placeOf(other));
    if (place.isLane) context.strokeRect(place.left - 1, place.y - place.height / 2 + 1, Math.max(place.right - place.left, 2) + 1, place.height - 2);
    context.restore();
  }

  /** @param {{right: number, y: number}} from @param {{left: number, y: number}} to */
  #edge(from, to) {
    const { context } = this, bend = Math.max(16, Math.abs(to.left - from.right) / 2);
    context.beginPath();
    context.moveTo(from.right, from.y);
    context.bezierCurveTo(from.right + bend, from.y, to.left - bend, to.y, to.left, to.y);
    context.stroke();
    context.beginPath();
    context.arc(to.left, to.y, 2.5, 0, 7);
    context.fill();
  }

  /** Where a run is painted. @param {number} run */
  #placeOf(run) {
    const row = this.rowFor(run), y = AXIS + row.top - this.scroll + row.height / 2;
    return { left: this.x(this.runs.from(run)), right: this.x(this.endOf(run)), y, height: row.height, isLane: row.lane >= 0 };
  }

  /** The row of a run; found once for each run that is asked for. @param {number} run @returns {Row} */
  rowFor(run) {
    const known = this.rowOf.get(run);
    if (known) return known;
    const rows = this.rows.filter(({ group }) => group.task === this.runs.task[run]);
    const row = rows.find(({ group, lane }) => {
      if (lane < 0 || !group.lanes.length) return false;
      const { runs, size } = group.lanes[lane];
      return runs.subarray(0, size).includes(run);
    });
    this.rowOf.set(run, row ?? rows[0]);
    return row ?? rows[0];
  }

  /** @param {Row[]} rows */
  #labels(rows) {
    const { context, gutter } = this;
    context.fillStyle = this.colours.back;
    context.fillRect(0, AXIS, gutter, this.height);
    context.fillStyle = this.colours.line;
    context.fillRect(gutter - 1, AXIS, 1, this.height);
    for (const { group, lane, top, height } of rows) {
      if (height !== HEAD) continue;
      const y = AXIS + top - this.scroll + height / 2, isMany = lane < 0;
      const { length } = group.runs, waiting = group.waiting.length;
      const tail = length > 1 ? `  ×${length.toLocaleString("en")}` : "";
      const late = waiting && length > 1 ? `  ${waiting.toLocaleString("en")} wait` : "";
      const room = gutter - 30 - context.measureText(tail + late).width;
      const name = this.#fitting(length === 1 ? this.runs.name[group.runs[0]] : group.name, room);
      if (isMany) this.#arrow(9, y, Boolean(group.isFolded));
      context.fillStyle = this.colours.text;
      context.fillText(name, 20, y);
      context.fillStyle = this.colours.muted;
      context.fillText(tail + late, 20 + context.measureText(name).width, y);
    }
  }

  /** @param {number} x @param {number} y @param {boolean} isFolded */
  #arrow(x, y, isFolded) {
    const { context } = this;
    context.strokeStyle = this.colours.muted;
    context.lineWidth = 1.6;
    context.beginPath();
    for (const [dx, dy] of isFolded ? [[-2, -4], [2, 0], [-2, 4]] : [[-4, -2], [0, 2], [4, -2]]) context.lineTo(x + dx, y + dy);
    context.stroke();
  }

  /** A text, cut to a width. @param {string} text @param {number} width */
  #fitting(text, width) {
    const { context } = this;
    let shown = visible(text.slice(0, 200));
    if (context.measureText(shown).width <= width) return shown;
    let low = 0, high = shown.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      context.measureText(`${shown.slice(0, middle)}…`).width <= width ? (low = middle) : (high = middle - 1);
    }
    return low ? `${shown.slice(0, low)}…` : "";
  }
}

/** Distances of the axis's lines, in seconds. */
const STEPS = [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1].flatMap((each) => [each, 2 * each, 5 * each]).concat([10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]);
