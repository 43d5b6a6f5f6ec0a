/** The keyboard: strokes become commands, unless someone is typing or a control wants the key itself. */
import { keymap, strokeOf } from "./shortcuts.js";

const TYPED_IN = "input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]";
/** @type {Record<string, number[]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Keyboard {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    /** @type {Map<string, string>} stroke to shortcut id */
    this.keys = new Map();
    this.renew();
  }

  /** The worker's own keys changed. */
  renew() {
    this.keys = keymap(this.app.prefs.keys);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {Element} */ (event.composedPath()[0]);
    if (event.defaultPrevented || event.isComposing || target.closest(TYPED_IN) || target.closest("dialog")) return;
    const stroke = strokeOf(event);
    const native = target.closest("button, input, summary, a") && (stroke === "Enter" || stroke === "Space" || stroke.startsWith("Arrow"));
    if (native || this.app.prefs.hotkeys === false) return;
    const digit = /^(Shift\+)?([1-9])$/.exec(stroke);
    const arrow = ARROWS[event.key];
    const id = this.keys.get(stroke);
    if (!id && !digit && !(arrow && /^((Shift|Ctrl)\+)?Arrow/.test(stroke))) return;
    event.preventDefault();
    this.app.clock.tick(performance.now());
    this.app.clock.count("key");
    if (id) this.app.run(id);
    else if (arrow && stroke.startsWith("Ctrl")) this.reshape(arrow);
    else if (arrow) this.nudge(arrow, event.shiftKey ? 10 : 1);
    else if (digit) this.choose(Number(digit[2]) - 1 + (digit[1] ? 9 : 0));
  }

  /** Up and down scale by a fiftieth, left and right turn by two degrees. @param {number[]} direction */
  reshape([x, y]) {
    if (this.app.session.tool === "adjust") this.app.session.reshape(1 - y / 50, (x * Math.PI) / 90);
  }

  /** @param {number[]} direction @param {number} pixels of the screen */
  nudge([x, y], pixels) {
    const step = pixels / this.app.stage.view.scale;
    this.app.session.nudge(x * step, y * step);
  }

  /** @param {number} index */
  choose(index) {
    if (index < this.app.skeleton.keypoints.length) this.app.panel.pickPoint(index);
  }
}
