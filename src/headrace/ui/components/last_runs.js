/** The last runs of a flow as bars: their colour is their state, their height how long they took. */

import { duration, localTime } from "../format.js";
import { html } from "../html.js";
import { flowRunPath } from "../router.js";
import { stateClass } from "../states.js";

/** @param {{runs: any[]}} props newest first */
export function LastRuns({ runs }) {
  const longest = Math.max(1e-9, ...runs.map((run) => run.duration));
  return html`<span class="last-runs">${[...runs].reverse().map(
    (run) => html`<a href=${flowRunPath(run.id)} class=${stateClass(run.state_type)} style=${{ height: `${20 + (80 * run.duration) / longest}%` }}
      title="${run.name}: ${run.state_name}\n${localTime(run.timestamp)}, ${duration(run.duration)}" aria-label="${run.name}, ${run.state_name}"></a>`,
  )}</span>`;
}
