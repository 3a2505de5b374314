/** Stacked bars: how many of each state type in each interval of time. A click goes to those runs. */

import { count, localTime, number } from "../format.js";
import { html } from "../html.js";
import { stateClass, STATE_TYPES, typeName } from "../states.js";

/**
 * @param {object} props
 * @param {{since: string, seconds: number, counts: Record<string, number[]>}} props.history
 * @param {(since: string, until: string) => string} props.to the address of the runs of an interval
 */
export function StateBars({ history: { since, seconds, counts }, to }) {
  const types = STATE_TYPES.filter((type) => counts[type]?.some(Boolean));
  const size = Math.max(1, ...Object.values(counts).map((each) => each.length));
  const sums = Array.from({ length: size }, (_, at) => types.reduce((sum, type) => sum + counts[type][at], 0));
  const most = Math.max(1, ...sums), start = Date.parse(since);
  const timeAt = (/** @type {number} */ at) => new Date(start + at * seconds * 1000).toISOString();
  return html`<div class="bars">
    <span class="most num muted">${number(most)}</span>
    <div class="plot" >
      ${sums.map((sum, at) => {
        const what = types.filter((type) => counts[type][at]).map((type) => `${number(counts[type][at])} ${typeName(type)}`);
        const title = `${localTime(timeAt(at))} – ${localTime(timeAt(at + 1))}\n${what.join("\n") || "No runs"}`;
        return html`<a href=${to(timeAt(at), timeAt(at + 1))} title=${title} aria-label="${count(sum, "run")}, ${title}" tabindex=${sum ? 0 : -1}>
          ${types.map((type) => counts[type][at] > 0 && html`<i class=${stateClass(type)} style=${{ height: `max(2px, ${(100 * counts[type][at]) / most}%)` }}></i>`)}
        </a>`;
      })}
    </div>
    <div class="axis muted num"><span>${localTime(timeAt(0))}</span><span>${localTime(timeAt(size / 2))}</span><span>${localTime(timeAt(size))}</span></div>
  </div>`;
}
