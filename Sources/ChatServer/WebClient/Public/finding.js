// Finding messages that were said, where the broker can.

import { element, on } from "./view/dom.js";
import { saying } from "./view/layers.js";
import { excerpt } from "./view/text.js";

const pageLimit = 30;

export class Finding {
  #chat;
  #cursor = "";
  #query = "";
  #count = 0;

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    this.#chat = chat;
    chat.client.addEventListener("state", ({ detail }) => {
      if (detail.state === "ready") element("search").hidden = !chat.canSearch;
    });
    on("submit", (event) => {
      event.preventDefault();
      this.find(element("search-text").value);
    }, "search");
    on("click", () => this.#read(), "found-more");
  }

  /** Shows the messages with these words, the latest first. @param {string} text */
  async find(text) {
    this.#query = text.trim();
    if (!this.#query) return element("search-text").focus();
    this.#cursor = "";
    this.#count = 0;
    element("found-title").textContent = `Messages with “${excerpt(this.#query, 60)}”`;
    element("found-list").replaceChildren();
    element("found-note").textContent = "Searching…";
    element("found-more").hidden = true;
    element("found-dialog").showModal();
    await this.#read();
  }

  async #read() {
    const query = this.#query;
    const cursor = this.#cursor;
    const found = await this.#chat.attempt(() =>
      this.#chat.client.request({ t: "search", query, limit: pageLimit, ...(cursor && { cursor }) }));
    if (!found) return element("found-dialog").close();
    if (query !== this.#query || cursor !== this.#cursor) return;
    const events = found.parts.flatMap((part) => part.frames ?? []);
    this.#count += events.length;
    element("found-list").append(...events.map((event) =>
      saying(`${event.from} · ${this.#chat.label(event.room)}`, event.ts, event.body ?? "", () => this.#goTo(event))));
    this.#cursor = found.cursor ?? "";
    element("found-more").hidden = !this.#cursor;
    const rest = found.incomplete ? "There may be more; try other words." : "";
    element("found-note").textContent = this.#count ? rest : "Nothing was found in your rooms.";
    if (!cursor) element("found-list").querySelector("button")?.focus();
  }

  async #goTo(event) {
    element("found-dialog").close();
    const seq = event.ref ?? event.seq;
    this.#chat.open(event.room);
    await this.#chat.jump(seq);
  }
}
