// Who is in the room, and whether they are there.

import { isConversation, partner } from "./model/names.js";
import { kinds } from "./protocol/kinds.js";
import { element, on, soon } from "./view/dom.js";
import { showMembers } from "./view/members.js";
import { showSelf } from "./view/sidebar.js";

const membersMax = 500;
const watchedMax = 256;
const pauseMilliseconds = 400;

const words = { 1: "Online", 2: "Away", 3: "Do not disturb" };

export class Members {
  #chat;
  #members = [];
  #isWhole = true;
  #address = "";
  #timer = 0;
  #watched = "";
  #state = 1;
  #isDue = true;

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    this.#chat = chat;
    this.refresh = soon(() => this.#refresh());
    on("click", () => this.show(element("people").hidden), "people-open");
    on("click", () => this.show(false), "people-close");
    chat.client.addEventListener("deliver", ({ detail }) => {
      if (detail.room === chat.current && [kinds.joined, kinds.left, kinds.renamed].includes(detail.kind)) this.#isDue = true;
    });
    chat.client.addEventListener("renamed", () => this.showSelf());
    chat.client.addEventListener("state", ({ detail }) => {
      if (detail.state !== "ready") return;
      this.#isDue = true;
      this.#watched = "";
      if (this.#state !== 1) chat.client.mention({ t: "presence", state: this.#state });
    });
    for (const input of document.querySelectorAll('#me-menu input[name="state"]')) {
      input.addEventListener("change", () => chat.attempt(() => chat.appear(Number(input.value))));
    }
  }

  /** Another room is shown. */
  opened() {
    if (this.#address !== this.#chat.current) this.#isDue = true;
  }

  show(isShown) {
    const isFrom = element("people").contains(document.activeElement);
    element("people").hidden = !isShown;
    element("chat").classList.toggle("with-people", isShown);
    element("people-open").setAttribute("aria-expanded", String(isShown));
    if (isShown) element("people-close").focus();
    else if (isFrom) element("people-open").focus();
    this.refresh();
  }

  names() {
    const speakers = this.#chat.room.timeline.items.map((item) => item.from);
    const all = new Set([...speakers.reverse(), ...this.#members.map((member) => member.user)]);
    if (isConversation(this.#chat.current)) all.add(partner(this.#chat.current, this.#chat.user));
    return [...all];
  }

  #refresh() {
    const { current, room, user, client, logs } = this.#chat;
    if (this.#isDue && !this.#timer && client.state === "ready" && (room.isMember || room.isConversation)) {
      this.#isDue = false;
      this.#timer = setTimeout(() => this.#read(), this.#address === current ? pauseMilliseconds : 0);
    }
    const count = this.#isWhole ? this.#members.length : Math.max(room.memberCount, this.#members.length);
    const isHere = this.#address === current;
    if (!element("people").hidden) {
      const context = { count: isHere ? count : 0, user, presence: logs.presence, talk: (name) => this.#chat.talk(name) };
      showMembers(isHere ? this.#members : [], context);
    }
    this.#watch();
  }

  async #read() {
    const { current, client, room } = this.#chat;
    this.#timer = 0;
    try {
      const nobody = { items: [], isWhole: true };
      const { items, isWhole } = room.timeline.epoch ? await client.list({ t: "members", room: current }, membersMax) : nobody;
      if (current !== this.#chat.current) return this.opened();
      this.#members = items;
      this.#isWhole = isWhole;
      this.#address = current;
    } catch {
      this.#members = [];
      this.#address = current;
    }
    this.#chat.render();
  }

  /** Asks to be told of those who are shown. */
  #watch() {
    const { client, rooms, user, logs } = this.#chat;
    if (client.state !== "ready" || !client.capabilities.has("presence")) return;
    const partners = rooms.conversations().map((room) => partner(room.address, user));
    const users = [...new Set([...partners, ...this.#members.map((member) => member.user)])].slice(0, watchedMax).sort();
    const watched = users.join();
    if (watched === this.#watched) return;
    this.#watched = watched;
    // Of whom nothing will be said, is offline.
    for (const name of logs.presence.keys()) if (!users.includes(name)) logs.presence.delete(name);
    for (const name of users) if (!logs.presence.has(name)) logs.presence.set(name, 0);
    client.mention({ t: "presence", users });
  }

  /** One's own state has changed. */
  appear(state) {
    this.#state = state;
    document.querySelector(`#me-menu input[value="${Number(state)}"]`).checked = true;
    this.showSelf();
  }

  showSelf() {
    const { client, user } = this.#chat;
    const connection = { connecting: "Connecting…", waiting: "Not connected", ended: "Not connected" }[client.state];
    showSelf(user, connection ?? words[this.#state], Boolean(connection));
  }
}
