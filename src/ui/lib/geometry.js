/** Geometry: places and boxes in image pixels, and the maps that put one in the place of another. */
/** @import {Box, Instance, Size, XY} from "./types.js" */
import { isPlaced, memo } from "./document.js";

/** @param {number} value @param {number} least @param {number} most */
export const clamp = (value, least, most) => Math.max(least, Math.min(value, most));

/**
 * Coordinates of a pointer are kept to a hundredth of a pixel: finer than any hand, and short in JSON. What comes
 * from pre-labels is never touched by this.
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

/** @param {XY} a @param {XY} b opposite corners, any */
export const boxOf = (a, b) => /** @type {Box} */ (around([a, b]));

/** @param {Box} box @param {(at: XY) => XY} place @returns {Box} */
export const mapped = ({ left, top, right, bottom }, place) =>
  boxOf(fine(place({ x: left, y: top })), fine(place({ x: right, y: bottom })));

/** @param {Box} box @returns {XY} */
export const middleOf = ({ left, top, right, bottom }) => ({ x: (left + right) / 2, y: (top + bottom) / 2 });

/** @param {XY[]} all @returns {Box | null} null around nothing */
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

/** Around everything of an instance that is drawn. @type {(instance: Instance) => Box | null} */
export const extentOf = memo((/** @type {Instance} */ instance) => boundsOf(instance, true));

/** @param {Box} from @param {Box} to @returns {(at: XY) => XY} an empty side stays where it is */
export function mapping(from, to) {
  const across = (to.right - to.left) / (from.right - from.left || Infinity);
  const down = (to.bottom - to.top) / (from.bottom - from.top || Infinity);
  return ({ x, y }) => ({ x: to.left + (x - from.left) * across, y: to.top + (y - from.top) * down });
}

/** @param {Box} box @returns {Box} to map on: left for right */
export const mirrored = (box) => ({ ...box, left: box.right, right: box.left });

/** @param {XY} centre stays where it is @param {number} angle radians @param {number} [factor] @returns {(at: XY) => XY} */
export function turning(centre, angle, factor = 1) {
  const cos = factor * Math.cos(angle);
  const sin = factor * Math.sin(angle);
  return ({ x, y }) => ({
    x: centre.x + (x - centre.x) * cos - (y - centre.y) * sin,
    y: centre.y + (x - centre.x) * sin + (y - centre.y) * cos,
  });
}
