/** Durations, times, numbers and sizes as people read them; the exact values are for what shows on hover. */

import { signal } from "@preact/signals";

/** The time, to the second: what counts up reads it, and is drawn anew with it. */
export const clock = signal(Date.now());
setInterval(() => document.hidden || (clock.value = Date.now()), 1000);

const grouped = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** `12,345` @param {number} n */
export const number = (n) => grouped.format(n);

/** `12.3K` @param {number} n */
export const compact = (n) => (n < 10_000 ? grouped.format(n) : short.format(n));

/** `1 run`, `2 runs` @param {number} n @param {string} noun */
export const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;

/** `3.2 MB` @param {number} n */
export function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  for (; n >= 1000 && unit < 4; unit++) n /= 1000;
  return `${unit && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

/** `53 µs`, `12.3 s`, `2h 5m` @param {number} seconds */
export function duration(seconds) {
  const size = Math.abs(seconds);
  if (size < 1e-6) return "0 s";
  if (size < 1e-3) return `${Math.round(seconds * 1e6)} µs`;
  if (size < 1) return `${three(seconds * 1e3)} ms`;
  if (size < 59.95) return `${three(seconds)} s`;
  const [unit, rest] = [
    [86_400, 3600, "d", "h"],
    [3600, 60, "h", "m"],
    [60, 1, "m", "s"],
  ]
    .filter(([large]) => size >= Number(large) - 0.5)
    .map(([large, less, a, b]) => {
      const parts = Math.round(seconds / Number(less)), per = Number(large) / Number(less);
      return [`${Math.trunc(parts / per)}${a}`, parts % per ? ` ${parts % per}${b}` : ""];
    })[0];
  return unit + rest;
}

/** Three digits that matter. @param {number} n */
const three = (n) => (Math.abs(n) >= 100 ? Math.round(n) : Number(n.toPrecision(3)));

/** @param {number} seconds */
export const exactDuration = (seconds) => `${Number(seconds.toFixed(6))} s`;

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const year = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** The local time, with the day when that is another: `14:03:12`, `3 Nov, 14:03:12`. @param {string | number} at */
export function localTime(at) {
  const date = new Date(at), today = new Date();
  if (date.toDateString() === today.toDateString()) return time.format(date);
  return `${(date.getFullYear() === today.getFullYear() ? day : year).format(date)}, ${time.format(date)}`;
}

/** With thousandths of a second, as log lines have it. @param {string} at */
export const logTime = (at) => `${time.format(new Date(at))}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;

/** `2026-11-22 14:03:12.123456 UTC`, all that was recorded. @param {string | number} at */
export function exactTime(at) {
  const text = typeof at === "number" ? new Date(at).toISOString() : at;
  return `${text.replace("T", " ").replace(/(Z|\+00:00)$/, "")} UTC`;
}

/** `5 min ago`, `in 2 h` @param {string | number} at @param {number} now */
export function ago(at, now) {
  const seconds = (now - new Date(at).getTime()) / 1000, size = Math.abs(seconds);
  if (size < 5) return "just now";
  const text =
    size < 60 ? `${Math.round(size)} s`
    : size < 3570 ? `${Math.round(size / 60)} min`
    : size < 84_600 ? `${Math.round(size / 3600)} h`
    : `${count(Math.round(size / 86_400), "day")}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** A value as one line of JSON, cut. @param {unknown} value @param {number} most */
export function brief(value, most = 80) {
  const text = JSON.stringify(value) ?? "";
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/**
 * Text with what cannot be seen, or turns around what follows, spelled out: control characters and those of writing direction.
 * @param {string} text
 */
export const visible = (text) =>
  text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g, (c) =>
    c === "\r" ? "" : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
