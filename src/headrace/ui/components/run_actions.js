/** What can be done to flow runs: cancel, retry, delete, and the commands that do the same. */

import { useState } from "preact/hooks";
import { apiUrl, post, remove } from "../api.js";
import { count, number } from "../format.js";
import { html } from "../html.js";
import { go } from "../router.js";
import { isFinal } from "../states.js";
import { ask, Dialog, tell } from "./dialog.js";
import { Command, Menu, Name } from "./elements.js";

const CANCEL = { type: "CANCELLING", message: "Cancelled from the web page." };
const AT_ONCE = 50;

/** Propose a state, and say why when the run does not get it. @param {any} run @param {object} state @param {boolean} [force] */
async function propose(run, state, force = false) {
  const answer = await post(`/flow_runs/${run.id}/set_state`, { state, force });
  if (answer.status !== "ACCEPT") throw new Error(answer.details?.reason ?? `The server answered ${answer.status}.`);
  return answer.state;
}

/** @param {any} run */
const cancel = (run) =>
  ask({
    title: `Cancel ${run.name}?`,
    body: run.deployment_id
      ? "Whoever runs it stops it; task runs that have ended stay as they are."
      : "It is asked to stop. What a script runs goes on to the end of its code, and is Cancelled then: nobody can interrupt it from here.",
    action: "Cancel the run",
    isDangerous: true,
    act: async () => tell(`${run.name} is ${(await propose(run, CANCEL)).name}.`),
  });

/** @param {any} run */
const deleteRun = (run) =>
  ask({
    title: `Delete ${run.name}?`,
    body: "Its task runs, states and log lines are deleted with it, for good.",
    action: "Delete the run",
    isDangerous: true,
    act: async () => {
      await remove(`/flow_runs/${run.id}`);
      tell(`${run.name} is deleted.`);
      go("/runs");
    },
  });

/** A run of a deployment is retried by whoever serves that. @param {any} run */
const retry = (run) =>
  ask({
    title: `Retry ${run.name}?`,
    body: "It is scheduled to run again now. Task runs whose results were kept are not run again.",
    action: "Retry the run",
    act: async () => {
      const state = { type: "SCHEDULED", name: "AwaitingRetry", message: "Retried from the web page.", state_details: { scheduled_time: new Date().toISOString() } };
      tell(`${run.name} is ${(await propose(run, state, true)).name}.`);
    },
  });

/** The buttons of a run's page. @param {{run: any, flow: string}} props */
export function RunActions({ run, flow }) {
  const [shown, show] = useState(/** @type {"retry" | "commands" | null} */ (null));
  const hasEnded = isFinal(run.state_type);
  return html`
    ${hasEnded
      ? html`<button class="button" onClick=${() => (run.deployment_id ? retry(run) : show("retry"))}>Retry</button>`
      : html`<button class="button" onClick=${() => cancel(run)} disabled=${run.state_type === "CANCELLING"}>Cancel</button>`}
    <${Menu} icon="more" title="More actions">
      <button class="item" onClick=${() => show("commands")}>Copy as command …</button>
      <a class="item" href="${apiUrl}/flow_runs/${run.id}/logs/download" download>Download the log (CSV)</a>
      <a class="item" href="${apiUrl}/flow_runs/${run.id}" target="_blank">Show as JSON</a>
      <hr />
      <button class="item dangerous" onClick=${() => deleteRun(run)}>Delete …</button>
    <//>
    ${shown === "retry" &&
    html`<${Dialog} title="Retry ${run.name}" onClose=${() => show(null)}>
      <p>This run belongs to no deployment, so no worker can run it again. This command does, where its code is:</p>
      <${Command}>${onServer(`headrace flow-run retry ${run.id} --entrypoint FILE.py:FUNCTION`)}<//>
    <//>`}
    ${shown === "commands" &&
    html`<${Dialog} title="${run.name} as commands" onClose=${() => show(null)}>
      <p>Run <${Name}>${flow}<//> with the same parameters; say where its function is:</p>
      <${Command}>${onServer(`headrace run FILE.py:FUNCTION${parameters(run.parameters)}`)}<//>
      <p>Look at this run, and at its log:</p>
      <${Command}>${onServer(`headrace flow-run inspect ${run.id}`)}<//>
      <${Command}>${onServer(`headrace flow-run logs ${run.id}`)}<//>
      <p>${hasEnded ? "Delete it:" : "Cancel it:"}</p>
      <${Command}>${onServer(`headrace flow-run ${hasEnded ? "delete" : "cancel"} ${run.id}`)}<//>
    <//>`}
  `;
}

/** @param {string} command */
const onServer = (command) => `HEADRACE_API_URL=${apiUrl} ${command}`;

/** @param {Record<string, unknown>} given */
const parameters = (given) =>
  Object.entries(given ?? {})
    .map(([name, value]) => ` -p ${quoted(`${name}=${JSON.stringify(value)}`)}`)
    .join("");

/** As a shell takes it for one word. @param {string} text */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** @param {{ids: string[], total: number, all: () => Promise<void>, done: () => void}} props */
export function BulkActions({ ids, total, all, done }) {
  const [isBusy, setBusy] = useState(false);
  const runs = count(ids.length, "run");
  const inParts = async (/** @type {string} */ path, /** @type {object} */ body, /** @type {(answer: any) => number} */ changed) => {
    let n = 0;
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const flow_runs = { id: { any_: ids.slice(at, at + AT_ONCE) }, ...body };
      n += changed(await post(path, path.endsWith("delete") ? { flow_runs } : { flow_runs, state: CANCEL }));
    }
    done();
    return n;
  };
  const cancelAll = () =>
    ask({
      title: `Cancel ${runs}?`,
      body: "Those that have ended stay as they are.",
      action: `Cancel ${runs}`,
      isDangerous: true,
      act: async () => {
        const unfinished = { state: { type: { not_any_: ["COMPLETED", "FAILED", "CRASHED", "CANCELLED", "CANCELLING"] } } };
        const n = await inParts("/flow_runs/bulk_set_state", unfinished, ({ results }) => results.filter((each) => each.status === "ACCEPT").length);
        tell(`${count(n, "run")} cancelled.`);
      },
    });
  const deleteAll = () =>
    ask({
      title: `Delete ${runs}?`,
      body: "Their task runs, states and log lines are deleted with them, for good.",
      action: `Delete ${runs}`,
      isDangerous: true,
      act: async () => tell(`${count(await inParts("/flow_runs/bulk_delete", {}, ({ deleted }) => deleted.length), "run")} deleted.`),
    });
  const chooseAll = async () => {
    setBusy(true);
    await all().finally(() => setBusy(false));
  };
  return html`<div class="bulk" role="region" aria-label="Chosen runs">
    <b class="num">${runs} chosen</b>
    ${ids.length < total && html`<button class="button" disabled=${isBusy} onClick=${chooseAll}>Choose all ${number(total)}</button>`}
    <button class="button" onClick=${cancelAll}>Cancel …</button>
    <button class="button danger" onClick=${deleteAll}>Delete …</button>
    <button class="button" onClick=${done}>Choose none</button>
  </div>`;
}
