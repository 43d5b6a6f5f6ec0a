/** Dialogs: help, and the light table. Native dialogs keep the focus in and close on Escape. */
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { GESTURES, SHORTCUTS, strokeText } from "./shortcuts.js";

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

export function helpDialog() {
  const groups = [...new Set(SHORTCUTS.map((shortcut) => shortcut.group))];
  return dialog(
    "Help",
    h("slot", { name: "instructions" }),
    h("h3", {}, "Pointer"),
    h("dl", {}, ...GESTURES.flatMap(([gesture, text]) => [h("dt", {}, gesture), h("dd", {}, text)])),
    ...groups.flatMap((group) => [
      h("h3", {}, group),
      h("dl", {}, ...SHORTCUTS.filter((shortcut) => shortcut.group === group).flatMap(({ keys, text }) => [
        h("dt", {}, ...keys.map((key) => h("kbd", {}, strokeText(key)))),
        h("dd", {}, text),
      ])),
    ]),
  );
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
