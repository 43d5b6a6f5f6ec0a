/** Building nodes: text always goes in as text, never as markup. */

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] `on…` listens, `class` and `aria-…` are attributes, the rest are properties
 * @param {...(Node | string | null | false)} children
 * @returns {any} the element, of the type its tag says
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && !key.includes("-")) /** @type {any} */ (element)[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children) {
    if (child !== null && child !== false) element.append(child);
  }
  return element;
}

/** Sets a property only when it differs: an untouched node costs no layout. @param {any} node @param {string} key @param {unknown} value */
export function put(node, key, value) {
  if (node[key] !== value) node[key] = value;
}

/** @param {Element} node @param {string} name @param {string | boolean | null} value */
export function attr(node, name, value) {
  const text = value === true ? "" : value;
  if (text === null || text === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** @param {Element} element @param {string} name @param {boolean} on */
export const flag = (element, name, on) => element.classList.toggle(name, on);

/**
 * Brings a row into the view of its own list. scrollIntoView would move the page under the pointer.
 * @param {HTMLElement} list
 * @param {HTMLElement} row
 */
export function reveal(list, row) {
  const outer = list.getBoundingClientRect();
  const inner = row.getBoundingClientRect();
  if (inner.top < outer.top) list.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom;
  // On a narrow screen the list lies on its side: the next row in the middle, its neighbours beside it.
  if (inner.left < outer.left || inner.right > outer.right) list.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}
