/** Geometry: points and boxes in image pixels, and mappings between boxes. */
/** @import {Box, Instance, Size, XY} from "./types.js" */
import { isPlaced, memo } from "./document.js";

/** @param {number} value @param {number} least @param {number} most */
export const clamp = (value, least, most) => Math.max(least, Math.min(value, most));

/**
 * Round a pointer's coordinates to 0.01 px: more precise than any hand, and short in JSON. Coordinates of pre-labels
 * are not rounded.
 * @param {XY} at
 * @returns {XY}
 */
export const fine = ({ x, y }) => ({ x: Math.round(x * 100) / 100, y: Math.round(y * 100) / 100 });

/** @param {Size} size @param {XY} at */
export const clampTo = ({ width, height }, { x, y }) => fine({ x: clamp(x, 0, width), y: clamp(y, 0, height) });

/** @param {Size} size @param {XY} at */
export const isInside = ({ width, height }, { x, y }) => x >= 0 && y >= 0 && x <= width && y <= height;

/** @param {XY} a @param {XY} b */
export const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

/** @param {XY} a @param {XY} b the opposite corner of a; in any order */
export const boxOf = (a, b) => /** @type {Box} */ (around([a, b]));

/** @param {Box} box @param {(at: XY) => XY} place @returns {Box} */
export const mapped = ({ left, top, right, bottom }, place) =>
  boxOf(fine(place({ x: left, y: top })), fine(place({ x: right, y: bottom })));

/** @param {Box} box @returns {XY} */
export const middleOf = ({ left, top, right, bottom }) => ({ x: (left + right) / 2, y: (top + bottom) / 2 });

/** @param {XY[]} all @returns {Box | null} the smallest box around the points; null without points */
export function around(all) {
  const xs = all.map(({ x }) => x);
  const ys = all.map(({ y }) => y);
  return all.length
    ? { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) }
    : null;
}

/**
 * @param {Instance} instance
 * @param {boolean} [withBox]
 * @returns {Box | null} around the placed keypoints
 */
export function boundsOf({ points, box }, withBox) {
  /** @type {XY[]} */
  const all = points.filter(isPlaced);
  if (withBox && box) all.push({ x: box.left, y: box.top }, { x: box.right, y: box.bottom });
  return around(all);
}

/** Box around everything that is drawn of an instance. @type {(instance: Instance) => Box | null} */
export const extentOf = memo((/** @type {Instance} */ instance) => boundsOf(instance, true));

/**
 * @param {Box} from
 * @param {Box} to
 * @returns {(at: XY) => XY} maps one box on the other; a side of length 0 maps to its first edge
 */
export function mapping(from, to) {
  const across = (to.right - to.left) / (from.right - from.left || Infinity);
  const down = (to.bottom - to.top) / (from.bottom - from.top || Infinity);
  return ({ x, y }) => ({ x: to.left + (x - from.left) * across, y: to.top + (y - from.top) * down });
}

/** @param {Box} box @returns {Box} the box with left and right exchanged, as a target for `mapping` */
export const mirrored = (box) => ({ ...box, left: box.right, right: box.left });

/**
 * @param {XY} centre the fixed point
 * @param {number} angle radians
 * @param {number} [factor]
 * @returns {(at: XY) => XY}
 */
export function turning(centre, angle, factor = 1) {
  const cos = factor * Math.cos(angle);
  const sin = factor * Math.sin(angle);
  return ({ x, y }) => ({
    x: centre.x + (x - centre.x) * cos - (y - centre.y) * sin,
    y: centre.y + (x - centre.x) * sin + (y - centre.y) * cos,
  });
}
