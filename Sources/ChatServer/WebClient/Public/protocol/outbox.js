// What is on its way to the broker (docs/PROTOCOL.md sections 9.2 and 9.3): each message has one effect, however often the connection
// breaks, and those of one room go in the order in which they were written.

import { lost } from "./connection.js";
import { base64url, random } from "./octets.js";

const storageKey = "outbox";
const messagesMax = 200;

/**
 * @typedef {"sending" | "failed" | "unknown"} Outlook what is known of a message that is still here: `unknown` may have arrived
 * @typedef {{cmid: string, user: string, address: string, fields: object, at: number, begunAt: number | null, state: Outlook,
 *   failure?: any}} Letter `fields` are those of PUBLISH or DM; `begunAt` tells when it was first sent
 */

/** Tells `changed {letter}`, `settled {letter, published}`. */
export class Outbox extends EventTarget {
  /** @type {Letter[]} */
  #letters = [];
  #client;
  #underway = new Set();

  /** @param {import("./client.js").Client} client */
  constructor(client) {
    super();
    this.#client = client;
    try {
      this.#letters = JSON.parse(sessionStorage.getItem(storageKey) ?? "[]");
    } catch {
      sessionStorage.removeItem(storageKey);
    }
  }

  #keep() {
    try {
      if (this.#letters.length) sessionStorage.setItem(storageKey, JSON.stringify(this.#letters));
      else sessionStorage.removeItem(storageKey);
    } catch {
      // Without room to remember them, what is unsent outlives an interruption, and not a reload.
    }
  }

  /** @param {string} address */
  of(address) {
    return this.#letters.filter((letter) => letter.address === address);
  }

  find(cmid) {
    return this.#letters.find((letter) => letter.cmid === cmid);
  }

  /**
   * @param {string} address of the room or conversation
   * @param {{t: "publish", room: string} | {t: "dm", to: string}} fields with `body` and what belongs to it
   * @returns {Letter | null} null if too many wait already
   */
  add(address, fields) {
    if (this.#letters.length >= messagesMax) return null;
    const { user } = this.#client;
    const letter = { cmid: base64url(random(8)), user, address, fields, at: Date.now(), begunAt: null, state: "sending" };
    this.#letters.push(letter);
    this.#keep();
    this.pump(address);
    return letter;
  }

  /** Sends what waits for a room, one after the other. @param {string} address */
  async pump(address) {
    if (this.#underway.has(address)) return;
    this.#underway.add(address);
    try {
      for (;;) {
        const letter = this.#letters.find((candidate) => candidate.address === address && candidate.state === "sending");
        if (!letter || this.#client.state !== "ready") return;
        // Before a room is joined anew one is not a member of it. Direct messages need no joining.
        if (letter.fields.t === "publish" && !this.#client.isAttached(address)) return;
        if (letter.user !== this.#client.user && letter.begunAt !== null) this.#fail(letter, "unknown", { code: 602 });
        else if (!(await this.#send(letter))) return;
      }
    } finally {
      this.#underway.delete(address);
    }
  }

  /** @returns {Promise<boolean>} whether there is an answer */
  async #send(letter) {
    const now = performance.timeOrigin + performance.now();
    const repetition = letter.begunAt === null ? {} : { retry: true, age: Math.max(0, Math.round(now - letter.begunAt)) };
    letter.begunAt ??= now;
    letter.user = this.#client.user;
    this.#keep();
    const { t, ...fields } = letter.fields;
    try {
      const published = await this.#client.request({ t, ...repetition, ...fields, cmid: letter.cmid, ack: 2 });
      this.#remove(letter);
      this.dispatchEvent(new CustomEvent("settled", { detail: { letter, published } }));
      return true;
    } catch (failure) {
      if (failure === lost) return false;
      if (failure.code === 700 || failure.code === 702) {
        await new Promise((resolve) => setTimeout(resolve, failure.retry_ms ?? 1000));
        return true;
      }
      const { code, reason } = failure;
      this.#fail(letter, code === 602 || code === 603 ? "unknown" : "failed", { code, reason });
      return true;
    }
  }

  #fail(letter, state, failure) {
    letter.state = state;
    letter.failure = failure;
    this.#keep();
    this.dispatchEvent(new CustomEvent("changed", { detail: { letter } }));
  }

  #remove(letter) {
    this.#letters = this.#letters.filter((other) => other !== letter);
    this.#keep();
  }

  /** Once more, because somebody asked for it: as a new message, since the broker refused this one or may not know it any more. */
  again(cmid) {
    const letter = this.find(cmid);
    if (!letter) return null;
    this.discard(cmid);
    return this.add(letter.address, letter.fields);
  }

  discard(cmid) {
    const letter = this.find(cmid);
    if (letter) this.#remove(letter);
    return letter;
  }

  /** Gives up what was to go to a room. @param {string} address @returns {number} how much that was */
  abandon(address) {
    const { length } = this.#letters;
    this.#letters = this.#letters.filter((letter) => letter.address !== address);
    this.#keep();
    return length - this.#letters.length;
  }

  /** Gives up everything. @returns {number} how much that was */
  clear() {
    const { length } = this.#letters;
    this.#letters = [];
    this.#keep();
    return length;
  }
}
