// What the broker tells unasked. It stays until somebody has read it.

import { inWords } from "../protocol/reasons.js";
import { element, make } from "./dom.js";
import { briefMoment } from "./text.js";

const noticesMax = 3;

/** @param {import("../protocol/connection.js").Frame} notice NOTICE */
export function showNotice(notice) {
  // What is not known, and not explained, is nothing to people.
  if (notice.code !== 204 && !notice.reason) return;
  const words = inWords(notice, "notice");
  const text = notice.until ? `${words} (${briefMoment(notice.until)})` : words;
  const close = make("button", { type: "button", class: "plain", text: "Close" });
  const node = make("div", { class: "banner calm" }, make("p", { text }), close);
  close.addEventListener("click", () => {
    node.remove();
    element("input").focus();
  });
  const notices = element("notices");
  notices.append(node);
  while (notices.childElementCount > noticesMax) notices.firstElementChild.remove();
}
