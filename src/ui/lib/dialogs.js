/** Dialogs: help, brightness, and questions. Native dialogs keep the focus in and close on Escape. */
import { h, update } from "./dom.js";
import { icon } from "./icons.js";
import { GROUPS, keysOf, strokeOf, strokeText } from "./shortcuts.js";
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
  const track = (/** @type {Event} */ { type, target }) => (isOutside = target === node && (isOutside || type === "pointerdown"));
  // A key that presses a button inside is a click without a pointer: what the pointer did before counts for nothing then.
  const close = (/** @type {Event} */ { target }) => {
    if (isOutside && target === node) node.close();
  };
  const node = h(`dialog.${name}`, { "aria-label": title, onpointerdown: track, onpointerup: track, onclick: close },
    h("header", {}, h("h2", {}, title), h("button.ghost", { title: t.close, onclick: () => node.close() }, icon("close"))),
    h("div.body", { tabIndex: 0 }, ...body));
  // The second click of a double click was meant for the button that opened the dialog.
  node.addEventListener("click", (/** @type {MouseEvent} */ event) => event.detail > 1 && event.stopPropagation(), true);
  return node;
}

/** @typedef {(title: string, text: string, ...choices: [text: string, act: () => void][]) => void} Ask the first choice is the safe one, the last the one that is proposed */

/** @returns {{root: HTMLDialogElement, ask: Ask}} one question at a time; closing the dialog chooses nothing */
export function questions() {
  const body = h("div.asked");
  const root = dialog("review", t.question, body);
  return {
    root,
    ask(title, text, ...choices) {
      const buttons = choices.map(([label, act], at) => h(at === choices.length - 1 ? "button.primary" : "button", {
        onclick: () => {
          root.close();
          act();
        },
      }, label));
      root.querySelector("h2")?.replaceChildren(title);
      root.setAttribute("aria-label", title);
      body.replaceChildren(h("p", {}, text), h("div.row", {}, ...buttons));
      if (!root.open) root.showModal();
      // A key that is pressed once too often chooses what changes nothing.
      buttons[0].focus();
    },
  };
}

/** @param {any[][]} rows of a term and what it means */
const list = (rows) => h("dl", {}, ...rows.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]));

/**
 * Instructions, gestures, and the keys, which a worker can change here: press the button of a shortcut, then a key.
 * @param {import("./app.js").App["prefs"]} prefs
 * @param {() => void} changed
 */
export function helpDialog(prefs, changed) {
  const change = (/** @type {Partial<typeof prefs>} */ to) => {
    Object.assign(prefs, to);
    changed();
    update(node);
  };
  const listen = (/** @type {string} */ id, /** @type {KeyboardEvent} */ event) => {
    const stroke = strokeOf(event);
    if (/^$|^(Shift\+)?(Tab|Escape|Enter|Space)$|(Shift|Control|Meta|Alt)$/.test(stroke)) return;
    event.preventDefault();
    change({ keys: { ...prefs.keys, [id]: /^(Delete|Backspace)$/.test(stroke) ? [] : [stroke] } });
  };
  const key = (/** @type {string} */ id, /** @type {string} */ text) => h(
    "button.ghost", { title: t.change(text), "data-shortcut": id, onkeydown: (/** @type {KeyboardEvent} */ event) => listen(id, event) },
    h("kbd", { translate: false, textContent: () => keysOf(id, prefs).map(strokeText).join(` ${t.or} `) || t.off }),
  );
  const node = dialog(
    "help", t.help,
    h("slot", { name: "instructions" }),
    h("h3", {}, t.pointer), list(t.gestures),
    h("h3", {}, t.keyboard),
    h("label.tick", {}, h("input", { type: "checkbox", checked: () => prefs.hotkeys !== false, onchange: (/** @type {any} */ event) => change({ hotkeys: event.target.checked }) }), t.shortcutsOn),
    h("p.soft", {}, t.changeKeys),
    h("button", { onclick: () => change({ keys: undefined, hotkeys: undefined }) }, t.delivered),
    ...Object.entries(GROUPS).flatMap(([group, shortcuts]) => [
      h("h3", {}, t.groups[group]), list(Object.keys(shortcuts).map((id) => [key(id, t.commands[id]), t.commands[id]])),
    ]),
  );
  update(node);
  return node;
}

/**
 * @param {import("./stage.js").Look} look
 * @param {() => void} apply
 */
export function lightDialog(look, apply) {
  const change = (/** @type {Partial<typeof look>} */ to) => {
    Object.assign(look, to);
    apply();
    update(node);
  };
  const slider = (/** @type {"brightness" | "contrast"} */ key) =>
    h("label.tick", {}, t[key], h("input", { type: "range", min: 40, max: 300, value: () => String(look[key]), oninput: (/** @type {any} */ event) => change({ [key]: Number(event.target.value) }) }));
  const node = dialog(
    "light", t.commands.light, slider("brightness"), slider("contrast"),
    h("p.soft", {}, t.onlySeen),
    h("button", { onclick: () => change({ brightness: 100, contrast: 100 }) }, t.asItWas),
  );
  update(node);
  return node;
}
