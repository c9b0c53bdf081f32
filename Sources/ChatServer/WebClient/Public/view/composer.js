// The box in which one writes, and what it is about: a new message, an answer, an edit.

import { Completion } from "./completion.js";
import { element } from "./dom.js";
import { excerpt } from "./text.js";

/**
 * @typedef {{kind: "reply" | "edit", seq: number, from: string, body: string}} Context
 * @typedef {(before: string, isAsked: boolean) => {start: number, suggestions: import("./completion.js").Suggestion[]} | null} Complete
 * @typedef {{submit: (text: string, context: Context | null) => boolean, typing: (isTyping: boolean) => void, editLast: () => void,
 *   complete: Complete}} Handlers `submit`
 *   returns whether the text was taken
 */

export class Composer {
  #input = element("input");
  #handlers;
  #completion;
  /** @type {Context | null} */
  context = null;
  /** What was being written before an edit began. */
  #aside = "";

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#completion = new Completion(handlers.complete);
    this.#input.addEventListener("input", () => this.#changed());
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    this.#input.addEventListener("blur", () => this.#completion.close());
    element("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
      this.focus();
    });
    element("context-cancel").addEventListener("click", () => this.cancel());
  }

  get text() {
    return this.#input.value;
  }

  set text(value) {
    this.#input.value = value;
    this.#grow();
  }

  focus() {
    this.#input.focus();
  }

  insert(text) {
    this.#input.setRangeText(text, this.#input.selectionStart, this.#input.selectionEnd, "end");
    this.#changed();
    this.focus();
  }

  /** @param {string} text what stands in the empty box */
  invite(text) {
    this.#input.placeholder = text;
  }

  /** @param {Context} context */
  begin(context) {
    if (this.context?.kind === "edit") this.cancel();
    this.context = context;
    if (context.kind === "edit") {
      this.#aside = this.text;
      this.text = context.body;
    }
    element("context-icon").setAttribute("href", context.kind === "edit" ? "#i-edit" : "#i-reply");
    const text = context.kind === "edit" ? "Editing your message" : `Answering ${context.from}: ${excerpt(context.body)}`;
    element("context-text").textContent = text;
    element("context").hidden = false;
    this.focus();
    this.#input.setSelectionRange(this.text.length, this.text.length);
  }

  cancel() {
    if (!this.context) return;
    const wasEdit = this.context.kind === "edit";
    this.context = null;
    element("context").hidden = true;
    if (wasEdit) this.text = this.#aside;
    this.#aside = "";
    this.focus();
  }

  #changed() {
    this.#grow();
    this.#completion.update();
    this.#handlers.typing(this.text.trim() !== "" && !this.text.startsWith("/"));
  }

  #grow() {
    this.#input.style.setProperty("height", "auto");
    this.#input.style.setProperty("height", `${this.#input.scrollHeight}px`);
    element("send").classList.toggle("ready", this.text.trim() !== "");
  }

  #pressed(event) {
    if (event.isComposing) return;
    const { key } = event;
    const completion = this.#completion;
    const isPlain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (completion.isOpen && isPlain && ["ArrowDown", "ArrowUp", "Tab", "Enter", "Escape"].includes(key)) {
      event.preventDefault();
      if (key === "ArrowDown" || key === "ArrowUp") completion.move(key === "ArrowDown" ? 1 : -1);
      else if (key === "Escape") completion.close();
      else completion.accept();
    } else if (key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (key === "Tab" && isPlain && /\S$/.test(this.text.slice(0, this.#input.selectionStart))) {
      completion.update(true);
      if (completion.isOpen || !/\S$/.test(this.text)) event.preventDefault();
    } else if (key === "Escape" && this.context) {
      event.preventDefault();
      this.cancel();
    } else if (key === "ArrowUp" && isPlain && this.text === "" && !this.context) {
      event.preventDefault();
      this.#handlers.editLast();
    }
  }

  #submit() {
    const { text, context } = this;
    if (!text.trim() && context?.kind !== "edit") return;
    this.text = "";
    this.#completion.close();
    if (!this.#handlers.submit(text, context)) return void (this.text = text);
    if (context && this.context === context) this.cancel();
    this.#handlers.typing(false);
  }
}
