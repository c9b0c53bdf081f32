// Small helpers. What people write only ever becomes text: nothing here, or anywhere in the page, reads markup.

/** @param {string} id @returns {any} */
export const element = (id) => document.getElementById(id);

/**
 * @param {string} tag
 * @param {{[property: string]: any}} [properties] what has a hyphen, and `role`, is an attribute
 * @param {...(Node | string | null | undefined | false)} children
 */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "text") node.textContent = value;
    else if (name === "class") node.className = value;
    else if (name === "role" || name.includes("-")) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** One of the drawings of the page. @param {string} name */
export function icon(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "i");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  drawing.append(use);
  return drawing;
}

/** @param {string} name of an event @param {(event: any) => void} act @param {...string} ids */
export function on(name, act, ...ids) {
  for (const id of ids) element(id).addEventListener(name, act);
}

/** Runs something once for many calls in a row, after what is going on now. @param {() => void} act */
export function soon(act) {
  let isPending = false;
  return () => {
    if (isPending) return;
    isPending = true;
    setTimeout(() => {
      isPending = false;
      act();
    }, 0);
  };
}

/** Where focus goes with the arrows within a group; one of it can be reached by Tab. @param {HTMLElement} group @param {string} selector */
export function rove(group, selector) {
  const all = () => [...group.querySelectorAll(selector)];
  group.addEventListener("focusin", ({ target }) => {
    const chosen = target.closest(selector);
    if (chosen) for (const node of all()) node.tabIndex = node === chosen ? 0 : -1;
  });
  group.addEventListener("keydown", (event) => {
    const nodes = all();
    const at = nodes.indexOf(event.target.closest(selector));
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const next = event.key === "Home" ? 0 : event.key === "End" ? nodes.length - 1 : step === undefined || at < 0 ? -1 : at + step;
    if (event.target.tagName === "INPUT" || !nodes[next]) return;
    event.preventDefault();
    nodes[next].focus();
  });
}
