/** Building blocks of views. */
import { h } from "../lib/dom.js";
import { percent } from "./format.js";
import { t } from "./texts.js";

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
      h(tag, { tabIndex: -1 }, title),
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
 */
export function worker(text, act, say, tag = "button") {
  const button = h(tag, { type: "button" }, text);
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await act();
    } catch (error) {
      say(String(/** @type {Error} */ (error).message || error));
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

/** A word that a table may break. Others keep their column as wide as they are. */
const LONG_WORD = /\S{30}/;

/**
 * Make a table with explicit roles. On a narrow screen its rows are shown as cards, and browsers drop a table's
 * implicit roles if its layout changes.
 * @param {string} label
 * @param {string[]} heads
 * @param {(Node | string)[][]} rows the first cell of each row is its header
 */
export const table = (label, heads, rows) =>
  h(
    "div.scroll",
    { role: "region", "aria-label": label, tabIndex: 0 },
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
      h(
        "tbody",
        { role: "rowgroup" },
        ...rows.map((cells) =>
          h(
            "tr",
            { role: "row" },
            ...cells.map((cell, n) =>
              n
                ? h(
                    LONG_WORD.test(String(cell)) ? "td.long" : "td",
                    { role: "cell", "data-head": heads[n] || null },
                    cell,
                  )
                : h("th", { role: "rowheader" }, cell),
            ),
          ),
        ),
      ),
    ),
  );
