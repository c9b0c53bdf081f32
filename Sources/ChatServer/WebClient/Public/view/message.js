// One line of the log as nodes.

import { hue } from "../model/names.js";
import { kinds } from "../protocol/kinds.js";
import { inWords } from "../protocol/reasons.js";
import { icon, make } from "./dom.js";
import { excerpt, isPictures, moment, textNodes, time } from "./text.js";

const outlooks = {
  sending: "Sending…", waiting: "Waiting for the connection…", stored: "Stored", read: "Read", lost: "Lost when the broker stopped",
};

/** @param {string} name @param {string} [size] */
export function avatar(name, size = "") {
  return make("span", { class: `avatar ${size} hue-${hue(name)}`, "aria-hidden": "true", text: name.charAt(0).toUpperCase() });
}

/** @param {string[]} names @param {string} user */
function people(names, user) {
  const shown = names.map((name) => (name === user ? "you" : name)).slice(0, 20);
  return names.length > shown.length ? `${shown.join(", ")} and ${names.length - shown.length} more` : shown.join(", ");
}

function quoteNode(quote) {
  const node = make("button", { type: "button", class: "quote", tabIndex: -1, "data-act": "jump", "data-seq": quote.seq });
  node.append(icon("reply"), quote.from && make("b", { text: quote.from }), make("span", { text: excerpt(quote.body) }));
  node.setAttribute("aria-label", `In answer to ${quote.from} ${excerpt(quote.body, 60)}`);
  return node;
}

function reactionNodes(reactions, user) {
  const group = make("div", { class: "reacted" });
  for (const { text, names } of reactions) {
    const isOwn = names.includes(user);
    group.append(make("button", {
      type: "button", class: "reaction", tabIndex: -1, "aria-pressed": String(isOwn), "data-act": "toggle", "data-reaction": text,
      title: people(names, user), "aria-label": `${text}, ${names.length}: ${people(names, user)}`,
    }, make("span", { class: isPictures(text) ? "emoji" : "", text: excerpt(text, 16) }),
      make("span", { class: "count", text: String(names.length) })));
  }
  return group;
}

function outlookNode({ outlook, letter }) {
  if (outlook === "failed" || outlook === "unknown") {
    const words = outlook === "failed" ? `Not sent. ${inWords(letter.failure)}` : `${inWords(letter.failure)} It may be there already.`;
    return make("p", { class: "outlook bad" }, make("span", { text: words }),
      make("button", { type: "button", class: "plain", "data-act": "again", text: outlook === "failed" ? "Try again" : "Send again" }),
      make("button", { type: "button", class: "plain", "data-act": "discard", text: "Discard" }));
  }
  return ["lost", "sending", "waiting"].includes(outlook) ? make("p", { class: "outlook", text: outlooks[outlook] }) : null;
}

/**
 * Fills the node of a message.
 * @param {HTMLElement} node @param {import("./rows.js").Row} row @param {string} user who reads it
 */
export function fillMessage(node, row, user) {
  const { item, state, isFirst } = row;
  node.className = "message";
  node.classList.toggle("first", isFirst);
  node.classList.toggle("mention", Boolean(row.isMention));
  node.classList.toggle("pending", row.outlook === "sending" || row.outlook === "waiting");
  node.classList.toggle("lost", row.outlook === "lost");
  node.classList.toggle("pinned", state.isPinned);
  const date = new Date(item.ts);
  const at = make("time", { text: time(item.ts), dateTime: date.toISOString(), title: moment(item.ts) });
  const parts = [];
  if (row.quote) parts.push(quoteNode(row.quote));
  if (isFirst) {
    const who = make("button", { type: "button", class: `who hue-${hue(item.from)}`, tabIndex: -1, "data-act": "person", text: item.from });
    parts.push(avatar(item.from), make("p", { class: "head" }, who, item.kind === kinds.notice && make("span", { class: "tag", text: "notice" }), at));
  } else {
    parts.push(make("span", { class: "unseen", text: `${item.from}: ` }), at);
  }
  const text = make("div", { class: "text", dir: "auto" });
  if (state.isDeleted) {
    text.classList.add("deleted");
    text.textContent = "This message was deleted.";
  } else {
    text.classList.toggle("pictures", isPictures(state.body));
    text.append(...textNodes(state.body, user));
  }
  parts.push(text);
  const isSafe = row.outlook === "stored" || row.outlook === "read";
  if (state.isEdited || state.isPinned || isSafe) {
    const marks = make("span", { class: "marks" });
    if (state.isPinned) marks.append(make("span", { text: "pinned" }));
    if (state.isEdited) marks.append(make("span", { text: "edited" }));
    const label = outlooks[row.outlook];
    if (isSafe) marks.append(make("span", { class: row.outlook, title: label, role: "img", "aria-label": label }));
    text.append(marks);
  }
  if (state.reactions.length) parts.push(reactionNodes(state.reactions, user));
  parts.push(outlookNode(row));
  node.replaceChildren(...parts.filter(Boolean));
}

/** @param {import("./rows.js").Row} row @param {string} user */
export function makeRow(row, user) {
  const node = make("li", { class: row.kind });
  fillRow(node, row, user);
  return node;
}

/** @param {HTMLElement} node @param {import("./rows.js").Row} row @param {string} user */
export function fillRow(node, row, user) {
  if (row.kind === "message") {
    node.tabIndex = -1;
    return fillMessage(node, row, user);
  }
  node.replaceChildren(make("span", { text: row.text }));
}
