/** Commands of the shortcuts and tools. shortcuts.js has the same names; a test compares the two. */
import { mapped, middleOf, turning } from "./geometry.js";
import { t } from "./texts.js";

/**
 * @param {import("./app.js").App} app
 * @returns {Record<string, () => void>}
 */
export function commandsOf(app) {
  const { session, stage, prefs } = app;
  const { view } = stage;
  const flip = (/** @type {"names" | "loupe" | "crosshair"} */ key) => () => {
    prefs[key] = !prefs[key];
    app.savePrefs();
    stage.applyLook();
    session.onSay(t.toggled[key][Number(prefs[key])]);
  };
  const ids = () => session.doc.instances.map(({ id }) => id);
  const active = () => (session.active ? [session.active] : []);
  return {
    place: () => {
      const { tool, bounds } = session;
      const { width, height } = view.stage;
      // For a drawing tool, the key replaces a drag: in the middle of the visible part, or around the keypoints.
      const seen = { left: 0.3 * width, top: 0.2 * height, right: 0.7 * width, bottom: 0.8 * height };
      if (tool === "place") app.take(session.next) || session.placeExpected(view.toImage(view.middle));
      else if (tool === "draw") session.finish(mapped(seen, (at) => view.toImage(at)));
      else if (tool === "box" && bounds) session.finish(mapped(bounds, turning(middleOf(bounds), 0, 1.2)));
      else session.take(tool);
    },
    skip: () => session.skip("not_visible"),
    outside: () => session.skip("outside_image"),
    skipRest: () => session.skip("not_visible", true),
    complete: () => session.complete(),
    new: () => {
      session.tool = "place";
      session.begin();
    },
    draw: () => session.take("draw"),
    copy: () => session.copyPose(view.toImage(stage.pointer ?? view.middle)),
    previousPose: () => app.copyPrevious(),
    move: () => app.gestures.lift(),
    occlude: () => session.toggleOccluded(),
    confirm: () => app.confirm(),
    delete: () => session.removePoint(),
    swap: () => session.swap([session.selected]),
    swapLimb: () => session.swapLimbs([session.selected]),
    swapAll: () => session.swap([]),
    mirror: () => session.mirror(),
    hidePoint: () =>
      session.toggleHidden(session.selected < 0 ? [] : active().map((id) => `${id}\n${session.selected}`)),
    previous: () => session.step(-1, false),
    next: () => session.step(1, false),
    previousPending: () => session.step(-1, true),
    nextPending: () => session.step(1, true),
    previousInstance: () => session.stepInstance(-1),
    nextInstance: () => session.stepInstance(1),
    adjust: () => session.take("adjust"),
    box: () => session.take("box"),
    hide: () => session.toggleHidden(active()),
    isolate: () => session.toggleHidden(ids().filter((id) => id !== session.active)),
    hideAll: () => session.toggleHidden(ids()),
    deleteInstance: () => session.removeInstance(),
    zoomIn: () => view.zoom(1.25),
    zoomOut: () => view.zoom(1 / 1.25),
    fit: () => view.fit(),
    focus: () => app.focusInstance(),
    names: flip("names"),
    loupe: flip("loupe"),
    crosshair: flip("crosshair"),
    light: () => app.light(),
    undo: () => session.travel(-1),
    redo: () => session.travel(1),
    placing: () => {
      if (app.gestures.abort()) return;
      if (session.tool === "place") session.select(session.active);
      else session.tool = "place";
    },
    help: () => app.help(),
    submit: () => app.submit(),
  };
}
