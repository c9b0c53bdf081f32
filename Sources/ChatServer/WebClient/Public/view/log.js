// The log: rows that come and go without moving what somebody reads, one place that Tab reaches, and actions on the message that is chosen.

import { element, icon, make } from "./dom.js";
import { fillRow, makeRow } from "./message.js";

/** Which keys do what to the message that is chosen; of several things, the one that can be done. */
const keys = { r: ["reply"], Enter: ["reply"], a: ["react"], e: ["edit"], p: ["pin", "unpin"], Delete: ["delete"] };
const labels = { react: "React", reply: "Reply", edit: "Edit", pin: "Pin", unpin: "Unpin", delete: "Delete" };
const nearPixels = 400;
const endPixels = 60;

/**
 * @typedef {{older: () => void, newer: () => void, ended: (isAtEnd: boolean) => void,
 *   act: (name: string, row: import("./rows.js").Row, detail: any) => void,
 *   abilities: (row: import("./rows.js").Row) => string[]}} Handlers
 */

export class Log {
  #handlers;
  #scroller = element("log");
  #list = element("messages");
  /** @type {Map<string, {node: HTMLElement, row: import("./rows.js").Row}>} */
  #shown = new Map();
  #toolbar = make("div", { class: "toolbar", role: "toolbar", "aria-label": "Actions" });
  /** The row that the actions are for. */
  #chosen = "";
  /** Whether the end stays in view when something is added. */
  isAtEnd = true;
  /** Where we scrolled to ourselves, which says nothing about what somebody wants to read. */
  #ownTop = -1;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.isAtEnd && this.toEnd()).observe(this.#scroller);
    this.#list.addEventListener("click", (event) => this.#clicked(event));
    this.#list.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.#choose(this.#keyOf(event.target)));
    this.#list.addEventListener("focusin", (event) => this.#choose(this.#keyOf(event.target)));
    this.#list.addEventListener("keydown", (event) => this.#pressed(event));
  }

  // Rows

  #keyOf(node) {
    return node.closest?.("li")?.dataset.key ?? "";
  }

  /**
   * Shows these rows instead of those that are shown.
   * @param {import("./rows.js").Row[]} rows @param {string} user @param {boolean} [isFresh] whether it is another log
   */
  show(rows, user, isFresh = false) {
    const anchor = isFresh || this.isAtEnd ? null : this.#anchor();
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const focusedAction = this.#focusedAction;
    if (isFresh) {
      this.#list.replaceChildren();
      this.#shown.clear();
      this.#chosen = "";
      this.isAtEnd = true;
    }
    const present = new Set(rows.map((row) => row.key));
    for (const [key, { node }] of this.#shown) {
      if (present.has(key)) continue;
      node.remove();
      this.#shown.delete(key);
    }
    let place = this.#list.firstElementChild;
    for (const row of rows) {
      let shown = this.#shown.get(row.key);
      if (!shown) {
        shown = { node: makeRow(row, user), row };
        shown.node.dataset.key = row.key;
        this.#shown.set(row.key, shown);
      } else if (shown.row.version !== row.version) {
        const holdsToolbar = this.#toolbar.parentNode === shown.node;
        fillRow(shown.node, row, user);
        if (holdsToolbar) shown.node.append(this.#toolbar);
      }
      shown.row = row;
      if (row.item) shown.node.dataset.seq = row.item.seq;
      if (shown.node === place) place = place.nextElementSibling;
      else this.#list.insertBefore(shown.node, place);
    }
    this.#reachable();
    if (focused && focused !== document.activeElement && focused.isConnected) {
      // The actions can be seen, and so have the focus, while their message has it.
      focused.closest("li").focus({ preventScroll: true });
      focused.focus({ preventScroll: true });
      this.#toolbar.children[focusedAction]?.focus({ preventScroll: true });
    }
    // What can be done to a message changes with it.
    this.#choose(this.#chosen);
    if (this.isAtEnd) this.toEnd();
    else if (anchor?.node.isConnected) this.#scrollTo(this.#scroller.scrollTop + anchor.node.getBoundingClientRect().top - anchor.top);
    this.#want();
  }

  /** The first row in view, which is to stay where it is. */
  #anchor() {
    const { top } = this.#scroller.getBoundingClientRect();
    for (const node of this.#list.children) {
      const box = node.getBoundingClientRect();
      if (box.bottom > top && node.className.startsWith("message")) return { node, top: box.top };
    }
    return null;
  }

  #scrollTo(top) {
    this.#scroller.scrollTop = top;
    this.#ownTop = this.#scroller.scrollTop;
  }

  toEnd() {
    this.isAtEnd = true;
    this.#scrollTo(this.#scroller.scrollHeight);
    this.#handlers.ended(true);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < endPixels;
    if (Math.abs(scrollTop - this.#ownTop) > 1) {
      this.isAtEnd = isAtEnd;
      this.#ownTop = -1;
    }
    this.#handlers.ended(this.isAtEnd);
    this.#want();
  }

  /** Asks for what will soon come into view. */
  #want() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (!clientHeight) return;
    if (scrollTop < nearPixels) this.#handlers.older();
    if (scrollHeight - scrollTop - clientHeight < nearPixels) this.#handlers.newer();
  }

  /** Brings a message into view, and shows which it is. @param {number} seq @returns {boolean} */
  reveal(seq) {
    const node = this.#list.querySelector(`li[data-seq="${Number(seq)}"]`);
    if (!node) return false;
    this.isAtEnd = false;
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
    node.classList.remove("found");
    void node.offsetWidth;
    node.classList.add("found");
    return true;
  }

  // Keyboard

  #messages() {
    return [...this.#list.querySelectorAll(".message")];
  }

  /** Tab reaches the message that was chosen last, at first the last one. */
  #reachable() {
    const messages = this.#messages();
    const chosen = this.#shown.get(this.#chosen)?.node;
    const target = chosen?.isConnected ? chosen : messages.at(-1);
    for (const node of messages) if (node.tabIndex === 0 && node !== target) node.tabIndex = -1;
    if (target) target.tabIndex = 0;
  }

  #pressed(event) {
    const node = event.target.closest(".message");
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const isInToolbar = this.#toolbar.contains(event.target);
    const messages = this.#messages();
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const handle = () => event.preventDefault();
    if (step) {
      const next = messages[messages.indexOf(node) + step];
      handle();
      if (next) next.focus();
      else if (step > 0) element("input").focus();
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const buttons = [...node.querySelectorAll("button:not([hidden])")];
      handle();
      const at = buttons.indexOf(document.activeElement) + (event.key === "ArrowRight" ? 1 : -1);
      (buttons[at] ?? node).focus();
    } else if (event.key === "Home" || event.key === "End") {
      handle();
      messages.at(event.key === "Home" ? 0 : -1).focus();
    } else if (event.key === "Escape") {
      handle();
      if (isInToolbar) node.focus();
      else element("input").focus();
    } else if (event.target === node) {
      const shown = this.#shown.get(node.dataset.key);
      const abilities = shown ? this.#handlers.abilities(shown.row) : [];
      const act = keys[event.key]?.find((name) => abilities.includes(name));
      if (!act) return;
      handle();
      this.#handlers.act(act, shown.row, { node });
    }
  }

  // Actions

  /** Which of the actions has the focus; -1 if none has. */
  get #focusedAction() {
    return [...this.#toolbar.children].indexOf(document.activeElement);
  }

  #choose(key) {
    const shown = this.#shown.get(key);
    if (!shown || shown.row.kind !== "message") return;
    const isSame = this.#chosen === key && this.#toolbar.parentNode === shown.node;
    this.#chosen = key;
    this.#reachable();
    const abilities = this.#handlers.abilities(shown.row);
    if (isSame && this.#toolbar.dataset.for === abilities.join()) return;
    this.#toolbar.dataset.for = abilities.join();
    const quick = abilities.includes("react") ? ["👍", "❤️", "😂"] : [];
    const focusedAction = this.#focusedAction;
    this.#toolbar.replaceChildren(
      ...quick.map((text) => make("button", {
        type: "button", class: "icon small emoji", tabIndex: -1, "data-act": "toggle", "data-reaction": text,
        "aria-label": `React with ${text}`, text,
      })),
      ...abilities.map((name) => make("button", {
        type: "button", class: "icon small", tabIndex: -1, "data-act": name, "aria-label": labels[name], title: labels[name],
      }, icon(name))));
    if (abilities.length) shown.node.append(this.#toolbar);
    else this.#toolbar.remove();
    this.#toolbar.children[focusedAction]?.focus({ preventScroll: true });
  }

  #clicked(event) {
    const shown = this.#shown.get(this.#keyOf(event.target));
    const button = event.target.closest("button[data-act]");
    if (!shown) return;
    this.#choose(shown.row.key);
    if (button) this.#handlers.act(button.dataset.act, shown.row, { node: button, ...button.dataset });
  }
}
