// The ways in (docs/PROTOCOL.md sections 11 and 23.1) that a page can go.

import { base64url, fromBase64url, utf8 } from "./octets.js";
import * as secrets from "./secrets.js";

/**
 * @typedef {{kind: "guest", user: string, device: string}
 *   | {kind: "password", user: string, password: string, device?: string}
 *   | {kind: "token", user: string, device: string, key: CryptoKey}} Credential
 */

const mechanism = { guest: "ANONYMOUS", password: "SCRAM-SHA-256", token: "HT-SHA-256-NONE" };

/** @param {string[]} mechanisms of WELCOME @param {Credential["kind"]} kind */
export const isOffered = (mechanisms, kind) => mechanisms.includes(mechanism[kind]);

/** AUTH for guests, which renames one who is in. @param {import("./connection.js").Connection} connection @param {string} user */
export const beGuest = (connection, user) => connection.request({ t: "auth", mech: mechanism.guest, sasl: base64url(utf8(user)) });

/**
 * @param {import("./connection.js").Connection} connection
 * @param {Credential} credential
 * @returns {Promise<import("./connection.js").Frame>} AUTH_OK
 */
export async function logIn(connection, credential) {
  const mech = mechanism[credential.kind];
  switch (credential.kind) {
    case "guest": return await beGuest(connection, credential.user);
    case "token": {
      const sasl = base64url(await secrets.resumption(credential.user, credential.key));
      const granted = await connection.request({ t: "auth", mech, sasl });
      if (granted.sasl !== base64url(await secrets.resumptionAnswer(credential.key))) throw impostor;
      return granted;
    }
    case "password": {
      const scram = new secrets.Scram(credential.user, credential.password);
      const challenge = await connection.request({ t: "auth", mech, sasl: base64url(scram.first) });
      if (challenge.t !== "auth_step") throw impostor;
      const sasl = base64url(await scram.final(fromBase64url(challenge.sasl), connection.transcript));
      const granted = await connection.proceed(challenge.id, { t: "auth_step", sasl });
      if (!granted.sasl || !scram.isProof(fromBase64url(granted.sasl))) throw impostor;
      return granted;
    }
  }
}

const impostor = { code: 203, reason: "the broker did not prove that it knows the account" };

/** Makes an account. @param {import("./connection.js").Connection} connection @param {string} user @param {string} password */
export async function register(connection, user, password) {
  return await connection.request({ t: "register", user, sasl: await secrets.verifier(password) });
}
