// Who one is on this device. A guest is known to this tab, by a secret of it. An account is known by a resume token, which is kept as a key
// that the browser uses and never gives away, not to this page either; the password is kept nowhere.

import { base64url, fromBase64url, random } from "../protocol/octets.js";
import { tokenKey } from "../protocol/secrets.js";

const databaseName = "chat-broker";
const storeName = "devices";
/** How long a tab that is not to be remembered may be reloaded without the password. */
const tabMilliseconds = 12 * 3600 * 1000;

/** @typedef {{device: string, user: string, key: CryptoKey, until: number}} Kept */

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function store(mode) {
  const opening = indexedDB.open(databaseName, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName, { keyPath: "device" });
  const database = await settled(opening);
  const transaction = database.transaction(storeName, mode);
  transaction.oncomplete = transaction.onabort = () => database.close();
  return transaction.objectStore(storeName);
}

/** @returns {string} a secret that names this tab */
export function tabDevice() {
  let device = sessionStorage.getItem("device");
  if (!device) sessionStorage.setItem("device", (device = base64url(random(16))));
  return device;
}

/** The device for a log-in to an account. @param {boolean} isRemembered beyond this tab */
export function accountDevice(isRemembered) {
  if (!isRemembered) return tabDevice();
  let device = localStorage.getItem("device");
  if (!device) localStorage.setItem("device", (device = base64url(random(16))));
  return device;
}

/** @returns {Promise<Kept | null>} the account that this tab, or else this browser, is logged in to */
export async function remembered() {
  try {
    const rows = await settled((await store("readonly")).getAll());
    const good = rows.filter((row) => row.until > Date.now());
    if (good.length < rows.length) {
      const writing = await store("readwrite");
      for (const row of rows) if (row.until <= Date.now()) writing.delete(row.device);
    }
    const find = (device) => device && good.find((row) => row.device === device);
    return find(sessionStorage.getItem("device")) ?? find(localStorage.getItem("device")) ?? null;
  } catch {
    // Without a database, as in some private windows, nothing is remembered.
    return null;
  }
}

/**
 * @param {string} device @param {string} user @param {string} token base64url @param {number} seconds @param {boolean} isRemembered
 * @returns {Promise<boolean>} whether it is kept
 */
export async function remember(device, user, token, seconds, isRemembered) {
  try {
    const key = await tokenKey(fromBase64url(token));
    const milliseconds = isRemembered ? seconds * 1000 : Math.min(seconds * 1000, tabMilliseconds);
    await settled((await store("readwrite")).put({ device, user, key, until: Date.now() + milliseconds }));
    return true;
  } catch {
    // Then the password is asked for after a reload.
    return false;
  }
}

/** @param {string} device */
export async function forget(device) {
  if (localStorage.getItem("device") === device) localStorage.removeItem("device");
  if (sessionStorage.getItem("device") === device) sessionStorage.removeItem("device");
  try {
    await settled((await store("readwrite")).delete(device));
  } catch {
    // Nothing was kept.
  }
}

export const guestName = () => sessionStorage.getItem("guest");

/** @param {string | null} name */
export function rememberGuest(name) {
  if (name) sessionStorage.setItem("guest", name);
  else sessionStorage.removeItem("guest");
}
