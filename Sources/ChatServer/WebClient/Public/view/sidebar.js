// The lists of rooms and conversations, and who one is.

import { hue, partner } from "../model/names.js";
import { element, make, rove } from "./dom.js";
import { count } from "./text.js";

const presences = ["offline", "online", "away", "do not disturb"];
const presenceClass = ["", "on", "away", "busy"];

/** @param {number} state */
export const presenceNode = (state) => make("span", { class: `presence ${presenceClass[state] ?? ""}`, "aria-hidden": "true" });
export const presenceName = (state) => presences[state] ?? "unknown";

const othersMax = 8;

for (const id of ["rooms", "others", "conversations"]) rove(element(id), "button");

function badge(room) {
  if (!room.unread) return null;
  const text = room.unread > 99 ? "99+" : String(room.unread);
  return make("span", { class: room.mentions || room.isConversation ? "unread loud" : "unread", "aria-hidden": "true", text });
}

function entry(room, name, presence, isCurrent, open) {
  const unread = room.unread ? `, ${room.unread} unread${room.mentions ? `, ${room.mentions} of them name you` : ""}` : "";
  const state = presence === undefined ? "" : `, ${presenceName(presence)}`;
  const button = make("button", {
    type: "button", "aria-label": name + state + unread, tabIndex: isCurrent ? 0 : -1, "data-address": room.address,
    class: room.unread ? "has-unread" : "",
  });
  if (isCurrent) button.setAttribute("aria-current", "true");
  const sign = presence === undefined ? make("span", { class: "sign", "aria-hidden": "true", text: "#" }) : presenceNode(presence);
  button.append(sign, make("span", { class: "label", text: name }), badge(room) ?? "");
  button.addEventListener("click", () => open(room.address));
  return make("li", {}, button);
}

function fill(id, entries) {
  const list = element(id);
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.address : null;
  list.replaceChildren(...entries);
  if (!list.querySelector('[tabindex="0"]')) list.querySelector("button")?.setAttribute("tabindex", "0");
  if (focused) list.querySelector(`[data-address="${CSS.escape(focused)}"]`)?.focus();
}

/**
 * @param {import("../model/rooms.js").Rooms} rooms
 * @param {{current: string, user: string, presence: Map<string, number>, open: (address: string) => void}} context
 */
export function showLists(rooms, { current, user, presence, open }) {
  fill("rooms", rooms.joined().map((room) => entry(room, room.address, undefined, room.address === current, open)));
  const conversations = rooms.conversations();
  fill("conversations", conversations.map((room) => {
    const name = partner(room.address, user);
    return entry(room, name, presence.get(name) ?? 0, room.address === current, open);
  }));
  element("conversations-empty").hidden = conversations.length > 0;
  const unread = rooms.unread;
  element("sidebar-unread").hidden = !rooms.all().some((room) => room.unread && room.address !== current);
  return unread;
}

/**
 * Rooms that one could enter: those with the most members.
 * @param {{room: string, members: number}[]} rooms @param {(address: string) => void} enter
 */
export function showOthers(rooms, enter) {
  const best = rooms.toSorted((one, other) => other.members - one.members || (one.room < other.room ? -1 : 1)).slice(0, othersMax);
  element("others-section").hidden = best.length === 0;
  fill("others", best.map(({ room, members }) => {
    const button = make("button", { type: "button", "aria-label": `${room}, ${count(members, "member")}`, tabIndex: -1, "data-address": room },
      make("span", { class: "sign", "aria-hidden": "true", text: "#" }), make("span", { class: "label", text: room }));
    button.addEventListener("click", () => enter(room));
    return make("li", {}, button);
  }));
}

/** @param {string} user @param {string} state in words @param {boolean} isBad */
export function showSelf(user, state, isBad) {
  const mark = element("me-avatar");
  mark.className = `avatar hue-${hue(user)}`;
  mark.textContent = (user.match(/[a-z0-9]/)?.[0] ?? "?").toUpperCase();
  element("me-name").textContent = user;
  element("me-state").textContent = state;
  element("me-state").classList.toggle("bad", isBad);
}
