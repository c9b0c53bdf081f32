// Another password for one's account.

import { element, on } from "./view/dom.js";
import { faultOf } from "./view/entry.js";

const ids = ["password-present", "password-new", "password-again"];

export class Password {
  #chat;
  #isBusy = false;

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    this.#chat = chat;
    on("click", () => chat.attempt(() => this.open()), "password-open");
    on("click", () => element("password-dialog").close(), "password-cancel");
    on("close", () => this.#clear(), "password-dialog");
    on("submit", (event) => {
      event.preventDefault();
      this.#change();
    }, "password-form");
  }

  open() {
    const { client } = this.#chat;
    if (!client.isAccount) throw { message: "A guest has no password." };
    element("password-user").value = client.user;
    this.#clear();
    element("password-dialog").showModal();
  }

  #clear() {
    for (const id of ids) element(id).value = "";
    this.#tell("");
  }

  #tell(problem) {
    element("password-problem").textContent = problem;
    element("password-submit").disabled = this.#isBusy;
    element("password-submit").textContent = this.#isBusy ? "Computing the proof…" : "Change";
  }

  async #change() {
    const [present, next, again] = ids.map((id) => element(id).value);
    const fault = faultOf(next, true) || (next === again ? "" : "The new passwords are not the same.");
    if (fault || this.#isBusy) return this.#tell(fault);
    this.#isBusy = true;
    this.#tell("");
    const refusal = await this.#chat.session.changePassword(present, next);
    this.#isBusy = false;
    if (!refusal) return element("password-dialog").close();
    this.#tell(refusal);
    element("password-present").select();
  }
}
