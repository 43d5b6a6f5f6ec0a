/** The toolbar: buttons for the most important commands. */
import { h, reveal } from "./dom.js";
import { isPlaced } from "./document.js";
import { icon } from "./icons.js";
import { titleOf } from "./shortcuts.js";
import { t } from "./texts.js";

/** Commands by group. Their icons have the same names. */
const GROUPS = [
  ["new", "draw", "move", "adjust", "box", "swapAll"],
  ["undo", "redo"],
  ["zoomOut", "fit", "zoomIn"],
  ["names", "loupe", "hideAll", "light"],
];

/** @param {import("./app.js").App} app */
export function toolbar(app) {
  const { session, prefs, stage } = app;
  const tool = (/** @type {string} */ name) => () => session.tool === name;
  /** @type {Record<string, () => unknown>} */
  const pressed = {
    draw: tool("draw"),
    adjust: tool("adjust"),
    box: tool("box"),
    names: () => prefs.names,
    loupe: () => prefs.loupe,
    hideAll: () => session.doc.instances.length > 0 && !session.visible().length,
  };
  /** @type {Record<string, () => boolean>} */
  const disabled = {
    undo: () => !session.canTravel(-1),
    redo: () => !session.canTravel(1),
    draw: () => !session.skeleton.box,
    move: () => !isPlaced(session.point),
    swapAll: () => !session.instance,
  };
  return h(
    "div.toolbar",
    {
      role: "toolbar",
      "aria-label": t.tools,
      // Chromium does not scroll to a focused button that is partly visible.
      onfocusin: (/** @type {any} */ { currentTarget, target }) => reveal(currentTarget, target),
    },
    ...GROUPS.map((group) =>
      h(
        "div.group",
        {},
        ...group.map((id) =>
          h(
            "button.tool",
            {
              title: () => titleOf(id, prefs),
              disabled: disabled[id] ?? false,
              "aria-pressed": id in pressed && (() => String(Boolean(pressed[id]()))),
              onclick: () => app.run(id),
            },
            icon(id),
          ),
        ),
      ),
    ),
    h("output.soft", { "aria-label": t.zoom, textContent: () => `${Math.round(stage.view.scale * 100)} %` }),
  );
}
