/** Dialogs, and a dialog that asks questions. Native dialogs trap the focus and close on Escape. */
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./texts.js";

/**
 * @param {string} name
 * @param {string} title
 * @param {...(Node | string)} body
 * @returns {HTMLDialogElement}
 */
export function dialog(name, title, ...body) {
  // The dialog's content covers it completely, so an event whose target is the dialog happened outside.
  let isOutside = false;
  const track = (/** @type {Event} */ { type, target }) =>
    (isOutside = target === node && (isOutside || type === "pointerdown"));
  // A key that presses a button inside causes a click without a pointer. Its target is the button, so it closes
  // nothing.
  const close = (/** @type {Event} */ { target }) => {
    if (isOutside && target === node) node.close();
  };
  const node = h(
    `dialog.${name}`,
    { "aria-label": title, onpointerdown: track, onpointerup: track, onclick: close },
    h(
      "header",
      {},
      h("h2", {}, title),
      h("button.ghost", { title: t.close, onclick: () => node.close() }, icon("close")),
    ),
    h("div.body", { tabIndex: 0 }, ...body),
  );
  // Ignore the second click of a double click: it was meant for the button that opened the dialog.
  node.addEventListener(
    "click",
    (/** @type {MouseEvent} */ event) => event.detail > 1 && event.stopPropagation(),
    true,
  );
  return node;
}

/**
 * @typedef {(title: string, text: string, ...choices: [text: string, act: () => void][]) => void} Ask the first choice
 *     is the safe one, the last choice is the proposed one
 */

/** @returns {{root: HTMLDialogElement, ask: Ask}} one question at a time; closing the dialog chooses nothing */
export function questions() {
  const body = h("div.asked");
  const root = dialog("review", t.question, body);
  return {
    root,
    ask(title, text, ...choices) {
      const buttons = choices.map(([label, act], at) =>
        h(
          at === choices.length - 1 ? "button.primary" : "button",
          {
            onclick: () => {
              root.close();
              act();
            },
          },
          label,
        ),
      );
      root.querySelector("h2")?.replaceChildren(title);
      root.setAttribute("aria-label", title);
      body.replaceChildren(h("p", {}, text), h("div.row", {}, ...buttons));
      if (!root.open) root.showModal();
      // Focus the safe choice, so that an accidental second key press changes nothing.
      buttons[0].focus();
    },
  };
}
