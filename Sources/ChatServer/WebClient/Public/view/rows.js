// What stands in the log, line by line, of the events of a timeline and of what is on its way: days, what is new, groups, news.

import { isMentioned } from "../model/names.js";
import { isMessage, kinds } from "../protocol/kinds.js";
import { dayName } from "./text.js";

const groupMilliseconds = 300_000;

/**
 * @typedef {{key: string, kind: "day" | "new" | "news" | "message", version: string, text?: string, item?: any, state?: any,
 *   isFirst?: boolean, isMention?: boolean, isOwn?: boolean, quote?: any, letter?: any, outlook?: string, items?: any[]}} Row `version`
 *   changes with what is shown
 * @typedef {{user: string, isConnected: boolean, letters: import("../protocol/outbox.js").Letter[],
 *   isStored: (cmid: string) => boolean}} Context
 */

/** What an event that is no message says. */
function news(item) {
  switch (item.kind) {
    case kinds.joined: return `${item.user} joined`;
    case kinds.left: return `${item.user} left${item.reason ? ` (${item.reason})` : ""}`;
    case kinds.created: return item.room === "lobby" && item.title ? `${item.from} made the room ${item.title}` : `${item.from} made this room`;
    case kinds.renamed: return `${item.user} is now called ${item.from}`;
    default: return `${item.from} did something that this page cannot show`;
  }
}

/**
 * @param {import("../model/rooms.js").Room} room
 * @param {Context} context
 * @returns {Row[]}
 */
export function rowsOf(room, { user, isConnected, letters, isStored }) {
  const { timeline } = room;
  const rows = [];
  let day = "";
  let author = "";
  let at = 0;
  let isNewShown = room.divider === 0;

  const outlookOf = ({ state }) => (state === "sending" && !isConnected ? "waiting" : state);
  const begin = (ts) => {
    const name = dayName(ts);
    if (name === day) return;
    day = name;
    author = "";
    rows.push({ key: `day ${name}`, kind: "day", text: name, version: name });
  };

  const addMessage = (row, from, ts) => {
    row.isFirst = from !== author || ts - at > groupMilliseconds || Boolean(row.quote);
    author = from;
    at = ts;
    const { state } = row;
    row.version = JSON.stringify([row.isFirst, row.outlook, row.isMention, row.item?.isLost, row.quote, state, user, row.letter?.failure]);
    rows.push(row);
  };

  for (const item of timeline.items) {
    begin(item.ts);
    if (!isNewShown && item.seq > room.divider && item.from !== user && isMessage(item)) {
      isNewShown = true;
      author = "";
      rows.push({ key: "new", kind: "new", text: "New", version: "" });
    }
    if (!isMessage(item)) {
      author = "";
      const last = rows.at(-1);
      if (last?.kind !== "news" || last.items.length >= 12) rows.push({ key: `news ${item.seq}`, kind: "news", items: [item] });
      else {
        // Who went and came back, as with a reload of a page, is where everybody thinks.
        const left = item.kind === kinds.joined ? last.items.findIndex((other) => other.kind === kinds.left && other.user === item.user) : -1;
        if (left >= 0) last.items.splice(left, 1);
        else last.items.push(item);
      }
      continue;
    }
    const isOwn = item.from === user;
    const letter = isOwn && item.cmid ? letters.find((other) => other.cmid === item.cmid) : undefined;
    const state = timeline.changes.state(item);
    const isRead = isOwn && item.seq <= room.readByOther;
    const outlook = item.isLost ? "lost" : letter ? outlookOf(letter) : isRead ? "read" : isOwn && isStored(item.cmid) ? "stored" : "";
    const key = item.cmid ? `${item.from} ${item.cmid}` : `seq ${item.seq}`;
    const quote = item.reply ? quoteOf(timeline, item.reply) : undefined;
    const isMention = !isOwn && isMentioned(state.body, user);
    addMessage({ key, kind: "message", item, state, isOwn, isMention, quote, letter, outlook }, item.from, item.ts);
  }
  for (const row of rows) if (row.kind === "news") row.version = row.text = row.items.map(news).join(" · ");
  if (!timeline.isLive) return rows.filter((row) => row.text !== "");
  const shown = new Set(timeline.items.filter((item) => item.from === user).map((item) => item.cmid));
  for (const letter of letters) {
    if (shown.has(letter.cmid) || letter.fields.kind) continue;
    begin(letter.at);
    const item = { from: user, ts: letter.at, cmid: letter.cmid, seq: 0 };
    const state = { body: letter.fields.body, isEdited: false, isDeleted: false, isPinned: false, reactions: [] };
    const quote = letter.fields.reply ? quoteOf(timeline, letter.fields.reply) : undefined;
    const row = { key: `${user} ${letter.cmid}`, kind: "message", item, state, isOwn: true, quote, letter, outlook: outlookOf(letter) };
    addMessage(row, user, letter.at);
  }
  return rows.filter((row) => row.text !== "");
}

function quoteOf(timeline, seq) {
  const item = timeline.find(seq);
  if (!item) return { seq, from: "", body: "an earlier message" };
  const state = timeline.changes.state(item);
  return { seq, from: item.from, body: state.isDeleted ? "a deleted message" : state.body.slice(0, 200) };
}
