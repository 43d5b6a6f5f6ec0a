/** Gestures: pointer events of the stage become edits. Click places, drag moves; nothing depends on how long a button is held.
 * While a pointer is down, only its gesture changes the document or the view: commands wait, or end the gesture first. */
/** @import {Box, Instance, XY} from "./types.js" */
import { findInstance, isPlaced, labelOf } from "./document.js";
import { boxOf, clamp, clampTo, distance, mapping, middleOf, turning } from "./geometry.js";
import { frameOf, handleAt, nearestKeypoint, stretched } from "./hits.js";
import { dragged, shifted } from "./pose.js";
import { t } from "./texts.js";

/** How near is near enough, by pointer; a hand that clicks moves by less than half of it. @type {Record<string, number>} */
const REACH = { mouse: 9, pen: 12, touch: 22 };
/** A press on a keypoint that moves further than this share of the reach corrects the keypoint; a hand that clicks stays below. */
const STEADY = 0.25;
/** A click so near beside the image means its edge. */
const NEAR_EDGE = 14;
/** Wheel events nearer to each other, in milliseconds, belong to one movement. */
const SAME_TURN = 250;

/**
 * @typedef {object} Press a pointer that went down
 * @property {XY} start on the stage
 * @property {XY} origin the same place in the image, which stays the same when the view moves
 * @property {XY} last
 * @property {number} reach
 * @property {PointerEvent} event
 * @property {ReturnType<typeof nearestKeypoint>} hit
 * @property {Drag} [drag] once it left its place
 *
 * @typedef {{move: (at: XY) => void, end?: (at: XY) => void}} Drag places on the stage
 */

/**
 * @param {import("./stage.js").Stage} stage
 * @param {AbortSignal} signal
 * @param {(action: string) => void} count
 */
