// Glue: what the broker says and what the person does, over a small model of rooms.

import { Client } from "/client.js";
import { view } from "/view.js";

const client = new Client();
const { element } = view;

/** Rooms and conversations by address: {items, unread, isMember, topic, count}. */
const rooms = new Map();
let current = "lobby";
let peopleTimer;
/** Whether what was said in the lobby before this page was opened has been asked for. */
let isRecalled = false;

function room(address) {
  if (!rooms.has(address)) rooms.set(address, { items: [], unread: 0, isMember: false, topic: "", count: 0 });
  return rooms.get(address);
}

const isConversation = (address) => address.startsWith("@");
const partner = (address) => address.slice(1).split("+").find((name) => name !== client.name) ?? client.name;
const label = (address) => (isConversation(address) ? partner(address) : address);
const conversationWith = (user) => "@" + [client.name, user].sort().join("+");

// Showing

function showLists() {
  const entries = [...rooms].map(([key, value]) => ({
    key, label: label(key), unread: value.unread, isCurrent: key === current, isMember: value.isMember || isConversation(key),
  }));
  const sorted = entries.sort((a, b) => Number(b.isMember) - Number(a.isMember) || a.label.localeCompare(b.label));
  view.list("rooms", sorted.filter(({ key }) => !isConversation(key)), enter);
  view.list("conversations", sorted.filter(({ key }) => isConversation(key)), enter);
  element("me").textContent = client.name;
}

/** The node of an item, which begins a group if somebody else spoke before, or long ago. */
function nodeOf(item, previous) {
  if (item.note !== undefined) return view.note(item.note, item.isBad);
  const isFirst = previous?.from !== item.from || item.ts - previous.ts > 300000;
  return view.message({ ...item, isFirst, isMention: mentions(item) });
}

function show(address) {
  current = address;
  const state = room(address);
  state.unread = 0;
  view.heading(label(address), isConversation(address) ? "direct messages" : state.topic);
  view.clear();
  state.items.forEach((item, index) => view.append((item.node = nodeOf(item, state.items[index - 1]))));
  view.toEnd();
  showLists();
  showPeople();
}

function add(address, item) {
  const state = room(address);
  const previous = state.items.at(-1);
  state.items.push(item);
  if (state.items.length > 1000) state.items.shift();
  if (address === current) view.append((item.node = nodeOf(item, previous)));
}

const note = (text, isBad = false) => add(current, { note: text, isBad });

function showPeople() {
  clearTimeout(peopleTimer);
  peopleTimer = setTimeout(async () => {
    if (element("people").hidden || isConversation(current)) return view.people([], () => {});
    const members = await client.members(current).catch(() => []);
    view.people(members.sort((a, b) => a.user.localeCompare(b.user)), talkTo);
  }, 150);
}

// What happens

function mentions(item) {
  if (!item.body || item.from === client.name) return false;
  return new RegExp(`(^|[^a-z0-9._-])@?${client.name.replaceAll(".", "\\.")}($|[^a-z0-9_-])`, "i").test(item.body);
}

function notify(address, item) {
  const isWanted = element("notify").getAttribute("aria-pressed") === "true" && document.hidden;
  if (isWanted && (mentions(item) || isConversation(address))) new Notification(`${item.from} · ${label(address)}`, { body: item.body, tag: address });
}

const notices = {
  32: (event) => `${event.user} joined`,
  33: (event) => `${event.user} left${event.reason ? ` (${event.reason})` : ""}`,
  36: (event) => (event.room === "lobby" ? `${event.from} created the room ${event.title}` : `${event.from} created this room`),
  38: (event) => `${event.user} is now called ${event.from}`,
};

client.addEventListener("event", ({ detail: event }) => {
  const state = room(event.room);
  if (event.kind === undefined || event.kind === 7) {
    // One's own messages are shown when they are sent.
    const own = event.cmid && event.from === client.name && state.items.find((item) => item.cmid === event.cmid && item.from === event.from);
    if (own) {
      own.isPending = false;
      own.node?.classList.remove("pending");
      return;
    }
    const item = { from: event.from, body: event.body, ts: event.ts, cmid: event.cmid };
    add(event.room, item);
    if (event.room !== current || document.hidden) {
      if (event.from !== client.name) state.unread += 1;
      showLists();
    }
    notify(event.room, item);
    return;
  }
  add(event.room, { note: (notices[event.kind] ?? (() => `${event.from} did something that this page cannot show`))(event) });
  if (event.kind === 36 && event.room === "lobby") room(event.title);
  showLists();
  if (event.room === current) showPeople();
});

client.addEventListener("joined", ({ detail: joined }) => {
  const state = room(joined.room);
  state.isMember = true;
  if (joined.isReplay) {
    state.items = [];
    if (joined.room === current) view.clear();
  }
  state.topic = joined.topic ?? "";
  if (joined.room === current) view.heading(label(current), isConversation(current) ? "direct messages" : state.topic);
  showLists();
});

client.addEventListener("gap", ({ detail: gap }) => add(gap.room, { note: `${gap.to_seq - gap.from_seq + 1} messages are missing here` }));
client.addEventListener("reset", ({ detail: { room: address } }) => add(address, { note: "the room began anew" }));

client.addEventListener("outcome", ({ detail: { cmid, failure } }) => {
  for (const state of rooms.values()) {
    const item = state.items.find((candidate) => candidate.cmid === cmid);
    if (!item) continue;
    item.isPending = false;
    item.node?.classList.remove("pending");
    if (!failure) continue;
    item.node?.classList.add("failed");
    note(`not sent: ${failure.reason ?? failure.code}`, true);
  }
});

