/** Light or dark: as the system has it, until somebody chooses. */

import { effect, signal } from "@preact/signals";

const dark = matchMedia("(prefers-color-scheme: dark)");
const chosen = signal(localStorage.getItem("headrace.theme"));
const system = signal(dark.matches);
dark.addEventListener("change", () => (system.value = dark.matches));

export const theme = {
  get value() {
    return chosen.value ?? (system.value ? "dark" : "light");
  },
  toggle() {
    chosen.value = theme.value === "dark" ? "light" : "dark";
    localStorage.setItem("headrace.theme", chosen.value);
  },
};

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
