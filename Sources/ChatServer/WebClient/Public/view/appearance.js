// Light or dark: as the system says, until somebody chooses otherwise on this device.

import { element } from "./dom.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

function show() {
  const text = isDark() ? "Switch to light" : "Switch to dark";
  element("theme").setAttribute("aria-label", text);
  element("theme").title = text;
}

export function prepareAppearance() {
  show();
  system.addEventListener("change", show);
  element("theme").addEventListener("click", () => {
    const chosen = isDark() ? "light" : "dark";
    // Who comes back to what the system says follows it from then on.
    root.dataset.theme = chosen === (system.matches ? "dark" : "light") ? "" : chosen;
    localStorage.setItem("theme", root.dataset.theme);
    show();
  });
}
