/** Questions and what became of them: one dialog at a time, and short notes at the edge. */

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {any} body
 * @property {string} action what the button says
 * @property {boolean} [isDangerous]
 * @property {() => Promise<unknown>} act
 */

const question = signal(/** @type {Question | null} */ (null));
const notes = signal(/** @type {{id: number, text: string, isBad: boolean}[]} */ ([]));
let count = 0;

/** Ask before something is done. @param {Question} asked */
export function ask(asked) {
  question.value = asked;
}

/** Say what became of something. @param {string} text @param {boolean} [isBad] */
export function tell(text, isBad = false) {
  const note = { id: ++count, text, isBad };
  notes.value = [...notes.value.slice(-2), note];
  setTimeout(() => (notes.value = notes.value.filter((each) => each !== note)), isBad ? 12_000 : 5000);
}

/** Do something, and say so when it fails. @param {() => Promise<unknown>} act */
export async function attempt(act) {
  try {
    await act();
  } catch (error) {
    tell(/** @type {Error} */ (error).message, true);
  }
}

export function Dialogs() {
  return html`
    ${question.value && html`<${Asked} key=${question.value.title} question=${question.value} />`}
    <div class="notes" role="status">
      ${notes.value.map(({ id, text, isBad }) => html`<p key=${id} class=${isBad ? "bad" : ""}>${text}</p>`)}
    </div>
  `;
}

/** @param {{question: Question}} props */
function Asked({ question: { title, body, action, isDangerous, act } }) {
  const [isBusy, setBusy] = useState(false), [problem, setProblem] = useState("");
  const close = () => (question.value = null);
  const confirm = async () => {
    setBusy(true);
    try {
      await act();
      close();
    } catch (error) {
      setProblem(/** @type {Error} */ (error).message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${close}>
    <div>${body}</div>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <footer>
      <button class="button" onClick=${close} autofocus=${isDangerous}>Keep it as it is</button>
      <button class="button ${isDangerous ? "danger" : "primary"}" disabled=${isBusy} onClick=${confirm} autofocus=${!isDangerous}>${action}</button>
    </footer>
  <//>`;
}

/** A window above the page; without `onClose` one that must be answered. @param {{title: string, kind?: string, onClose?: () => void, children?: any}} props */
export function Dialog({ title, kind = "", onClose, children }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => box.current?.showModal(), []);
  const outside = (/** @type {Event} */ event) => event.target === box.current && onClose?.();
  return html`<dialog class=${kind} ref=${box} aria-label=${title} closedby=${onClose ? "closerequest" : "none"} onClose=${onClose} onCancel=${(event) => onClose || event.preventDefault()} onMouseDown=${outside}>
    <div class="window">${!kind && html`<h2>${title}</h2>`}${children}</div>
  </dialog>`;
}
