/**
 * The log lines of a run: read from where one looks, and followed while they are written.
 *
 * Lines are kept in parts. The browser lays out only the parts in sight (`content-visibility`), so that lines can be of any height,
 * and its own search finds all that were read.
 */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { post } from "../api.js";
import { count, exactTime, localTime, logTime } from "../format.js";
import { html } from "../html.js";
import { useLive } from "../live.js";
import { path, query, served, setQuery, taskRunPath, withQuery } from "../router.js";
import { useResource } from "../resource.js";
import { Empty, Name, Problem } from "./elements.js";
import { TextFilter } from "./filters.js";
import { Text } from "./json.js";

const PAGE = 200, MOST = 20_000;
const LEVELS = /** @type {[number, string][]} */ ([[0, "All levels"], [20, "Info"], [30, "Warning"], [40, "Error"], [50, "Critical"]]);
const BACK = ["ArrowUp", "PageUp", "Home"];
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/g;

/**
 * @param {object} props
 * @param {object} props.of the filter of the run: `{flow_run_id: {any_: [...]}}`
 * @param {import("../live.js").Watched} props.watched
 * @param {boolean} props.isLive whether more lines may come
 * @param {(id: string) => string | undefined} [props.nameOf] the name of a task run
 */
export function Logs({ of, watched, isLive, nameOf }) {
  const level = Number(query.value.get("level")) || 0, text = query.value.get("text") ?? "", line = query.value.get("line");
  const filter = { ...of, ...(level && { level: { ge_: level } }), ...(text && { text: { query: text } }) };
  const key = JSON.stringify(filter);
  const box = useRef(/** @type {HTMLElement | null} */ (null)), lines = useRef(new Lines(filter));
  const [, redraw] = useState(0), [isFollowing, follow] = useState(isLive && !line), [error, fail] = useState(/** @type {Error | null} */ (null));
  const total = useResource(() => post("/logs/count", { logs: filter }), [key]);

  const act = async (/** @type {(lines: Lines) => Promise<void>} */ read) => {
    const { current } = lines;
    try {
      await read(current);
      fail(null);
    } catch (problem) {
      fail(/** @type {Error} */ (problem));
    }
    if (lines.current === current) redraw((n) => n + 1);
  };
  useEffect(() => {
    lines.current = new Lines(filter);
    act((lines) => (line ? lines.around(line) : isFollowing ? lines.last() : lines.later())).then(() => {
      if (line) box.current?.querySelector(".line-target")?.scrollIntoView({ block: "center" });
    });
  }, [key, line]);
  useLive(isLive ? watched : null, () => {
    total.refresh();
    if (lines.current.isAtEnd || isFollowing) act((lines) => lines.later(true));
  });
  useLayoutEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight;
  });

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = /** @type {HTMLElement} */ (box.current), below = scrollHeight - scrollTop - clientHeight;
    if (below < 600 && !lines.current.isAtEnd) act((lines) => lines.later());
    if (scrollTop < 300 && !lines.current.isAtStart) {
      act((lines) => lines.earlier()).then(() => {
        // What was added above must not move what is read.
        const element = /** @type {HTMLElement} */ (box.current);
        element.scrollTop += element.scrollHeight - scrollHeight;
      });
    }
  };
  const goBack = (event) => isFollowing && (event.deltaY < 0 || BACK.includes(event.key) || event.type === "pointerdown") && follow(false);
  const toEnd = () => {
    follow(true);
    lines.current = new Lines(filter);
    act((lines) => lines.last());
  };
  const { parts, size, isRead } = lines.current;
  return html`<div class="logs">
    <div class="tools filters">
      <${TextFilter} label="Words in the log" />
      <select aria-label="Least level" value=${level} onChange=${(event) => setQuery({ level: event.target.value === "0" ? null : event.target.value })}>
        ${LEVELS.map(([value, name]) => html`<option value=${value}>${name}</option>`)}
      </select>
      <span class="muted num grow">${total.data === undefined ? "" : count(total.data, "line")}</span>
      ${line && html`<button class="button" onClick=${() => setQuery({ line: null })}>From the start</button>`}
      <button class="button" aria-pressed=${isFollowing} onClick=${() => (isFollowing ? follow(false) : toEnd())}>${isLive ? "Follow" : "To the end"}</button>
    </div>
    ${error && html`<${Problem} error=${error} />`}
    ${isRead && !size
      ? html`<${Empty} title=${level || text ? "No line meets these filters." : "Nothing was logged."} />`
      : html`<div class="scroll" ref=${box} onScroll=${onScroll} onWheel=${goBack} onKeyDown=${goBack} onPointerDown=${goBack} tabindex="0" role="log" aria-label="Log">
          ${parts.map((part) => html`<div class="part" key=${part[0].id}>${part.map((each) => html`<${Line} key=${each.id} line=${each} nameOf=${nameOf} isTarget=${line?.endsWith(each.id)} />`)}</div>`)}
        </div>`}
  </div>`;
}

