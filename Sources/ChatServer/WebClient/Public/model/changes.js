// What became of messages: edits, deletions, reactions, pins (docs/PROTOCOL.md section 9.4), in whatever order they come to be known.

import { kinds } from "../protocol/kinds.js";

const messagesMax = 5000;
const editsMax = 8;

/**
 * @typedef {{edits: {seq: number, body: string | null}[], deleted: {seq: number} | null, pinned: {seq: number, isOn: boolean} | null,
 *   reactions: Map<string, Map<string, {seq: number, isOn: boolean}>>}} Change
 */

export class Changes {
  /** @type {Map<number, Change>} by the number of the message */
  #messages = new Map();

  /** @param {import("../protocol/connection.js").Frame} event of kind 1 to 6 */
  apply(event) {
    let change = this.#messages.get(event.ref);
    if (!change) {
      change = { edits: [], deleted: null, pinned: null, reactions: new Map() };
      this.#messages.set(event.ref, change);
      if (this.#messages.size > messagesMax) this.#messages.delete(this.#messages.keys().next().value);
    }
    const { seq, kind } = event;
    if (kind === kinds.edit) {
      if (!change.edits.some((edit) => edit.seq === seq)) change.edits.push({ seq, body: event.redacted ? null : (event.body ?? "") });
      change.edits.sort((one, other) => one.seq - other.seq);
      if (change.edits.length > editsMax) change.edits.shift();
    } else if (kind === kinds.delete) change.deleted ??= { seq };
    else if (kind === kinds.react || kind === kinds.unreact) {
      const people = change.reactions.get(event.body) ?? new Map();
      change.reactions.set(event.body, people);
      if (!(people.get(event.from)?.seq > seq)) people.set(event.from, { seq, isOn: kind === kinds.react });
    } else if (!(change.pinned?.seq > seq)) change.pinned = { seq, isOn: kind === kinds.pin };
  }

  /** Changes that the broker lost have not happened. @param {number} from @param {number} to */
  void(from, to) {
    const isLost = (entry) => entry !== null && entry.seq >= from && entry.seq <= to;
    for (const change of this.#messages.values()) {
      change.edits = change.edits.filter((edit) => !isLost(edit));
      if (isLost(change.deleted)) change.deleted = null;
      if (isLost(change.pinned)) change.pinned = null;
      for (const people of change.reactions.values()) {
        for (const [name, entry] of people) if (isLost(entry)) people.delete(name);
      }
    }
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
      isPinned: !isDeleted && Boolean(change?.pinned?.isOn), reactions,
    };
  }
}
