/**
 * Events and log lines as they are committed, over the API's WebSockets.
 *
 * A socket that is lost is opened again. What was missed meanwhile is not asked for: `onMessages(null)` says that anything may have
 * changed, and whoever shows something reads it anew.
 */

import { computed, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { credentials, epoch, health, socketUrl } from "./api.js";

const open = signal(0), wanted = signal(0);

/** Whether what is shown follows what happens. */
export const isLive = computed(() => open.value >= wanted.value && health.value === "up");

/**
 * Listen while the component is shown.
 * @param {"events" | "logs"} stream
 * @param {object | null} filter as the API's; null does not listen
 * @param {(messages: any[] | null) => void} onMessages events or log lines that came together; null when some may have been missed
 */
export function useLive(stream, filter, onMessages) {
  const handler = useRef(onMessages);
  handler.current = onMessages;
  const text = filter && JSON.stringify(filter);
  useEffect(() => (text ? listen(stream, text, (messages) => handler.current(messages)) : undefined), [stream, text, epoch.value]);
}

/**
 * @param {string} stream @param {string} filter @param {(messages: any[] | null) => void} onMessages
 * @returns {() => void} stops
 */
function listen(stream, filter, onMessages) {
  let socket = /** @type {WebSocket | null} */ (null), isOpen = false, failures = 0, timer = 0, frame = 0;
  let arrived = /** @type {any[]} */ ([]);
  wanted.value++;

  const deliver = () => {
    frame = 0;
    const messages = arrived;
    arrived = [];
    onMessages(messages);
  };
  const connect = () => {
    socket = new WebSocket(`${socketUrl}/${stream}/out`, "prefect");
    socket.onopen = () => socket?.send(JSON.stringify({ type: "auth", token: credentials.get() }));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "auth_success") {
        socket?.send(`{"type":"filter","backfill":false,"filter":${filter}}`);
        isOpen = true;
        open.value++;
        // Also the first time: something may have happened between what was read and now.
        onMessages(null);
        failures = 0;
      } else {
        arrived.push(message.event ?? message.log);
        frame ||= window.setTimeout(deliver, 16);
      }
    };
    socket.onclose = () => {
      if (isOpen) open.value--;
      isOpen = false;
      timer = window.setTimeout(connect, Math.min(500 * 2 ** failures++, 10_000));
    };
  };
  // A moment later, so that a page that is only passed opens none.
  timer = window.setTimeout(connect, 0);
  return () => {
    clearTimeout(timer);
    clearTimeout(frame);
    wanted.value--;
    if (isOpen) open.value--;
    if (socket) {
      socket.onclose = socket.onmessage = null;
      socket.onopen = () => socket?.close();
      socket.close();
    }
  };
}
