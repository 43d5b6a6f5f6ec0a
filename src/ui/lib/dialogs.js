/** Dialogs: help, and the light table. Native dialogs keep the focus in and close on Escape. */
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { GESTURES, SHORTCUTS, strokeOf, strokeText } from "./shortcuts.js";

/**
 * @param {string} title
 * @param {(Node | false)[]} body
 * @returns {HTMLDialogElement}
 */
export function dialog(title, ...body) {
  const close = h("button", { type: "button", class: "ghost", "aria-label": "Close", onclick: () => node.close() }, icon("close"));
  /** @type {HTMLDialogElement} */
  const node = h("dialog", { "aria-label": title }, h("header", {}, h("h2", {}, title), close), h("div", { class: "body", tabIndex: 0 }, ...body));
  // A click beside the dialog lands on the dialog element itself, outside its box.
  node.addEventListener("click", (event) => {
    const box = node.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (event.target === node && !inside) node.close();
  });
  return node;
}

/**
 * Instructions, gestures, and the keys, which a worker can change here: press the button of a shortcut, then a key.
 * @param {{keys?: Record<string, string[]>, hotkeys?: boolean}} prefs
 * @param {() => void} changed
 */
export function helpDialog(prefs, changed) {
  /** @type {Map<string, HTMLElement>} */
  const buttons = new Map();
  const show = () => {
    for (const { id, keys } of SHORTCUTS) {
      const now = prefs.keys?.[id] ?? keys;
      buttons.get(id)?.replaceChildren(...(now.length ? now.map((key) => h("kbd", {}, strokeText(key))) : ["off"]));
    }
    tick.checked = prefs.hotkeys !== false;
  };
  const listen = (/** @type {string} */ id, /** @type {KeyboardEvent} */ event) => {
    const stroke = strokeOf(event);
    if (["Tab", "Shift+Tab", "Escape", "Enter", "Space"].includes(stroke) || !stroke || ["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
    event.preventDefault();
    prefs.keys = { ...prefs.keys, [id]: stroke === "Delete" || stroke === "Backspace" ? [] : [stroke] };
    changed();
    show();
  };
  const tick = h("input", { type: "checkbox", onchange: () => {
    prefs.hotkeys = tick.checked;
    changed();
  } });
  const reset = h("button", { type: "button", onclick: () => {
    delete prefs.keys;
    delete prefs.hotkeys;
    changed();
    show();
  } }, "As delivered");
  const groups = [...new Set(SHORTCUTS.map((shortcut) => shortcut.group))];
  const node = dialog(
    "Help",
    h("slot", { name: "instructions" }),
    h("h3", {}, "Pointer"),
    h("dl", {}, ...GESTURES.flatMap(([gesture, text]) => [h("dt", {}, gesture), h("dd", {}, text)])),
    h("h3", {}, "Keyboard"),
    h("p", {}, h("label", { class: "tick" }, tick, "Shortcuts on")),
    h("p", { class: "hint" }, "To change one, choose it and press another key; Delete turns it off."),
    reset,
    ...groups.flatMap((group) => [
      h("h3", {}, group),
      h("dl", {}, ...SHORTCUTS.filter((shortcut) => shortcut.group === group).flatMap(({ id, text }) => {
        const button = h("button", { type: "button", class: "keys", title: `Change: ${text}`, "data-shortcut": id, onkeydown: (/** @type {KeyboardEvent} */ event) => listen(id, event) });
        buttons.set(id, button);
        return [h("dt", {}, button), h("dd", {}, text)];
      })),
    ]),
  );
  node.classList.add("help");
  show();
  return node;
}

/**
 * @param {import("./stage.js").Look} look
 * @param {() => void} apply
 */
export function lightDialog(look, apply) {
  const slider = (/** @type {"brightness" | "contrast"} */ key, /** @type {string} */ text) => {
    const input = h("input", { type: "range", min: "40", max: "300", value: String(look[key]), oninput: () => {
      look[key] = Number(input.value);
      apply();
    } });
    return { input, row: h("label", { class: "slider" }, text, input) };
  };
  const rows = { brightness: slider("brightness", "Brightness"), contrast: slider("contrast", "Contrast") };
  const reset = () => {
    for (const key of /** @type {const} */ (["brightness", "contrast"])) {
      look[key] = 100;
      rows[key].input.value = "100";
    }
    apply();
  };
  const node = dialog("Brightness and contrast", rows.brightness.row, rows.contrast.row,
    h("p", { class: "quiet" }, "Only what you see changes, never the image."),
    h("button", { type: "button", onclick: reset }, "As it was"));
  node.classList.add("light");
  return node;
}
