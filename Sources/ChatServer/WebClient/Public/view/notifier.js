// Notifications of the desktop, which are asked for by a click on the bell alone.

import { element } from "./dom.js";

const storageKey = "notifications";

const isPossible = () => "Notification" in window && isSecureContext;
const isOn = () => isPossible() && Notification.permission === "granted" && localStorage.getItem(storageKey) === "on";

function show() {
  const bell = element("notify");
  bell.hidden = !isPossible();
  bell.setAttribute("aria-pressed", String(isOn()));
}

/** @param {(text: string, isBad?: boolean) => void} tell */
export function prepareNotifier(tell) {
  show();
  element("notify").addEventListener("click", async () => {
    if (isOn()) localStorage.setItem(storageKey, "off");
    else if ((await Notification.requestPermission()) === "granted") {
      localStorage.setItem(storageKey, "on");
      tell("You are notified when somebody names you or writes to you alone.");
    } else tell("Your browser does not allow this page to notify you. Its settings for this site can change that.", true);
    show();
  });
}

/** @param {string} title @param {string} body @param {string} tag @param {() => void} open */
export function notify(title, body, tag, open) {
  if (!isOn() || (!document.hidden && document.hasFocus())) return;
  const notification = new Notification(title, { body: body.slice(0, 200), tag });
  notification.addEventListener("click", () => {
    window.focus();
    open();
    notification.close();
  });
}
