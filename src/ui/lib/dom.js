/**
 * Builds DOM nodes. Text is inserted as text, never as markup. A property may be a function, which `update` calls
 * again.
 */

import { clamp } from "./geometry.js";

/**
 * The properties and children of a node that `update` refreshes.
 * @typedef {object} Live
 * @property {(() => void)[]} asked setters of the properties whose value is a function
 * @property {Element[]} parts children that have functions as properties themselves, or in their children
 * @property {() => unknown[]} [given] returns all values on which the node and its children depend
 * @property {unknown[]} [last] those values at the last update
 */
/** @type {WeakMap<Element, Live>} */
const live = new WeakMap();

/**
 * @param {string} tag with its classes: "button.primary"
 * @param {Record<string, any>} [props] `on…` is an event listener. `given` returns all values on which the node
 *     depends. `.name` switches a class on or off. `children` replaces the child elements, reusing those that stay. Any
 *     other name is a property of the node, or an attribute if there is no such property. A function is called at every
 *     `update`.
 * @param {...any} children nodes and texts; false and empty ones are omitted
 * @returns {any} the element, of the type that belongs to its tag
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
 * Set a property only if its value differs, so that an unchanged node causes no layout.
 * @param {any} node
 * @param {string} key
 * @param {any} value null and false remove an attribute
 */
export function put(node, key, value) {
  if (key[0] === ".") node.classList.toggle(key.slice(1), value);
  else if (key === "children") {
    for (const [at, child] of value.entries())
      if (node.children[at] !== child) node.insertBefore(child, node.children[at]);
    while (node.children.length > value.length) node.lastChild.remove();
  } else if (key in node && typeof node[key] !== "object") {
    // An empty text is always set: a missing `alt` differs from an empty one.
    if (node[key] !== value || value === "") node[key] = value;
  } else if ((value ?? false) === false) node.removeAttribute(key);
  else if (node.getAttribute(key) !== String(value)) node.setAttribute(key, value);
}

/**
 * Update a node and its children. Children of a hidden node, and a node whose `given` is unchanged, are skipped.
 * @param {Element} node
 */
export function update(node) {
  const own = live.get(node);
  const given = own?.given?.();
  if (!own || given?.every((value, at) => value === own.last?.[at])) return;
  own.last = given;
  for (const ask of own.asked) ask();
  if (!(/** @type {any} */ (node).hidden)) own.parts.forEach(update);
}

/**
 * Scroll a list so that a row is visible. scrollIntoView would also scroll the page under the pointer.
 * @param {HTMLElement} list the scrolling container of the rows
 * @param {HTMLElement} row
 */
export function reveal(list, row) {
  const { offsetTop: top, offsetLeft: left } = row;
  list.scrollTop = clamp(list.scrollTop, top + row.offsetHeight - list.clientHeight, top);
  // On a narrow screen the list scrolls sideways, and 60 px of the neighbours stay visible beside the row.
  list.scrollLeft = clamp(list.scrollLeft, left + row.offsetWidth + 60 - list.clientWidth, left - 60);
}
