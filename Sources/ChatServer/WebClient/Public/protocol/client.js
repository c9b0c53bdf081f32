// Somebody's place at the broker: logged in, attached to the logs of rooms and conversations, and back by itself after an interruption.
// It tells what happens by events, and knows nothing of the page:
//   state {state, …}   joined {frame, isNew, missing}   deliver EVENT   lag FRAME   left {room, failure}
//   typing, presence, mark, notice FRAME   granted {user, token, ttl}

import { agentOf } from "./agent.js";
import { Attachments, Fault } from "./attachments.js";
import { Connection, lost } from "./connection.js";
import { beGuest, isOffered, logIn } from "./login.js";

const agent = agentOf(navigator.userAgent);
const capabilities = ["history", "inbox", "marks", "presence", "resume", "search", "typing"];
const pause = { first: 500, most: 60_000 };
const welcomeMilliseconds = 10_000;
/** Events that are asked for again after an interruption; what is further back is read when somebody scrolls there. */
const tail = 1000;

export class Client extends EventTarget {
  /** @type {Connection | null} */
  #connection = null;
  /** @type {(() => Promise<import("./login.js").Credential>) | null} */
  #credential = null;
  #attachments = new Attachments();
  #attempt = 0;
  #retryTimer = 0;
  /** What came before the log-in was proved. */
  #early = null;
  #isRefused = false;
  user = "";
  /** "offline", "connecting", "ready", "waiting" or "ended". */
  state = "offline";
  isAccount = false;
  /** @type {Set<string>} capabilities in force */
  capabilities = new Set();
  bodyByteCountMax = 16_384;

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #enter(state, detail = {}) {
    this.state = state;
    this.#tell("state", { state, ...detail });
  }

  // Coming and going

  /**
   * Logs in, and stays.
   * @param {() => Promise<import("./login.js").Credential>} credential asked for at every attempt, since tokens change
   */
  connect(credential) {
    this.#credential = credential;
    clearTimeout(this.#retryTimer);
    this.#attempt = 0;
    this.#isRefused = false;
    this.#open();
  }

  /** Goes for good. */
  end() {
    this.#credential = null;
    clearTimeout(this.#retryTimer);
    this.#connection?.send({ t: "goodbye", code: 0 });
    if (this.#connection) this.#connection.close();
    else this.#enter("ended");
    this.forgetAll();
  }

  /** Who comes next is somebody else. */
  forgetAll() {
    this.#attachments = new Attachments();
    this.user = "";
  }

  /** Tries at once, if it is waiting to. */
  hurry() {
    if (this.state === "waiting") this.#open();
  }

  #open() {
    clearTimeout(this.#retryTimer);
    if (!this.#credential || this.#connection) return;
    this.#enter("connecting");
    this.#attachments.detachAll();
    this.#early = [];
    const connection = new Connection({
      opened: () => this.#greet(connection),
      heard: (frame) => this.#heard(frame),
      closed: () => this.#closed(connection),
    });
    this.#connection = connection;
    this.#retryTimer = setTimeout(() => connection.close(), welcomeMilliseconds);
  }

  #leastPause = 0;

  #closed(connection) {
    if (this.#connection !== connection) return;
    this.#connection = null;
    clearTimeout(this.#retryTimer);
    this.#attachments.detachAll();
    if (this.#isRefused) return;
    if (!this.#credential) return this.#enter("ended");
    const wait = Math.max(this.#leastPause, Math.random() * Math.min(pause.most, pause.first * 2 ** this.#attempt));
    this.#leastPause = 0;
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => this.#open(), wait);
    this.#enter("waiting", { milliseconds: wait, attempt: this.#attempt });
  }

  /** The broker does not want us: whoever sits here must decide. */
  #refuse(failure) {
    this.#isRefused = true;
    this.#credential = null;
    this.#connection?.close();
    this.#enter("ended", { failure });
  }

  async #greet(connection) {
    try {
      const credential = await this.#credential();
      const welcome = await connection.request({ t: "hello", agent, caps: capabilities, device: credential.device });
      clearTimeout(this.#retryTimer);
      this.capabilities = new Set(welcome.caps);
      this.bodyByteCountMax = welcome.max_body;
      if (!isOffered(welcome.mechs, credential.kind)) throw { code: 202 };
      const granted = await logIn(connection, credential);
      connection.beat(welcome.heartbeat);
      this.#attempt = 0;
      const former = this.user;
      this.user = granted.user;
      this.isAccount = granted.role === 2;
      this.#tell("granted", { user: granted.user, token: granted.token, ttl: granted.ttl });
      this.#enter("ready", { former });
      const early = this.#early;
      this.#early = null;
      for (const frame of early) this.#heard(frame);
    } catch (failure) {
      // An interruption is tried again; a refusal is somebody's to answer.
      if (failure === lost || this.#connection !== connection) return;
      const isPassing = [500, 502, 503, 504, 114].includes(failure.code);
      if (isPassing && this.user) return connection.close();
      this.#refuse(failure);
    }
  }

  #heard(frame) {
    if (this.#early) {
      if (frame.t === "goodbye") this.#early = null;
      else return void this.#early.push(frame);
    }
    switch (frame.t) {
      case "joined": return this.#joined(frame);
      case "deliver": return this.#deliver(frame);
      case "lag": return this.#attachments.lagged(frame) && this.#tell("lag", frame);
      case "goodbye": return this.#dismissed(frame);
      case "typing": case "presence": case "mark": case "notice": return this.#tell(frame.t, frame);
    }
  }

  #dismissed(goodbye) {
    this.#leastPause = goodbye.retry_ms ?? 0;
    if (goodbye.end || [107, 203, 204, 206, 207, 208].includes(goodbye.code)) return this.#refuse(goodbye);
    this.#connection?.close();
  }

  #joined(frame) {
    const position = this.#attachments.joined(frame);
    if (position) this.#tell("joined", { frame, ...position });
  }

  #deliver(event) {
    try {
      if (this.#attachments.delivered(event)) this.#tell("deliver", event);
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      this.#connection?.close();
    }
  }

  // Requests

  /** @param {import("./connection.js").Frame} frame */
  request(frame) {
    return this.state === "ready" && this.#connection ? this.#connection.request(frame) : Promise.reject(lost);
  }

  /** Asks without caring for the answer. @param {import("./connection.js").Frame} frame */
  mention(frame) {
    if (this.state === "ready") this.request(frame).catch(() => {});
  }

  addresses() {
    return this.#attachments.addresses();
  }

  isAttached(address) {
    return this.#attachments.isAttached(address);
  }

  /** Where a log that is to be joined goes on. @param {string} address @param {import("./attachments.js").Cursor | null} cursor */
  want(address, cursor) {
    this.#attachments.want(address, cursor);
  }

  forget(address) {
    this.#attachments.forget(address);
  }

  /** Joins a room or conversation, or goes on in it; nothing if it is attached. @param {string} address */
  async join(address) {
    if (this.#attachments.isAttached(address)) return;
    const cursor = this.#attachments.cursor(address);
    this.#attachments.want(address, null);
    if (cursor) this.#attachments.joining(address);
    try {
      return await this.request({ t: "join", room: address, ...(cursor && { seq: cursor.seq, epoch: cursor.epoch, tail }) });
    } catch (failure) {
      if (failure === lost) throw failure;
      this.#attachments.notJoining(address);
      if (failure.code !== 600 && failure.code !== 601) {
        this.#attachments.forget(address);
        throw failure;
      }
      this.#attachments.dropCursor(address);
      return await this.request({ t: "join", room: address });
    }
  }

  /** Reads all pages of a list, but no more than `most` items. @param {import("./connection.js").Frame} frame @param {number} most */
  async list(frame, most) {
    const items = [];
    let cursor;
    do {
      const page = await this.request({ ...frame, limit: Math.min(most, 1000), ...(cursor && { cursor }) });
      items.push(...page.parts.flatMap((part) => part.items ?? []));
      cursor = page.cursor;
    } while (cursor && items.length < most);
    return { items, isWhole: !cursor };
  }

  /** The logs of the account: {room, epoch, head, mark, unread}. */
  async inbox() {
    const lines = new Map();
    let usn = 0;
    for (;;) {
      const page = await this.request({ t: "inbox", usn, limit: 1000 });
      const items = page.parts.flatMap((part) => part.items ?? []);
      for (const line of items) lines.set(line.room, line);
      if (items.length < 1000) return [...lines.values()];
      usn = page.usn;
    }
  }

  /** Shows the password of the account once more, as a change of it requires. @param {string} password */
  async prove(password) {
    if (this.state !== "ready" || !this.#connection) throw lost;
    const { user, token, ttl } = await logIn(this.#connection, { kind: "password", user: this.user, password });
    this.#tell("granted", { user, token, ttl });
  }

  /** Takes another name, as a guest. @param {string} name */
  async rename(name) {
    if (!this.#connection) throw lost;
    const granted = await beGuest(this.#connection, name);
    const former = this.user;
    this.user = granted.user;
    this.#tell("renamed", { former, user: granted.user });
    return granted.user;
  }
}

/** What a broker offers to those who are not yet in; the connection ends with the answer. @returns {Promise<string[]>} mechanisms */
export function offers() {
  return visit(async (connection, welcome) => welcome.mechs);
}

/**
 * Does something on a connection of its own, before any log-in.
 * @template T
 * @param {(connection: Connection, welcome: any) => Promise<T>} act
 */
export function visit(act) {
  return new Promise((resolve, reject) => {
    const connection = new Connection({
      async opened() {
        try {
          const welcome = await connection.request({ t: "hello", agent });
          resolve(await act(connection, welcome));
          connection.send({ t: "goodbye", code: 0 });
        } catch (failure) {
          reject(failure);
        }
        connection.close();
      },
      heard() {},
      closed: () => reject(lost),
    });
  });
}
