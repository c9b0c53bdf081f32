// Who is here: coming in, coming back after a reload, going.

import { Rooms } from "./model/rooms.js";
import * as keyring from "./model/keyring.js";
import { offers, visit } from "./protocol/client.js";
import { lost } from "./protocol/connection.js";
import { register } from "./protocol/login.js";
import { inWords } from "./protocol/reasons.js";
import { deviceName, verifier } from "./protocol/secrets.js";
import { toast } from "./view/announcer.js";
import * as entry from "./view/entry.js";

/** How long somebody who goes waits for the broker to know. */
const farewellMilliseconds = 5000;

export class Session {
  /** @type {import("./protocol/login.js").Credential | null} */
  #credential = null;
  #isRemembered = false;
  /** Whether anything has been shown since the log-in began. */
  #isIn = false;
  #restored = "lobby";

  /**
   * @param {import("./protocol/client.js").Client} client
   * @param {Rooms} rooms
   * @param {import("./protocol/outbox.js").Outbox} outbox
   * @param {import("./model/logs.js").Logs} logs
   * @param {{opened: (address: string) => void, closed: () => void}} shown shows the room with which it begins, or nothing any more
   */
  constructor(client, rooms, outbox, logs, shown) {
    Object.assign(this, { client, rooms, outbox, logs, shown });
    client.addEventListener("granted", ({ detail }) => this.#granted(detail));
    client.addEventListener("state", ({ detail }) => this.#state(detail));
    entry.prepareEntry((kind, user, password, isRemembered) => this.#enter(kind, user, password, isRemembered));
  }

  /** Comes back as whoever was here before, or asks. */
  async begin() {
    const guest = keyring.guestName();
    const kept = guest ? null : await keyring.remembered();
    if (guest) return this.#connect({ kind: "guest", user: guest, device: keyring.tabDevice() });
    if (kept) {
      this.#isRemembered = localStorage.getItem("device") === kept.device;
      return this.#connect({ kind: "token", ...kept });
    }
    entry.showEntry();
    this.#offer();
  }

  async #offer() {
    try {
      const mechanisms = await offers();
      entry.offer({ guest: mechanisms.includes("ANONYMOUS"), password: mechanisms.includes("SCRAM-SHA-256") });
    } catch {
      // Whoever tries to come in is told that the broker is not there.
    }
  }

  async #enter(kind, user, password, isRemembered) {
    if (kind === "guest") return this.#connect({ kind, user, device: keyring.tabDevice() });
    this.#isRemembered = isRemembered;
    if (kind === "register") {
      try {
        await visit((connection) => register(connection, user, password));
      } catch (failure) {
        const problem = failure.code === 0 ? "The broker cannot be reached." : inWords(failure, "register");
        return entry.showEntry({ problem, user, kind });
      }
    }
    this.#connect({ kind: "password", user, password, device: keyring.accountDevice(isRemembered) });
  }

  #connect(credential) {
    if (this.#credential && this.#credential.user !== credential.user) this.#forgetAll();
    this.#credential = credential;
    this.#restored = this.logs.restore(credential.user);
    this.client.connect(() => this.#present());
  }

  /** Nothing of what one person saw and wrote is left to the next. */
  #forgetAll() {
    const unsentCount = this.outbox.clear();
    const what = unsentCount === 1 ? "A message of yours was" : `${unsentCount} messages of yours were`;
    if (unsentCount) toast(`${what} not sent.`, true);
    this.client.forgetAll();
    this.rooms.clear();
    this.logs.presence.clear();
    Rooms.forget();
  }

  /** What is shown to the broker this time: the latest token, if there is one. */
  async #present() {
    const credential = this.#credential;
    if (credential.kind === "guest") return credential;
    const kept = await keyring.remembered();
    if (kept?.user === credential.user && kept.device === credential.device) return { kind: "token", ...kept };
    if (credential.kind === "token" && !credential.key) throw { code: 205 };
    return credential;
  }

