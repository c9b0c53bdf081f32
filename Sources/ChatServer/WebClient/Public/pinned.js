// The messages of the room that is shown which somebody pinned.

import { lost } from "./protocol/connection.js";
import { isChange } from "./protocol/kinds.js";
import { inWords } from "./protocol/reasons.js";
import { element, on } from "./view/dom.js";
import { saying } from "./view/layers.js";

/** How often it is asked for earlier events before somebody decides whether to go on. */
const requestsAtOnce = 2;

export class Pinned {
  #chat;
  #address = "";

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    this.#chat = chat;
    on("click", () => this.open(), "pinned-open");
    on("click", () => this.#lookBack(), "pinned-more");
    chat.client.addEventListener("deliver", ({ detail }) => {
      if (element("pinned-dialog").open && detail.room === this.#address && isChange(detail)) this.#show();
    });
  }

  get #timeline() {
    return this.#chat.rooms.at(this.#address).timeline;
  }

  async open() {
    this.#address = this.#chat.current;
    element("pinned-title").textContent = `Pinned in ${this.#chat.label(this.#address)}`;
    element("pinned-list").replaceChildren();
    element("pinned-dialog").showModal();
    await this.#lookBack();
    element("pinned-list").querySelector("button")?.focus();
  }

  /** There is no list of them in the protocol: what is delivered tells of some, and what was said before is looked through for the others. */
  async #lookBack() {
    const timeline = this.#timeline;
    element("pinned-note").textContent = "Looking…";
    element("pinned-more").hidden = true;
    for (let left = requestsAtOnce; left > 0 && !timeline.isLookedThrough; left -= 1) await timeline.lookBack();
    await this.#show();
  }

  async #show() {
    const timeline = this.#timeline;
    const address = this.#address;
    const items = await timeline.pinned();
    if (address !== this.#address) return;
    element("pinned-list").replaceChildren(...items.map((item) => {
      const goTo = () => {
        element("pinned-dialog").close();
        this.#chat.jump(item.seq);
      };
      return saying(item.from, item.ts, timeline.changes.state(item).body, goTo);
    }));
    element("pinned-more").hidden = timeline.isLookedThrough;
    const rest = timeline.isLookedThrough ? "" : "What was pinned earlier is not shown yet.";
    const nothing = this.#chat.client.state === "ready" ? "Nothing is pinned here." : inWords(lost);
    element("pinned-note").textContent = items.length ? rest : rest || nothing;
  }
}
