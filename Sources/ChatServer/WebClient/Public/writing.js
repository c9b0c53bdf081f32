// What somebody says in the room that is shown, and does to what was said there.

import { commandsOf } from "./commands.js";
import { partner } from "./model/names.js";
import { isMessage, kinds } from "./protocol/kinds.js";
import { utf8 } from "./protocol/octets.js";
import { inWords } from "./protocol/reasons.js";
import { toast } from "./view/announcer.js";
import { ask, chooseReaction } from "./view/layers.js";
import { excerpt } from "./view/text.js";

const reactionOctetsMax = 32;

export class Writing {
  #chat;

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    this.#chat = chat;
  }

  get #timeline() {
    return this.#chat.room.timeline;
  }

  /** @param {string} typed @param {import("./view/composer.js").Context | null} context @returns {boolean} whether it was taken */
  submit(typed, context) {
    const text = typed.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "").trimEnd();
    if (context?.kind === "edit") return this.edit(context.seq, text);
    const [, name, rest] = /^\/(?!\/)(\S*)\s*([\s\S]*)$/.exec(text) ?? [];
    if (name === undefined) return this.say(text.startsWith("//") ? text.slice(1) : text, context?.seq);
    const command = commandsOf(this.#chat).get(name.toLowerCase());
    if (!command) {
      toast(`There is no /${name}. /help lists what there is; //${name} says it.`, true);
      return false;
    }
    this.#chat.attempt(() => command.run(rest.trim()));
    return true;
  }

  /** @param {string} body @param {number} [reply] the message answered */
  say(body, reply) {
    if (!this.#chat.room.isWritable) {
      toast("You may read here, not write. Commands like /join work.", true);
      return false;
    }
    if (utf8(body).length > this.#chat.client.bodyByteCountMax) {
      toast(inWords({ code: 402 }), true);
      return false;
    }
    const { current, room, user } = this.#chat;
    const target = room.isConversation ? { t: "dm", to: partner(current, user) } : { t: "publish", room: current };
    if (!this.#chat.outbox.add(current, { ...target, body, ...(reply && { reply }) })) {
      toast("Too many messages wait to be sent.", true);
      return false;
    }
    this.#chat.toLatest();
    return true;
  }

  #change(kind, seq, body) {
    const { current, outbox } = this.#chat;
    return outbox.add(current, { t: "publish", room: current, kind, ref: seq, ...(body !== undefined && { body }) }) !== null;
  }

  /** @param {number} seq @param {string} body */
  edit(seq, body) {
    if (body.trim()) return this.#change(kinds.edit, seq, body);
    const item = this.#timeline.find(seq);
    if (item) this.remove(item);
    return true;
  }

  beginEdit(item) {
    this.#chat.composer.begin({ kind: "edit", seq: item.seq, from: item.from, body: this.#timeline.changes.state(item).body });
  }

  remove(item) {
    const body = excerpt(this.#timeline.changes.state(item).body, 120);
    const text = `“${body}” will be gone for everybody, and cannot be brought back.`;
    ask({ title: "Delete this message?", text, submit: "Delete", isDangerous: true }, () => void this.#change(kinds.delete, item.seq));
  }

  /** Puts a reaction, or takes it back. */
  toggle(item, text) {
    const { reactions } = this.#timeline.changes.state(item);
    const isOn = reactions.find((reaction) => reaction.text === text)?.names.includes(this.#chat.user);
    if (utf8(text).length > reactionOctetsMax) return toast("A reaction is an emoji or a short word.", true);
    this.#change(isOn ? kinds.unreact : kinds.react, item.seq, text);
  }

  /** Pins a message, or takes the pin off. */
  togglePin(item) {
    this.#change(this.#timeline.changes.state(item).isPinned ? kinds.unpin : kinds.pin, item.seq);
  }

  // Messages

  #visible() {
    const timeline = this.#timeline;
    return timeline.items.filter((item) => isMessage(item) && !item.isLost && !timeline.changes.state(item).isDeleted);
  }

  lastOwn() {
    return this.#visible().findLast((item) => item.from === this.#chat.user);
  }

  lastMessage() {
    return this.#visible().at(-1);
  }

  /** What may be done to a message. @param {import("./view/rows.js").Row} row @returns {string[]} */
  abilities({ item, state, isOwn }) {
    const { room } = this.#chat;
    if (!item?.seq || item.isLost || state.isDeleted || !room.isWritable) return [];
    const isModerator = room.role >= 3;
    const pin = (isModerator || room.isConversation) && (state.isPinned ? "unpin" : "pin");
    return ["react", "reply", isOwn && "edit", pin, (isOwn || isModerator) && "delete"].filter(Boolean);
  }

  /** Does it. */
  act(name, row, { node, seq, reaction }) {
    const { item, state, letter } = row;
    switch (name) {
      case "react": return chooseReaction(node, (text) => this.toggle(item, text));
      case "toggle": return this.abilities(row).includes("react") && this.toggle(item, reaction);
      case "reply": return this.#chat.composer.begin({ kind: "reply", seq: item.seq, from: item.from, body: state.body });
      case "edit": return this.beginEdit(item);
      case "pin": case "unpin": return this.togglePin(item);
      case "delete": return this.remove(item);
      case "person": return this.#chat.talk(item.from);
      case "jump": return this.#chat.jump(Number(seq));
      case "again": this.#chat.outbox.again(letter.cmid); return this.#chat.render();
      case "discard": this.#chat.outbox.discard(letter.cmid); return this.#chat.render();
    }
  }
}
