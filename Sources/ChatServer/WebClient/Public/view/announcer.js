// What a screen reader says without being asked. Many messages at a time become one sentence.

import { element, make } from "./dom.js";

const pauseMilliseconds = 1200;
const sentencesMax = 2;

let waiting = [];
let timer = 0;

function say() {
  timer = 0;
  if (!waiting.length) return;
  element("live").textContent = waiting.length > sentencesMax ? `${waiting.length} new messages` : waiting.join(". ");
  waiting = [];
  timer = setTimeout(say, pauseMilliseconds);
}

/** @param {string} sentence */
export function announce(sentence) {
  waiting.push(sentence.slice(0, 200));
  if (!timer) timer = setTimeout(say, 100);
}

/** A line that everybody sees for a while. @param {string} text @param {boolean} [isBad] */
export function toast(text, isBad = false) {
  const node = make("p", { class: isBad ? "toast bad" : "toast", text });
  const toasts = element("toasts");
  toasts.append(node);
  while (toasts.childElementCount > 3) toasts.firstElementChild.remove();
  node.addEventListener("click", () => node.remove());
  setTimeout(() => node.remove(), isBad ? 9000 : 5000);
}
