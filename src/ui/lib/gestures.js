/**
 * Gestures turn pointer events on the stage into edits. A click places, a drag moves. How long a button is held does
 * not matter. While a pointer is down, only its gesture changes the document or the view: commands wait, or end the
 * gesture first.
 */
/** @import {Box, Instance, XY} from "./types.js" */
import { findInstance, isPlaced, labelOf } from "./document.js";
import { boxOf, clamp, clampTo, distance, mapping, middleOf, turning } from "./geometry.js";
import { frameOf, handleAt, nearestKeypoint, stretched } from "./hits.js";
import { dragged, shifted } from "./pose.js";
import { t } from "./texts.js";

/**
 * Radius within which a press hits a keypoint, in screen pixels by pointer type. A click moves less than half as far.
 * @type {Record<string, number>}
 */
const REACH = { mouse: 9, pen: 12, touch: 22 };
/** Share of the reach beyond which a press on a keypoint is a drag. The hand moves less than that during a click. */
const STEADY = 0.25;
/** Distance in screen pixels up to which a click beside the image counts as a click on its edge. */
const NEAR_EDGE = 14;
/** The bit of `buttons` for each value of `button`. */
const BITS = [1, 4, 2];
/** Longest pause between wheel events of one movement, in milliseconds. */
const SAME_TURN = 250;

/**
 * @typedef {object} Press a pointer that went down
 * @property {XY} start on the stage
 * @property {XY} origin the same point in image pixels, which does not change when the view moves
 * @property {XY} last
 * @property {number} reach
 * @property {PointerEvent} event
 * @property {ReturnType<typeof nearestKeypoint>} hit
 * @property {Drag} [drag] set once the pointer has moved far enough
 *
 * @typedef {{move: (at: XY) => void, end?: (at: XY) => void}} Drag `at` is a point on the stage
 */

/**
 * @param {import("./stage.js").Stage} stage
 * @param {AbortSignal} signal
 * @param {(action: string) => void} count
 */
