// The protocol (docs/PROTOCOL.md) over a WebSocket with the subprotocol cbp.json.v1: what is asked is answered, what was said while the
// connection was gone is caught up with, and nothing is shown twice. It knows nothing of the page.

const encoder = new TextEncoder();

/** Octets as base64url without padding (RFC 4648 section 5). */
function base64url(octets) {
  return btoa(String.fromCharCode(...octets)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function randomText(byteCount) {
  return base64url(crypto.getRandomValues(new Uint8Array(byteCount)));
}

/** A secret of this tab: a reload goes on under the name that it had. */
function device() {
  let value = sessionStorage.getItem("device");
  if (!value) sessionStorage.setItem("device", (value = randomText(16)));
  return value;
}

export class Client extends EventTarget {
  #socket = null;
  #wish = "";
  #requests = new Map();
  #nextID = 1;
  #attempt = 0;
  #timers = new Set();
  #wanted = false;
  /** Rooms to be attached to: address -> {epoch, seq}, the last event seen. */
  #cursors = new Map();
  /** Messages whose outcome is not known: cmid -> {frame, since}. */
  #unsent = new Map();
  #heartbeat = 30000;
  #lastHeard = 0;
  name = "";

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Connects under a name, and stays connected. */
  connect(name) {
    this.#wish = name;
    this.#wanted = true;
    this.#open();
  }

  #open() {
    if (!this.#wanted || this.#socket) return;
    this.#tell("state", { state: "connecting" });
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`, ["cbp.json.v1"]);
    this.#socket = socket;
    socket.onopen = () => this.#greet();
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onclose = () => this.#closed(socket);
  }

  #closed(socket) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const { reject } of requests) reject({ code: 0, reason: "the connection was lost" });
    if (!this.#wanted) return this.#tell("state", { state: "ended" });
    const pause = this.#pause ?? Math.min(30000, 500 * 2 ** this.#attempt) * (0.5 + Math.random());
    this.#pause = null;
    this.#attempt += 1;
    this.#tell("state", { state: "waiting", pause });
    setTimeout(() => this.#open(), pause);
  }

  #pause = null;

  #send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** Sends a request; resolves to the reply, or to all its parts. */
  request(frame) {
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) return reject({ code: 0, reason: "not connected" });
      const id = this.#nextID;
      this.#nextID = (this.#nextID % 0xffffff) + 1;
      this.#requests.set(id, { resolve, reject, parts: [] });
      this.#send({ ...frame, id });
    });
  }

  async #greet() {
    try {
      const welcome = await this.request({ t: "hello", agent: "web/1", device: device() });
      this.#heartbeat = welcome.heartbeat;
      await this.#authenticate();
    } catch (failure) {
      // A lost connection is tried again; a refusal is the person's to answer.
      if (!failure.code) return;
      this.#wanted = false;
      this.#tell("refused", failure);
      this.#socket?.close();
    }
  }

  async #authenticate() {
    const granted = await this.request({ t: "auth", mech: "ANONYMOUS", sasl: base64url(encoder.encode(this.#wish)) });
    this.#attempt = 0;
    this.name = this.#wish = granted.user;
    this.#lastHeard = Date.now();
    this.#timers.add(setInterval(() => this.#beat(), this.#heartbeat / 2));
    this.#tell("state", { state: "ready" });
    for (const room of this.#cursors.keys()) if (!room.startsWith("@")) this.#attach(room).catch(() => {});
    for (const [cmid, { frame, since }] of this.#unsent) this.#publish({ ...frame, retry: true, age: Math.round(performance.now() - since) }, cmid);
  }

  #beat() {
    const silence = Date.now() - this.#lastHeard;
    if (silence > 2 * this.#heartbeat) return this.#socket?.close();
    this.request({ t: "ping" }).catch(() => {});
  }

  #receive(frame) {
    this.#lastHeard = Date.now();
    const request = frame.id ? this.#requests.get(frame.id) : undefined;
    if (frame.t === "ping") return this.#send({ t: "pong", id: frame.id, ts: frame.ts });
    if (frame.t === "joined") this.#position(frame);
    if (frame.t === "deliver") return this.#deliver(frame);
    if (frame.t === "lag") {
      this.#cursors.set(frame.room, { epoch: frame.epoch, seq: frame.to_seq });
      return this.#tell("gap", frame);
    }
    if (frame.t === "goodbye") {
      this.#pause = frame.retry_ms ?? null;
      if (frame.end || frame.code === 208) this.#wanted = false;
      if (frame.code) this.#tell("goodbye", frame);
      return;
    }
    if (!request) return;
    request.parts.push(frame);
    if (frame.more) return;
    this.#requests.delete(frame.id);
    if (frame.t === "error") return request.reject(frame);
    request.resolve(request.parts.length > 1 ? { ...frame, items: request.parts.flatMap((part) => part.items ?? []) } : frame);
  }

  // Rooms

  async #attach(room) {
    const cursor = this.#cursors.get(room);
    try {
      return await this.request(cursor?.epoch ? { t: "join", room, epoch: cursor.epoch, seq: cursor.seq, tail: 100 } : { t: "join", room, tail: 100 });
    } catch (failure) {
      if (failure.code !== 600 && failure.code !== 601) throw failure;
      this.#cursors.delete(room);
      this.#tell("reset", { room });
      return await this.request({ t: "join", room, tail: 100 });
    }
  }

  /** Where a log continues; what lies between is gone, and said so. */
  #position(frame) {
    const cursor = this.#cursors.get(frame.room);
    if (cursor?.epoch === frame.epoch && frame.next > cursor.seq + 1) this.#tell("gap", { room: frame.room, from_seq: cursor.seq + 1, to_seq: frame.next - 1 });
    if (cursor?.epoch && cursor.epoch !== frame.epoch) this.#tell("reset", { room: frame.room });
    // What has been seen may come again, if it was asked for.
    const isReplay = cursor?.epoch === frame.epoch && frame.next <= cursor.seq;
    this.#cursors.set(frame.room, { epoch: frame.epoch, seq: frame.next - 1 });
    this.#tell("joined", { ...frame, isReplay });
  }

  #deliver(event) {
    const cursor = this.#cursors.get(event.room);
    if (cursor) {
      if (event.seq <= cursor.seq) return;
      cursor.seq = event.seq;
    }
    if (event.from === this.name && event.cmid) this.#unsent.delete(event.cmid);
    this.#tell("event", event);
  }

  join(room) {
    return this.#attach(room);
  }

  /** Has the last events of a room sent again. */
  recall(room) {
    return this.request({ t: "join", room, tail: 100 });
  }

  create(room) {
    return this.request({ t: "create", room });
  }

  async leave(room) {
    await this.request({ t: "leave", room });
    this.#cursors.delete(room);
  }

  async #pages(frame) {
    const items = [];
    let cursor;
    do {
      const page = await this.request(cursor ? { ...frame, cursor } : frame);
      items.push(...page.items);
      cursor = page.cursor;
    } while (cursor && items.length < 2000);
    return items;
  }

  rooms() {
    return this.#pages({ t: "list", limit: 1000 });
  }

  members(room) {
    return this.#pages({ t: "members", room, limit: 1000 });
  }

  // Messages

  /** Says something in a room, or to a user; tells `outcome` when it is known, even after a reconnect. */
  say(target, body) {
    const cmid = randomText(8);
    const frame = target.user ? { t: "dm", to: target.user, body, cmid } : { t: "publish", room: target.room, body, cmid };
    this.#unsent.set(cmid, { frame, since: performance.now() });
    this.#publish(frame, cmid);
    return cmid;
  }

  async #publish(frame, cmid) {
    try {
      const published = await this.request(frame);
      this.#unsent.delete(cmid);
      this.#tell("outcome", { cmid, published });
    } catch (failure) {
      // Not known, if the connection was lost: repeated on the next one, with the same id, so that it has one effect.
      if (!failure.code) return;
      this.#unsent.delete(cmid);
      this.#tell("outcome", { cmid, failure });
    }
  }

  async rename(name) {
    const granted = await this.request({ t: "auth", mech: "ANONYMOUS", sasl: base64url(encoder.encode(name)) });
    this.name = this.#wish = granted.user;
    return granted.user;
  }
}
