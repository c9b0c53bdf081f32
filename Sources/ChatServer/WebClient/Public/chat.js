// One room at a time before somebody's eyes: what is shown of it, and what is done there.

import { completionsOf } from "./commands.js";
import { Devices } from "./devices.js";
import { Directory } from "./directory.js";
import { Finding } from "./finding.js";
import { conversation, isAddress, isConversation, partner } from "./model/names.js";
import { Password } from "./password.js";
import { Members } from "./people.js";
import { Pinned } from "./pinned.js";
import { kinds } from "./protocol/kinds.js";
import { inWords } from "./protocol/reasons.js";
import { announce, toast } from "./view/announcer.js";
import { Composer } from "./view/composer.js";
import { element, on, soon } from "./view/dom.js";
import { showHead, showTyping } from "./view/head.js";
import { Log } from "./view/log.js";
import { notify } from "./view/notifier.js";
import { rowsOf } from "./view/rows.js";
import { showLists, showOthers } from "./view/sidebar.js";
import { excerpt } from "./view/text.js";
import { Writing } from "./writing.js";

const typingMilliseconds = 3000;
const typingRefreshMilliseconds = 2000;
/** Where names and what was said stand, other than in lists. */
const wordIDs = ["room-name", "room-topic", "me-name", "me-avatar", "log-top", "empty-title", "typing", "found-title", "pinned-title", "people-count"];
/** What was tried, where it is no edit and no deletion. */
const occasions = { [kinds.react]: "reaction", [kinds.unreact]: "reaction", [kinds.pin]: "pin", [kinds.unpin]: "pin" };

export class Chat {
  /** The address of the room that is shown. */
  current = "lobby";
  #isFresh = true;
  #typingSince = 0;
  #newCount = 0;

