/** Building blocks of views. */
import { h } from "../lib/dom.js";
import { number, percent } from "./format.js";
import { reasonOf, t } from "./texts.js";

/** The number in the last id that `newId` returned. */
let last = 0;

/** @returns {string} an id that is unique on the page */
export const newId = () => `id${(last += 1)}`;

/**
 * @typedef {{root: HTMLElement, title: string, isBare?: boolean, leave?: () => void}} View `isBare` for a view without
 *     the page's header
 */

/** @param {number} value @param {number} max @param {string} label */
export const progressBar = (value, max, label) =>
  h("progress", { value: Math.min(value, max), max: Math.max(1, max), "aria-label": label });

/** @param {{status: string, paused: boolean}} job */
export function statusOf({ status, paused }) {
  const shown = paused && status === "InProgress" ? "paused" : status;
  return h("span.status", { "data-status": shown }, t.status[shown] ?? status);
}

/** @param {{complete: number, images: number}} job @returns {string} "40 %" */
export const share = ({ complete, images }) => percent(images ? complete / images : 0);

/**
 * Make a function that builds a message in the middle of the view, with buttons or links.
 * @param {string} tag of the heading: "h1" if the view has no other heading
 * @returns {(title: string, text: string, ...actions: (Node | false)[]) => HTMLElement}
 */
const messageWith =
  (tag) =>
  (title, text, ...actions) =>
    h(
      "section.message",
      {},
      h(tag, { tabindex: -1 }, title),
      text && h("p.soft", {}, text),
      actions.some(Boolean) && h("div.row", {}, ...actions),
    );

export const message = messageWith("h1");
/** A message below a heading of the view. */
export const partMessage = messageWith("h2");

/**
 * Make a button for an asynchronous action. It is busy during the action, and reports errors with `say`.
 * @param {string} text
 * @param {() => Promise<unknown>} act
 * @param {(problem: string) => void} say
 * @param {string} [tag]
 * @param {string} [key] see `refresh`
 */
export function worker(text, act, say, tag = "button", key) {
  const button = h(tag, { type: "button", "data-key": key ?? null }, text);
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    say("");
    try {
      await act();
    } catch (error) {
      say(reasonOf(error));
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  return button;
}

/**
 * Build and show a modal dialog, which is removed when it closes.
 * @param {string} title
 * @param {...any} content
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, ...content) {
  const id = newId();
  const dialog = h("dialog", { "aria-labelledby": id }, h("h2", { id }, title), ...content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Open a dialog with fields and a button that sends them. If sending fails, the dialog says why and stays open.
 * Otherwise it closes before the view reloads: the focus returns to the button that opened the dialog, and `refresh`
 * keeps it.
 * @param {string} title
 * @param {string} name of the button
 * @param {() => Promise<unknown>} send
 * @param {() => Promise<unknown>} reload the view
 * @param {...Node} content
 */
export function ask(title, name, send, reload, ...content) {
  const problem = h("p.problem", { role: "alert" });
  const go = worker(
    name,
    async () => {
      if (!form.reportValidity()) return;
      await send();
      dialog.close();
      await reload();
    },
    (why) => (problem.textContent = why),
    "button.primary",
  );
  const form = h(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        go.click();
      },
    },
    ...content,
    problem,
    h("div.row", {}, h("button", { type: "button", onclick: () => dialog.close() }, t.cancel), go),
  );
  const dialog = openDialog(title, form);
}

/** Number of entries of a list that are shown at first. */
const SHOWN = 15;

/**
 * Make the controls of a long list: a field that searches it, and a box that shows all of it. The printed page has all
 * entries, or those that the search finds.
 * @param {string} label of the list
 * @param {HTMLElement[]} entries
 * @returns {HTMLElement | false} false for a short list
 */
export function finder(label, entries) {
  if (entries.length <= SHOWN) return false;
  const texts = entries.map(({ textContent }) => textContent?.toLowerCase() ?? "");
  const search = h("input", { type: "search", "aria-label": t.searchOf(label), placeholder: t.search });
  const all = h("input", { type: "checkbox" });
  const said = h("span.soft", { role: "status" });
  const update = () => {
    const wanted = search.value.trim().toLowerCase();
    const isMatch = texts.map((text) => text.includes(wanted));
    const isOpen = all.checked || wanted !== "";
    entries.forEach((entry, n) => {
      entry.hidden = !isMatch[n];
      entry.classList.toggle("more", !isOpen && n >= SHOWN);
    });
    const count = isOpen ? isMatch.filter(Boolean).length : SHOWN;
    said.textContent = t.shown(number(count), number(entries.length));
  };
  for (const [name, field] of Object.entries({ search, all })) {
    field.dataset.key = `${name} ${label}`;
    field.addEventListener("input", update);
  }
  update();
  return h("div.finder", {}, search, h("label", {}, all, t.showAll), said);
}

/**
 * Replace a view by a newer version of itself. In elements with the attribute `data-key`, which names an element in all
 * versions of the view, the focus stays, and so do status messages and what the person has chosen or typed but not
 * saved. `noteChange` marks the elements with unsaved changes.
 * @param {HTMLElement} parent
 * @param {HTMLElement} root
 */
export function refresh(parent, root) {
  const { activeElement: focused } = document;
  const hadFocus = parent.contains(focused);
  const before = /** @type {HTMLInputElement[]} */ ([...parent.querySelectorAll("[data-changed]")]);
  const messages = parent.querySelectorAll("[role=status][data-key]");
  parent.replaceChildren(root);
  const keyed = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("[data-key]")]);
  const sameAs = (/** @type {Element | null} */ old) =>
    keyed.find(({ dataset }) => dataset.key === /** @type {HTMLElement | null} */ (old)?.dataset.key);
  for (const old of before) {
    const field = sameAs(old);
    if (!field) continue;
    field.value = old.value;
    field.checked = old.checked;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  for (const old of messages) sameAs(old)?.replaceChildren(...old.childNodes);
  if (hadFocus) (sameAs(focused) ?? root.querySelector("h1"))?.focus({ preventScroll: true });
}

/** @param {Event} event "input" */
export function noteChange({ target }) {
  if (target instanceof HTMLElement && target.dataset.key) target.dataset.changed = "";
}

/** A word that a table may break. Others keep their column as wide as they are. */
const LONG_WORD = /\S{30}/;

/**
 * Make a table with explicit roles. On a narrow screen its rows are shown as cards, and browsers drop a table's
 * implicit roles if its layout changes.
 * @param {string} label
 * @param {string[]} heads
 * @param {(Node | string)[][]} rows the first cell of each row is its header
 */
export function table(label, heads, rows) {
  const entries = rows.map((cells) =>
    h(
      "tr",
      { role: "row" },
      ...cells.map((cell, n) =>
        n
          ? h(LONG_WORD.test(String(cell)) ? "td.long" : "td", { role: "cell", "data-head": heads[n] || null }, cell)
          : h("th", { role: "rowheader" }, cell),
      ),
    ),
  );
  return h(
    "div.list",
    {},
    finder(label, entries),
    h(
      "div.scroll",
      { role: "region", "aria-label": label, tabIndex: 0, "data-key": `table ${label}` },
      h(
        "table",
        { role: "table" },
        h(
          "thead",
          { role: "rowgroup" },
          h(
            "tr",
            { role: "row" },
            ...heads.map((head) => (head ? h("th", { role: "columnheader" }, head) : h("td", { role: "cell" }))),
          ),
        ),
        h("tbody", { role: "rowgroup" }, ...entries),
      ),
    ),
  );
}
