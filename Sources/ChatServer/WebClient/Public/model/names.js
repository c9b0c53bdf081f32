// Names and addresses (docs/PROTOCOL.md section 2.1).

export const isUser = (name) => /^[a-z0-9][a-z0-9._-]{0,31}$/.test(name);
export const isRoom = (name) => /^[a-z0-9][a-z0-9._/-]{0,63}$/.test(name);
export const isConversation = (address) => address.startsWith("@");
export const isAddress = (address) => (isConversation(address) ? address.slice(1).split("+").every(isUser) : isRoom(address));

/** @param {string} one @param {string} other */
export const conversation = (one, other) => `@${[one, other].sort().join("+")}`;

/** The other party, or oneself. @param {string} address @param {string} user */
export function partner(address, user) {
  const [one, other] = address.slice(1).split("+");
  return one === user ? other : one;
}

/** Which of twelve colours a name has, everywhere. @param {string} name */
export function hue(name) {
  let sum = 7;
  for (const character of name) sum = (sum * 31 + character.charCodeAt(0)) % 9973;
  return sum % 12;
}

/** Whether a text names somebody. @param {string} text @param {string} user */
export function isMentioned(text, user) {
  if (!user || !text) return false;
  const name = user.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&");
  return new RegExp(`(?<![a-z0-9._-])@?${name}(?![a-z0-9_-])`, "i").test(text);
}