  /** @param {import("./model/logs.js").Logs} logs @param {import("./session.js").Session} session */
  constructor(logs, session) {
    Object.assign(this, { logs, session, client: logs.client, rooms: logs.rooms, outbox: logs.outbox });
    this.render = soon(() => this.#render());
    this.members = new Members(this);
    this.directory = new Directory(this);
    this.finding = new Finding(this);
    this.pinned = new Pinned(this);
    this.password = new Password(this);
    this.devices = new Devices(this);
    this.writing = new Writing(this);
    this.log = new Log({
      older: () => this.#read("older"), newer: () => this.#read("newer"), ended: (isAtEnd) => this.#ended(isAtEnd),
      act: (name, row, detail) => this.writing.act(name, row, detail), abilities: (row) => this.writing.abilities(row),
    });
    this.composer = new Composer({
      submit: (text, context) => this.writing.submit(text, context), typing: (isTyping) => this.#type(isTyping),
      editLast: () => this.writing.lastOwn() && this.writing.beginEdit(this.writing.lastOwn()),
      complete: (before, isAsked) => completionsOf(before, isAsked, this),
    });
    logs.addEventListener("changed", ({ detail }) => this.#changed(detail.address));
    this.outbox.addEventListener("changed", ({ detail }) => this.#refused(detail.letter));
    logs.addEventListener("abandoned", ({ detail }) => {
      const what = detail.unsentCount === 1 ? "A message" : `${detail.unsentCount} messages`;
      toast(`${what} to ${this.label(detail.address)} could not be sent: it is not there any more.`, true);
    });
    logs.addEventListener("arrived", ({ detail }) => this.#arrived(detail));
    setInterval(() => this.room.typing.length && this.#showTyping(), typingRefreshMilliseconds);
    on("click", () => {
      this.toLatest();
      this.composer.focus();
    }, "newer");
    document.addEventListener("visibilitychange", () => this.#ended(this.log.isAtEnd));
    addEventListener("focus", () => this.#ended(this.log.isAtEnd));
    addEventListener("hashchange", () => this.#routed());
    addEventListener("pagehide", () => this.keep());
    this.keepSoon = soon(() => this.keep());
  }

  get user() {
    return this.client.user;
  }

  get room() {
    return this.rooms.at(this.current);
  }

  get canSearch() {
    return this.client.capabilities.has("search");
  }

  label(address) {
    return isConversation(address) ? partner(address, this.user) : address;
  }

  /** Whether somebody has the end of a log before the eyes. */
  isReading(address) {
    return address === this.current && this.log.isAtEnd && !document.hidden && document.hasFocus();
  }

  keep() {
    if (!this.user || this.client.state === "ended") return;
    this.room.draft = this.composer.context?.kind === "edit" ? "" : this.composer.text;
    this.rooms.keep(this.user, this.current);
  }

  // Showing

  #changed(address) {
    if (address && !this.rooms.has(address) && address === this.current) return this.open("lobby");
    this.render();
  }

  #render() {
    if (!this.user) return;
    const { room } = this;
    const context = {
      user: this.user, isConnected: this.client.state === "ready", letters: this.logs.letters(this.current),
      isStored: (cmid) => this.logs.isStored(cmid),
    };
    const { timeline } = room;
    if (this.log.isAtEnd) timeline.trim("old");
    const rows = timeline.epoch || context.letters.length ? rowsOf(room, context) : [];
    this.log.show(rows, this.user, this.#isFresh);
    this.#isFresh = false;
    this.#showHead();
    this.#showTyping();
    const { current, user, logs } = this;
    const unread = showLists(this.rooms, { current, user, presence: logs.presence, open: (to) => this.open(to) });
    showOthers(this.directory.others(), (to) => this.enter(to));
    document.title = `${unread ? `(${unread}) ` : ""}${this.label(this.current)} – Chat`;
    this.members.refresh();
    this.keepSoon();
  }

  #showHead() {
    const { room } = this;
    const name = this.label(this.current);
    showHead(room, name);
    this.composer.invite(room.isWritable ? `Message ${name}` : "You may read here, not write");
    element("newer").hidden = this.log.isAtEnd && room.timeline.isLive;
    element("newer-text").textContent = this.#newCount ? `${this.#newCount} new` : "Latest messages";
  }

  #showTyping() {
    showTyping(this.room.typing.filter((name) => name !== this.user));
  }

  /** Shows a room or conversation. @param {string} address */
  open(address) {
    if (address !== this.current) {
      this.composer.cancel();
      // It may be gone by now.
      const left = this.rooms.find(this.current);
      if (left) {
        this.#type(false);
        left.draft = this.composer.text;
        left.divider = 0;
        if (!left.timeline.isLive) left.timeline.latest();
        // A conversation in which nothing was said is none.
        const isEmpty = !left.timeline.epoch && !left.draft && !this.outbox.of(left.address).length;
        if (left.isConversation && isEmpty) this.rooms.remove(left.address);
      }
      this.current = address;
      this.#isFresh = true;
      this.composer.text = this.room.draft;
    }
    const { room } = this;
    room.divider = room.unread ? room.read : 0;
    this.#newCount = 0;
    if (location.hash !== `#${address}`) history.replaceState(null, "", `#${address}`);
    element("chat").classList.remove("with-sidebar");
    this.members.opened();
    this.render();
  }

  /** The room that the address of the page names. */
  get linked() {
    // Names have no characters that are encoded, but for the signs of conversations in some browsers.
    return location.hash.slice(1).replaceAll("%2B", "+").replaceAll("%40", "@");
  }

  #routed() {
    const address = this.linked;
    if (!this.user || address === this.current || !isAddress(address)) return;
    if (isConversation(address)) this.talk(partner(address, this.user));
    else this.enter(address);
  }

  async #read(direction) {
    const { timeline } = this.room;
    const isNeeded = direction === "older" ? !timeline.isAtFloor : !timeline.isLive;
    if (this.client.state !== "ready" || !timeline.epoch || timeline.isLoading || !isNeeded) return;
    await timeline[direction]();
    this.render();
  }

  #ended(isAtEnd) {
    if (isAtEnd) {
      this.#newCount = 0;
      if (this.isReading(this.current) && this.room.unread) {
        this.logs.read(this.room);
        this.render();
      }
    }
    element("newer").hidden = isAtEnd && this.room.timeline.isLive;
  }

  /** Shows the end of the log, and keeps it in view. */
  async toLatest() {
    this.room.divider = 0;
    const reading = this.room.timeline.latest();
    this.log.isAtEnd = true;
    this.render();
    await reading;
    this.render();
  }

  /** A change of a message that failed has nothing to stand beside. @param {import("./protocol/outbox.js").Letter} letter */
  #refused({ cmid, fields, failure }) {
    if (!fields.kind) return;
    this.outbox.discard(cmid);
    toast(inWords(failure, occasions[fields.kind] ?? "change"), true);
  }

  #arrived({ room, event, isMention }) {
    const isHere = room.address === this.current;
    if (isHere && !this.log.isAtEnd) this.#newCount += 1;
    if (isHere && !document.hidden) announce(`${event.from}: ${excerpt(event.body ?? "", 160)}`);
    if (!isMention && !room.isConversation) return;
    if (!isHere) announce(`${event.from} ${room.isConversation ? "wrote to you" : `named you in ${room.address}`}`);
    const title = room.isConversation ? event.from : `${event.from} in ${room.address}`;
    notify(title, event.body ?? "", room.address, () => this.open(room.address));
  }

