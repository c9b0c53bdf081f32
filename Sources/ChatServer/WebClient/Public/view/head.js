// What stands over the messages, and in their place while there are none.

import { element } from "./dom.js";
import { count } from "./text.js";

/**
 * @param {import("../model/rooms.js").Room} room
 * @param {string} name as it is shown to somebody
 */
export function showHead(room, name) {
  const { timeline, isConversation } = room;
  element("room-name").textContent = name;
  element("room-topic").textContent = isConversation ? "Direct messages" : room.topic || room.title || count(room.memberCount, "member");
  element("messages").setAttribute("aria-label", `Messages in ${name}`);
  element("people-open").hidden = isConversation;
  element("leave").hidden = isConversation || room.address === "lobby";
  const isEmpty = !element("messages").childElementCount && timeline.isAtFloor;
  element("log-empty").hidden = !isEmpty;
  element("empty-title").textContent = isConversation ? `You and ${name}` : `Welcome to ${name}`;
  element("empty-text").textContent = isConversation
    ? "What you write here is for the two of you." : "Nothing has been said yet. Go first.";
  const isEarlierGone = timeline.floor > 1 && timeline.isAtFloor;
  element("log-top").textContent = isEmpty || !timeline.epoch ? "" : !timeline.isAtFloor ? "Loading earlier messages…"
    : isEarlierGone ? "Earlier messages are not kept." : `This is the beginning of ${name}.`;
}

/** @param {string[]} names of those who are writing */
export function showTyping(names) {
  const few = names.length ? `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} writing…` : "";
  const text = names.length > 2 ? "Several people are writing…" : few;
  if (element("typing").textContent !== text) element("typing").textContent = text;
}
