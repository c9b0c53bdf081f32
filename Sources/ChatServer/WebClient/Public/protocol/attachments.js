// Where the connection stands in each log (docs/PROTOCOL.md sections 8.2 and 8.5): nothing is handled twice, nothing is left out unsaid.

import { kinds } from "./kinds.js";

/**
 * @typedef {{epoch: number, seq: number}} Cursor the last event handled; one value, replaced as a whole
 * @typedef {{cursor: Cursor | null, expected: number, isAttached: boolean, isJoining: boolean}} Attachment
 */

/** What the contract is broken with: the connection is given up, and what is missing is read on the next one. */
export class Fault extends Error {}

export class Attachments {
  /** @type {Map<string, Attachment>} */
  #logs = new Map();

  /** @param {string} address */
  cursor(address) {
    return this.#logs.get(address)?.cursor ?? null;
  }

  /** The logs to be attached to again. */
  addresses() {
    return [...this.#logs.keys()];
  }

  isAttached(address) {
    return this.#logs.get(address)?.isAttached ?? false;
  }

  /** Where to go on once the log is joined. @param {string} address @param {Cursor | null} cursor */
  want(address, cursor) {
    const log = this.#logs.get(address);
    if (log) log.cursor ??= cursor;
    else this.#logs.set(address, { cursor, expected: 0, isAttached: false, isJoining: false });
  }

  forget(address) {
    this.#logs.delete(address);
  }

  dropCursor(address) {
    const log = this.#logs.get(address);
    if (log) log.cursor = null;
  }

  /** The connection is gone: until the reply to its JOIN, a log with a cursor takes nothing, because it all comes again. */
  detachAll() {
    for (const log of this.#logs.values()) {
      log.isAttached = false;
      log.isJoining = log.cursor !== null;
    }
  }

  joining(address) {
    const log = this.#logs.get(address);
    if (log) log.isJoining = true;
  }

  notJoining(address) {
    const log = this.#logs.get(address);
    if (log) log.isJoining = false;
  }

  /**
   * JOINED.
   * @param {import("./connection.js").Frame} frame
   * @returns {{isNew: boolean, missing: {from: number, to: number} | null} | null} null if the reply to JOIN is still
   *   to come; `isNew` for a log of another epoch than before, or of none before
   */
  joined(frame) {
    let log = this.#logs.get(frame.room);
    if (log?.isJoining && !frame.id) return null;
    if (!log) this.#logs.set(frame.room, (log = { cursor: null, expected: 0, isAttached: false, isJoining: false }));
    log.isJoining = false;
    // JOIN of what is attached changes nothing.
    if (log.isAttached && log.cursor?.epoch === frame.epoch && frame.next === log.expected) return { isNew: false, missing: null };
    const isNew = log.cursor?.epoch !== frame.epoch;
    const handled = isNew ? frame.next - 1 : log.cursor.seq;
    log.isAttached = true;
    log.expected = frame.next;
    log.cursor = { epoch: frame.epoch, seq: Math.max(handled, frame.next - 1) };
    return { isNew, missing: frame.next > handled + 1 ? { from: handled + 1, to: frame.next - 1 } : null };
  }

  /**
   * DELIVER. @param {import("./connection.js").Frame} event
   * @returns {boolean} whether it is to be handled
   */
  delivered(event) {
    const log = this.#logs.get(event.room);
    if (!log || !log.isAttached || log.isJoining) return false;
    const isJump = event.kind === kinds.void && event.from_seq <= log.expected && log.expected <= event.to_seq && event.seq > event.to_seq;
    if (event.seq !== log.expected && !isJump) throw new Fault(`${event.room}: ${event.seq} came instead of ${log.expected}`);
    log.expected = event.seq + 1;
    if (event.seq <= log.cursor.seq) return false;
    log.cursor = { epoch: log.cursor.epoch, seq: event.seq };
    return true;
  }

  /** LAG. @param {import("./connection.js").Frame} frame @returns {boolean} whether it is to be handled */
  lagged(frame) {
    const log = this.#logs.get(frame.room);
    if (!log || !log.isAttached || log.isJoining) return false;
    log.expected = frame.next;
    log.cursor = { epoch: frame.epoch, seq: Math.max(log.cursor.seq, frame.next - 1) };
    return true;
  }
}