/** @param {{line: any, nameOf?: (id: string) => string | undefined, isTarget: boolean}} props */
function Line({ line: { id, timestamp, level, message, name, task_run_id: task }, nameOf, isTarget }) {
  const kind = level >= 50 ? "critical" : level >= 40 ? "error" : level >= 30 ? "warning" : level < 20 ? "debug" : "info";
  const link = served.base + path.value + withQuery({ line: `${timestamp}~${id}` });
  return html`<div class="log ${kind} ${isTarget ? "line-target" : ""}">
    <a class="num" href=${link} title="${localTime(timestamp)} here · ${exactTime(timestamp)}\nA link to this line">${logTime(timestamp)}</a>
    <span class="level" title=${name}>${kind}</span>
    <span class="message">${task && nameOf && html`<a href=${taskRunPath(task)}><${Name}>${nameOf(task) ?? "task run"}<//></a> `}<${Text} text=${message.replace(ESCAPES, "")} /></span>
  </div>`;
}

/** The lines that were read: a stretch of the log without gaps. */
class Lines {
  /** @param {object} filter */
  constructor(filter) {
    this.filter = filter;
    this.parts = /** @type {any[][]} */ ([]);
    this.size = 0;
    this.isAtStart = true;
    this.isAtEnd = this.isReading = this.isRead = this.isAsked = false;
  }

  /** Those behind what was read; the first ones when nothing was. @param {boolean} [isAsked] also when there were no more */
  async later(isAsked = false) {
    if (this.isReading) this.isAsked ||= isAsked;
    if (this.isReading || (this.isAtEnd && !isAsked)) return;
    this.isAsked = false;
    const page = await this.#page("TIMESTAMP_ASC", "after_", this.parts.at(-1)?.at(-1), (part) => part.flat().reverse());
    this.isAtEnd = page.length < PAGE;
    const last = this.parts.at(-1);
    if (last && last.length + page.length <= PAGE) this.parts.splice(-1, 1, [...last, ...page]);
    else if (page.length) this.parts.push(page);
    while (this.size > MOST) {
      this.size -= /** @type {any[]} */ (this.parts.shift()).length;
      this.isAtStart = false;
    }
    if (this.isAsked) await this.later(true); // somebody has asked meanwhile
  }

  async earlier() {
    if (this.isReading || this.isAtStart) return;
    const page = await this.#page("TIMESTAMP_DESC", "before_", this.parts[0]?.[0], (parts) => parts.flat());
    this.isAtStart = page.length < PAGE;
    if (page.length) this.parts.unshift(page.reverse());
    while (this.size > MOST) {
      this.size -= /** @type {any[]} */ (this.parts.pop()).length;
      this.isAtEnd = false;
    }
  }

  /** The last ones. */
  async last() {
    this.isAtStart = false;
    await this.earlier();
    this.isAtEnd = true;
  }

  /** Those around a line. @param {string} line its time and id */
  async around(line) {
    const [timestamp] = line.split("~");
    this.isAtStart = false;
    this.parts = [];
    const page = await this.#page("TIMESTAMP_ASC", "after_", { timestamp }, () => []);
    this.isAtEnd = page.length < PAGE;
    if (page.length) this.parts = [page];
    await this.earlier();
  }

  /**
   * @param {string} sort @param {string} bound @param {any} from the line at the edge
   * @param {(parts: any[][]) => any[]} outwards lines, those at the edge first
   */
  async #page(sort, bound, from, outwards) {
    this.isReading = true;
    try {
      const timestamp = from && { timestamp: { [bound]: from.timestamp } };
      // Lines of the same instant have an order: as many of them are passed over as were read.
      const lines = outwards(this.parts), same = lines.findIndex((line) => line.timestamp !== from.timestamp);
      const offset = !from ? 0 : same < 0 ? lines.length : same;
      const page = await post("/logs/filter", { logs: { ...this.filter, ...timestamp }, sort, limit: PAGE, offset });
      this.size += page.length;
      this.isRead = true;
      return page;
    } finally {
      this.isReading = false;
    }
  }
}
