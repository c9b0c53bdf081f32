// What comes over the page for a while: questions, lists to choose from, reactions, help. Esc closes each.

import { element, make, on, rove } from "./dom.js";
import { briefMoment, excerpt } from "./text.js";

const emojis = [
  "👍", "👎", "❤️", "😂", "😮", "😢", "🎉", "🙏", "👀", "✅", "❌", "🔥", "🚀", "💯", "🤔", "👋", "☕", "🍀",
  "⭐", "💡", "🐛", "🫶", "😅", "🥳",
];

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => {
    // A click on what lies behind.
    if (event.target === dialog) dialog.close();
  });
}

// A question

let answer = () => {};

on("close", () => answer(null), "ask-dialog");
on("click", () => element("ask-dialog").close(), "ask-cancel");
on("submit", async (event) => {
  event.preventDefault();
  const refused = await answer(element("ask-input").value.trim());
  if (refused) element("ask-problem").textContent = refused;
  else element("ask-dialog").close();
}, "ask-form");

/**
 * @param {{title: string, text?: string, label?: string, value?: string, submit: string, isDangerous?: boolean}} question without
 *   `label`, yes or no
 * @param {(text: string) => Promise<string | void> | string | void} act returns what is wrong with the answer
 */
export function ask(question, act) {
  element("ask-title").textContent = question.title;
  element("ask-text").textContent = question.text ?? "";
  element("ask-field").hidden = !question.label;
  element("ask-input").required = Boolean(question.label);
  element("ask-label").textContent = question.label ?? "";
  element("ask-input").value = question.value ?? "";
  element("ask-submit").textContent = question.submit;
  element("ask-submit").classList.toggle("dangerous", Boolean(question.isDangerous));
  element("ask-problem").textContent = "";
  answer = (text) => (text === null ? undefined : act(text));
  element("ask-dialog").showModal();
  if (question.label) element("ask-input").select();
  else element("ask-submit").focus();
}

// Reactions

let react = () => {};

element("reactions-grid").append(...emojis.map((text, index) =>
  make("button", {
    type: "button", class: "icon emoji", tabIndex: index ? -1 : 0, "data-reaction": text, "aria-label": `React with ${text}`, text,
  })));
rove(element("reactions-grid"), "button");

function chosen(text) {
  element("reactions").hidePopover();
  react(text);
}

on("click", ({ target }) => target.closest("button") && chosen(target.closest("button").dataset.reaction), "reactions-grid");
on("submit", (event) => {
  event.preventDefault();
  const text = element("reactions-text").value.trim();
  if (text) chosen(text);
}, "reactions-form");

/** @param {HTMLElement} beside @param {(text: string) => void} act */
export function chooseReaction(beside, act) {
  react = act;
  element("reactions-text").value = "";
  const popover = element("reactions");
  popover.showPopover();
  const box = beside.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = popover;
  const top = box.bottom + offsetHeight + 8 > innerHeight ? box.top - offsetHeight - 8 : box.bottom + 8;
  popover.style.setProperty("top", `${Math.max(8, Math.min(top, innerHeight - offsetHeight - 8))}px`);
  popover.style.setProperty("left", `${Math.max(8, Math.min(box.right - offsetWidth, innerWidth - offsetWidth - 8))}px`);
  popover.querySelector("button").focus();
}

// Lists to choose from

for (const id of ["browse-list", "found-list", "pinned-list", "devices-list"]) rove(element(id), "button");

/** @param {string} title @param {string} note @param {boolean} [isNew] */
export function choice(title, note, isNew = false) {
  return make("li", {}, make("button", { type: "button", class: isNew ? "choice new" : "choice" },
    make("span", { class: "label", text: title }), make("span", { class: "quiet", text: note })));
}

/** Something that was said, to go to. @param {string} about @param {number} ts @param {string} body @param {() => void} goTo */
export function saying(about, ts, body, goTo) {
  const button = make("button", { type: "button", class: "choice" }, make("span", { class: "label", text: about }),
    make("span", { class: "quiet", text: briefMoment(ts) }), make("span", { class: "said", text: excerpt(body, 240) }));
  button.addEventListener("click", goTo);
  return make("li", {}, button);
}

/** @param {[string, string][]} shortcuts @param {[string, string][]} commands */
export function showHelp(shortcuts, commands) {
  const table = (rows, tag) => make("dl", {}, ...rows.flatMap(([keys, text]) =>
    [make("dt", {}, ...keys.split(" | ").map((key) => make(tag, { text: key }))), make("dd", { text })]));
  const title = (text) => make("h3", { text });
  element("help-text").replaceChildren(title("Keys"), table(shortcuts, "kbd"), title("Commands"), table(commands, "code"));
  element("help-dialog").showModal();
}
