/** Help: the instructions, the gestures, and the shortcuts, which a worker can change here. */
import { dialog } from "../dialogs.js";
import { h, update } from "../dom.js";
import { GROUPS, keysOf, strokeOf, strokeText } from "../shortcuts.js";
import { t } from "../texts.js";

/** @param {any[][]} rows pairs of a term and its meaning */
const list = (rows) => h("dl", {}, ...rows.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]));

/**
 * Make the help dialog. While a shortcut's button has the focus, a key press assigns that key to the shortcut.
 * @param {import("../app.js").App["prefs"]} prefs
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
  const key = (/** @type {string} */ id, /** @type {string} */ text) =>
    h(
      "button.ghost",
      {
        title: t.change(text),
        "data-shortcut": id,
        onkeydown: (/** @type {KeyboardEvent} */ event) => listen(id, event),
      },
      h("kbd", { translate: false, textContent: () => keysOf(id, prefs).map(strokeText).join(` ${t.or} `) || t.off }),
    );
  const node = dialog(
    "help",
    t.help,
    h("slot", { name: "instructions" }),
    h("h3", {}, t.pointer),
    list(t.gestures),
    h("h3", {}, t.keyboard),
    h(
      "label.tick",
      {},
      h("input", {
        type: "checkbox",
        checked: () => prefs.hotkeys !== false,
        onchange: (/** @type {any} */ event) => change({ hotkeys: event.target.checked }),
      }),
      t.shortcutsOn,
    ),
    h("p.soft", {}, t.changeKeys),
    h("button", { onclick: () => change({ keys: undefined, hotkeys: undefined }) }, t.delivered),
    ...Object.entries(GROUPS).flatMap(([group, shortcuts]) => [
      h("h3", {}, t.groups[group]),
      list(Object.keys(shortcuts).map((id) => [key(id, t.commands[id]), t.commands[id]])),
    ]),
  );
  update(node);
  return node;
}
