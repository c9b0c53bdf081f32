// Rooms and conversations as the broker tells of them: joined, gone on with after an interruption, read, left.
// Tells `changed {address}` when something is to be shown anew, `arrived {room, event, isMention}` when somebody else said something,
// `abandoned {address, unsentCount}` when a room is gone and what was to go there with it.

import { lost } from "../protocol/connection.js";
import { isMessage, kinds } from "../protocol/kinds.js";
import { isConversation, isMentioned } from "./names.js";
import { Rooms } from "./rooms.js";

const joinsAtOnce = 32;
const markMilliseconds = 1000;
const landingMax = 500;

export class Logs extends EventTarget {
  /** @type {Map<string, number>} the state of those who are watched */
  presence = new Map();
  /** Messages of ours that the broker has, and that it has not delivered yet. @type {Map<string, any>} */
  #landing = new Map();
  /** Messages of ours that are on stable storage. @type {Set<string>} */
  #stored = new Set();
  #marks = new Map();
  #isReading;

  /**
   * @param {import("../protocol/client.js").Client} client
   * @param {Rooms} rooms
   * @param {import("../protocol/outbox.js").Outbox} outbox
   * @param {(address: string) => boolean} isReading whether somebody has the end of a log before the eyes
   */
  constructor(client, rooms, outbox, isReading) {
    super();
    Object.assign(this, { client, rooms, outbox });
    this.#isReading = isReading;
    client.addEventListener("state", ({ detail }) => detail.state === "ready" && this.#attachAll(detail.former));
    client.addEventListener("joined", ({ detail }) => this.#joined(detail));
    client.addEventListener("deliver", ({ detail }) => this.#delivered(detail));
    client.addEventListener("lag", ({ detail }) => this.#lagged(detail));
    client.addEventListener("mark", ({ detail }) => this.#marked(detail));
    client.addEventListener("typing", ({ detail }) => {
      rooms.find(detail.room)?.noteTyping(detail.user, detail.state === 1);
      this.#changed(detail.room);
    });
    client.addEventListener("presence", ({ detail }) => {
      this.presence.set(detail.user, detail.state ?? 0);
      this.#changed("");
    });
    client.addEventListener("renamed", ({ detail }) => this.#dropConversations(detail.user));
    outbox.addEventListener("settled", ({ detail }) => this.#settled(detail));
    outbox.addEventListener("changed", ({ detail }) => this.#changed(detail.letter.address));
  }

  #changed(address) {
    this.dispatchEvent(new CustomEvent("changed", { detail: { address } }));
  }

  // Coming, and coming back

  /** What this tab knows from before it was loaded anew. @param {string} user @returns {string} the room that was open */
  restore(user) {
    const kept = Rooms.kept(user);
    for (const { address, epoch, read, draft } of kept.lines) {
      const room = this.rooms.at(address);
      Object.assign(room, { read, draft, isMember: !room.isConversation });
      if (epoch) this.client.want(address, { epoch, seq: read });
    }
    return kept.current;
  }

  async #attachAll(former) {
    const { client, rooms } = this;
    if (former && former !== client.user) this.#dropConversations(client.user);
    try {
      const lines = client.capabilities.has("inbox") ? await client.inbox() : [];
      const known = new Set(lines.map((line) => line.room));
      for (const line of lines) this.#listed(line);
      // What an account left from elsewhere is not joined again.
      if (client.isAccount) for (const room of rooms.all()) if (!known.has(room.address) && room.isMember) this.#gone(room.address);
      const waiting = new Set([...client.addresses(), ...known, ...rooms.joined().map((room) => room.address)]);
      waiting.delete("lobby");
      const queue = ["lobby", ...waiting].filter((address) => !client.isAttached(address));
      const joinSome = async () => {
        for (let address = queue.shift(); address; address = queue.shift()) await this.#joinAgain(address);
      };
      await Promise.all(Array.from({ length: joinsAtOnce }, joinSome));
      for (const room of rooms.all()) this.outbox.pump(room.address);
    } catch (failure) {
      if (failure !== lost) throw failure;
    }
    this.#changed("");
  }

  #listed(line) {
    const room = this.rooms.at(line.room);
    room.isMember = true;
    room.lastAt = Math.max(room.lastAt, line.ts ?? 0);
    if (this.client.isAttached(line.room) || room.timeline.epoch === line.epoch) return;
    room.read = line.mark;
    room.unread = line.unread;
    this.client.want(line.room, { epoch: line.epoch, seq: line.head });
  }

  async #joinAgain(address) {
    try {
      // The broker attaches the lobby by itself, and what was wanted of it before comes with JOIN.
      if (address === "lobby" && !this.client.addresses().includes("lobby")) return;
      await this.client.join(address);
    } catch (failure) {
      if (failure === lost) throw failure;
      if (isConversation(address)) return this.#over(address);
      if (failure.code !== 404) return this.#gone(address);
      // A broker that stores nothing has forgotten the room.
      await this.enter(address).catch(() => this.#gone(address));
    }
  }

  /** A conversation of guests that has ended: what is here of it stays in view, and the next message begins another. */
  #over(address) {
    const room = this.rooms.find(address);
    if (!room?.timeline.epoch && !this.outbox.of(address).length) return this.#gone(address);
    this.client.forget(address);
    room.isMember = false;
    room.timeline.isPastClosed = true;
    this.outbox.pump(address);
  }

  #gone(address) {
    this.client.forget(address);
    const room = this.rooms.find(address);
    if (room && address !== "lobby") this.rooms.remove(address);
    const unsentCount = this.outbox.abandon(address);
    if (unsentCount) this.dispatchEvent(new CustomEvent("abandoned", { detail: { address, unsentCount } }));
    this.#changed(address);
  }

  /** Conversations of guests end with the name. */
  #dropConversations(user) {
    for (const room of this.rooms.all()) {
      if (room.isConversation && !room.address.slice(1).split("+").includes(user)) this.#gone(room.address);
    }
    this.#changed("");
  }

  #joined({ frame, isNew, missing }) {
    const room = this.rooms.at(frame.room);
    const { timeline } = room;
    const isFresh = isNew || timeline.epoch !== frame.epoch;
    room.isMember = true;
    room.title = frame.title ?? "";
    room.topic = frame.topic ?? "";
    room.memberCount = frame.members ?? 2;
    room.countedThrough = Math.max(frame.head, frame.next - 1);
    room.role = frame.role ?? 2;
    room.policy = frame.policy ?? 0;
    if (isFresh) {
      timeline.reset(frame);
      if (isNew) {
        room.read = frame.mark ?? frame.next - 1;
        room.unread = room.mentions = 0;
      }
    } else if (missing) {
      timeline.goOn(frame);
      room.unread += missing.to - missing.from + 1;
    } else if (frame.floor) timeline.floor = frame.floor;
    this.outbox.pump(frame.room);
    this.#changed(frame.room);
  }

  #lagged(lag) {
    const room = this.rooms.at(lag.room);
    room.timeline.goOn({ next: lag.next });
    room.unread += lag.to_seq - lag.from_seq + 1;
    this.#changed(lag.room);
  }

