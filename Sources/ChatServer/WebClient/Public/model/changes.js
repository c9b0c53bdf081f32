// What became of messages: edits, deletions, reactions, pins (docs/PROTOCOL.md section 9.4), in whatever order they come to be known.

import { kinds } from "../protocol/kinds.js";

const messagesMax = 5000;
const editsMax = 8;

/**
 * @typedef {{seq: number, isOn: boolean}} Switch the event that put something on or took it off last
 * @typedef {{edits: {seq: number, body: string | null}[], deleted: {seq: number} | null, reactions: Map<string, Map<string, Switch>>}} Change
 */

export class Changes {
  /** @type {Map<number, Change>} by the number of the message */
  #messages = new Map();
  /** Which were pinned, by the number of the message; kept apart, because these few must not be forgotten. @type {Map<number, Switch>} */
  #pins = new Map();

  /** @param {import("../protocol/connection.js").Frame} event of kind 1 to 6 */
  apply(event) {
    const { seq, kind, ref } = event;
    if (kind === kinds.pin || kind === kinds.unpin) {
      if (!(this.#pins.get(ref)?.seq > seq)) this.#pins.set(ref, { seq, isOn: kind === kinds.pin });
      return;
    }
    let change = this.#messages.get(ref);
    if (!change) {
      change = { edits: [], deleted: null, reactions: new Map() };
      this.#messages.set(ref, change);
      if (this.#messages.size > messagesMax) this.#messages.delete(this.#messages.keys().next().value);
    }
    if (kind === kinds.edit) {
      if (!change.edits.some((edit) => edit.seq === seq)) change.edits.push({ seq, body: event.redacted ? null : (event.body ?? "") });
      change.edits.sort((one, other) => one.seq - other.seq);
      if (change.edits.length > editsMax) change.edits.shift();
    } else if (kind === kinds.delete) change.deleted ??= { seq };
    else {
      const people = change.reactions.get(event.body) ?? new Map();
      change.reactions.set(event.body, people);
      if (!(people.get(event.from)?.seq > seq)) people.set(event.from, { seq, isOn: kind === kinds.react });
    }
  }

  /** Changes that the broker lost have not happened. @param {number} from @param {number} to */
  void(from, to) {
    const isLost = (entry) => entry !== null && entry.seq >= from && entry.seq <= to;
    for (const change of this.#messages.values()) {
      change.edits = change.edits.filter((edit) => !isLost(edit));
      if (isLost(change.deleted)) change.deleted = null;
      for (const people of change.reactions.values()) {
        for (const [name, entry] of people) if (isLost(entry)) people.delete(name);
      }
    }
    for (const [ref, entry] of this.#pins) if (isLost(entry)) this.#pins.delete(ref);
  }

  /** The numbers of the messages that are pinned, the latest first. */
  pinned() {
    const isPinned = ([ref, { isOn }]) => isOn && !this.#messages.get(ref)?.deleted;
    return [...this.#pins].filter(isPinned).map(([ref]) => ref).sort((one, other) => other - one);
  }

  /**
   * What a message says now.
   * @param {import("../protocol/connection.js").Frame} event
   * @returns {{body: string, isEdited: boolean, isDeleted: boolean, isPinned: boolean, reactions: {text: string, names: string[]}[]}}
   */
  state(event) {
    const change = this.#messages.get(event.seq);
    const edit = change?.edits.at(-1);
    const isDeleted = Boolean(event.redacted || change?.deleted || edit?.body === null);
    const reactions = [];
    for (const [text, people] of isDeleted ? [] : (change?.reactions ?? [])) {
      const names = [...people].filter(([, { isOn }]) => isOn).map(([name]) => name);
      if (names.length) reactions.push({ text, names });
    }
    return {
      body: isDeleted ? "" : (edit?.body ?? event.body ?? ""), isEdited: Boolean(edit) && !isDeleted, isDeleted,
      isPinned: !isDeleted && Boolean(this.#pins.get(event.seq)?.isOn), reactions,
    };
  }
}
