/** Poses: moving several keypoints, swapping sides, and estimating positions from the template. */
/** @import {Instance, Point, Size, Skeleton, XY} from "./types.js" */
import { isPlaced } from "./document.js";
import { boundsOf, clamp, clampTo, fine, mapped } from "./geometry.js";

/**
 * @param {(Point | null)[]} points
 * @param {(at: XY, index: number) => XY} place
 * @param {number[]} [indexes] keypoints to move, by default all
 * @returns {(Point | null)[]} the points, with the placed ones moved
 */
export const moved = (points, place, indexes) =>
  points.map((point, i) =>
    isPlaced(point) && (indexes?.includes(i) ?? true) ? { ...point, ...fine(place(point, i)) } : point,
  );

/**
 * Move some keypoints together. Each one stops at the edge of the image.
 * @param {(Point | null)[]} points
 * @param {number[]} indexes
 * @param {Size} size
 * @param {number} dx
 * @param {number} dy
 */
export const dragged = (points, indexes, size, dx, dy) =>
  moved(points, ({ x, y }) => clampTo(size, { x: x + dx, y: y + dy }), indexes);

/**
 * Move an instance as a whole, only as far as it stays inside the image.
 * @param {Instance} instance
 * @param {Size} size
 * @param {number} dx
 * @param {number} dy
 * @returns {Partial<Instance>}
 */
export function shifted(instance, size, dx, dy) {
  const bounds = boundsOf(instance, true);
  if (!bounds) return {};
  const right = clamp(dx, Math.min(0, -bounds.left), size.width - bounds.right);
  const down = clamp(dy, Math.min(0, -bounds.top), size.height - bounds.bottom);
  const place = (/** @type {XY} */ { x, y }) => ({ x: x + right, y: y + down });
  return { points: moved(instance.points, place), box: instance.box && mapped(instance.box, place) };
}

/**
 * @param {Skeleton} skeleton
 * @param {number} index
 * @returns {number[]} the keypoint with all keypoints beyond it, and the same on the other side
 */
export const limbOf = ({ keypoints, distal }, index) =>
  [index, keypoints[index]?.pair ?? -1].flatMap((start) => [start, ...(distal[start] ?? [])]);

/**
 * @param {Skeleton} skeleton
 * @param {(Point | null)[]} points
 * @param {number[]} indexes of one side or both; empty for all
 * @returns {(Point | null)[]} left and right exchanged
 */
export const swapped = ({ keypoints }, points, indexes) =>
  points.map((point, i) => {
    const { pair } = keypoints[i];
    return pair >= 0 && (!indexes.length || indexes.includes(i) || indexes.includes(pair)) ? points[pair] : point;
  });

/**
 * Fit the template to the placed keypoints by a similarity transform (rotation, scale, translation, possibly a
 * reflection) with least squares.
 * @param {Skeleton} skeleton
 * @param {(Point | null)[]} points
 * @returns {((index: number) => XY) | null} null with fewer than two placed keypoints
 */
export function templateFit({ keypoints, box }, points) {
  const placed = points.flatMap((point, i) => (isPlaced(point) ? [{ point, i }] : []));
  if (placed.length < 2 || !box) return null;
  const mean = (/** @type {XY[]} */ all) => ({
    x: all.reduce((sum, { x }) => sum + x, 0) / all.length,
    y: all.reduce((sum, { y }) => sum + y, 0) / all.length,
  });
  const centre = mean(placed.map(({ point }) => point));
  const own = mean(placed.map(({ i }) => keypoints[i]));
  let best = null;
  for (const sign of [1, -1]) {
    const source = (/** @type {number} */ i) => ({ x: sign * (keypoints[i].x - own.x), y: keypoints[i].y - own.y });
    // Complex least squares: target ~ m * source with m = a + bi.
    let a = 0;
    let b = 0;
    let size = 0;
    for (const { point, i } of placed) {
      const { x, y } = source(i);
      a += x * (point.x - centre.x) + y * (point.y - centre.y);
      b += x * (point.y - centre.y) - y * (point.x - centre.x);
      size += x * x + y * y;
    }
    if (size === 0) return null;
    const at = (/** @type {number} */ i) => {
      const { x, y } = source(i);
      return { x: centre.x + (a * x - b * y) / size, y: centre.y + (b * x + a * y) / size };
    };
    const error = placed.reduce((sum, { point, i }) => sum + (at(i).x - point.x) ** 2 + (at(i).y - point.y) ** 2, 0);
    // Two points fit with and without a reflection. A reflection is accepted only if its error is clearly smaller.
    if (!best || error < best.error * 0.8 - 1e-9) best = { at, error };
  }
  return best && best.at;
}
