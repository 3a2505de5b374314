/**
 * What has changed, told by the API as soon as it is committed.
 *
 * A socket that is lost is opened again. What was missed meanwhile is not asked for: `onChange(null)` says that anything may have
 * changed, and whoever shows something reads it anew.
 */

import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { check, credentials, epoch, health, socketUrl } from "./api.js";

/** @typedef {{of: "events" | "flow-runs"} | {of: "flow-run" | "task-run" | "flow-run-logs" | "task-run-logs", id: string}} Watched */

const open = signal(0), wanted = signal(0);

/** Whether what is shown follows what happens. */
export const isLive = computed(() => open.value >= wanted.value && health.value === "up");

/**
 * Watch something while the component is shown. Those who watch the same share a socket.
 * @param {Watched | null} watched null watches nothing
 * @param {(flowRunIds: string[] | null) => void} onChange is told which flow runs have changed; null stands for any
 */
export function useLive(watched, onChange) {
  const handler = useRef(onChange);
  handler.current = onChange;
  const text = watched && JSON.stringify(watched);
  useEffect(() => {
    if (!text) return undefined;
    const watch = watches.get(text) ?? new Watch(text), tell = (/** @type {string[] | null} */ ids) => handler.current(ids);
    watch.listeners.add(tell);
    return () => {
      watch.listeners.delete(tell);
      if (!watch.listeners.size) watch.close();
    };
  }, [text, epoch.value]);
}

const watches = /** @type {Map<string, Watch>} */ (new Map());

/** A socket that tells of changes, opened again when it is lost. */
class Watch {
  /** @param {string} watched */
  constructor(watched) {
    this.watched = watched;
    this.listeners = /** @type {Set<(ids: string[] | null) => void>} */ (new Set());
    this.isOpen = false;
    this.failures = this.timer = 0;
    watches.set(watched, this);
    wanted.value++;
    this.connect();
  }

  connect() {
    const socket = (this.socket = new WebSocket(`${socketUrl}/ui/changes`, "prefect"));
    socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token: credentials.get() }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "auth_success") socket.send(`{"type":"filter","filter":${this.watched}}`);
      else if (message.type === "changes") this.tell(message.flow_run_ids);
      else {
        this.isOpen = true;
        this.failures = 0;
        open.value++;
        this.tell(null); // also the first time: something may have happened since what is shown was read
      }
    };
    socket.onclose = () => {
      if (this.isOpen) open.value--;
      this.isOpen = false;
      check();
      this.timer = window.setTimeout(() => this.connect(), Math.min(500 * 2 ** this.failures++, 10_000));
    };
  }

  /** @param {string[] | null} ids */
  tell(ids) {
    for (const listener of this.listeners) listener(ids);
  }

  close() {
    watches.delete(this.watched);
    clearTimeout(this.timer);
    wanted.value--;
    if (this.isOpen) open.value--;
    const socket = /** @type {WebSocket} */ (this.socket);
    socket.onclose = socket.onmessage = null;
    socket.onopen = () => socket.close(); // browsers complain of one that is closed before it is open
    if (socket.readyState === WebSocket.OPEN) socket.close();
  }
}
