// The rooms and conversations of somebody: what is unread in them, up to where it was read, and who is writing.

import { isConversation } from "./names.js";
import { isMessage } from "../protocol/kinds.js";
import { Timeline } from "./timeline.js";

const typingMilliseconds = 6000;
const storageKey = "rooms";

export class Room {
  title = "";
  topic = "";
  memberCount = 0;
  /** Up to which event those who came and went are in the count. */
  countedThrough = 0;
  role = 0;
  policy = 0;
  isMember = false;
  unread = 0;
  mentions = 0;
  /** The last event that was read, and the last that the other party of a conversation read. */
  read = 0;
  readByOther = 0;
  /** Where what was new began when the room was opened. */
  divider = 0;
  lastAt = 0;
  draft = "";
  /** @type {Map<string, number>} until when who is writing */
  #typing = new Map();

  /** @param {import("../protocol/client.js").Client} client @param {string} address */
  constructor(client, address) {
    this.address = address;
    this.timeline = new Timeline(client, address);
  }

  get isConversation() {
    return isConversation(this.address);
  }

  /** Whether one may write here: readers of moderated rooms may not. */
  get isWritable() {
    return this.role !== 1;
  }

  /** @param {string} user @param {boolean} isTyping */
  noteTyping(user, isTyping) {
    if (isTyping && this.#typing.size < 50) this.#typing.set(user, Date.now() + typingMilliseconds);
    else this.#typing.delete(user);
  }

  get typing() {
    const now = Date.now();
    for (const [user, until] of this.#typing) if (until <= now) this.#typing.delete(user);
    return [...this.#typing.keys()];
  }

  /** Counts what is new after `read`, of what is here. @param {string} user */
  recount(user) {
    const isUnread = (item) => item.seq > this.read && item.from !== user && isMessage(item);
    this.unread = this.timeline.items.filter(isUnread).length;
    if (!this.unread) this.mentions = 0;
  }
}

export class Rooms {
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  #client;

  /** @param {import("../protocol/client.js").Client} client */
  constructor(client) {
    this.#client = client;
  }

  /** @param {string} address @returns {Room} */
  at(address) {
    let room = this.#rooms.get(address);
    if (!room) this.#rooms.set(address, (room = new Room(this.#client, address)));
    return room;
  }

  find(address) {
    return this.#rooms.get(address);
  }

  has(address) {
    return this.#rooms.has(address);
  }

  remove(address) {
    this.#rooms.delete(address);
  }

  clear() {
    this.#rooms.clear();
  }

  all() {
    return [...this.#rooms.values()];
  }

  /** Those one is in, by name, the lobby first. */
  joined() {
    const rank = (room) => (room.address === "lobby" ? "" : room.address);
    return this.all().filter((room) => room.isMember && !room.isConversation).sort((one, other) => (rank(one) < rank(other) ? -1 : 1));
  }

  /** The conversations, the one with the latest message first. */
  conversations() {
    const order = (one, other) => other.lastAt - one.lastAt || (one.address < other.address ? -1 : 1);
    return this.all().filter((room) => room.isConversation).sort(order);
  }

  get unread() {
    return this.all().reduce((sum, room) => sum + (room.isConversation ? room.unread : room.mentions), 0);
  }

  /** What a reload of the page goes on from: a guest's rooms end with the connection, and are joined again. */
  keep(user, current) {
    const rooms = this.all().filter((room) => room.isMember || room.isConversation).slice(0, 200);
    const lines = rooms.map(({ address, timeline, read, draft }) => ({ address, epoch: timeline.epoch, read, draft }));
    try {
      sessionStorage.setItem(storageKey, JSON.stringify({ user, current, lines }));
    } catch {
      // Then a reload begins in the lobby.
    }
  }

  /** @param {string} user @returns {{current: string, lines: {address: string, epoch: number, read: number, draft: string}[]}} */
  static kept(user) {
    try {
      const kept = JSON.parse(sessionStorage.getItem(storageKey) ?? "{}");
      if (kept.user === user && Array.isArray(kept.lines)) return kept;
    } catch {
      sessionStorage.removeItem(storageKey);
    }
    return { current: "lobby", lines: [] };
  }

  static forget() {
    sessionStorage.removeItem(storageKey);
  }
}
