// What is computed with passwords and tokens (docs/PROTOCOL.md section 23; RFC 5802, RFC 7677), by WebCrypto.

import { base64, base64url, concat, fromBase64, fromBase64url, random, text, utf8 } from "./octets.js";

const iterationCount = 600_000;
const iterationCounts = { least: 4096, most: 10_000_000 };

/** Browsers compute nothing for pages that came in the clear from another machine. */
export const isAvailable = () => Boolean(globalThis.isSecureContext && crypto.subtle);

const hash = async (octets) => new Uint8Array(await crypto.subtle.digest("SHA-256", octets));

const hmacKey = (octets) => crypto.subtle.importKey("raw", octets, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);

const sign = async (key, octets) => new Uint8Array(await crypto.subtle.sign("HMAC", key, octets));

async function salted(password, salt, iterations) {
  const key = await crypto.subtle.importKey("raw", utf8(password), "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, 256));
}

async function keys(password, salt, iterations) {
  const root = await hmacKey(await salted(password, salt, iterations));
  const client = await sign(root, utf8("Client Key"));
  return { client, stored: await hash(client), server: await sign(root, utf8("Server Key")) };
}

/** What the broker is to keep of a password, as REGISTER and PASSWORD carry it. @param {string} password @returns {Promise<string>} base64url */
export async function verifier(password) {
  const salt = random(16);
  const { stored, server } = await keys(password, salt, iterationCount);
  return base64url(utf8(`SCRAM-SHA-256$${iterationCount}:${base64(salt)}$${base64(stored)}:${base64(server)}`));
}

/** One log-in by password. A fault of the broker is thrown as an Error. */
export class Scram {
  #password;
  #bare;
  #nonce = base64url(random(18));
  #expected = "";

  /** @param {string} user @param {string} password */
  constructor(user, password) {
    this.#password = password;
    this.#bare = `n=${user},r=${this.#nonce}`;
  }

  get first() {
    return utf8(`n,,${this.#bare}`);
  }

  /**
   * @param {Uint8Array} challenge server-first-message
   * @param {string[]} transcript how the connection began: the subprotocol, HELLO, the subprotocol, WELCOME
   */
  async final(challenge, transcript) {
    const serverFirst = text(challenge);
    const [, nonce, salt, count] = /^r=([^,]+),s=([^,]+),i=([0-9]{1,9})$/.exec(serverFirst) ?? [];
    const iterations = Number(count);
    const isSound = nonce?.startsWith(this.#nonce) && nonce.length > this.#nonce.length;
    if (!isSound || iterations < iterationCounts.least || iterations > iterationCounts.most) {
      throw new Error("The broker asked for something odd.");
    }
    const { client, stored, server } = await keys(this.#password, fromBase64(salt), iterations);
    const beginning = base64(await hash(concat(...transcript.map(utf8))));
    const withoutProof = `c=biws,r=${nonce},t=${beginning}`;
    const message = utf8(`${this.#bare},${serverFirst},${withoutProof}`);
    const signature = await sign(await hmacKey(stored), message);
    this.#expected = `v=${base64(await sign(await hmacKey(server), message))}`;
    return utf8(`${withoutProof},p=${base64(client.map((octet, index) => octet ^ signature[index]))}`);
  }

  /** Whether the broker knows the password too. @param {Uint8Array} serverFinal */
  isProof(serverFinal) {
    return this.#expected !== "" && text(serverFinal) === this.#expected;
  }
}

/** What the broker's list of devices calls one. @param {string} device base64url, as in HELLO @returns {Promise<string>} base64url */
export async function deviceName(device) {
  return base64url((await hash(concat(utf8("device"), fromBase64url(device)))).subarray(0, 16));
}

/** A resume token as a key that can be used and not read. @param {Uint8Array} token */
export const tokenKey = (token) => hmacKey(token);

/** What AUTH says with a resume token. @param {string} user @param {CryptoKey} key */
export async function resumption(user, key) {
  return concat(utf8(user), new Uint8Array(1), await sign(key, utf8("Initiator")));
}

/** What AUTH_OK must say to it. @param {CryptoKey} key */
export const resumptionAnswer = (key) => sign(key, utf8("Responder"));
