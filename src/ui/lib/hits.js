/** Hit tests: find the keypoint or the frame handle under the pointer, from coordinates only. */
/** @import {Box, Size, XY} from "./types.js" */
/** @import {View} from "./view.js" */
import { isPlaced } from "./document.js";
import { clamp, distance, extentOf, mapped } from "./geometry.js";

/** Distance of the frame from the outermost keypoints in screen pixels, so that it does not cover their markers. */
export const FRAME_PAD = 18;
const TURN = 26;
/** Half the width of a marker, in screen pixels. Within it, the selected keypoint has priority over others. */
const MARKER = 7;

/**
 * Return the nearest keypoint within a radius. The selected keypoint has priority if its marker is under the pointer.
 * Among keypoints at a similar distance (4 px), one of the active instance has priority.
 * @param {import("./session.js").Session} session
 * @param {View} view
 * @param {XY} at on the stage
 * @param {number} radius screen pixels
 */
export function nearestKeypoint(session, view, at, radius) {
  let best = null;
  let least = radius;
  const { x, y } = view.toImage(at);
  const far = radius / view.scale;
  for (const instance of session.visible()) {
    const { id, points } = instance;
    const extent = extentOf(instance);
    if (!extent || x < extent.left - far || x > extent.right + far || y < extent.top - far || y > extent.bottom + far)
      continue;
    points.forEach((point, index) => {
      if (!isPlaced(point) || session.isHidden(id, index)) return;
      const away = distance(view.toScreen(point), at);
      const isSelected = id === session.active && index === session.selected && away <= MARKER;
      const bonus = isSelected ? 2 * radius : id === session.active ? 4 : 0;
      if (away > radius || away - bonus >= least) return;
      least = away - bonus;
      best = { id, index, distance: away };
    });
  }
  return /** @type {{id: string, index: number, distance: number} | null} */ (best);
}

/** @param {Box} box @param {View} view @param {number} [pad] @returns {Box} on the stage */
export function frameOf(box, view, pad = FRAME_PAD) {
  const { left, top, right, bottom } = mapped(box, (at) => view.toScreen(at));
  return { left: left - pad, top: top - pad, right: right + pad, bottom: bottom + pad };
}

/**
 * @param {Box} frame
 * @returns {[string, number, number][]} handles by compass point; "alias" (its cursor's name) rotates
 */
export function handlesOf({ left, top, right, bottom }) {
  const x = (left + right) / 2;
  const y = (top + bottom) / 2;
  return [
    ["nw", left, top],
    ["n", x, top],
    ["ne", right, top],
    ["e", right, y],
    ["se", right, bottom],
    ["s", x, bottom],
    ["sw", left, bottom],
    ["w", left, y],
    ["alias", x, top - TURN],
  ];
}

/** @param {Box} frame @param {XY} at @param {number} reach @returns {string} a handle, "move" inside, "" outside */
export function handleAt(frame, at, reach) {
  const hit = handlesOf(frame).find(([, x, y]) => distance({ x, y }, at) <= reach);
  const inside = at.x >= frame.left && at.x <= frame.right && at.y >= frame.top && at.y <= frame.bottom;
  return hit ? hit[0] : inside ? "move" : "";
}

/**
 * Return the box after a handle was dragged: inside the image, and at least 1 px wide and high.
 * @param {Box} box
 * @param {string} name of the handle
 * @param {number} dx image pixels
 * @param {number} dy
 * @param {Size} size
 * @returns {Box}
 */
export function stretched(box, name, dx, dy, size) {
  const next = { ...box };
  if (name.includes("w")) next.left = clamp(box.left + dx, 0, box.right - 1);
  if (name.includes("e")) next.right = clamp(box.right + dx, box.left + 1, size.width);
  if (name.includes("n")) next.top = clamp(box.top + dy, 0, box.bottom - 1);
  if (name.includes("s")) next.bottom = clamp(box.bottom + dy, box.top + 1, size.height);
  return next;
}
