/** Why a run failed, or what it waits for: the first thing that one wants to know of it. */

import { post } from "../api.js";
import { clock, duration } from "../format.js";
import { html } from "../html.js";
import { useResource } from "../resource.js";
import { stateClass } from "../states.js";
import { Copy, Time } from "./elements.js";

const BAD = ["FAILED", "CRASHED"];

/** @param {{run: any, logs: object, noun: string}} props `logs` finds the lines of the run */
export function Why({ run, logs, noun }) {
  const { state } = run;
  if (!state) return null;
  if (BAD.includes(state.type)) return html`<${Failure} state=${state} logs=${logs} />`;
  const text = reasonOf(state, noun);
  if (!text && !(state.message && state.type !== "COMPLETED")) return null;
  return html`<div class="why ${stateClass(state.type)}"><b>${text}</b> ${state.message ?? ""}</div>`;
}

/** What a run waits for, in a sentence. @param {any} state @param {string} noun */
function reasonOf({ type, name, state_details: details }, noun) {
  const { scheduled_time: scheduled, pause_timeout: timeout, pause_reschedule: isSuspended } = details ?? {};
  if (type === "SCHEDULED" && scheduled) {
    const seconds = (Date.parse(scheduled) - clock.value) / 1000;
    const when = seconds > 0 ? html`in ${duration(Math.ceil(seconds))}` : html`<${Time} at=${scheduled} relative />`;
    if (name === "AwaitingRetry") return html`Runs again ${when}.`;
    return seconds > 0 ? html`Starts ${when}.` : html`Should have started ${when}; nobody has taken it yet.`;
  }
  if (type === "PAUSED") return html`${isSuspended ? "Suspended" : "Paused"} until somebody resumes it${timeout ? html`, or until <${Time} at=${timeout} />` : ""}.`;
  if (type === "PENDING") return `This ${noun} is about to start, or waits for what comes before it.`;
  if (type === "CANCELLING") return "It was asked to stop, and has not ended yet.";
  return "";
}

/** @param {{state: any, logs: object}} props */
function Failure({ state, logs }) {
  const found = useResource(async () => {
    const lines = await post("/logs/filter", { logs: { ...logs, level: { ge_: 40 } }, sort: "TIMESTAMP_DESC", limit: 20 });
    return lines.find((line) => line.message.includes("Traceback"))?.message ?? "";
  }, [state.id]);
  const traceback = (found.data ?? "").slice(-20_000);
  return html`<div class="why ${stateClass(state.type)}">
    <b>${(state.message || state.name).slice(0, 4000)}</b>
    ${traceback && html`<div class="traceback"><pre tabindex="0" aria-label="Traceback">${traceback.slice(Math.max(0, traceback.indexOf("Traceback")))}</pre><${Copy} text=${traceback} label="Copy the traceback" /></div>`}
  </div>`;
}
