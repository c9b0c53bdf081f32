// The page: what is shown, and nothing of how it came. User text only ever becomes text nodes.

const element = (id) => document.getElementById(id);

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** A hue for a name, the same for everybody. */
function hue(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.charCodeAt(0)) % 360;
  return sum;
}

export const view = {
  element,

  showEntry(problem = "") {
    element("entry").hidden = false;
    element("chat").hidden = true;
    element("entry-problem").textContent = problem;
    element("entry-name").focus();
  },

  showChat() {
    element("entry").hidden = true;
    element("chat").hidden = false;
    element("input").focus();
  },

  status(text, isBad = false) {
    const node = element("status");
    node.textContent = text;
    node.classList.toggle("bad", isBad);
  },

  heading(name, topic) {
    element("room-name").textContent = name;
    element("room-topic").textContent = topic ?? "";
    document.title = `${name} – Chat`;
  },

  /** Fills one of the lists of the sidebar: entries {key, label, unread, isCurrent, isMember}. */
  list(id, entries, choose) {
    element(id).replaceChildren(
      ...entries.map((entry) => {
        const button = make("button");
        button.type = "button";
        button.append(make("span", entry.isMember ? "name" : "name outside", entry.label));
        if (entry.isCurrent) button.setAttribute("aria-current", "true");
        if (entry.unread) {
          const badge = make("span", "unread", entry.unread > 99 ? "99+" : String(entry.unread));
          badge.setAttribute("aria-label", `${entry.unread} unread`);
          button.append(badge);
        }
        button.addEventListener("click", () => choose(entry.key));
        const item = make("li");
        item.append(button);
        return item;
      }),
    );
  },

  people(members, choose) {
    element("people-count").textContent = members.length ? String(members.length) : "";
    element("people-list").replaceChildren(
      ...members.map((member) => {
        const button = make("button", "", `${member.state ? "●" : "○"} ${member.user}`);
        button.type = "button";
        button.title = `Write to ${member.user}`;
        button.addEventListener("click", () => choose(member.user));
        const item = make("li");
        item.append(button);
        return item;
      }),
    );
  },

  isAtEnd() {
    const log = element("log");
    return log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  },

  toEnd() {
    const log = element("log");
    log.scrollTop = log.scrollHeight;
    element("newer").hidden = true;
  },

  clear() {
    element("log").replaceChildren();
    element("newer").hidden = true;
  },

  /** Appends a node, and stays at the end if the reader was there. */
  append(node) {
    const wasAtEnd = view.isAtEnd();
    element("log").append(node);
    while (element("log").childElementCount > 2000) element("log").firstElementChild.remove();
    if (wasAtEnd) view.toEnd();
    else element("newer").hidden = false;
  },

  /** A message: {from, body, ts, isFirst, isMention, isPending}. */
  message(message) {
    const node = make("div", "message");
    if (message.isFirst) {
      node.classList.add("first");
      const head = make("span", "head");
      const who = make("span", "who", message.from);
      const dark = matchMedia("(prefers-color-scheme: dark)").matches ? document.documentElement.dataset.theme !== "light" : document.documentElement.dataset.theme === "dark";
      who.style.setProperty("color", `hsl(${hue(message.from)} 65% ${dark ? 75 : 32}%)`);
      const time = make("time", "", new Date(message.ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
      time.dateTime = new Date(message.ts).toISOString();
      head.append(who, time);
      node.append(head);
    }
    node.append(make("span", "text", message.body));
    node.classList.toggle("mention", Boolean(message.isMention));
    node.classList.toggle("pending", Boolean(message.isPending));
    return node;
  },

  note(text, isBad = false) {
    return make("p", isBad ? "note bad" : "note", text);
  },
};
