/** Details: what can be said about the keypoint in hand, or about its instance: visibility, name, note. */
/** @import {Instance, Reason} from "./types.js" */
import { h } from "./dom.js";
import { isPlaced, labelOf } from "./document.js";
import { straysOf } from "./prelabels.js";

/** @type {[text: string, key: string, v: 0 | 1 | 2, reason?: Reason][]} */
const STATES = [["Visible", "O", 2], ["Occluded", "O", 1], ["Not visible", "U", 0, "not_visible"], ["Outside", "I", 0, "outside_image"]];

/** @param {import("./session.js").Session} session */
export function details(session) {
  const it = () => /** @type {Instance} */ (session.instance);
  const locked = () => it().locked;
  const index = () => (session.selected >= 0 ? session.selected : session.target);
  const state = () => it().points[index()];
  const field = (/** @type {Record<string, any>} */ props, /** @type {(text: string) => void} */ write) =>
    h("input", {
      dir: "auto",
      disabled: locked,
      // Every letter is in the document at once: a draft or an answer never misses the end of a note.
      oninput: (/** @type {any} */ event) => write(event.target.value),
      onchange: (/** @type {any} */ event) => write(event.target.value.trim()),
      ...props,
    });
  return h(
    "div.details", { hidden: () => !session.instance },
    h("div.choice", { role: "group", "aria-label": "Visibility" }, ...STATES.map(([text, key, v, reason]) => h("button", {
      title: `${text} (${key})`,
      "aria-pressed": () => String(state()?.v === v && (v > 0 || state()?.reason === reason)),
      disabled: () => locked() || index() < 0 || (v > 0 && !isPlaced(state())),
      onclick: () => {
        const at = index();
        // As the keys do: what has no place is done with, the next click is for the next keypoint.
        if (session.mark([at], v, reason) && v === 0) session.select(session.active, session.pendingAfter(at, 1));
      },
    }, text))),
    field({ placeholder: "Instance name", maxLength: 200, hidden: () => Boolean(session.point), value: () => it().name }, (name) => it().name !== name && session.edit("change name", () => ({ name }), `name ${it().id}`)),
    field({
      placeholder: () => `Note on ${session.point ? labelOf(session.skeleton, session.selected) : "instance"}`,
      maxLength: 1000,
      value: () => (session.point ?? it()).comment ?? "",
    }, (comment) => {
      const { point, selected } = session;
      if (((point ?? it()).comment ?? "") === comment) return;
      session.edit("write note", ({ points }) => (point ? { points: points.with(selected, { ...point, comment: comment || undefined }) } : { comment }),
        `note ${it().id}/${point && selected}`);
    }),
    h("p.soft", { hidden: () => Boolean(!it().strays.length || session.point) },
      h("span", { textContent: () => `Not in this skeleton: ${straysOf(it())} ` }),
      h("button.small", { disabled: locked, onclick: () => session.edit("change entries", () => ({ strays: [] })) }, "Remove them")),
  );
}
