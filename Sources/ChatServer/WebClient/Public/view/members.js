// The members of a room, with their presence.

import { element, make, rove } from "./dom.js";
import { avatar } from "./message.js";
import { presenceName, presenceNode } from "./sidebar.js";

rove(element("people-list"), "button");

const roles = { 1: "reads", 3: "moderator", 4: "owner" };
const rank = (state) => (state === 0 ? 1 : 0);

/**
 * @param {{user: string, role: number, state: number}[]} members
 * @param {{count: number, user: string, presence: Map<string, number>, talk: (user: string) => void}} context
 */
export function showMembers(members, { count, user, presence, talk }) {
  const rows = members.map((member) => ({ ...member, state: presence.get(member.user) ?? member.state }));
  rows.sort((one, other) => rank(one.state) - rank(other.state) || (one.user < other.user ? -1 : 1));
  element("people-count").textContent = count ? String(count) : "";
  const list = element("people-list");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.user : null;
  list.replaceChildren(...rows.map((member, index) => {
    const role = roles[member.role];
    const isSelf = member.user === user;
    const button = make("button", {
      type: "button", tabIndex: index ? -1 : 0, "data-user": member.user, title: isSelf ? "Notes to yourself" : `Write to ${member.user}`,
      "aria-label": [member.user, isSelf && "you", presenceName(member.state), role].filter(Boolean).join(", "),
      class: member.state ? "" : "offline",
    }, make("span", { class: "with-presence" }, avatar(member.user, "small"), presenceNode(member.state)),
      make("span", { class: "label", text: member.user }), isSelf && make("span", { class: "tag", text: "you" }),
      role && make("span", { class: "tag", text: role }));
    button.addEventListener("click", () => talk(member.user));
    return make("li", {}, button);
  }));
  if (focused) list.querySelector(`[data-user="${CSS.escape(focused)}"]`)?.focus();
  element("people-more").textContent = count > rows.length ? `and ${count - rows.length} more` : "";
}
