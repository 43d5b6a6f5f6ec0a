/** Gestures: pointer events of the stage become edits. Click places, drag moves; nothing depends on how long a button is held. */
/** @import {Box, Instance, XY} from "./types.js" */
import { boundsOf, changePoints, clampTo, findInstance, fine, isInside, isPlaced, labelOf } from "./document.js";
import { frameOf, handleAt, mapping, stretched, turning } from "./handles.js";
import { nearestKeypoint } from "./hits.js";
import { chainOf, movedPoints } from "./pose.js";
import { toImage } from "./view.js";

/** A hand that clicks moves a little: less than this is no drag. */
const SLACK = { mouse: 4, pen: 6, touch: 10 };
const REACH = { mouse: 9, pen: 12, touch: 22 };
/** A click so near beside the image means its edge. */
const NEAR_EDGE = 14;

/**
 * @typedef {object} Action a gesture under way
 * @property {"press" | "pan" | "point" | "instance" | "stretch" | "rect" | "pinch"} kind
 * @property {XY} start
 * @property {XY} last
 * @property {number} button
 * @property {"mouse" | "pen" | "touch"} type
 * @property {boolean} shift
 * @property {boolean} ctrl
 * @property {{id: string, index: number, distance: number} | null} hit
 * @property {string} handle
 * @property {Instance | null} [before]
 * @property {number[]} [indexes]
 * @property {Box} [box]
 */