  // Writing

  #type(isTyping) {
    const now = Date.now();
    if (isTyping ? now - this.#typingSince < typingMilliseconds : !this.#typingSince) return;
    this.#typingSince = isTyping ? now : 0;
    if (!this.client.capabilities.has("typing") || !this.room.isMember) return;
    this.client.mention({ t: "typing", room: this.current, state: isTyping ? 1 : 0 });
  }

  /** Does what may be refused, and says so. @param {() => any} act @param {string} [occasion] */
  async attempt(act, occasion) {
    try {
      return await act();
    } catch (failure) {
      if (failure instanceof TypeError || failure instanceof ReferenceError) throw failure;
      toast(inWords(failure, occasion), true);
    }
  }

  /** Goes to a message. @param {number} seq */
  async jump(seq) {
    if (this.log.reveal(seq)) return;
    const { timeline } = this.room;
    const isThere = await timeline.reach(seq);
    this.log.isAtEnd = false;
    this.#render();
    if (!isThere || !this.log.reveal(seq)) toast("That message is not kept any more.", true);
  }

  // Places and people

  /** @param {string} address of a room, which is made if there is none */
  async enter(address) {
    const isIn = this.rooms.find(address)?.isMember && this.client.isAttached(address);
    if (!isIn) {
      const isDone = await this.attempt(async () => (await this.logs.enter(address), true), "create");
      if (!isDone) return;
    }
    this.open(address);
    this.composer.focus();
  }

  /** Opens the conversation with somebody. @param {string} user */
  talk(user) {
    this.open(conversation(this.user, user));
    this.composer.focus();
  }

  async leave() {
    if (this.room.isConversation || this.current === "lobby") return toast("One does not leave the lobby, nor a conversation.", true);
    await this.attempt(() => this.logs.leave(this.current));
  }

  /** @param {number} step */
  step(step) {
    const all = [...this.rooms.joined(), ...this.rooms.conversations()];
    const next = all[all.findIndex((room) => room.address === this.current) + step];
    if (next) this.open(next.address);
  }

  async appear(state) {
    await this.client.request({ t: "presence", state });
    this.members.appear(state);
  }

  /** Nothing of what was said stays before the next one's eyes. */
  clear() {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    this.composer.cancel();
    this.composer.text = element("search-text").value = "";
    this.current = "lobby";
    this.log.show([], "", true);
    for (const list of document.querySelectorAll("#chat :is(ul, ol), dialog ul, #live")) list.replaceChildren();
    for (const id of wordIDs) element(id).textContent = "";
    element("messages").setAttribute("aria-label", "Messages");
    this.composer.invite("");
    history.replaceState(null, "", "/");
  }
}
