/** The task runs of a flow run as columns: what the timeline, the graph and the table of a run are drawn from. */

import { get } from "./api.js";

/**
 * @typedef {object} Group the runs of one task
 * @property {number} task
 * @property {string} name
 * @property {number[]} runs places, by the time at which they started
 * @property {Lane[]} lanes runs that do not overlap, one after another
 * @property {number[]} waiting places of those that have not started
 * @property {boolean} [isFolded] whether it is drawn as one row
 */
/** @typedef {{runs: Int32Array, size: number}} Lane */

const COLUMNS = /** @type {const} */ (["id", "name", "task", "state", "created", "started", "ended", "run_count", "flow_run_id", "inputs"]);

/** Times are seconds since `origin`, which is in seconds since 1970. */
export class TaskRuns {
  constructor() {
    this.cursor = "";
    this.origin = 0;
    this.total = 0;
    this.isWhole = true;
    this.version = 0;
    this.places = /** @type {Map<string, number>} */ (new Map());
    this.tasks = /** @type {{key: string, name: string}[]} */ ([]);
    this.states = /** @type {{type: string, name: string}[]} */ ([]);
    this.id = /** @type {string[]} */ ([]);
    this.name = /** @type {string[]} */ ([]);
    this.task = /** @type {number[]} */ ([]);
    this.state = /** @type {number[]} */ ([]);
    this.created = /** @type {number[]} */ ([]);
    this.started = /** @type {(number | null)[]} */ ([]);
    this.ended = /** @type {(number | null)[]} */ ([]);
    this.run_count = /** @type {number[]} */ ([]);
    this.flow_run_id = /** @type {(string | null)[]} */ ([]);
    this.inputs = /** @type {string[][]} */ ([]);
    this.outputs = /** @type {Map<string, number[]> | null} */ (null);
  }

  /**
   * Read what there is, or what has changed since the last time.
   * @param {string} flowRunId
   */
  async read(flowRunId) {
    const after = this.cursor ? `?after=${this.cursor}` : "";
    this.merge(await get(`/ui/flow_runs/${flowRunId}/timeline${after}`));
    return this;
  }

  /** @param {any} answer */
  merge(answer) {
    this.cursor = answer.cursor;
    this.total = answer.total;
    this.isWhole = answer.is_whole;
    if (!answer.id.length && this.version) return;
    this.version++;
    this.outputs = null;
    this.origin ||= answer.origin / 1e6;
    const shift = answer.origin / 1e6 - this.origin;
    const seconds = (/** @type {number | null} */ at) => (at === null ? null : shift + at / 1e6);
    const tasks = answer.tasks.map((/** @type {string[]} */ [key, name]) => known(this.tasks, { key, name }, (each) => each.key === key));
    const states = answer.states.map((/** @type {string[]} */ [type, name]) => known(this.states, { type, name }, (each) => each.type === type && each.name === name));
    const values = { ...answer, task: answer.task.map((/** @type {number} */ n) => tasks[n]), state: answer.state.map((/** @type {number} */ n) => states[n]) };
    for (const name of ["created", "started", "ended"]) values[name] = answer[name].map(seconds);
    for (let row = 0; row < answer.id.length; row++) {
      const place = this.places.get(answer.id[row]) ?? this.id.length;
      this.places.set(answer.id[row], place);
      for (const column of COLUMNS) /** @type {any} */ (this[column])[place] = values[column][row];
    }
  }

  /** @param {number} place */
  stateOf(place) {
    return this.states[this.state[place]];
  }

  /** The places of the runs whose results a run takes. @param {number} place @returns {number[]} */
  before(place) {
    return this.inputs[place].map((id) => this.places.get(id)).filter((at) => at !== undefined);
  }

  /** The places of the runs that take the result of a run. @param {number} place @returns {number[]} */
  behind(place) {
    if (!this.outputs) {
      this.outputs = new Map();
      for (let at = 0; at < this.id.length; at++)
        for (const id of this.inputs[at]) this.outputs.get(id)?.push(at) ?? this.outputs.set(id, [at]);
    }
    return this.outputs.get(this.id[place]) ?? [];
  }

  /** When a run began to show: its start, or its end when it never started. @param {number} place */
  from(place) {
    return this.started[place] ?? this.ended[place] ?? this.created[place];
  }

  /** Runs by task, in the order in which tasks first ran. @returns {Group[]} */
  groups() {
    const size = this.id.length, from = new Float64Array(size), order = new Int32Array(size);
    for (let at = 0; at < size; at++) {
      from[at] = this.from(at);
      order[at] = at;
    }
    order.sort((a, b) => from[a] - from[b] || a - b);
    const groups = /** @type {Map<number, Group>} */ (new Map());
    for (const at of order) {
      const task = this.task[at];
      let group = groups.get(task);
      if (!group) groups.set(task, (group = { task, name: this.tasks[task].name, runs: [], lanes: [], waiting: [] }));
      group.runs.push(at);
    }
    for (const group of groups.values()) this.#pack(group);
    return [...groups.values()];
  }

  /** Put runs that do not overlap into one lane: each into the lane that has been free for longest. @param {Group} group */
  #pack(group) {
    const free = new Heap();
    for (const at of group.runs) {
      if (this.started[at] === null && this.ended[at] === null) {
        group.waiting.push(at);
        continue;
      }
      const from = this.from(at);
      let lane = free.size && free.least() <= from ? free.pop() : -1;
      if (lane < 0) lane = group.lanes.push({ runs: new Int32Array(4), size: 0 }) - 1;
      const { runs, size } = group.lanes[lane];
      if (size === runs.length) (group.lanes[lane].runs = new Int32Array(size * 2)).set(runs);
      group.lanes[lane].runs[group.lanes[lane].size++] = at;
      free.push(this.ended[at] ?? Infinity, lane);
    }
  }
}

/**
 * The place of an item in a list, to which it is added when it is not there.
 * @template T
 * @param {T[]} list @param {T} item @param {(each: T) => boolean} same
 */
function known(list, item, same) {
  const at = list.findIndex(same);
  return at < 0 ? list.push(item) - 1 : at;
}

/** The least of keys first, each with a lane. */
class Heap {
  constructor() {
    this.keys = /** @type {number[]} */ ([]);
    this.lanes = /** @type {number[]} */ ([]);
  }

  get size() {
    return this.keys.length;
  }

  least() {
    return this.keys[0];
  }

  /** @param {number} key @param {number} lane */
  push(key, lane) {
    const { keys, lanes } = this;
    let at = keys.length;
    for (; at > 0; ) {
      const up = (at - 1) >> 1;
      if (keys[up] <= key) break;
      keys[at] = keys[up];
      lanes[at] = lanes[up];
      at = up;
    }
    keys[at] = key;
    lanes[at] = lane;
  }

  pop() {
    const { keys, lanes } = this, first = lanes[0];
    const key = /** @type {number} */ (keys.pop()), lane = /** @type {number} */ (lanes.pop()), size = keys.length;
    if (!size) return first;
    let at = 0;
    for (let down = 1; down < size; down = 2 * at + 1) {
      if (down + 1 < size && keys[down + 1] < keys[down]) down++;
      if (keys[down] >= key) break;
      keys[at] = keys[down];
      lanes[at] = lanes[down];
      at = down;
    }
    keys[at] = key;
    lanes[at] = lane;
    return first;
  }
}