  /** Takes the place of another page of the same device. */
  comeBack() {
    this.client.connect(() => this.#present());
  }

  async #granted({ user, token, ttl }) {
    const credential = this.#credential;
    if (credential.kind === "guest") {
      credential.user = user;
      keyring.rememberGuest(user);
    } else if (token && (await keyring.remember(credential.device, user, token, ttl, this.#isRemembered))) {
      // From now on the password is not needed, and not kept.
      this.#credential = { kind: "token", user, device: credential.device };
    }
  }

  #state({ state, failure }) {
    if (state === "ready" && !this.#isIn) {
      this.#isIn = true;
      entry.hideEntry();
      this.shown.opened(this.#restored);
    } else if (state === "waiting" && !this.#isIn) {
      entry.showEntry({ problem: "The broker cannot be reached. Trying again…", user: this.#credential.user, kind: this.#kind });
    } else if (state === "ended" && failure && !(failure.code === 208 && this.#isIn)) this.#refused(failure);
  }

  get #kind() {
    return this.#credential.kind === "guest" ? "guest" : "password";
  }

  async #refused(failure) {
    const { kind, user, device } = this.#credential;
    // A token that is not good any more is as good as none.
    if (kind !== "guest" && [201, 202, 204, 205].includes(failure.code)) await keyring.forget(device);
    if (kind === "token" && failure.code === 202) failure = { code: 204 };
    keyring.rememberGuest(null);
    this.#isIn = false;
    entry.showEntry({ problem: inWords(failure, kind === "guest" ? "guest" : undefined), user, kind: this.#kind });
    this.#offer();
  }

  /** @param {string} name @returns {Promise<string | void>} what was wrong with it */
  async tryName(name) {
    try {
      await this.rename(name);
    } catch (failure) {
      return inWords(failure, "guest");
    }
  }

  async rename(name) {
    if (this.client.isAccount) throw { message: "An account keeps its name." };
    try {
      const user = await this.client.rename(name);
      this.#credential.user = user;
      keyring.rememberGuest(user);
      toast(`You are now called ${user}.`);
    } catch (failure) {
      throw failure.code === 408 ? { message: inWords(failure, "guest") } : failure;
    }
  }

  /** The secret that names this device. */
  get device() {
    return this.#credential?.device ?? "";
  }

  /**
   * Changes the password of the account.
   * @param {string} present @param {string} next
   * @returns {Promise<string | void>} why it could not be done
   */
  async changePassword(present, next) {
    let occasion = "prove";
    try {
      await this.client.prove(present);
      occasion = "password";
      await this.client.request({ t: "password", sasl: await verifier(next) });
    } catch (failure) {
      return inWords(failure, occasion);
    }
    if (this.#credential.kind === "password") this.#credential.password = next;
    toast("Your password is changed. Your other devices have to log in again.");
  }

  async logOut() {
    const { device, kind } = this.#credential ?? {};
    const isAccount = kind !== "guest";
    const failure = await this.#takeLeave(isAccount);
    this.client.end();
    this.#forgetAll();
    keyring.rememberGuest(null);
    if (isAccount) await keyring.forget(device);
    // Nothing of what was said stays in the page. Where the broker is, there is a fresh one.
    if (!failure) return location.replace("/");
    this.#credential = null;
    this.#isIn = false;
    this.shown.closed();
    const rest = isAccount ? " Until this device is logged out from another one, it stays in the list of your devices." : "";
    entry.showEntry({ problem: `You are logged out here, but the broker could not be told. ${inWords(failure)}${rest}` });
  }

  /** Makes the token of this device worth nothing, or at least sees that the broker is there. @returns {Promise<any>} why it could not be done */
  async #takeLeave(isAccount) {
    const frame = isAccount ? { t: "revoke", session: await deviceName(this.device) } : { t: "ping" };
    const tooLate = new Promise((_, reject) => setTimeout(() => reject(lost), farewellMilliseconds));
    try {
      await Promise.race([this.client.request(frame), tooLate]);
    } catch (failure) {
      // What is no longer known need not be forgotten.
      return failure.code === 205 ? null : failure;
    }
    return null;
  }
}
