/** Gestures: pointer events of the stage become edits. Click places, drag moves; nothing depends on how long a button is held. */
/** @import {Instance, XY} from "./types.js" */
import { findInstance, labelOf } from "./document.js";
import { boundsOf, boxOf, clamp, clampTo, distance, mapping, middleOf, shifting, turning } from "./geometry.js";
import { frameOf, handleAt, nearestKeypoint, stretched } from "./hits.js";
import { chainOf, moved, shifted } from "./pose.js";

/** By pointer: a hand that clicks moves a little, less than `slack` is no drag; and how near is near enough. */
const POINTERS = { mouse: { slack: 4, reach: 9, own: 6 }, pen: { slack: 6, reach: 12, own: 12 }, touch: { slack: 10, reach: 22, own: 12 } };
/** A click so near beside the image means its edge. */
const NEAR_EDGE = 14;
const NO_BOX = "Drag from one corner to the other.";

/**
 * @typedef {object} Press a pointer that went down
 * @property {XY} start
 * @property {XY} last
 * @property {number} button
 * @property {boolean} touch
 * @property {{slack: number, reach: number, own: number}} pointer
 * @property {boolean} shift
 * @property {boolean} ctrl
 * @property {ReturnType<typeof nearestKeypoint>} hit
 * @property {Drag} [drag] once it left its place
 *
 * @typedef {{move: (at: XY) => void, end?: (at: XY) => void}} Drag places on the stage
 */

