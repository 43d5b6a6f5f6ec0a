/** Keyboard: keystrokes run commands, unless the worker is typing or the focused control uses the key itself. */
import { commandOf, digitOf, REPEATED, strokeOf } from "./shortcuts.js";

const TYPED_IN = "input:not([type=checkbox], [type=range]), textarea, select, [contenteditable]";
/** @type {Record<string, number[]>} */
const ARROWS = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] };

/**
 * @param {import("./app.js").App} app
 * @param {KeyboardEvent} event
 * @param {import("./clock.js").Clock} clock
 * @param {(index: number) => void} pick a keypoint
 */
export function onKey(app, event, clock, pick) {
  const { session, stage, prefs } = app;
  const target = /** @type {Element} */ (event.composedPath()[0]);
  const at = target instanceof Element ? target : document.body;
  const stroke = strokeOf(event);
  const id = commandOf(event, prefs);
  // A held Enter would press a button repeatedly.
  if (event.repeat && /^(Enter|Space)$/.test(stroke) && at.closest("button, summary, [type=checkbox]"))
    event.preventDefault();
  if (event.defaultPrevented || event.isComposing || at.closest("dialog:modal, [aria-modal=true]")) return;
  // Focus within a closed shadow root looks like focus on its host, which may be a field for text.
  const isTyped = at.closest(TYPED_IN) || (at.localName.includes("-") && !at.shadowRoot);
  if (stroke === "Escape" && app.close(isTyped)) {
    event.preventDefault();
    return;
  }
  const isNative = at.closest("button, input, summary, a, [role=button]") && /^(Enter|Space|Arrow)/.test(stroke);
  if (id === "submit" ? prefs.hotkeys === false : isTyped || isNative || prefs.hotkeys === false) return;
  const [, modifier, arrow] = /^(?:(Shift|Ctrl)\+)?Arrow(\w+)$/.exec(stroke) ?? [];
  const digit = id ? -1 : digitOf(event);
  if (!id && !arrow && digit < 0) return;
  event.preventDefault();
  // A held key repeats only arrow keys and the commands in REPEATED.
  if (event.repeat && !arrow && !REPEATED.includes(id ?? "")) return;
  clock.act("key");
  const [x, y] = ARROWS[arrow] ?? [];
  app.after(() => {
    const step = (modifier ? 10 : 1) / stage.view.scale;
    if (id) app.run(id);
    else if (digit >= 0) pick(digit);
    else if (modifier !== "Ctrl") session.nudge(x * step, y * step);
    // Up and down scale by 2 %, left and right rotate by 2 degrees.
    else if (session.tool === "adjust") session.turn((x * Math.PI) / 90, 1 - y / 50);
  }, id === "placing");
}
