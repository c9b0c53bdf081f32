// Coming in: as a guest, with a password, or with a new account.

import { isUser } from "../model/names.js";
import { inWords } from "../protocol/reasons.js";
import { isAvailable } from "../protocol/secrets.js";
import { element, on } from "./dom.js";

const words = {
  guest: {
    submit: "Come in", lead: "Choose a name and you are in.", note: "A guest’s name is yours for as long as this tab stays connected.",
  },
  password: { submit: "Log in", lead: "Welcome back.", note: "Your password never leaves this page; the broker only sees a proof of it." },
  register: {
    submit: "Make the account", lead: "A name that nobody else can take.",
    note: "Your password never leaves this page. Nobody can recover it for you.",
  },
};

/** @typedef {"guest" | "password" | "register"} Kind */

/** @returns {Kind} */
const kind = () => element("entry-form").elements.kind.value;

function showKind() {
  const chosen = kind();
  const withPassword = chosen !== "guest";
  element("entry-password-field").hidden = element("entry-remember-field").hidden = !withPassword;
  element("entry-password").required = withPassword;
  element("entry-password").autocomplete = chosen === "register" ? "new-password" : "current-password";
  element("entry-submit").textContent = words[chosen].submit;
  element("entry-lead").textContent = words[chosen].lead;
  element("entry-note").textContent = withPassword && !isAvailable()
    ? "Passwords need a secure connection: open this page by https, or on the broker’s own machine as localhost." : words[chosen].note;
  element("entry-submit").disabled = withPassword && !isAvailable();
  problem("");
}

/** What is wrong with a password. @param {string} password @param {boolean} isNew */
export function faultOf(password, isNew) {
  if (isNew && password.length < 8) return "A new password needs at least 8 characters.";
  return /[\u0000-\u001f\u007f-\u009f]/.test(password) ? "That password holds characters that cannot be typed." : "";
}

/** @param {string} text */
function problem(text) {
  element("entry-problem").textContent = text;
}

/**
 * @param {(kind: Kind, user: string, password: string, isRemembered: boolean) => void} enter
 */
export function prepareEntry(enter) {
  element("entry-kinds").addEventListener("change", () => {
    showKind();
    element("entry-name").focus();
  });
  on("submit", (event) => {
    event.preventDefault();
    const user = element("entry-name").value.trim().toLowerCase();
    const password = element("entry-password").value;
    const chosen = kind();
    if (!isUser(user)) return problem(inWords({ code: 400 }));
    const fault = chosen === "guest" ? "" : faultOf(password, chosen === "register");
    if (fault) return problem(fault);
    busy(chosen === "guest" ? "Coming in…" : "Computing the proof…");
    enter(chosen, user, password, element("entry-remember").checked);
  }, "entry-form");
}

/** @param {string} text */
export function busy(text) {
  problem("");
  element("entry-submit").disabled = true;
  element("entry-submit").textContent = text;
}

/** @param {Kind} chosen */
export function chooseKind(chosen) {
  const radio = element("entry-form").elements.kind;
  if (!element(`kind-${chosen}`).hidden) radio.value = chosen;
  showKind();
}

/** Shows only the ways in that there are. @param {{guest: boolean, password: boolean}} offered */
export function offer({ guest, password }) {
  element("kind-guest").hidden = !guest;
  element("kind-password").hidden = element("kind-register").hidden = !password;
  element("entry-kinds").hidden = !(guest && password) && !password;
  if (kind() === "guest" && !guest) chooseKind("password");
  if (kind() !== "guest" && !password) chooseKind("guest");
}

/** @param {{problem?: string, user?: string, kind?: Kind}} [told] */
export function showEntry(told = {}) {
  element("chat").hidden = true;
  element("entry").hidden = false;
  document.title = "Chat";
  if (told.kind) chooseKind(told.kind);
  else showKind();
  if (told.user) element("entry-name").value = told.user;
  problem(told.problem ?? "");
  const field = told.user && kind() !== "guest" ? "entry-password" : "entry-name";
  element(field).focus();
  element(field).select();
}

export function hideEntry() {
  element("entry-password").value = "";
  element("entry").hidden = true;
  element("chat").hidden = false;
}
