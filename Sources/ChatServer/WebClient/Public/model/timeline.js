// A stretch of a log: the events of `from`..`to` without a gap, as many as are shown. At the live end it grows by what is delivered;
// elsewhere it is moved by HISTORY. So what is kept and shown is bounded, however far somebody scrolls.

import { isChange, kinds } from "../protocol/kinds.js";
import { Changes } from "./changes.js";

const itemsMax = 300;
const pageEvents = 60;
/** Items that a page of history should bring, of which changes and voids are none. */
const pageItems = 20;
/** What one request brings at most. */
const eventsAtOnce = 1000;
/** Events between here and a message that is jumped to, which may have changed it. */
const scanEventsMax = 20_000;

/** @typedef {import("../protocol/connection.js").Frame & {isLost?: boolean}} Item */

export class Timeline {
  #client;
  /** @type {Item[]} ascending */
  items = [];
  changes = new Changes();
  epoch = 0;
  from = 1;
  to = 0;
  head = 0;
  floor = 1;
  /** From which event on all changes up to the head are known, whether it is shown or not. */
  #knownFrom = 1;
  /** @type {Promise<void> | null} what is being read */
  #reading = null;
  /** Whether HISTORY was refused: then the past is out of reach. */
  isPastClosed = false;

  /** @param {import("../protocol/client.js").Client} client @param {string} address */
  constructor(client, address) {
    this.#client = client;
    this.address = address;
  }

  get isLive() {
    return this.to >= this.head;
  }

  /** Whether nothing earlier is to be had. */
  get isAtFloor() {
    return this.isPastClosed || this.from <= this.floor;
  }

  /** Begins anew at a position. @param {import("../protocol/connection.js").Frame} joined */
  reset(joined) {
    this.items = [];
    this.changes = new Changes();
    this.epoch = joined.epoch;
    this.isPastClosed = false;
    this.goOn(joined);
  }

  /** What lies between here and a position is not delivered: it is read when somebody scrolls there. */
  goOn(joined) {
    this.items = [];
    this.from = this.#knownFrom = joined.next;
    this.to = this.head = joined.next - 1;
    this.floor = joined.floor ?? this.floor;
  }

  /** @param {Item} event just delivered */
  deliver(event) {
    const isHere = this.isLive;
    this.head = event.seq;
    if (isHere) this.to = event.seq;
    if (this.#fold(event) || !isHere) return;
    // What was lost with the broker and is said again takes the place of what was lost.
    if (event.cmid) this.items = this.items.filter((item) => !(item.isLost && item.cmid === event.cmid && item.from === event.from));
    this.items.push(event);
  }

  /** Takes events that are no items of their own. @returns {boolean} */
  #fold(event) {
    if (isChange(event)) this.changes.apply(event);
    else if (event.kind === kinds.void) {
      this.changes.void(event.from_seq, event.to_seq);
      for (const item of this.items) if (item.seq >= event.from_seq && item.seq <= event.to_seq) item.isLost = true;
    } else return false;
    return true;
  }

  /** Lets go of what is far from where somebody reads. @param {"old" | "new"} side */
  trim(side) {
    const excess = this.items.length - itemsMax;
    if (excess <= 0) return;
    if (side === "old") {
      this.from = this.items[excess - 1].seq + 1;
      this.items = this.items.slice(excess);
    } else {
      this.to = this.items[itemsMax].seq - 1;
      this.items = this.items.slice(0, itemsMax);
    }
  }

  find(seq) {
    return this.items.find((item) => item.seq === seq);
  }

  // Reading back

  /** @returns {Promise<{items: Item[], from: number, to: number} | null>} null if nothing is there */
  async #read(from, to, limit, dir) {
    let batch;
    try {
      batch = await this.#client.request({ t: "history", room: this.address, epoch: this.epoch, from_seq: from, to_seq: to, limit, dir });
    } catch (failure) {
      if (failure.code !== 411) throw failure;
      this.floor = Math.max(failure.floor ?? to + 1, to + 1);
      return null;
    }
    const { parts } = batch;
    this.floor = batch.floor;
    const range = { from: parts[0].from_seq, to: parts.at(-1).to_seq };
    if (range.from > range.to) return null;
    if (range.to + 1 >= this.#knownFrom) this.#knownFrom = Math.min(this.#knownFrom, range.from);
    const events = parts.flatMap((part) => part.frames ?? []);
    return { ...range, items: events.filter((event) => !this.#fold(event)) };
  }

  get isLoading() {
    return this.#reading !== null;
  }

  /** Does one thing after the other. @param {() => Promise<void>} act */
  async #exclusively(act) {
    while (this.#reading) await this.#reading;
    this.#reading = act().catch((failure) => {
      // After an interruption it is tried again; another epoch is told by JOINED.
      if (failure.code !== 0 && failure.code !== 600) this.isPastClosed = true;
    });
    await this.#reading;
    this.#reading = null;
  }

