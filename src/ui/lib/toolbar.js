/** The toolbar: what the keys do, for hands that prefer a pointer. */
import { attr, h, put } from "./dom.js";
import { icon } from "./icons.js";
import { SHORTCUTS, strokeText } from "./shortcuts.js";

/** Groups of [command, icon, label]; a label in the second list of words is shown, the others are spoken. */
const GROUPS = [
  [["new", "plus", "New instance"], ["draw", "draw", "Draw whole skeleton"], ["adjust", "adjust", "Move, scale, turn"], ["box", "box", "Box"], ["swapAll", "swap", "Swap left and right"]],
  [["undo", "undo", "Undo"], ["redo", "redo", "Redo"]],
  [["zoomOut", "zoomOut", "Zoom out"], ["fit", "fit", "Show whole image"], ["zoomIn", "zoomIn", "Zoom in"]],
  [["names", "tag", "Names"], ["loupe", "loupe", "Magnifier"], ["hideAll", "eye", "Hide or show all"], ["light", "light", "Brightness and contrast"]],
];

export class Toolbar {
  /** @param {(id: string) => void} run */
  constructor(run) {
    /** @type {Map<string, HTMLButtonElement>} */
    this.buttons = new Map();
    const button = (/** @type {string} */ id, /** @type {string} */ name, /** @type {string} */ label, text = "") => {
      const keys = SHORTCUTS.find((shortcut) => shortcut.id === id)?.keys ?? [];
      const title = keys.length ? `${label} (${strokeText(keys[0])})` : label;
      const node = h("button", { type: "button", class: text ? "tool wide" : "tool", title, "aria-label": label, onclick: () => run(id) }, icon(name), text);
      this.buttons.set(id, node);
      return node;
    };
    this.zoom = h("output", { class: "zoom", "aria-label": "Zoom" });
    /** @type {HTMLElement} */
    this.root = h(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "Tools" },
      ...GROUPS.map((group) => h("div", { class: "group" }, ...group.map(([id, name, label]) => button(id, name, label)))),
      this.zoom,
    );
    this.helpButton = button("help", "help", "Help: instructions and shortcuts", "Help");
  }

  /** @param {string} id @param {boolean} on */
  press(id, on) {
    const button = this.buttons.get(id);
    if (button) attr(button, "aria-pressed", String(on));
  }

  /** @param {string} id @param {boolean} possible */
  enable(id, possible) {
    const button = this.buttons.get(id);
    if (button) put(button, "disabled", !possible);
  }
}
