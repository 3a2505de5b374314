/** What a component shows of the API: read when it appears, and again when something has changed. */

import { useEffect, useRef, useState } from "preact/hooks";
import { epoch } from "./api.js";

const LEAST_PAUSE = 100;

/**
 * @template T
 * @typedef {object} Resource
 * @property {T | undefined} data what was read last; it stays while it is read anew
 * @property {Error | undefined} error why it could not be read
 * @property {boolean} isStale something else is asked for than what `data` answers
 * @property {() => void} refresh read it anew: at once, or as soon as the last time is long enough ago
 */

/**
 * @template T
 * @param {() => Promise<T>} load
 * @param {unknown[]} about what it depends on
 * @returns {Resource<T>}
 */
export function useResource(load, about) {
  const [, redraw] = useState(0);
  const key = JSON.stringify([about, epoch.value]);
  const reader = useRef(/** @type {Reader<T> | null} */ (null));
  reader.current ??= new Reader(() => redraw((n) => n + 1));
  reader.current.load = load;
  useEffect(() => reader.current?.ask(key), [key]);
  useEffect(() => () => reader.current?.stop(), []);
  const { data, error, answered, refresh } = reader.current;
  return { data, error, isStale: answered !== key, refresh };
}

/** @template T */
class Reader {
  /** @param {() => void} redraw */
  constructor(redraw) {
    this.redraw = redraw;
    this.load = /** @type {() => Promise<T>} */ (() => Promise.reject());
    this.data = /** @type {T | undefined} */ (undefined);
    this.error = /** @type {Error | undefined} */ (undefined);
    this.key = this.answered = "";
    this.isReading = this.isAsked = this.isStopped = false;
    this.timer = 0;
    this.refresh = () => {
      if (this.isReading) this.isAsked = true;
      else this.timer ||= window.setTimeout(() => this.read(), Math.max(0, this.notBefore - performance.now()));
    };
    this.notBefore = 0;
  }

  /** @param {string} key */
  ask(key) {
    this.key = key;
    this.isStopped = false;
    this.read();
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  async read() {
    const key = this.key, began = performance.now();
    clearTimeout(this.timer);
    this.timer = 0;
    this.isAsked = false;
    this.isReading = true;
    let data = this.data, error;
    try {
      data = await this.load();
    } catch (reason) {
      error = /** @type {Error} */ (reason);
    }
    if (this.isStopped || key !== this.key) return; // nobody wants it any more
    this.isReading = false;
    [this.data, this.error, this.answered] = [data, error, key];
    const took = performance.now() - began;
    this.notBefore = performance.now() + Math.max(LEAST_PAUSE, 3 * took); // what is slow to read is read less often
    if (this.isAsked) this.refresh();
    this.redraw();
  }
}