  /** Puts earlier events before those that are here. */
  older() {
    return this.#exclusively(async () => {
      let wanted = pageItems;
      while (wanted > 0 && !this.isAtFloor) {
        const { epoch, from } = this;
        const page = await this.#read(this.floor, from - 1, pageEvents, 0);
        if (this.epoch !== epoch || this.from !== from) return;
        if (!page) return;
        this.items = [...page.items, ...this.items];
        this.from = page.from;
        wanted -= page.items.length;
      }
      this.trim("new");
    });
  }

  /** Puts later events behind those that are here. */
  newer() {
    return this.#exclusively(async () => {
      let wanted = pageItems;
      while (wanted > 0 && !this.isLive) {
        const { epoch, to } = this;
        const page = await this.#read(to + 1, this.head, pageEvents, 1);
        if (this.epoch !== epoch || this.to !== to) return;
        if (!page) return void (this.to = this.head);
        // Something may have been delivered and shown meanwhile: numbers tell.
        this.items = [...this.items, ...page.items.filter((item) => item.seq > to)];
        this.to = page.to;
        wanted -= page.items.length;
      }
      this.trim("old");
    });
  }

  /** Whether whatever changed a message is known. */
  get isLookedThrough() {
    return this.isPastClosed || this.#knownFrom <= this.floor;
  }

  /** Looks for changes among earlier events, as many as one request brings, and shows nothing. */
  lookBack() {
    return this.#exclusively(async () => {
      if (!this.isLookedThrough) await this.#read(this.floor, this.#knownFrom - 1, eventsAtOnce, 0);
    });
  }

  /** The messages that are known to be pinned, the latest first. @returns {Promise<Item[]>} */
  async pinned() {
    const found = [];
    for (const seq of this.changes.pinned()) {
      let item = this.find(seq);
      if (!item && seq >= this.floor) await this.#exclusively(async () => void (item = (await this.#read(seq, seq, 1, 0))?.items[0]));
      if (item && !this.changes.state(item).isDeleted) found.push(item);
    }
    return found;
  }

  /** Goes to the live end. */
  latest() {
    if (this.isLive) return Promise.resolve();
    this.items = [];
    this.from = this.head + 1;
    this.to = this.head;
    return this.older();
  }

  /** Goes to where an event is. @param {number} seq @returns {Promise<boolean>} whether it is there */
  async reach(seq) {
    if (seq < this.from) {
      await this.#exclusively(async () => {
        const { epoch } = this;
        // Whatever changed it lies between, so that is read as well.
        let scanned = 0;
        while (this.from > seq && !this.isAtFloor && scanned < scanEventsMax) {
          const page = await this.#read(this.floor, this.from - 1, eventsAtOnce, 0);
          if (this.epoch !== epoch || !page) return;
          this.items = [...page.items, ...this.items];
          this.from = page.from;
          scanned += page.to - page.from + 1;
          if (this.from <= seq) this.#narrow(seq);
          else this.trim("new");
        }
        if (this.from <= seq || this.isAtFloor) return;
        const page = await this.#read(Math.max(this.floor, seq - pageEvents / 2), seq + pageEvents / 2, pageEvents, 0);
        if (page && this.epoch === epoch) Object.assign(this, page);
      });
    } else if (seq > this.to) {
      await this.latest();
      if (seq < this.from) return await this.reach(seq);
    }
    return Boolean(this.find(seq));
  }

  /** Keeps what is around an event, of many that were read. */
  #narrow(seq) {
    const index = this.items.findIndex((item) => item.seq >= seq);
    const first = Math.max(0, index - itemsMax / 2);
    if (index < 0 || this.items.length <= itemsMax) return;
    if (first > 0) this.from = this.items[first - 1].seq + 1;
    this.items = this.items.slice(first);
    this.trim("new");
  }
}