export function listenToPointers(stage, signal, count) {
  const { session, view, root, placeOf: place } = stage;
  /**
   * The drag that the next click ends: two clicks replace a drag (WCAG 2.5.7).
   * @type {{drag: Drag, state: unknown[]} | null}
   */
  let lifted = null;
  /** @type {(() => void)[]} functions that wait until no pointer is down */
  const waiting = [];
  /** @type {Press | null} null while two fingers are on the stage */
  let press = null;
  /** @type {Map<number, XY>} */
  const pointers = new Map();
  /** Time of the last wheel event, and whether it comes from a wheel, not from a trackpad. */
  let turned = -Infinity;
  let isWheel = false;
  let pinched = 1;

  /** Return the state of the session. If it changes, a lifted drag is over. */
  const state = () => [session.doc, session.tool, session.active, session.selected];

  /** Return whether a drag draws a box. */
  const draws = () => session.tool === "draw" || session.tool === "box";

  /** Return the box that the frame of the "adjust" tool encloses. @returns {Box | null} */
  const framed = () => (session.tool === "adjust" && !session.instance?.locked ? session.bounds : null);

  /** Return the frame's handle at a point. @param {XY} at @param {number} reach */
  const handleUnder = (at, reach) => {
    const box = framed();
    return box ? handleAt(frameOf(box, view), at, reach + 2) : "";
  };

  /** Update hover and cursor. @param {XY | null} at null once the pointer has left */
  const look = (at) => {
    const hit = at && nearestKeypoint(session, view, at, REACH.mouse);
    const before = stage.hover;
    if (before?.id !== hit?.id || before?.index !== hit?.index) {
      stage.hover = hit;
      stage.touch();
    }
    const handle = at && handleUnder(at, REACH.mouse);
    if (at && draws()) lifted?.drag.move(at);
    root.style.cursor = draws()
      ? "crosshair"
      : handle
        ? handle.length < 3
          ? `${handle}-resize`
          : handle
        : hit
          ? "pointer"
          : session.next >= 0
            ? "crosshair"
            : "";
    stage.follow(at);
  };

  /**
   * Make a drag that edits the active instance.
   * @param {Pick<Press, "origin">} press
   * @param {string} label
   * @param {(before: Instance, dx: number, dy: number, at: XY) => Partial<Instance> | null} change computes the edit
   *     from the instance before the drag and the pointer's displacement in image pixels
   * @returns {Drag}
   */
  const editing = ({ origin }, label, change) => {
    const before = /** @type {Instance} */ (session.instance);
    return {
      move(at) {
        const { x, y } = view.toImage(at);
        const made = change(before, x - origin.x, y - origin.y, at);
        if (made) session.preview(made, before.id);
      },
      end: () => session.commit(session.doc, label),
    };
  };

  /** @type {Drag} */
  const panning = { move: (at) => press && view.pan(at.x - press.last.x, at.y - press.last.y) };

  /** Make a drag that draws a box. @param {Press} press @returns {Drag | null} */
  const drawing = ({ origin, reach }) => {
    const drawn = (/** @type {XY} */ at) =>
      boxOf(clampTo(session.size, origin), clampTo(session.size, view.toImage(at)));
    if (!draws()) return null;
    return {
      move(at) {
        stage.rect = drawn(at);
        stage.touch();
      },
      end(at) {
        const { left, top, right, bottom } = drawn(at);
        const least = Math.max(1, reach / 2 / view.scale);
        if (right - left > least && bottom - top > least) session.finish(drawn(at), view.toImage(at).x < origin.x);
        else session.onSay(t.noBox);
      },
    };
  };

  /** Make a drag that moves, rotates or scales the frame. @param {Press} press */
  const framing = (press) => {
    const { size } = session;
    const box = framed();
    const handle = handleUnder(press.start, press.reach);
    if (!box || !handle) return null;
    const middle = middleOf(box);
    const angle = (/** @type {XY} */ at) => Math.atan2(view.toImage(at).y - middle.y, view.toImage(at).x - middle.x);
    if (handle === "move") return editing(press, t.commands.adjust, (before, dx, dy) => shifted(before, size, dx, dy));
    // A rotation that would move a keypoint out of the image stays at the last angle that fits.
    if (handle === "alias")
      return editing(press, t.commands.adjust, (before, _dx, _dy, at) =>
        session.reshaped(before, turning(middle, angle(at) - angle(view.toScreen(press.origin)))),
      );
    return editing(press, t.commands.adjust, (before, dx, dy) =>
      session.reshaped(before, mapping(box, stretched(box, handle, dx, dy, size))),
    );
  };

  /**
   * Make a drag that moves a keypoint; with Shift, also the keypoints beyond it.
   * @param {Pick<Press, "hit" | "origin" | "event">} press
   */
  const grabbing = (press) => {
    const { hit } = press;
    const { skeleton, size } = session;
    if (!hit || !session.editable(findInstance(session.doc, hit.id)) || session.tool === "adjust") return null;
    session.select(hit.id, hit.index);
    const indexes = press.event.shiftKey ? [hit.index, ...skeleton.distal[hit.index]] : [hit.index];
    return editing(press, t.steps.move(labelOf(skeleton, hit.index)), ({ points }, dx, dy) => ({
      points: dragged(points, indexes, size, dx, dy),
    }));
  };

  /**
   * Return the drag that a press becomes once the pointer has moved far enough.
   * @param {Press} press
   * @returns {Drag}
   */
  const dragOf = (press) =>
    (press.event.button === 0 && (drawing(press) ?? framing(press) ?? grabbing(press))) || panning;

  /** Start a drag that the next click ends. @param {Drag | null} drag */
  const lift = (drag) => {
    lifted = drag && { drag, state: state() };
    if (drag) session.onSay(draws() ? t.noBox : t.clickToMove);
  };

  /** @param {Press} press */
  const click = (press) => {
    const {
      origin: at,
      start,
      reach,
      event: { button, ctrlKey, metaKey },
      hit,
    } = press;
    const from = lifted;
    lifted = null;
    const now = state();
    // This click ends the lifted drag, unless the worker has done something else in between.
    if (from && button === 0 && from.state.every((value, at) => value === now[at])) {
      from.drag.move(start);
      from.drag.end?.(start);
      return;
    }
    // While a keypoint is to be placed, a click places it, even on top of another: in profile views, left and right are
    // 1 px apart. If the click selected the other keypoint, every later keypoint would be assigned the wrong position.
    // Ctrl+click, the list or a drag select an existing marker.
    const own = hit?.id === session.active && hit.distance <= (2 * reach) / 3;
    if (button === 1) return;
    if (draws()) lift(drawing(press));
    else if (session.tool === "adjust") {
      if (hit && hit.id !== session.active) session.select(hit.id);
      else lift(framing(press));
    } else if (hit && (ctrlKey || metaKey || session.next < 0 || (own && session.startsNew)))
      session.select(hit.id, hit.index);
    else if (distance(at, clampTo(session.size, at)) > NEAR_EDGE / view.scale) session.onSay(t.outside);
    else if (session.next >= 0) session.place(at, button === 2 ? 1 : 2);
    else if (session.editable()) session.select(session.active);
  };

  /** @param {XY} a @param {XY} b the earlier positions of the two fingers */
  const pinch = (a, b) => {
    const [c, d] = pointers.values();
    const before = middleOf(boxOf(a, b));
    const after = middleOf(boxOf(c, d));
    view.pan(after.x - before.x, after.y - before.y);
    // The factor must stay finite, even for fingers at the same point.
    if (distance(a, b) > 1 && distance(c, d) > 1) view.zoom(distance(c, d) / distance(a, b), after);
  };

  /** Undo the drag in progress. @returns {boolean} whether there was one */
  const abort = () => {
    if (!press?.drag && !lifted) return false;
    press = lifted = stage.rect = null;
    session.cancel();
    return true;
  };

  /** End the gesture now. The drag so far is kept, and further movements of its pointer have no effect. */
  const finish = () => {
    const done = press;
    press = stage.rect = null;
    if (done?.drag) {
      done.drag.end?.(done.last);
      stage.touch();
    }
  };

  /** Run the functions that waited for the gesture to end. */
  const release = () => {
    const acts = pointers.size ? [] : waiting.splice(0);
    for (const act of acts) act();
  };

  /** Discard the press and its drag. */
  const drop = () => {
    abort();
    press = null;
    stage.follow(null);
  };

  /** Handle a pointer that disappeared without a release. @param {PointerEvent} event */
  const stop = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    drop();
    release();
  };

  /** @type {Record<string, (event: any) => void>} */
  const listeners = {
    /** @param {PointerEvent} event */
    pointerdown(event) {
      // Only left, middle and right buttons count. The others are "back" and "forward", or a pen's eraser.
      if (!session.size.width || event.button > 2) return;
      const { pointerType } = event;
      // The palm of the hand that holds a pen touches the screen before the pen does, or meanwhile.
      if (pointerType === "touch" && press?.event.pointerType === "pen") return;
      if (pointerType === "pen" && pointers.size) {
        pointers.clear();
        drop();
      }
      const at = place(event);
      const reach = REACH[pointerType] ?? REACH.mouse;
      // The browser may have missed a release outside its window. In that case the old gesture ends here.
      stop(event);
      root.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, at);
      if (pointers.size > 1) {
        drop();
        return;
      }
      press = {
        start: at,
        origin: view.toImage(at),
        last: at,
        reach,
        event,
        hit: nearestKeypoint(session, view, at, reach),
      };
      if (pointerType === "touch" && press.hit) stage.follow(at, true);
    },

    /** @param {PointerEvent} event */
    pointermove(event) {
      const at = place(event);
      const [a, b] = pointers.values();
      const touch = event.pointerType === "touch";
      if (!pointers.has(event.pointerId)) {
        if (!touch && !a) look(at);
        return;
      }
      if (!event.buttons) {
        stop(event);
        return;
      }
      // While another button is down, the browser reports the release of the gesture's button as a movement.
      if (press && !(event.buttons & BITS[press.event.button])) {
        listeners.pointerup(event);
        return;
      }
      pointers.set(event.pointerId, at);
      if (!press) {
        if (b) pinch(a, b);
        return;
      }
      if (distance(at, press.start) > press.reach * (press.hit ? STEADY : 0.5)) press.drag ??= dragOf(press);
      press.drag?.move(at);
      press.last = at;
      stage.follow(at, touch && Boolean(press.hit));
    },

    /** @param {PointerEvent} event */
    pointerup(event) {
      const done = press;
      if (!pointers.delete(event.pointerId)) return;
      const at = place(event);
      press = stage.rect = null;
      if (done) {
        stage.touch();
        if (done.drag) done.drag.end?.(at);
        else click(done);
        count(done.drag ? "drag" : "click");
      }
      release();
      if (event.pointerType === "touch") stage.follow(null);
      else look(at);
    },

    pointercancel: stop,
    lostpointercapture: stop,
    pointerleave: () => pointers.size || look(null),

    /** @param {WheelEvent & {wheelDeltaY?: number}} event */
    wheel(event) {
      const { deltaX, deltaY, deltaMode, wheelDeltaY = 0, ctrlKey, timeStamp } = event;
      event.preventDefault();
      if (pointers.size) return;
      // Scrolling on a trackpad begins with small steps in any direction. The first event decides for the whole
      // movement.
      if (timeStamp - turned > SAME_TURN)
        isWheel = deltaMode > 0 || (!deltaX && ((wheelDeltaY && wheelDeltaY % 120 === 0) || Math.abs(deltaY) >= 50));
      turned = timeStamp;
      // A trackpad's pinch arrives with Ctrl, and its delta is 100 times the logarithm of the factor. Ctrl may also be
      // held while a wheel turns.
      const step = ctrlKey ? clamp(deltaY, -20, 20) / 100 : isWheel ? Math.sign(deltaY) / 5 : 0;
      if (step) view.zoom(Math.exp(-step), place(event));
      else view.pan(-deltaX, -deltaY);
      count(step ? "zoom" : "pan");
    },

    // Safari sends these events for a trackpad's pinch. On a touch screen they duplicate the pointer events.
    gesturestart(event) {
      event.preventDefault();
      pinched = 1;
    },
    gesturechange(event) {
      event.preventDefault();
      if (!pointers.size) view.zoom(event.scale / pinched, place(event));
      pinched = event.scale;
    },

    contextmenu: (event) => event.preventDefault(),
  };
  for (const [name, listener] of Object.entries(listeners))
    root.addEventListener(name, listener, { signal, passive: false });
  // A release in another window is not reported. Until it is noticed, keys would wait for it.
  addEventListener(
    "blur",
    () => {
      if (!pointers.size) return;
      pointers.clear();
      drop();
      release();
    },
    { signal },
  );
  return {
    abort,
    finish,

    /** Let the next click move the selected keypoint. */
    lift() {
      const { active: id, selected: index, point } = session;
      const drag =
        id &&
        isPlaced(point) &&
        grabbing({ hit: { id, index, distance: 0 }, origin: point, event: /** @type {any} */ ({}) });
      if (drag) lift(drag);
      else session.onSay(t.needsPlaced);
    },

    /** Run something now, or when the gesture in progress is over. @param {() => void} act */
    after(act) {
      if (pointers.size) waiting.push(act);
      else act();
    },
  };
}
