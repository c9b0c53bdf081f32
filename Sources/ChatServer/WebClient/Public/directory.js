// Finding rooms to enter, and people to write to.

import { isRoom, isUser } from "./model/names.js";
import { kinds } from "./protocol/kinds.js";
import { inWords } from "./protocol/reasons.js";
import { element, on } from "./view/dom.js";
import { ask, choice } from "./view/layers.js";
import { count } from "./view/text.js";

const roomsMax = 100;
const pauseMilliseconds = 150;
const lookMilliseconds = 300;

export class Directory {
  #chat;
  #timer = 0;
  #rooms = [];
  #isDue = false;

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    this.#chat = chat;
    on("click", () => this.open(), "browse");
    chat.client.addEventListener("state", ({ detail }) => detail.state === "ready" && this.#look());
    // The lobby tells of new rooms.
    chat.client.addEventListener("deliver", ({ detail }) => detail.kind === kinds.created && this.#look());
    on("click", () => this.#write(), "write");
    on("click", () => element("browse-dialog").close(), "browse-close");
    on("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#list(), pauseMilliseconds);
    }, "browse-text");
    on("keydown", (event) => {
      if (event.key !== "ArrowDown") return;
      event.preventDefault();
      element("browse-list").querySelector("button")?.focus();
    }, "browse-text");
    on("submit", (event) => {
      event.preventDefault();
      const name = element("browse-text").value.trim().toLowerCase();
      if (isRoom(name)) this.#enter(name);
    }, "browse-form");
  }

  /** Looks what rooms there are, once in a while. */
  #look() {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(async () => {
      this.#isDue = false;
      const found = await this.#chat.client.list({ t: "list" }, roomsMax).catch(() => null);
      if (found) this.#rooms = found.items;
      this.#chat.render();
    }, lookMilliseconds);
  }

  /** Rooms that one is not in. */
  others() {
    return this.#rooms.filter(({ room }) => !this.#chat.rooms.find(room)?.isMember);
  }

  names() {
    return [...new Set([...this.#rooms.map((room) => room.room), ...this.#chat.rooms.joined().map((room) => room.address)])];
  }

  async open() {
    element("browse-text").value = "";
    element("browse-list").replaceChildren();
    element("browse-dialog").showModal();
    element("browse-text").focus();
    await this.#list();
  }

  #enter(name) {
    element("browse-dialog").close();
    this.#chat.enter(name);
  }

  async #list() {
    const wanted = element("browse-text").value.trim().toLowerCase();
    const note = element("browse-note");
    const found = await this.#chat.attempt(() => this.#chat.client.list({ t: "list", ...(wanted && { title: wanted }) }, roomsMax));
    if (!found || wanted !== element("browse-text").value.trim().toLowerCase()) return;
    const nodes = found.items.slice(0, roomsMax).map((room) => {
      const isIn = this.#chat.rooms.find(room.room)?.isMember;
      const node = choice(room.room, [room.topic ?? room.title, count(room.members, "member"), isIn && "you are in"].filter(Boolean).join(" · "));
      node.firstElementChild.addEventListener("click", () => this.#enter(room.room));
      return node;
    });
    if (isRoom(wanted) && !found.items.some((room) => room.room === wanted)) {
      const node = choice(wanted, "make this room, or enter it if it is unlisted", true);
      node.firstElementChild.addEventListener("click", () => this.#enter(wanted));
      nodes.unshift(node);
    }
    element("browse-list").replaceChildren(...nodes);
    const isBad = wanted && !isRoom(wanted);
    note.textContent = isBad ? "Names of rooms are made of a–z, 0–9 and . _ - / in between."
      : found.isWhole ? "" : `The first ${roomsMax} are shown; type to find others.`;
  }

  #write() {
    ask({ title: "Write to somebody", label: "Name", submit: "Open" }, (name) => {
      const user = name.toLowerCase();
      if (!isUser(user)) return inWords({ code: 400 });
      this.#chat.talk(user);
    });
  }
}
