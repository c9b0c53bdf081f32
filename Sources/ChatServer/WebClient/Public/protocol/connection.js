// One WebSocket that speaks cbp.json.v1 (docs/PROTOCOL.md section 21): what is asked is answered, and silence ends it.

const subprotocol = "cbp.json.v1";
const patienceMilliseconds = 30_000;

/** @typedef {{t: string, id?: number, more?: boolean, code?: number, reason?: string, [field: string]: any}} Frame */

/** What a request fails with if its connection ends first: nobody knows whether it was carried out. */
export const lost = Object.freeze({ code: 0, reason: "the connection was lost" });

export class Connection {
  #socket;
  #handlers;
  #requests = new Map();
  #nextID = 1;
  #lastHeard = performance.now();
  #timer = 0;
  /** The texts of HELLO and WELCOME, which a log-in by password proves. */
  #hello = "";
  #welcome = "";

  /**
   * @param {{opened: () => void, heard: (frame: Frame) => void, closed: () => void}} handlers `heard` is told what answers nothing;
   *   `closed` comes once, and nothing after it
   */
  constructor(handlers) {
    this.#handlers = handlers;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new WebSocket(`${scheme}//${location.host}/ws`, [subprotocol]);
    this.#socket.onopen = () => handlers.opened();
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = () => this.close();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get transcript() {
    return [subprotocol, this.#hello, subprotocol, this.#welcome];
  }

  /** Ends the connection at once, however dead the way to the broker is. */
  close() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    clearInterval(this.#timer);
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) {
      clearTimeout(request.timer);
      request.reject(lost);
    }
    this.#handlers.closed();
  }

  /** Keeps the connection alive, and notices when it is not. @param {number} heartbeat milliseconds */
  beat(heartbeat) {
    this.#timer = setInterval(() => {
      const silence = performance.now() - this.#lastHeard;
      if (silence > 2 * heartbeat) return this.close();
      if (silence > heartbeat / 2) this.request({ t: "ping" }).catch(() => {});
    }, heartbeat / 2);
  }

  /** Sends a frame that has no reply. @param {Frame} frame */
  send(frame) {
    if (!this.isOpen) return;
    const octets = JSON.stringify(frame);
    if (frame.t === "hello") this.#hello = octets;
    this.#socket.send(octets);
  }

  /** @param {Frame} frame @returns {Promise<Frame>} the reply, all its frames in `parts`; an ERROR is thrown */
  request(frame) {
    let id = this.#nextID;
    while (this.#requests.has(id)) id = (id % 0xffffff) + 1;
    this.#nextID = (id % 0xffffff) + 1;
    return this.#ask(id, frame);
  }

  /** Goes on with a log-in under the number it began with. @param {number} id @param {Frame} frame */
  proceed(id, frame) {
    return this.#ask(id, frame);
  }

  #ask(id, frame) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(lost);
      // A request must not be repeated on the connection that leaves it unanswered, so that ends with it.
      const timer = setTimeout(() => this.close(), patienceMilliseconds);
      this.#requests.set(id, { resolve, reject, timer, parts: [] });
      const { t, ...fields } = frame;
      this.send({ t, id, ...fields });
    });
  }

  #receive(octets) {
    this.#lastHeard = performance.now();
    let frame;
    try {
      frame = JSON.parse(octets);
    } catch {
      return this.close();
    }
    // What is undefined is left out.
    if (frame.t === "ping") return this.send({ t: "pong", id: frame.id, ts: frame.ts });
    if (frame.t === "welcome") this.#welcome = octets;
    const request = frame.id ? this.#requests.get(frame.id) : undefined;
    if (!request) return frame.id ? undefined : this.#handlers.heard(frame);
    request.parts.push(frame);
    if (frame.more) return;
    this.#requests.delete(frame.id);
    clearTimeout(request.timer);
    if (frame.t === "error") return request.reject(frame);
    // What follows the reply must not be handled before it: both are told in the order in which they came.
    if (frame.t === "joined") this.#handlers.heard(frame);
    request.resolve({ ...frame, parts: request.parts });
  }
}