client.addEventListener("refused", ({ detail: failure }) => {
  view.showEntry(failure.code === 408 ? "That name is taken; try another." : (failure.reason ?? `Refused (${failure.code}).`));
});

client.addEventListener("goodbye", ({ detail: goodbye }) => note(goodbye.reason ?? `the broker said goodbye (${goodbye.code})`, true));

client.addEventListener("state", async ({ detail }) => {
  switch (detail.state) {
    case "ready": {
      sessionStorage.setItem("name", client.name);
      view.status("");
      view.showChat();
      show(current);
      for (const record of await client.rooms().catch(() => [])) room(record.room).topic ||= record.topic ?? "";
      if (!isRecalled) await client.recall("lobby").then(() => (isRecalled = true), () => {});
      showLists();
      break;
    }
    case "connecting": view.status("connecting…"); break;
    case "waiting": view.status("not connected; trying again…", true); break;
    case "ended": view.status("not connected", true); break;
  }
});

// What the person does

async function enter(address) {
  element("sidebar").classList.remove("open");
  element("rooms-toggle").setAttribute("aria-expanded", "false");
  if (!isConversation(address) && !room(address).isMember) {
    try {
      await client.join(address);
    } catch (failure) {
      if (failure.code !== 404) return note(failure.reason ?? `error ${failure.code}`, true);
      try {
        await client.create(address);
        await client.join(address);
      } catch (refusal) {
        rooms.delete(address);
        showLists();
        return note(refusal.reason ?? `error ${refusal.code}`, true);
      }
    }
  }
  show(address);
  element("input").focus();
}

function talkTo(user) {
  enter(conversationWith(user));
}

function say(address, body) {
  const cmid = client.say(isConversation(address) ? { user: partner(address) } : { room: address }, body);
  add(address, { from: client.name, body, ts: Date.now(), cmid, isPending: true });
  if (address === current) view.toEnd();
}

const help = [
  "/join ROOM – enter a room, or make it", "/leave – leave this room", "/rooms – list the rooms", "/users – who is here",
  "/pm USER TEXT – write to one person", "/nick NAME – take another name", "//TEXT – begin with a slash",
].join("\n");

const commands = {
  help: () => note(help),
  join: (name) => name && enter(name.toLowerCase()),
  async leave() {
    await client.leave(current);
    room(current).isMember = false;
    show("lobby");
  },
  async rooms() {
    const records = await client.rooms();
    note(records.map((record) => `${record.room} (${record.members})${record.topic ? ` – ${record.topic}` : ""}`).join("\n"));
  },
  async users() {
    const members = await client.members(current);
    note(`${members.length} here: ${members.map(({ user }) => user).join(", ")}`);
  },
  pm(rest) {
    const [user, ...words] = rest.split(" ");
    if (!words.length) return note("/pm USER TEXT", true);
    say(conversationWith(user.toLowerCase()), words.join(" "));
    show(conversationWith(user.toLowerCase()));
  },
  async nick(name) {
    const granted = await client.rename(name.toLowerCase());
    sessionStorage.setItem("name", granted);
    showLists();
  },
};
commands.msg = commands.pm;
commands.who = commands.users;

async function submit(text) {
  if (!text.trim()) return;
  if (!text.startsWith("/") || text.startsWith("//")) return say(current, text.startsWith("//") ? text.slice(1) : text);
  const [name, ...rest] = text.slice(1).trim().split(" ");
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return note(`there is no /${name}; /help lists what there is`, true);
  try {
    await command(rest.join(" ").trim());
  } catch (failure) {
    note(failure.reason ?? `error ${failure.code}`, true);
  }
}

const input = element("input");

function grow() {
  input.style.setProperty("height", "auto");
  input.style.setProperty("height", `${input.scrollHeight + 2}px`);
}

function submitInput() {
  const text = input.value;
  input.value = "";
  grow();
  submit(text);
}

input.addEventListener("input", grow);
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submitInput();
});
element("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  submitInput();
});
element("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = element("join-name").value.trim().toLowerCase();
  element("join-name").value = "";
  if (name) enter(name);
});
element("entry-form").addEventListener("submit", (event) => {
  event.preventDefault();
  client.connect(element("entry-name").value.trim().toLowerCase());
});
element("newer").addEventListener("click", () => view.toEnd());
element("log").addEventListener("scroll", () => {
  if (view.isAtEnd()) element("newer").hidden = true;
});
element("rooms-toggle").addEventListener("click", () => {
  const isOpen = element("sidebar").classList.toggle("open");
  element("rooms-toggle").setAttribute("aria-expanded", String(isOpen));
});
element("members-toggle").addEventListener("click", () => {
  const isShown = (element("people").hidden = !element("people").hidden);
  element("members-toggle").setAttribute("aria-expanded", String(!isShown));
  showPeople();
});
element("theme").addEventListener("click", () => {
  const isDark = getComputedStyle(document.documentElement).colorScheme === "dark";
  localStorage.setItem("theme", (document.documentElement.dataset.theme = isDark ? "light" : "dark"));
  show(current);
});
element("notify").addEventListener("click", async () => {
  const isOn = element("notify").getAttribute("aria-pressed") === "true";
  const isGranted = !isOn && (await Notification.requestPermission()) === "granted";
  element("notify").setAttribute("aria-pressed", String(isGranted));
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  room(current).unread = 0;
  showLists();
});

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
const name = sessionStorage.getItem("name");
if (name) client.connect(name);
else view.showEntry();
