/** Brightness and contrast of the image on the screen. */
import { dialog } from "../dialogs.js";
import { h, update } from "../dom.js";
import { t } from "../texts.js";

/**
 * @param {import("../stage.js").Look} look
 * @param {() => void} apply
 */
export function lightDialog(look, apply) {
  const change = (/** @type {Partial<typeof look>} */ to) => {
    Object.assign(look, to);
    apply();
    update(node);
  };
  const slider = (/** @type {"brightness" | "contrast"} */ key, /** @type {string} */ name) =>
    h(
      "label.tick",
      {},
      name,
      h("input", {
        type: "range",
        min: 40,
        max: 300,
        value: () => String(look[key]),
        oninput: (/** @type {any} */ event) => change({ [key]: Number(event.target.value) }),
      }),
    );
  const node = dialog(
    "light",
    t.commands.light,
    slider("brightness", t.brightness),
    slider("contrast", t.contrast),
    h("p.soft", {}, t.onlySeen),
    h("button", { onclick: () => change({ brightness: 100, contrast: 100 }) }, t.asItWas),
  );
  update(node);
  return node;
}
