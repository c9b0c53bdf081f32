// The text of a message as nodes: addresses of the web become links, names of those concerned stand out, the rest is text.

import { make } from "./dom.js";

const link = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/g;

function withNames(text, user) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(/(?<![a-z0-9._-])@[a-z0-9][a-z0-9._-]{0,31}/gi)) {
    const name = match[0].replace(/[._-]+$/, "");
    nodes.push(text.slice(at, match.index));
    nodes.push(make("span", { class: name.slice(1).toLowerCase() === user ? "name self" : "name", text: name }));
    at = match.index + name.length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

/** @param {string} text @param {string} user who reads it @returns {(Node | string)[]} */
export function textNodes(text, user) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(link)) {
    if (!URL.canParse(match[0])) continue;
    nodes.push(...withNames(text.slice(at, match.index), user));
    nodes.push(make("a", { href: match[0], target: "_blank", rel: "noopener noreferrer nofollow", text: match[0] }));
    at = match.index + match[0].length;
  }
  nodes.push(...withNames(text.slice(at), user));
  return nodes;
}

const pictures = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\u200d\ufe0f]*(?:\s|(?=.)|$)){1,4}$/u;

/** Whether a text is nothing but a few pictures. @param {string} text */
export const isPictures = (text) => pictures.test(text);

/** The beginning of a text, on one line. @param {string} text @param {number} most characters */
export function excerpt(text, most = 90) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** How many of something there are. @param {number} number @param {string} noun */
export const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });
const brief = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });
const full = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "medium" });

export const time = (milliseconds) => clock.format(milliseconds);
export const briefMoment = (milliseconds) => brief.format(milliseconds);
export const moment = (milliseconds) => full.format(milliseconds);

/** @param {number} milliseconds */
export function dayName(milliseconds) {
  const now = new Date();
  const date = new Date(milliseconds);
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : day.format(date);
}
