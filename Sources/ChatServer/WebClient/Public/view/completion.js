// Suggestions for the word before the cursor: commands, names, rooms.

import { announce } from "./announcer.js";
import { element, make } from "./dom.js";

const suggestionsMax = 8;

/** @typedef {{text: string, note?: string}} Suggestion */

export class Completion {
  #input = element("input");
  #list = element("completions");
  #source;
  /** @type {Suggestion[]} */
  #suggestions = [];
  #chosen = 0;
  #start = 0;

  /** @param {import("./composer.js").Complete} source what could stand at the end of a text, and from where */
  constructor(source) {
    this.#source = source;
    this.#list.addEventListener("pointerdown", (event) => {
      const option = event.target.closest("li");
      if (!option) return;
      event.preventDefault();
      this.#chosen = Number(option.dataset.index);
      this.accept();
    });
  }

  get isOpen() {
    return !this.#list.hidden;
  }

  close() {
    this.#list.hidden = true;
    this.#input.removeAttribute("aria-activedescendant");
  }

  /** Looks for suggestions. @param {boolean} [isAsked] whether somebody pressed Tab for it */
  update(isAsked = false) {
    const { value, selectionStart, selectionEnd } = this.#input;
    const found = selectionStart === selectionEnd ? this.#source(value.slice(0, selectionStart), isAsked) : null;
    const isComplete = found?.suggestions.some(({ text }) => text.trim() === value.slice(found.start, selectionStart));
    if (!found?.suggestions.length || (isComplete && !isAsked)) return this.close();
    this.#start = found.start;
    this.#suggestions = found.suggestions.slice(0, suggestionsMax);
    this.#chosen = 0;
    if (isAsked && this.#suggestions.length === 1) return this.accept();
    this.#list.replaceChildren(...this.#suggestions.map((suggestion, index) =>
      make("li", { id: `completion-${index}`, role: "option", "data-index": String(index), "aria-selected": String(index === 0) },
        make("span", { class: "label", text: suggestion.text.trim() }),
        suggestion.note && make("span", { class: "quiet", text: suggestion.note }))));
    if (!this.isOpen) announce(`${this.#suggestions.length} suggestions`);
    this.#list.hidden = false;
    this.#input.setAttribute("aria-activedescendant", "completion-0");
  }

  move(step) {
    this.#chosen = (this.#chosen + step + this.#suggestions.length) % this.#suggestions.length;
    [...this.#list.children].forEach((node, index) => node.setAttribute("aria-selected", String(index === this.#chosen)));
    this.#input.setAttribute("aria-activedescendant", `completion-${this.#chosen}`);
    this.#list.children[this.#chosen].scrollIntoView({ block: "nearest" });
  }

  accept() {
    const { text } = this.#suggestions[this.#chosen];
    this.close();
    this.#input.setRangeText(text, this.#start, this.#input.selectionStart, "end");
    this.#input.dispatchEvent(new Event("input"));
    this.close();
  }
}
