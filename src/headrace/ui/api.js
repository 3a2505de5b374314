/** Requests to the server's API, and whether it is there. */

import { signal } from "@preact/signals";
import { served } from "./router.js";

/** What the server answered instead of what was asked for. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Whether the API answers; `locked` when it wants credentials. */
export const health = signal(/** @type {"up" | "down" | "locked"} */ ("up"));

/** Grows when the API is back: what was read before is then read anew. */
export const epoch = signal(0);

const PATIENCE = 30_000;
const client = crypto.randomUUID?.() ?? `page-${Math.random()}`;
let csrfToken = "";

/** The address of the API, and of its sockets. */
export const apiUrl = new URL(served.api, location.origin).href.replace(/\/$/, "");
export const socketUrl = apiUrl.replace(/^http/, "ws");

/** What shows who we are, when the server asks for it: `user:password`. */
export const credentials = {
  get: () => localStorage.getItem("headrace.auth"),
  /** @param {string | null} text */
  set(text) {
    text === null ? localStorage.removeItem("headrace.auth") : localStorage.setItem("headrace.auth", text);
  },
};

/**
 * Ask the API.
 * @param {string} method
 * @param {string} path below the API's address
 * @param {unknown} [body] JSON
 * @returns {Promise<any>} the answer; null when it has no body
 * @throws {ApiError} it answered something else
 */
async function ask(method, path, body) {
  for (let attempt = 0; ; attempt++) {
    const response = await send(method, path, body);
    if (response.ok) return response.status === 204 ? null : response.json();
    const problem = await problemOf(response), wait = response.headers.get("Retry-After");
    if (response.status === 403 && /CSRF/.test(problem) && attempt === 0) await renewCsrfToken();
    else if (response.status === 503 && wait && attempt < 5) await pause(Math.min(Number(wait) || 1, 5) * 1000);
    else {
      if (response.status === 401) health.value = "locked";
      throw new ApiError(response.status, problem);
    }
  }
}

/** @param {string} method @param {string} path @param {unknown} [body] */
async function send(method, path, body) {
  const headers = /** @type {Record<string, string>} */ ({});
  const auth = credentials.get();
  if (auth !== null) headers.Authorization = `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(auth)))}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (csrfToken) Object.assign(headers, { "Prefect-Csrf-Token": csrfToken, "Prefect-Csrf-Client": client });
  try {
    const response = await fetch(apiUrl + path, {
      method, headers, body: body === undefined ? null : JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE),
    });
    if (response.status === 502 || response.status === 504) throw new TypeError(response.statusText);
    return response;
  } catch {
    lookForIt();
    throw new ApiError(0, `The server at ${apiUrl} does not answer.`);
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const text = await response.text();
  try {
    const { detail, exception_message: message, exception_detail: parts } = JSON.parse(text);
    const where = (parts ?? []).map((part) => `${part.loc?.join(".")}: ${part.msg}`).join("; ");
    return [message ?? (typeof detail === "string" ? detail : JSON.stringify(detail)), where].filter(Boolean).join(" ");
  } catch {
    return text.slice(0, 300) || `${response.status} ${response.statusText}`;
  }
}

async function renewCsrfToken() {
  const response = await send("GET", `/csrf-token?client=${client}`);
  if (response.ok) csrfToken = (await response.json()).token;
}

export const get = (/** @type {string} */ path) => ask("GET", path);
export const post = (/** @type {string} */ path, /** @type {unknown} */ body = {}) => ask("POST", path, body);
export const put = (/** @type {string} */ path, /** @type {unknown} */ body) => ask("PUT", path, body);
export const remove = (/** @type {string} */ path) => ask("DELETE", path);

/** Ask whether the API is there; `health` says what came of it. */
export const check = () => get("/health").catch(() => undefined);

const pause = (/** @type {number} */ milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Say that the API is away, and look for it until it is back. */
async function lookForIt() {
  if (health.value === "down") return;
  health.value = "down";
  for (let seconds = 0.5; ; seconds = Math.min(seconds * 1.5, 5)) {
    await pause(seconds * 1000);
    try {
      if ((await fetch(`${apiUrl}/health`, { signal: AbortSignal.timeout(5000) })).ok) break;
    } catch {
      continue; // it is still away
    }
  }
  health.value = "up";
  epoch.value++;
}

/** Go on after credentials were given. @param {string} text `user:password` */
export async function unlock(text) {
  credentials.set(text);
  await get("/version");
  health.value = "up";
  epoch.value++;
}
