/** Details: the fields for the selected keypoint or the active instance: visibility, name, note. */
/** @import {Instance, Reason} from "./types.js" */
import { h } from "./dom.js";
import { isPlaced, labelOf } from "./document.js";
import { straysOf } from "./prelabels.js";
import { t } from "./texts.js";

/** The states in the order of their texts. @type {[key: string, v: 0 | 1 | 2, reason?: Reason][]} */
const STATES = [
  ["O", 2],
  ["O", 1],
  ["U", 0, "not_visible"],
  ["I", 0, "outside_image"],
];

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
      // Every letter goes into the document at once, so that a draft or an answer never misses the end of a note.
      oninput: (/** @type {any} */ event) => write(event.target.value),
      onchange: (/** @type {any} */ event) => write(event.target.value.trim()),
      ...props,
    });
  return h(
    "div.details",
    { hidden: () => !session.instance },
    h(
      "div.choice",
      { role: "group", "aria-label": t.visibility },
      ...STATES.map(([key, v, reason], choice) =>
        h(
          "button",
          {
            title: `${t.choices[choice]} (${key})`,
            "aria-pressed": () => String(state()?.v === v && (v > 0 || state()?.reason === reason)),
            disabled: () => locked() || index() < 0 || (v > 0 && !isPlaced(state())),
            onclick: () => {
              const at = index();
              // As with the keyboard: after a keypoint without a position, the next click places the next keypoint.
              if (session.mark([at], v, reason) && v === 0) session.select(session.active, session.pendingAfter(at, 1));
            },
          },
          t.choices[choice],
        ),
      ),
    ),
    field(
      { placeholder: t.instanceName, maxLength: 200, hidden: () => Boolean(session.point), value: () => it().name },
      (name) => it().name !== name && session.edit(t.instanceName, () => ({ name }), `name ${it().id}`),
    ),
    field(
      {
        placeholder: () => t.noteOn(session.point ? labelOf(session.skeleton, session.selected) : ""),
        maxLength: 1000,
        value: () => (session.point ?? it()).comment ?? "",
      },
      (comment) => {
        const { point, selected } = session;
        if (((point ?? it()).comment ?? "") === comment) return;
        session.edit(
          t.steps.note,
          ({ points }) =>
            point ? { points: points.with(selected, { ...point, comment: comment || undefined }) } : { comment },
          `note ${it().id}/${point && selected}`,
        );
      },
    ),
    h(
      "p.soft",
      { hidden: () => Boolean(!it().strays.length || session.point) },
      h("span", { textContent: () => t.strays(straysOf(it())) }),
      h(
        "button.small",
        { disabled: locked, onclick: () => session.edit(t.removeStrays, () => ({ strays: [] })) },
        t.removeStrays,
      ),
    ),
  );
}
