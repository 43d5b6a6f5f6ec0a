/** Commands: what each shortcut and tool does. Names are those of shortcuts.js; a test compares the two. */
/** @import {Box} from "./types.js" */
import { boundsOf, clampTo } from "./document.js";

/**
 * @param {import("./app.js").App} app
 * @returns {Record<string, () => void>}
 */
export function commandsOf(app) {
  const { session, stage, look } = app;
  const tool = (/** @type {import("./state.js").Tool} */ name) => () => {
    session.tool = session.tool === name ? "place" : name;
  };
  const flip = (/** @type {"names" | "loupe" | "crosshair"} */ key) => () => {
    look[key] = !look[key];
    app.savePrefs();
    stage.applyLook();
  };
  return {
    place: () => {
      if (!session.size.width) return;
      if (session.tool !== "place") {
        finish(app);
        return;
      }
      const index = session.place(session.expected(Math.max(0, session.target), middle(app)));
      if (index >= 0) app.afterPlace(index);
    },
    skip: () => session.skip("not_visible"),
    outside: () => session.skip("outside_image"),
    skipRest: () => session.skip("not_visible", true),
    complete: () => session.complete(),
    new: () => {
      session.tool = "place";
      session.begin();
    },
    draw: () => {
      if (session.skeleton.box) tool("draw")();
      else app.say("This skeleton has no template pose to draw.");
    },
    copy: () => session.copyPose(app.here()),
    occlude: () => session.toggleOccluded(),
    delete: () => session.removePoint(),
    swap: () => session.swap("point"),
    swapLimb: () => session.swap("limb"),
    swapAll: () => session.swap("all"),
    mirror: () => session.mirror(),
    hidePoint: () => {
      if (session.active && session.selected >= 0) app.toggleHidden(`${session.active}/${session.selected}`);
    },
    previous: () => session.step(-1, false),
    next: () => session.step(1, false),
    previousPending: () => session.step(-1, true),
    nextPending: () => session.step(1, true),
    previousInstance: () => session.stepInstance(-1),
    nextInstance: () => session.stepInstance(1),
    adjust: () => {
      if (session.tool === "adjust" || session.editable()) tool("adjust")();
    },
    box: () => {
      if (session.tool === "box" || session.editable()) tool("box")();
    },
    hide: () => {
      if (session.active) app.toggleHidden(session.active);
    },
    isolate: () => {
      const others = session.doc.instances.filter((instance) => instance.id !== session.active);
      const isolated = others.length > 0 && others.every((instance) => session.hidden.has(instance.id));
      for (const { id } of others) {
        if (isolated) session.hidden.delete(id);
        else session.hidden.add(id);
      }
    },
    hideAll: () => {
      const show = session.visible().length === 0;
      for (const { id } of session.doc.instances) {
        if (show) session.hidden.delete(id);
        else session.hidden.add(id);
      }
    },
    deleteInstance: () => session.removeInstance(),
    zoomIn: () => stage.zoom(1.25),
    zoomOut: () => stage.zoom(1 / 1.25),
    fit: () => stage.fit(),
    focus: () => app.focusInstance(),
    names: flip("names"),
    loupe: flip("loupe"),
    crosshair: flip("crosshair"),
    light: () => app.light.show(),
    undo: () => session.undo(),
    redo: () => session.redo(),
    placing: () => {
      if (app.gestures?.abort()) return;
      if (session.tool !== "place") session.tool = "place";
      else session.select(session.active, -1);
    },
    help: () => app.help.showModal(),
    submit: () => app.submit(),
  };
}

/** Enter does for a drawing tool what a drag would: in the middle of what is seen, or around the keypoints. @param {import("./app.js").App} app */
function finish(app) {
  const { session, stage } = app;
  const { x, y } = middle(app);
  const bounds = session.instance && boundsOf(session.instance);
  const [across, down] = [stage.size.width / stage.view.scale / 5, stage.size.height / stage.view.scale / 3];
  const around = (/** @type {Box} */ box, /** @type {number} */ dx, /** @type {number} */ dy) => {
    const a = clampTo(session.size, { x: box.left - dx, y: box.top - dy });
    const b = clampTo(session.size, { x: box.right + dx, y: box.bottom + dy });
    return { left: a.x, top: a.y, right: b.x, bottom: b.y };
  };
  if (session.tool === "draw") session.drawTemplate(around({ left: x, top: y, right: x, bottom: y }, across, down), false);
  else if (session.tool === "box" && bounds) session.setBox(around(bounds, (bounds.right - bounds.left) / 12, (bounds.bottom - bounds.top) / 12));
  session.tool = "place";
}

/** @param {import("./app.js").App} app the middle of what is seen, in the image */
function middle({ stage }) {
  return {
    x: (stage.size.width / 2 - stage.view.tx) / stage.view.scale,
    y: (stage.size.height / 2 - stage.view.ty) / stage.view.scale,
  };
}
