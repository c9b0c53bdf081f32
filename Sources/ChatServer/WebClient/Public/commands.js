// What begins with a slash, and what is done by a key.

import { isRoom, isUser } from "./model/names.js";
import { toast } from "./view/announcer.js";
import { showHelp } from "./view/layers.js";

/** Keys, and what they do. */
const shortcuts = [
  ["Enter", "send"], ["Shift Enter", "a new line"], ["↑", "edit what you said last, in an empty box"],
  ["Tab", "complete a name or a command"],
  ["Ctrl K", "find or make a room"], ["Alt ↑ | Alt ↓", "the room above, below"], ["Shift Tab", "from the box to the messages"],
  ["↑ | ↓", "from message to message"], ["R | A | E | P | Delete", "reply to, react to, edit, pin, delete the message that is chosen"],
  ["→", "the buttons of the message"], ["Esc", "back to the box"], ["?", "this help"],
];

async function ping({ client }) {
  const begun = performance.now();
  await client.request({ t: "ping" });
  toast(`The broker answered in ${(performance.now() - begun).toFixed(1)} ms.`);
}

/** Shows what can be done by keys and commands. @param {import("./chat.js").Chat} chat */
export function showCommands(chat) {
  const commands = [...commandsOf(chat).values()].filter(({ isHidden }) => !isHidden).map(({ usage, text }) => [usage, text]);
  showHelp(shortcuts, [...commands, ["//TEXT", "begin with a slash"]]);
}

/**
 * @typedef {{usage: string, text: string, run: (rest: string) => Promise<void> | void, isHidden?: boolean}} Command
 * @param {import("./chat.js").Chat} chat
 * @returns {Map<string, Command>}
 */
export function commandsOf(chat) {
  const { writing } = chat;
  const need = (rest, isRight, words) => {
    if (!isRight(rest)) throw { message: words };
    return rest;
  };
  const room = (rest) => need(rest.toLowerCase(), isRoom, "Name a room: /join tea");
  const lastOwn = () => writing.lastOwn() ?? need("", () => false, "You have said nothing here that is in view.");
  const lastMessage = () => writing.lastMessage() ?? need("", () => false, "Nothing was said here that is in view.");
  const write = (rest) => {
    const [user] = rest.split(/\s+/);
    const name = need(user.toLowerCase(), isUser, "Name somebody: /pm ada Hello");
    chat.talk(name);
    const text = rest.slice(user.length).trim();
    if (text) writing.say(text);
  };
  const entries = [
    ["join", "ROOM", "enter a room, or make it", (rest) => chat.enter(room(rest))],
    ["leave", "", "leave this room", () => chat.leave()],
    ["rooms", "", "find a room", () => chat.directory.open()],
    ["users", "", "who is here", () => chat.members.show(true)],
    ["pm", "NAME TEXT", "write to one person", write],
    ["nick", "NAME", "take another name, as a guest", (rest) => chat.session.rename(need(rest.toLowerCase(), isUser, "Name yourself: /nick ada"))],
    ["reply", "TEXT", "answer the last message", (rest) => writing.say(need(rest, Boolean, "Say something: /reply yes"), lastMessage().seq)],
    ["react", "EMOJI", "react to the last message", (rest) => writing.toggle(lastMessage(), rest || "👍")],
    ["edit", "TEXT", "change what you said last", (rest) => (rest ? writing.edit(lastOwn().seq, rest) : writing.beginEdit(lastOwn()))],
    ["delete", "", "take back what you said last", () => writing.remove(lastOwn())],
    ["pin", "", "pin the last message, or take the pin off", () => writing.togglePin(lastMessage())],
    ["pins", "", "what is pinned here", () => chat.pinned.open()],
    ["away", "", "others see that you are away", () => chat.appear(2)],
    ["back", "", "others see that you are there", () => chat.appear(1)],
    ["dnd", "", "others see that you do not want to be disturbed", () => chat.appear(3)],
    ["passwd", "", "change the password of your account", () => chat.password.open()],
    ["sessions", "", "the devices of your account", () => chat.devices.open()],
    ["ping", "", "how far away the broker is", () => ping(chat)],
    ["help", "", "keys and commands", () => showCommands(chat)],
    ["quit", "", "log out", () => chat.session.logOut()],
  ];
  if (chat.canSearch) entries.splice(7, 0, ["search", "TEXT", "find messages", (rest) => chat.finding.find(rest)]);
  const commands = new Map(entries.map(([name, usage, text, run]) => [name, { usage: `/${name}${usage && ` ${usage}`}`, text, run }]));
  for (const [alias, name] of [["msg", "pm"], ["who", "users"], ["list", "rooms"], ["part", "leave"], ["busy", "dnd"], ["exit", "quit"]]) {
    commands.set(alias, { ...commands.get(name), isHidden: true });
  }
  return commands;
}

/**
 * What could stand at the end of a text.
 * @param {string} before @param {boolean} isAsked @param {import("./chat.js").Chat} chat
 * @returns {{start: number, suggestions: import("./view/completion.js").Suggestion[]} | null}
 */
export function completionsOf(before, isAsked, chat) {
  const command = /^\/(\S*)$/.exec(before);
  if (command) {
    const found = [...commandsOf(chat)].filter(([name, { isHidden }]) => !isHidden && name.startsWith(command[1].toLowerCase()));
    const suggest = ([name, { usage, text }]) => ({ text: `/${name} `, note: `${usage.slice(name.length + 2)} ${text}`.trim() });
    return { start: 0, suggestions: found.map(suggest) };
  }
  const word = /(?:^|\s)(\S+)$/.exec(before)?.[1] ?? "";
  const start = before.length - word.length;
  const first = /^\/(\S+) +\S*$/.exec(before)?.[1];
  if (first === "join") {
    const names = chat.directory.names().filter((name) => name.startsWith(word.toLowerCase()));
    return { start, suggestions: names.map((text) => ({ text })) };
  }
  const isName = first === "pm" || first === "msg";
  if (!isName && !word.startsWith("@") && !isAsked) return null;
  const sign = word.startsWith("@") ? "@" : "";
  const part = word.slice(sign.length).toLowerCase();
  if (!part && !sign) return null;
  // At the beginning of a line a name is an address.
  const end = !sign && start === 0 && !isName ? ": " : " ";
  const names = chat.members.names().filter((name) => name.startsWith(part) && name !== chat.user);
  return { start, suggestions: names.map((name) => ({ text: sign + name + end })) };
}