  // What is said

  #delivered(event) {
    const { client } = this;
    const room = this.rooms.at(event.room);
    const isOwn = event.from === client.user;
    room.timeline.deliver(event);
    if (isOwn && event.cmid) this.#landing.delete(event.cmid);
    if (event.kind === kinds.joined && event.seq > room.countedThrough) room.memberCount += 1;
    if (event.kind === kinds.left && event.seq > room.countedThrough) {
      room.memberCount = Math.max(0, room.memberCount - 1);
      if (event.user === client.user && event.room !== "lobby") return this.#gone(event.room);
    }
    if (isMessage(event)) {
      room.lastAt = event.ts;
      room.noteTyping(event.from, false);
      if (isOwn) this.#haveRead(room, event.seq);
      else {
        const isMention = isMentioned(event.body, client.user);
        if (!this.#isReading(event.room)) {
          room.unread += 1;
          if (isMention) room.mentions += 1;
        }
        this.dispatchEvent(new CustomEvent("arrived", { detail: { room, event, isMention } }));
      }
    }
    if (this.#isReading(event.room)) this.read(room);
    this.#changed(event.room);
  }

  // What is sent

  /** @param {string} address */
  letters(address) {
    return [...[...this.#landing.values()].filter((letter) => letter.address === address), ...this.outbox.of(address)];
  }

  isStored(cmid) {
    return this.#stored.has(cmid);
  }

  #settled({ letter, published }) {
    if (published.ack >= 2) this.#stored.add(letter.cmid);
    if (this.#stored.size > landingMax) this.#stored.delete(this.#stored.values().next().value);
    const room = this.rooms.at(letter.address);
    if (published.seq > room.timeline.head && !letter.fields.kind) this.#landing.set(letter.cmid, letter);
    if (this.#landing.size > landingMax) this.#landing.delete(this.#landing.keys().next().value);
    this.#changed(letter.address);
  }

  // What is read

  /** Somebody has seen all that there is. @param {import("./rooms.js").Room} room */
  read(room) {
    if (room.timeline.isLive) this.#haveRead(room, room.timeline.head);
  }

  #haveRead(room, seq) {
    if (seq <= room.read && !room.unread) return;
    room.read = Math.max(room.read, seq);
    room.unread = room.mentions = 0;
    if (this.#marks.has(room.address) || !this.client.capabilities.has("marks")) return;
    this.#marks.set(room.address, setTimeout(() => {
      this.#marks.delete(room.address);
      this.client.mention({ t: "mark", room: room.address, mark: room.read });
    }, markMilliseconds));
  }

  #marked(mark) {
    const room = this.rooms.find(mark.room);
    if (!room || room.timeline.epoch !== mark.epoch) return;
    if (mark.user !== this.client.user) room.readByOther = Math.max(room.readByOther, mark.mark);
    else if (mark.mark > room.read) {
      room.read = mark.mark;
      if (room.read >= room.timeline.head) room.unread = room.mentions = 0;
      else room.recount(this.client.user);
    }
    this.#changed(mark.room);
  }

  // Rooms

  /** Goes into a room, which is made if there is none. @param {string} address */
  async enter(address) {
    try {
      await this.client.join(address);
    } catch (failure) {
      if (failure.code !== 404 || isConversation(address)) throw failure;
      await this.client.request({ t: "create", room: address }).catch((refusal) => {
        // Somebody was faster.
        if (refusal.code !== 408) throw refusal;
      });
      await this.client.join(address);
    }
  }

  /** @param {string} address */
  async leave(address) {
    await this.client.request({ t: "leave", room: address });
    this.#gone(address);
  }
}
