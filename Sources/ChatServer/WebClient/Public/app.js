// The page begins here: who comes in, how the connection fares, and what belongs to the page as a whole.

import { Chat } from "./chat.js";
import { showCommands } from "./commands.js";
import { Logs } from "./model/logs.js";
import { isAddress, isUser } from "./model/names.js";
import { Rooms } from "./model/rooms.js";
import { Client } from "./protocol/client.js";
import { Outbox } from "./protocol/outbox.js";
import { inWords } from "./protocol/reasons.js";
import { Session } from "./session.js";
import { toast } from "./view/announcer.js";
import { prepareAppearance } from "./view/appearance.js";
import { element, on } from "./view/dom.js";
import { ask } from "./view/layers.js";
import { showNotice } from "./view/notices.js";
import { prepareNotifier } from "./view/notifier.js";

const client = new Client();
const rooms = new Rooms(client);
const outbox = new Outbox(client);
const logs = new Logs(client, rooms, outbox, (address) => chat.isReading(address));
const session = new Session(client, rooms, outbox, logs, {
  opened(address) {
    const { linked } = chat;
    const isLinked = isAddress(linked) && !linked.startsWith("@") && linked !== address;
    chat.open(isLinked && !rooms.has(linked) ? "lobby" : isLinked ? linked : address);
    if (isLinked && !rooms.find(linked)?.isMember) chat.enter(linked);
    chat.composer.focus();
  },
  closed: () => chat.clear(),
});
const chat = new Chat(logs, session);

prepareAppearance();
prepareNotifier(toast);

// How the connection fares

let countdown = 0;

function banner(text, action = "", act = null) {
  element("banner").hidden = !text;
  element("banner-text").textContent = text;
  element("banner-action").hidden = !act;
  element("banner-action").textContent = action;
  element("banner-action").onclick = act;
}

client.addEventListener("state", ({ detail }) => {
  clearInterval(countdown);
  chat.members.showSelf();
  if (detail.state === "ready") {
    element("connection").textContent = "";
    banner("");
    element("rename").hidden = client.isAccount;
    element("password-open").hidden = element("devices-open").hidden = !client.isAccount;
  } else if (detail.state === "connecting") element("connection").textContent = "Connecting…";
  else if (detail.state === "waiting" && client.user) {
    element("connection").textContent = "Not connected";
    const until = performance.now() + detail.milliseconds;
    const show = () => {
      const seconds = Math.ceil((until - performance.now()) / 1000);
      const next = seconds > 1 ? `Next try in ${seconds} s.` : "Trying again…";
      banner(`The connection is gone. ${next}`, "Try now", () => client.hurry());
    };
    show();
    countdown = setInterval(show, 1000);
  } else if (detail.state === "ended" && detail.failure?.code === 208 && client.user) {
    element("connection").textContent = "Not connected";
    banner("You opened the chat somewhere else.", "Use it here", () => session.comeBack());
  }
  chat.render();
});
client.addEventListener("notice", ({ detail }) => showNotice(detail));
addEventListener("online", () => client.hurry());
document.addEventListener("visibilitychange", () => document.hidden || client.hurry());

// The page as a whole

/** Where the members lie over the room. */
const isNarrow = matchMedia("(max-width: 60rem)");

function showSidebar(isShown) {
  element("chat").classList.toggle("with-sidebar", isShown);
  element("sidebar-open").setAttribute("aria-expanded", String(isShown));
  if (isShown && isNarrow.matches) chat.members.show(false);
  if (isShown) (element("rooms").querySelector('[tabindex="0"]') ?? element("sidebar-close")).focus();
  else if (element("sidebar").contains(document.activeElement)) element("sidebar-open").focus();
}

on("click", (event) => {
  // The address of the page names the room.
  event.preventDefault();
  chat.composer.focus();
}, "skip");
on("click", () => showSidebar(true), "sidebar-open");
on("click", () => showSidebar(false), "sidebar-close");
on("click", () => {
  showSidebar(false);
  chat.members.show(false);
}, "shade");
on("click", ({ target }) => target.closest("li button") && isNarrow.matches && chat.members.show(false), "people-list");
on("click", ({ target }) => target.closest("li button") && showSidebar(false), "rooms", "others", "conversations");
on("click", () => showCommands(chat), "help-open", "help-menu");
on("click", () => chat.attempt(() => chat.leave()), "leave");
on("click", () => session.logOut(), "log-out");
on("click", () => {
  const text = "Conversations end with the name they were held under.";
  ask({ title: "Change your name", label: "Name", value: client.user, submit: "Change", text },
    async (name) => {
      if (!isUser(name.toLowerCase())) return inWords({ code: 400 });
      return await session.tryName(name.toLowerCase());
    });
}, "rename");
for (const item of document.querySelectorAll("#me-menu .item")) item.addEventListener("click", () => element("me-menu").hidePopover());

addEventListener("keydown", (event) => {
  if (element("chat").hidden || document.querySelector("dialog[open]")) return;
  const isWriting = /^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName);
  if (event.key === "?" && !isWriting) showCommands(chat);
  else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) chat.directory.open();
  else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) chat.step(event.key === "ArrowUp" ? -1 : 1);
  else if (event.key === "Escape" && element("chat").classList.contains("with-sidebar")) showSidebar(false);
  else if (event.key === "Escape" && element("people").contains(document.activeElement)) chat.members.show(false);
  else return;
  event.preventDefault();
});

chat.members.show(matchMedia("(min-width: 75rem)").matches);
session.begin();
