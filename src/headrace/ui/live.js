/**
 * What has changed, told by the API as soon as it is committed.
 *
 * A socket that is lost is opened again. What was missed meanwhile is not asked for: `onChange(null)` says that anything may have
 * changed, and whoever shows something reads it anew.
 */

import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { credentials, epoch, health, socketUrl } from "./api.js";

/** @typedef {{of: "events" | "flow-runs"} | {of: "flow-run" | "task-run" | "flow-run-logs" | "task-run-logs", id: string}} Watched */

const open = signal(0), wanted = signal(0);

/** Whether what is shown follows what happens. */
export const isLive = computed(() => open.value >= wanted.value && health.value === "up");

/**
 * Watch something while the component is shown.
 * @param {Watched | null} watched null watches nothing
 * @param {(flowRunIds: string[] | null) => void} onChange is told which flow runs have changed; null stands for any
 */
export function useLive(watched, onChange) {
  const handler = useRef(onChange);
  handler.current = onChange;
  const text = watched && JSON.stringify(watched);
  useEffect(() => (text ? watch(text, (ids) => handler.current(ids)) : undefined), [text, epoch.value]);
}

/**
 * @param {string} watched @param {(flowRunIds: string[] | null) => void} onChange
 * @returns {() => void} stops
 */
function watch(watched, onChange) {
  let socket = /** @type {WebSocket | null} */ (null), isOpen = false, failures = 0, timer = 0;
  wanted.value++;

  const connect = () => {
    socket = new WebSocket(`${socketUrl}/ui/changes`, "prefect");
    socket.onopen = () => socket?.send(JSON.stringify({ type: "auth", token: credentials.get() }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "auth_success") socket?.send(`{"type":"filter","filter":${watched}}`);
      else if (message.type === "changes") onChange(message.flow_run_ids);
      else {
        isOpen = true;
        failures = 0;
        open.value++;
        onChange(null); // also the first time: something may have happened since what is shown was read
      }
    };
    socket.onclose = () => {
      if (isOpen) open.value--;
      isOpen = false;
      timer = window.setTimeout(connect, Math.min(500 * 2 ** failures++, 10_000));
    };
  };
  connect();
  return () => {
    clearTimeout(timer);
    wanted.value--;
    if (isOpen) open.value--;
    if (!socket) return;
    socket.onclose = socket.onmessage = null;
    socket.onopen = () => socket?.close();
    socket.close();
  };
}