export function listenToPointers(stage, signal, count) {
  const { session, view, root, placeOf: place } = stage;
  /** What the next click ends: two clicks do what a drag does (WCAG 2.5.7). @type {{drag: Drag, doc: unknown, tool: string} | null} */
  let lifted = null;
  /** @type {(() => void)[]} what waits until no pointer is down */
  const waiting = [];
  /** @type {Press | null} with two fingers on the stage there is none */
  let press = null;
  /** @type {Map<number, XY>} */
  const pointers = new Map();
  /** When the wheel turned last, and whether it is a wheel and no trackpad. */
  let turned = -Infinity;
  let isWheel = false;
  let pinched = 1;

  /** Whether a drag draws a box. */
  const draws = () => session.tool === "draw" || session.tool === "box";

  /** What the frame around the instance encloses. @returns {Box | null} */
  const framed = () => (session.tool === "adjust" && !session.instance?.locked ? session.bounds : null);

  /** The handle of the frame. @param {XY} at @param {number} reach */
  const handleUnder = (at, reach) => {
    const box = framed();
    return box ? handleAt(frameOf(box, view), at, reach + 2) : "";
  };

  /** Hover. @param {XY | null} at null: the pointer left */
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
   * A drag that edits the instance in hand.
   * @param {Pick<Press, "origin">} press
   * @param {string} label
   * @param {(before: Instance, dx: number, dy: number, at: XY) => Partial<Instance> | null} change of the instance as it was,
   * by how far the pointer has come in image pixels
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

  /** A box drawn. @param {Press} press @returns {Drag | null} */
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

  /** The frame moved, turned or scaled. @param {Press} press */
  const framing = (press) => {
    const { size } = session;
    const box = framed();
    const handle = handleUnder(press.start, press.reach);
    if (!box || !handle) return null;
    const middle = middleOf(box);
    const angle = (/** @type {XY} */ at) => Math.atan2(view.toImage(at).y - middle.y, view.toImage(at).x - middle.x);
    if (handle === "move") return editing(press, t.commands.adjust, (before, dx, dy) => shifted(before, size, dx, dy));
    // A turn that would push a keypoint out of the image waits at the last angle that fits.
    if (handle === "alias")
      return editing(press, t.commands.adjust, (before, _dx, _dy, at) =>
        session.reshaped(before, turning(middle, angle(at) - angle(view.toScreen(press.origin)))),
      );
    return editing(press, t.commands.adjust, (before, dx, dy) =>
      session.reshaped(before, mapping(box, stretched(box, handle, dx, dy, size))),
    );
  };

  /** A keypoint moved. @param {Pick<Press, "hit" | "origin" | "event">} press */
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

  /** What a press becomes once the pointer has left its place. @param {Press} press @returns {Drag} */
  const dragOf = (press) =>
    (press.event.button === 0 && (drawing(press) ?? framing(press) ?? grabbing(press))) || panning;

  /** Take up what the next click puts down. @param {Drag | null} drag */
  const lift = (drag) => {
    lifted = drag && { drag, doc: session.doc, tool: session.tool };
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
    // What was taken up is put down, unless something else happened to the document in between.
    if (from && button === 0 && from.doc === session.doc && from.tool === session.tool) {
      from.drag.move(start);
      from.drag.end?.(start);
      return;
    }
    // While a keypoint waits, a click places it, even on top of another: in a profile left and right are one pixel apart, and
    // a click that chose instead would shift every keypoint after it by one. Ctrl+click, the list, or a drag reach the marker.
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

  /** @param {XY} a @param {XY} b where the two fingers were */
  const pinch = (a, b) => {
    const [c, d] = pointers.values();
    const before = middleOf(boxOf(a, b));
    const after = middleOf(boxOf(c, d));
    view.pan(after.x - before.x, after.y - before.y);
    // Fingers on one spot have no distance: the factor must stay a number.
    if (distance(a, b) > 1 && distance(c, d) > 1) view.zoom(distance(c, d) / distance(a, b), after);
  };

  /** Undo the drag in progress. @returns {boolean} whether there was one */
  const abort = () => {
    if (!press?.drag && !lifted) return false;
    press = lifted = stage.rect = null;
    session.cancel();
    return true;
  };

  /** End the gesture here: what was dragged so far stays, and what the pointer still does counts for nothing. */
  const finish = () => {
    const done = press;
    press = stage.rect = null;
    if (done?.drag) {
      done.drag.end?.(done.last);
      stage.touch();
    }
  };

  /** Run what had to wait for the gesture. */
  const release = () => {
    const acts = pointers.size ? [] : waiting.splice(0);
    for (const act of acts) act();
  };

  /** Nothing comes of the press. */
  const drop = () => {
    abort();
    press = null;
    stage.follow(null);
  };

  /** The pointer is gone without a release. @param {PointerEvent} event */
  const stop = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    drop();
    release();
  };

  /** @type {Record<string, (event: any) => void>} */
  const listeners = {
    /** @param {PointerEvent} event */
    pointerdown(event) {
      // Left, middle and right; others are the browser's "back" and "forward", or a pen's eraser.
      if (!session.size.width || event.button > 2) return;
      const at = place(event);
      const reach = REACH[event.pointerType] ?? REACH.mouse;
      // A release that the browser never told (outside its window): the old gesture is over.
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
      if (event.pointerType === "touch" && press.hit) stage.follow(at, true);
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
      // Scrolling on a trackpad begins with small steps in any direction. A movement stays what it began as.
      if (timeStamp - turned > SAME_TURN)
        isWheel = deltaMode > 0 || (!deltaX && ((wheelDeltaY && wheelDeltaY % 120 === 0) || Math.abs(deltaY) >= 50));
      turned = timeStamp;
      // A trackpad's pinch arrives with Ctrl, its delta is 100 times the logarithm of the factor. Ctrl may also be held while a wheel turns.
      const step = ctrlKey ? clamp(deltaY, -20, 20) / 100 : isWheel ? Math.sign(deltaY) / 5 : 0;
      if (step) view.zoom(Math.exp(-step), place(event));
      else view.pan(-deltaX, -deltaY);
      count(step ? "zoom" : "pan");
    },

    // Safari's name for a trackpad's pinch; on a touch screen it tells of the fingers once more.
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
  return {
    abort,
    finish,

    /** The next click moves the selected keypoint. */
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
