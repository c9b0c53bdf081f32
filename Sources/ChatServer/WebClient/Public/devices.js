// The devices that may come back to one's account without the password.

import { deviceName } from "./protocol/secrets.js";
import { toast } from "./view/announcer.js";
import { element, make, on } from "./view/dom.js";
import { briefMoment } from "./view/text.js";

const listed = (device, isOwn) =>
  [isOwn && "this device", device.state === 1 ? "connected" : "not connected", `logged in ${briefMoment(device.ts)}`].filter(Boolean).join(" · ");

export class Devices {
  #chat;

  /** @param {import("./chat.js").Chat} chat */
  constructor(chat) {
    this.#chat = chat;
    on("click", () => chat.attempt(() => this.open()), "devices-open");
  }

  async open() {
    const { client } = this.#chat;
    if (!client.isAccount) throw { message: "A guest has no devices: the name ends with the connection." };
    await this.#read();
    element("devices-dialog").showModal();
    element("devices-close").focus();
  }

  async #read() {
    const { client, session } = this.#chat;
    const { parts } = await client.request({ t: "devices" });
    const own = await deviceName(session.device);
    const devices = parts.flatMap((part) => part.items ?? []);
    element("devices-list").replaceChildren(...devices.map((device) => this.#entry(device, device.session === own)));
    element("devices-note").textContent = devices.length ? "" : "No device may come back without the password.";
  }

  #entry(device, isOwn) {
    const text = listed(device, isOwn);
    const button = make("button", { type: "button", class: "plain", "aria-label": `Log out ${device.agent}, ${text}`, text: "Log out" });
    button.addEventListener("click", () => (isOwn ? this.#chat.session.logOut() : this.#revoke(device)));
    return make("li", { class: isOwn ? "device own" : "device" },
      make("div", { class: "about" }, make("p", { class: "label", text: device.agent }), make("p", { class: "quiet", text })), button);
  }

  async #revoke({ session }) {
    await this.#chat.attempt(async () => {
      await this.#chat.client.request({ t: "revoke", session });
      await this.#read();
      toast("That device has to log in again.");
    }, "revoke");
    element("devices-close").focus();
  }
}
