/** Building nodes: text always goes in as text, never as markup. What a node shows may be a function, asked again by `update`. */

import { clamp } from "./geometry.js";

/**
 * What `update` does with a node.
 * @typedef {object} Live
 * @property {(() => void)[]} asked sets of properties whose value is a function
 * @property {Element[]} parts children that have something to ask themselves
 * @property {() => unknown[]} [given] everything that the node and its children show follows from these values
 * @property {unknown[]} [last] those values at the last update
 */
/** @type {WeakMap<Element, Live>} */
const live = new WeakMap();

/**
 * @param {string} tag with its classes: "button.primary"
 * @param {Record<string, any>} [props] `on…` listens, `given` lists the values that everything in the node follows from, `.name` is a
 *   class that comes and goes, `children` are kept where they stay, the rest are properties of the node, or attributes where it
 *   has none; a function gives the value at every `update`
 * @param {...any} children nodes and texts; what is false or empty is left out
 * @returns {any} the element, of the type its tag says
 */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElementNS(
    `http://www.w3.org/${name === "svg" || name === "path" ? "2000/svg" : "1999/xhtml"}`,
    name,
  );
  node.classList.add(...classes);
  /** @type {Live} */
  const own = { asked: [], parts: children.filter((child) => live.has(child)), given: props.given };
  for (const [key, value] of Object.entries(props)) {
    if (key === "given") continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (typeof value !== "function") put(node, key, value);
    else if (key === "children") own.asked.push(() => put(node, key, (own.parts = value())));
    else own.asked.push(() => put(node, key, value()));
  }
  if (own.asked.length || own.parts.length) live.set(node, own);
  node.append(...children.filter(Boolean));
  return node;
}

/**
 * Only what differs is set: an untouched node costs no layout.
 * @param {any} node
 * @param {string} key
 * @param {any} value as an attribute, null and false are none
 */
export function put(node, key, value) {
  if (key[0] === ".") node.classList.toggle(key.slice(1), value);
  else if (key === "children") {
    for (const [at, child] of value.entries())
      if (node.children[at] !== child) node.insertBefore(child, node.children[at]);
    while (node.children.length > value.length) node.lastChild.remove();
  } else if (key in node && typeof node[key] !== "object") {
    // An empty text is set in any case: no `alt` is not the same as an empty one.
    if (node[key] !== value || value === "") node[key] = value;
  } else if ((value ?? false) === false) node.removeAttribute(key);
  else if (node.getAttribute(key) !== String(value)) node.setAttribute(key, value);
}

/** Ask a node and its parts what they show now, except where it is hidden or follows from the same values as before. @param {Element} node */
export function update(node) {
  const own = live.get(node);
  const given = own?.given?.();
  if (!own || given?.every((value, at) => value === own.last?.[at])) return;
  own.last = given;
  for (const ask of own.asked) ask();
  if (!(/** @type {any} */ (node).hidden)) own.parts.forEach(update);
}

/**
 * Brings a row into the view of its own list. scrollIntoView would move the page under the pointer.
 * @param {HTMLElement} list what its rows are placed in
 * @param {HTMLElement} row
 */
export function reveal(list, row) {
  const { offsetTop: top, offsetLeft: left } = row;
  list.scrollTop = clamp(list.scrollTop, top + row.offsetHeight - list.clientHeight, top);
  // On a narrow screen the list lies on its side, and a part of the neighbours shows beside the row.
  list.scrollLeft = clamp(list.scrollLeft, left + row.offsetWidth + 60 - list.clientWidth, left - 60);
}
