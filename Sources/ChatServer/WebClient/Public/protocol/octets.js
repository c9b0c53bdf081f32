// Octets and the texts that stand for them.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** @param {string} text @returns {Uint8Array} */
export const utf8 = (text) => encoder.encode(text);

/** @param {Uint8Array} octets @returns {string} */
export const text = (octets) => decoder.decode(octets);

/** Base64 (RFC 4648 section 4). @param {Uint8Array} octets */
export const base64 = (octets) => btoa(String.fromCharCode(...octets));

/** @param {string} value base64 @returns {Uint8Array} */
export const fromBase64 = (value) => Uint8Array.from(atob(value), (character) => character.charCodeAt(0));

/** Base64url without padding, as octets stand in the protocol (RFC 4648 section 5). @param {Uint8Array} octets */
export const base64url = (octets) => base64(octets).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** @param {string} value base64url @returns {Uint8Array} */
export const fromBase64url = (value) => fromBase64(value.replaceAll("-", "+").replaceAll("_", "/"));

/** @param {number} byteCount */
export const random = (byteCount) => crypto.getRandomValues(new Uint8Array(byteCount));

/** @param {...Uint8Array} parts */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
