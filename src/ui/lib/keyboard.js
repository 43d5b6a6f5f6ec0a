/** The keyboard: strokes become commands, unless someone is typing or a control wants the key itself. */
import { keymap, strokeOf } from "./shortcuts.js";

const TYPED_IN = "input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable], dialog";
/** @type {Record<string, number[]>} */
const ARROWS = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] };

/**
 * @param {import("./app.js").App} app
 * @param {KeyboardEvent} event
 * @param {import("./clock.js").Clock} clock
 * @param {(index: number) => void} pick a keypoint
 */
export function onKey({ session, stage, prefs, run }, event, clock, pick) {
  const target = /** @type {Element} */ (event.composedPath()[0]);
  const stroke = strokeOf(event);
  const native = target.closest("button, input, summary, a") && /^(Enter|Space|Arrow)/.test(stroke);
  if (event.defaultPrevented || event.isComposing || target.closest(TYPED_IN) || native || prefs.hotkeys === false) return;
  const id = keymap(prefs).get(stroke);
  const [, modifier, arrow, digit] = /^(?:(Shift|Ctrl)\+)?(?:Arrow(\w+)|([1-9]))$/.exec(stroke) ?? [];
  if (!id && !arrow && (!digit || modifier === "Ctrl")) return;
  event.preventDefault();
  clock.act("key");
  const [x, y] = ARROWS[arrow] ?? [];
  const step = (modifier ? 10 : 1) / stage.view.scale;
  if (id) run(id);
  else if (digit) pick(Number(digit) - 1 + (modifier ? 9 : 0));
  else if (modifier !== "Ctrl") session.nudge(x * step, y * step);
  // Up and down scale by a fiftieth, left and right turn by two degrees.
  else if (session.tool === "adjust") session.turn((x * Math.PI) / 90, 1 - y / 50);
}
