// Result codes (docs/PROTOCOL.md section 14) in words for people. What the broker says of a cause is shown only where the code is not known.

const words = {
  0: "The connection was lost.",
  201: "That name and password do not belong together.",
  202: "This broker does not let people in that way.",
  203: "Somebody may be listening on the way to the broker. Nothing was sent that helps them; please tell your operator.",
  204: "Your log-in has ended. Please log in again.",
  205: "This device is no longer logged in. Please log in again.",
  206: "The broker talks to other machines over https only.",
  207: "This account is suspended.",
  208: "The chat was opened somewhere else with this log-in.",
  300: "That is not allowed here.",
  400: "Names are made of a–z, 0–9 and . _ - in between, 32 characters at most.",
  401: "That holds characters that cannot be sent.",
  402: "That is too long for one message.",
  404: "There is no such room.",
  405: "Nobody of that name is here.",
  406: "The message is no longer there.",
  407: "You are not in that room.",
  408: "That name is taken.",
  411: "The message is too old to be changed.",
  500: "Something went wrong in the broker.",
  501: "This broker does not offer that.",
  502: "The broker has too much to do. Try again in a moment.",
  503: "The broker is restarting.",
  504: "The broker cannot store anything at present. Nothing was sent.",
  602: "Nobody knows whether this arrived.",
  603: "This was shown to others, but could not be stored.",
  700: "That was too fast.",
  701: "You are in as many rooms as one may be in.",
  703: "The broker has as many of these as it may.",
  704: "There are too many connections at present.",
};

/** Which words fit better where something particular was tried. */
const particular = {
  register: {
    300: "The operator of this broker makes the accounts. Ask for one, or come as a guest.",
    408: "That name is taken.",
    501: "This broker keeps no accounts. Come as a guest.",
    703: "The broker has as many accounts as it may.",
  },
  guest: { 408: "That name is taken. Try another, or log in if it is yours." },
  create: { 408: "There is a room of that name already." },
  prove: { 201: "That is not your present password." },
  password: {
    0: "The connection was lost. Perhaps your password is changed, perhaps not.",
    300: "This account has no password that could be changed.",
  },
  revoke: { 205: "That device was logged out already." },
  pin: {
    300: "Only moderators of the room may do that.", 406: "The message is no longer there, or no longer pinned.",
    408: "That message is pinned already.", 703: "As many messages are pinned as may be.",
  },
  notice: { 204: "Your log-in ends soon. Log in again to stay." },
  change: { 300: "Only the author may do that." },
  reaction: { 408: "You have reacted so already.", 406: "That was taken back already." },
};

/**
 * @param {{code?: number, reason?: string}} failure an ERROR or GOODBYE, or an Error
 * @param {keyof particular} [occasion]
 */
export function inWords(failure, occasion) {
  const { code } = failure;
  if (code === undefined) return failure.message || "Something went wrong.";
  return particular[occasion]?.[code] ?? words[code] ?? (failure.reason ? `${failure.reason} (${code})` : `The broker refused (${code}).`);
}