export class Gestures {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {AbortSignal} signal
   * @param {{placed: (index: number) => void, say: (text: string) => void, action: (name: string) => void}} report
   */
  constructor(stage, signal, report) {
    this.stage = stage;
    this.session = stage.session;
    this.report = report;
    /** @type {Action | null} */
    this.action = null;
    /** @type {Map<number, XY>} */
    this.pointers = new Map();
    const { root } = stage;
    const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ listener, passive = true) =>
      root.addEventListener(name, listener, { signal, passive });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.stop(event));
    on("lostpointercapture", (event) => this.pointers.has(event.pointerId) && this.stop(event));
    on("pointerleave", () => !this.action && this.leave());
    on("wheel", (event) => this.wheel(event), false);
    on("contextmenu", (event) => event.preventDefault(), false);
  }

  /** @param {MouseEvent} event @returns {XY} */
  at(event) {
    const rect = this.stage.root.getBoundingClientRect();
    return { x: event.clientX - rect.left, y: event.clientY - rect.top };
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (!this.session.size.width || event.composedPath().some((node) => node === this.stage.note)) return;
    const at = this.at(event);
    // A release that the browser never told (outside its window): the old gesture is over.
    if (this.pointers.has(event.pointerId)) this.stop(event);
    this.stage.root.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, at);
    const type = /** @type {"mouse" | "pen" | "touch"} */ (event.pointerType in SLACK ? event.pointerType : "mouse");
    if (this.pointers.size === 2) {
      this.undoPreview();
      this.action = { ...blank("pinch", at, event, type) };
      this.stage.follow(null);
      return;
    }
    if (this.pointers.size > 2 || this.action) return;
    const action = blank("press", at, event, type);
    const { session, stage } = this;
    if (event.button === 1) action.kind = "pan";
    else if (event.button === 0 && (session.tool === "draw" || session.tool === "box")) action.kind = "rect";
    else if (event.button === 0 && session.tool === "adjust") {
      const { instance } = session;
      const bounds = instance && !instance.locked && boundsOf(instance);
      const handle = bounds ? handleAt(frameOf(bounds, stage.view), at, REACH[type] + 2) : "";
      if (handle) {
        Object.assign(action, { kind: handle === "inside" ? "instance" : "stretch", handle, before: instance, box: bounds });
      }
    }
    if (action.kind === "press") action.hit = this.hit(at, REACH[type]);
    this.action = action;
    if (type === "touch" && action.hit) stage.follow(at, true);
  }

  /** @param {XY} at @param {number} reach */
  hit(at, reach) {
    const { session } = this;
    return nearestKeypoint(session.visible(), this.stage.view, at, reach, session.active, session.hidden);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const at = this.at(event);
    const { action } = this;
    if (!action) {
      if (event.pointerType !== "touch") this.look(at);
      return;
    }
    if (!this.pointers.has(event.pointerId)) return;
    if (event.buttons === 0) {
      this.stop(event);
      return;
    }
    if (action.kind === "pinch") {
      this.pinch(event.pointerId, at);
      return;
    }
    this.pointers.set(event.pointerId, at);
    if (action.kind === "press" && Math.hypot(at.x - action.start.x, at.y - action.start.y) > SLACK[action.type]) this.drag(action);
    if (action.kind === "pan") this.stage.pan(at.x - action.last.x, at.y - action.last.y);
    else if (action.kind !== "press") this.show(action, at);
    action.last = at;
    this.stage.follow(at, action.type === "touch" && action.kind === "point");
  }

  /** Hover. @param {XY} at */
  look(at) {
    const { stage, session } = this;
    const hit = this.hit(at, REACH.mouse);
    const before = stage.hover;
    if (before?.id !== hit?.id || before?.index !== hit?.index) {
      stage.hover = hit;
      if ((before ?? hit)?.id === session.active && (hit ?? before)?.id === session.active) stage.touchTop();
      else stage.touchAll();
    }
    stage.setCursor(this.cursorAt(at, hit));
    stage.follow(at);
  }

  /** @param {XY} at @param {{id: string} | null} hit */
  cursorAt(at, hit) {
    const { session, stage } = this;
    if (session.tool === "draw" || session.tool === "box") return "cross";
    const bounds = session.tool === "adjust" && session.instance && boundsOf(session.instance);
    if (bounds) {
      const handle = handleAt(frameOf(bounds, stage.view), at, REACH.mouse + 2);
      if (handle) return handle === "inside" ? "move" : handle === "turn" ? "turn" : handle;
    }
    if (hit) return "grab";
    return session.target >= 0 || session.startsNew ? "cross" : "";
  }

  leave() {
    this.stage.hover = null;
    this.stage.follow(null);
    this.stage.touchAll();
  }

  /** The press became a drag: of a keypoint, or of the image. @param {Action} action */
  drag(action) {
    const { session } = this;
    const before = action.hit && findInstance(session.doc, action.hit.id);
    if (action.button !== 0 || !action.hit || !before || before.locked || session.tool === "adjust") {
      if (before?.locked && action.button === 0) this.report.say("This instance may not be changed.");
      action.kind = "pan";
      return;
    }
    const { id, index } = action.hit;
    session.select(id, index);
    action.kind = "point";
    action.before = before;
    action.indexes = (action.shift ? chainOf(session.skeleton, index) : [index]).filter((i) => isPlaced(before.points[i]));
  }

  /** What the drag looks like now. @param {Action} action @param {XY} at */
  show(action, at) {
    const { session, stage } = this;
    const { size } = session;
    const dx = (at.x - action.start.x) / stage.view.scale;
    const dy = (at.y - action.start.y) / stage.view.scale;
    const before = /** @type {Instance} */ (action.before);
    if (action.kind === "rect") {
      const a = clampTo(size, toImage(stage.view, action.start));
      const b = clampTo(size, toImage(stage.view, at));
      stage.rect = { left: Math.min(a.x, b.x), top: Math.min(a.y, b.y), right: Math.max(a.x, b.x), bottom: Math.max(a.y, b.y) };
      stage.touchTop();
    } else if (action.kind === "point") {
      const indexes = /** @type {number[]} */ (action.indexes);
      const move = (/** @type {XY} */ point) => clampTo(size, { x: point.x + dx, y: point.y + dy });
      session.preview(changePoints(session.doc, before.id, movedPoints(before.points, indexes, move)));
    } else if (action.kind === "instance") {
      const box = /** @type {Box} */ (boundsOf(before, true));
      session.doc = session.history.current.doc;
      session.preview(session.movedBy(before, before.points.keys(), box, dx, dy, true));
    } else if (action.kind === "stretch") {
      this.showStretch(action, before, dx, dy, at);
    }
  }

  /** @param {Action} action @param {Instance} before @param {number} dx @param {number} dy @param {XY} at */
  showStretch(action, before, dx, dy, at) {
    const { session, stage } = this;
    const { size } = session;
    const box = /** @type {Box} */ (action.box);
    let place;
    if (action.handle === "turn") {
      const centre = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
      const now = toImage(stage.view, at);
      const then = toImage(stage.view, action.start);
      const angle = Math.atan2(now.y - centre.y, now.x - centre.x) - Math.atan2(then.y - centre.y, then.x - centre.x);
      place = turning(centre, angle);
    } else place = mapping(box, stretched(box, action.handle, dx, dy, size));
    const moved = movedPoints(before.points, before.points.keys(), place);
    // A turn that would push a keypoint out of the image waits at the last angle that fits.
    if (!moved.every(([, point]) => isInside(size, point))) return;
    session.preview(changePoints(session.history.current.doc, before.id, moved));
  }

  /** @param {PointerEvent} event */
  up(event) {
    const at = this.pointers.get(event.pointerId) && this.at(event);
    const known = this.pointers.delete(event.pointerId);
    const { action } = this;
    if (!known || !at || !action) return;
    if (action.kind === "pinch") {
      if (this.pointers.size === 0) this.action = null;
      return;
    }
    this.action = null;
    const { session, stage } = this;
    const name = action.before && action.hit ? labelOf(session.skeleton, action.hit.index) : "";
    if (action.kind === "press") this.click(action);
    else if (action.kind === "point") session.commit(session.doc, `move ${name}`);
    else if (action.kind === "instance") session.commit(session.doc, "move instance");
    else if (action.kind === "stretch") session.commit(session.doc, action.handle === "turn" ? "turn instance" : "scale instance");
    else if (action.kind === "rect") this.finishRect(action, at);
    this.report.action(action.kind === "press" ? "click" : "drag");
    if (action.type === "touch") stage.follow(null);
    else this.look(at);
  }

  /** @param {Action} action */
  click(action) {
    const { session, stage } = this;
    if (session.tool === "adjust") {
      if (action.hit) session.select(action.hit.id);
      return;
    }
    const { hit } = action;
    // While a keypoint waits, a click places it, even on top of another: in a profile left and right are one pixel apart, and
    // a click that chose instead would shift every keypoint after it by one. Ctrl+click, the list, or a drag reach the marker.
    const own = hit?.id === session.active && hit.distance <= (action.type === "mouse" ? 6 : 12);
    const chooses = hit && (action.ctrl || (session.target < 0 && (own || !session.startsNew)));
    if (chooses) {
      session.select(hit.id, hit.index);
      return;
    }
    const at = toImage(stage.view, action.start);
    const near = NEAR_EDGE / stage.view.scale;
    const { width, height } = session.size;
    if (at.x < -near || at.y < -near || at.x > width + near || at.y > height + near) {
      this.report.say("That is outside the image. If the keypoint is out there, press I.");
      return;
    }
    if (session.target < 0 && !session.startsNew) {
      if (!session.editable() && session.instance) return;
      session.select(session.active, -1);
      return;
    }
    const index = session.place(at, action.button === 2 ? 1 : 2);
    if (index >= 0) this.report.placed(index);
  }

  /** @param {Action} action @param {XY} at */
  finishRect(action, at) {
    const { session, stage } = this;
    const rect = stage.rect;
    stage.rect = null;
    stage.touchTop();
    const far = Math.min(Math.abs(at.x - action.start.x), Math.abs(at.y - action.start.y)) > SLACK[action.type];
    if (!rect || !far || rect.right - rect.left < 1 || rect.bottom - rect.top < 1) {
      this.report.say("Drag from one corner to the other.");
      return;
    }
    const box = { left: fine(rect.left), top: fine(rect.top), right: fine(rect.right), bottom: fine(rect.bottom) };
    if (session.tool === "draw") session.drawTemplate(box, at.x < action.start.x);
    else session.setBox(box);
    session.tool = "place";
    session.onChange("select");
  }

  /** @param {number} id @param {XY} at */
  pinch(id, at) {
    const [a, b] = [...this.pointers.values()];
    this.pointers.set(id, at);
    const [c, d] = [...this.pointers.values()];
    if (!b || !d) return;
    const before = Math.hypot(a.x - b.x, a.y - b.y);
    const after = Math.hypot(c.x - d.x, c.y - d.y);
    const middle = { x: (c.x + d.x) / 2, y: (c.y + d.y) / 2 };
    this.stage.pan(middle.x - (a.x + b.x) / 2, middle.y - (a.y + b.y) / 2);
    // Fingers on one spot have no distance: the factor must stay a number.
    if (before > 1 && after > 1) this.stage.zoom(after / before, middle);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
    // A trackpad pinch arrives as a wheel with Ctrl and small steps.
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    const step = Math.max(-300, Math.min(300, event.deltaY * unit));
    this.stage.zoom(Math.exp(-step * speed), this.at(event));
    this.report.action("zoom");
  }

  undoPreview() {
    if (this.action && this.action.kind !== "press" && this.action.kind !== "pan") {
      this.stage.rect = null;
      this.session.cancel();
    }
  }

  /** @param {PointerEvent} event */
  stop(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    this.undoPreview();
    if (this.pointers.size === 0) this.action = null;
    this.stage.follow(null);
  }

  /** Escape in the middle of a drag takes it back. @returns {boolean} */
  abort() {
    if (!this.action || this.action.kind === "press") return false;
    this.undoPreview();
    this.action = null;
    this.pointers.clear();
    return true;
  }
}

/**
 * @param {Action["kind"]} kind
 * @param {XY} at
 * @param {PointerEvent} event
 * @param {"mouse" | "pen" | "touch"} type
 * @returns {Action}
 */
const blank = (kind, at, event, type) => ({
  kind,
  start: at,
  last: at,
  button: event.button,
  type,
  shift: event.shiftKey,
  ctrl: event.ctrlKey || event.metaKey,
  hit: null,
  handle: "",
});