export class Gestures {
  /**
   * @param {import("./stage.js").Stage} stage
   * @param {AbortSignal} signal
   * @param {(action: string) => void} count
   */
  constructor(stage, signal, count) {
    this.stage = stage;
    this.session = stage.session;
    this.count = count;
    /** @type {Press | null} with two fingers on the stage there is none */
    this.press = null;
    /** @type {Map<number, XY>} */
    this.pointers = new Map();
    const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ listener, passive = true) =>
      stage.root.addEventListener(name, listener, { signal, passive });
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.stop(event));
    on("lostpointercapture", (event) => this.stop(event));
    on("pointerleave", () => this.pointers.size || this.look(null));
    on("wheel", (event) => this.wheel(event), false);
    on("contextmenu", (event) => event.preventDefault(), false);
  }

  /** @param {MouseEvent} event @returns {XY} */
  at({ clientX, clientY }) {
    const { left, top } = this.stage.root.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  /** @param {PointerEvent} event */
  down(event) {
    const { stage, session, pointers } = this;
    if (!session.size.width || event.composedPath().includes(stage.note)) return;
    const at = this.at(event);
    // A release that the browser never told (outside its window): the old gesture is over.
    this.stop(event);
    stage.root.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at);
    if (pointers.size > 1) {
      this.drop();
      return;
    }
    const type = /** @type {keyof typeof POINTERS} */ (event.pointerType in POINTERS ? event.pointerType : "mouse");
    const pointer = POINTERS[type];
    const touch = type === "touch";
    const hit = nearestKeypoint(session, stage.view, at, pointer.reach);
    this.press = { start: at, last: at, button: event.button, touch, pointer, shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey, hit };
    if (touch && hit) stage.follow(at, true);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { stage, press, pointers } = this;
    const at = this.at(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch" && !pointers.size) this.look(at);
      return;
    }
    if (!event.buttons) {
      this.stop(event);
      return;
    }
    const [a, b] = pointers.values();
    pointers.set(event.pointerId, at);
    if (!press) {
      if (b) this.pinch(a, b);
      return;
    }
    if (distance(at, press.start) > press.pointer.slack) press.drag ??= this.start(press);
    press.drag?.move(at);
    press.last = at;
    stage.follow(at, press.touch && Boolean(press.hit));
  }

  /** What a press becomes once the pointer has left its place. @param {Press} press @returns {Drag} */
  start({ button, start, hit, pointer, shift }) {
    const { session, stage } = this;
    const { size, skeleton, tool } = session;
    const { view } = stage;
    const grabbed = hit && findInstance(session.doc, hit.id);
    const handle = this.handle(start, pointer.reach);

    /** The instance in hand as it was, and how far the pointer has come, in image pixels, give what it becomes. */
    const edit = (/** @type {string} */ label, /** @type {(before: Instance, dx: number, dy: number, at: XY) => Partial<Instance> | null} */ change) => {
      const before = /** @type {Instance} */ (session.instance);
      return {
        move: (/** @type {XY} */ at) => {
          const made = change(before, (at.x - start.x) / view.scale, (at.y - start.y) / view.scale, at);
          if (made) session.preview(made);
        },
        end: () => session.commit(session.doc, label),
      };
    };

    if (button === 0 && this.draws) {
      const corner = (/** @type {XY} */ at) => clampTo(size, view.toImage(at));
      return {
        move: (at) => {
          stage.rect = boxOf(corner(start), corner(at));
          stage.touchTop();
        },
        end: (at) => {
          const { left, top, right, bottom } = boxOf(corner(start), corner(at));
          const far = Math.min(Math.abs(at.x - start.x), Math.abs(at.y - start.y)) > pointer.slack;
          if (far && right - left >= 1 && bottom - top >= 1) session.finish({ left, top, right, bottom }, at.x < start.x);
          else session.onSay(NO_BOX);
        },
      };
    }
    if (button === 0 && handle) {
      const box = /** @type {import("./types.js").Box} */ (session.instance && boundsOf(session.instance));
      const centre = middleOf(box);
      const angle = (/** @type {XY} */ at) => Math.atan2(view.toImage(at).y - centre.y, view.toImage(at).x - centre.x);
      if (handle === "move") return edit("move instance", (before, dx, dy) => shifted(before, size, dx, dy));
      // A turn that would push a keypoint out of the image waits at the last angle that fits.
      if (handle === "alias") return edit("turn instance", (before, _dx, _dy, at) => session.reshaped(before, turning(centre, angle(at) - angle(start))));
      return edit("scale instance", (before, dx, dy) => session.reshaped(before, mapping(box, stretched(box, handle, dx, dy, size))));
    }
    if (button === 0 && hit && grabbed && session.editable(grabbed) && tool !== "adjust") {
      session.select(hit.id, hit.index);
      const indexes = shift ? chainOf(skeleton, hit.index) : [hit.index];
      return edit(`move ${labelOf(skeleton, hit.index)}`, ({ points }, dx, dy) => ({
        points: moved(points, (at) => clampTo(size, shifting(dx, dy)(at)), indexes),
      }));
    }
    return { move: (at) => this.press && view.pan(at.x - this.press.last.x, at.y - this.press.last.y) };
  }

  /** Whether a drag draws a box. */
  get draws() {
    const { tool } = this.session;
    return tool === "draw" || tool === "box";
  }

  /** The handle of the frame under a place. @param {XY} at @param {number} reach */
  handle(at, reach) {
    const { tool, instance } = this.session;
    const bounds = tool === "adjust" && instance && !instance.locked && boundsOf(instance);
    return bounds ? handleAt(frameOf(bounds, this.stage.view), at, reach + 2) : "";
  }

  /** Hover. @param {XY | null} at null: the pointer left */
  look(at) {
    const { stage, session } = this;
    const { reach } = POINTERS.mouse;
    const hit = at && nearestKeypoint(session, stage.view, at, reach);
    const before = stage.hover;
    if (before?.id !== hit?.id || before?.index !== hit?.index) {
      stage.hover = hit;
      if ([before, hit].every((keypoint) => !keypoint || keypoint.id === session.active)) stage.touchTop();
      else stage.touchAll();
    }
    const handle = at && this.handle(at, reach);
    const places = session.target >= 0 || session.startsNew;
    stage.root.style.cursor = this.draws ? "crosshair" : handle ? (handle.length < 3 ? `${handle}-resize` : handle) : hit ? "pointer" : places ? "crosshair" : "";
    stage.follow(at);
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { press, stage } = this;
    if (!this.pointers.delete(event.pointerId) || !press) return;
    const at = this.at(event);
    this.press = stage.rect = null;
    stage.touchTop();
    if (press.drag) press.drag.end?.(at);
    else this.click(press);
    this.count(press.drag ? "drag" : "click");
    if (press.touch) stage.follow(null);
    else this.look(at);
  }

  /** @param {Press} press */
  click({ start, button, pointer, ctrl, hit }) {
    const { session, stage } = this;
    const { size } = session;
    const places = session.target >= 0 || session.startsNew;
    const at = stage.view.toImage(start);
    // While a keypoint waits, a click places it, even on top of another: in a profile left and right are one pixel apart, and
    // a click that chose instead would shift every keypoint after it by one. Ctrl+click, the list, or a drag reach the marker.
    const own = hit?.id === session.active && hit.distance <= pointer.own;
    if (button === 1) return;
    if (this.draws) session.onSay(NO_BOX);
    else if (session.tool === "adjust") hit && session.select(hit.id);
    else if (hit && (ctrl || !places || (own && session.target < 0))) session.select(hit.id, hit.index);
    else if (distance(at, clampTo(size, at)) > NEAR_EDGE / stage.view.scale) session.onSay("That is outside the image. If the keypoint is out there, press I.");
    else if (places) session.place(at, button === 2 ? 1 : 2);
    else if (session.editable()) session.select(session.active);
  }

  /** @param {XY} a @param {XY} b where the two fingers were */
  pinch(a, b) {
    const { view } = this.stage;
    const [c, d] = this.pointers.values();
    const before = middleOf(boxOf(a, b));
    const after = middleOf(boxOf(c, d));
    view.pan(after.x - before.x, after.y - before.y);
    // Fingers on one spot have no distance: the factor must stay a number.
    if (distance(a, b) > 1 && distance(c, d) > 1) view.zoom(distance(c, d) / distance(a, b), after);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const unit = [1, 33, 400][event.deltaMode];
    // A trackpad pinch arrives as a wheel with Ctrl and small steps.
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    this.stage.view.zoom(Math.exp(-speed * clamp(event.deltaY * unit, -300, 300)), this.at(event));
    this.count("zoom");
  }

  /** A drag under way is taken back. @returns {boolean} whether there was one */
  abort() {
    if (!this.press?.drag) return false;
    this.press = this.stage.rect = null;
    this.session.cancel();
    return true;
  }

  /** Nothing comes of the press. */
  drop() {
    this.abort();
    this.press = null;
    this.stage.follow(null);
  }

  /** @param {PointerEvent} event the pointer is gone without a release */
  stop(event) {
    if (this.pointers.delete(event.pointerId)) this.drop();
  }
}
