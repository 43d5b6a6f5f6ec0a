/** Poses: the template put into a box, guesses from it, swaps of sides, and moves of many keypoints at once. */
/** @import {Box, Instance, Point, Size, Skeleton, XY} from "./types.js" */
import { boundsOf, fine, isPlaced } from "./document.js";

/**
 * The template pose fills the box exactly.
 * @param {Skeleton} skeleton
 * @param {Box} box
 * @param {boolean} mirrored left and right exchanged on the screen: a subject seen from behind
 * @returns {Point[]}
 */
export function templateIn(skeleton, box, mirrored) {
  const own = /** @type {Box} */ (skeleton.box);
  const across = (box.right - box.left) / (own.right - own.left);
  const down = (box.bottom - box.top) / (own.bottom - own.top);
  return skeleton.keypoints.map((keypoint) => ({
    x: fine(mirrored ? box.right - (keypoint.x - own.left) * across : box.left + (keypoint.x - own.left) * across),
    y: fine(box.top + (keypoint.y - own.top) * down),
    v: 2,
  }));
}

/**
 * The shift that comes nearest to the wanted one and keeps the box inside the image.
 * @param {Box} box
 * @param {Size} size
 * @param {number} dx
 * @param {number} dy
 */
export const shiftInside = (box, size, dx, dy) => ({
  dx: Math.max(Math.min(dx, size.width - box.right), Math.min(0, -box.left)),
  dy: Math.max(Math.min(dy, size.height - box.bottom), Math.min(0, -box.top)),
});

/**
 * @param {(Point | null)[]} points
 * @param {Iterable<number>} indexes
 * @param {(at: XY) => XY} place
 * @returns {[number, Point][]} the placed ones, moved
 */
export function movedPoints(points, indexes, place) {
  /** @type {[number, Point][]} */
  const moved = [];
  for (const index of indexes) {
    const point = points[index];
    if (!isPlaced(point)) continue;
    const at = place(point);
    moved.push([index, { ...point, x: fine(at.x), y: fine(at.y) }]);
  }
  return moved;
}

/** @param {Skeleton} skeleton @param {number} index @returns {number[]} the keypoint and what hangs on it */
export const chainOf = (skeleton, index) => [index, ...skeleton.distal[index]];

/**
 * Both sides of a limb: swapping them swaps an arm or a leg as a whole.
 * @param {Skeleton} skeleton
 * @param {number} index
 */
export function limbOf(skeleton, index) {
  const indexes = new Set();
  for (const start of [index, skeleton.keypoints[index].pair]) {
    if (start < 0) continue;
    for (const member of chainOf(skeleton, start)) indexes.add(member);
  }
  return indexes;
}

/**
 * @param {Skeleton} skeleton
 * @param {(Point | null)[]} points
 * @param {Iterable<number>} indexes
 * @returns {Map<number, Point | null>} left and right exchanged
 */
export function swapped(skeleton, points, indexes) {
  /** @type {Map<number, Point | null>} */
  const changes = new Map();
  for (const index of indexes) {
    const { pair } = skeleton.keypoints[index];
    if (pair < 0 || changes.has(index)) continue;
    changes.set(index, points[pair]);
    changes.set(pair, points[index]);
  }
  return changes;
}

/**
 * The mirror image of a pose in its own bounds: for a copied or drawn pose that faces the other way.
 * @param {Instance} instance
 */
export function mirrored(instance) {
  const box = boundsOf(instance);
  if (!box) return [];
  return movedPoints(instance.points, instance.points.keys(), (at) => ({ x: box.left + box.right - at.x, y: at.y }));
}

/**
 * A similarity (turn, scale, shift, perhaps a reflection) of the template that meets the placed keypoints best.
 * @param {Skeleton} skeleton
 * @param {(Point | null)[]} points
 * @returns {((index: number) => XY) | null} null with fewer than two placed keypoints
 */
export function templateFit(skeleton, points) {
  const placed = points.flatMap((point, i) => (isPlaced(point) ? [{ point, keypoint: skeleton.keypoints[i] }] : []));
  if (placed.length < 2 || !skeleton.box) return null;
  const n = placed.length;
  const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / n;
  const px = mean(placed.map(({ point }) => point.x));
  const py = mean(placed.map(({ point }) => point.y));
  const kx = mean(placed.map(({ keypoint }) => keypoint.x));
  const ky = mean(placed.map(({ keypoint }) => keypoint.y));
  let best = null;
  for (const sign of [1, -1]) {
    // Complex least squares: target ~ m * source with m = a + bi.
    let a = 0;
    let b = 0;
    let size = 0;
    for (const { point, keypoint } of placed) {
      const sx = sign * (keypoint.x - kx);
      const sy = keypoint.y - ky;
      a += sx * (point.x - px) + sy * (point.y - py);
      b += sx * (point.y - py) - sy * (point.x - px);
      size += sx * sx + sy * sy;
    }
    if (size === 0) return null;
    a /= size;
    b /= size;
    const at = (/** @type {number} */ index) => {
      const sx = sign * (skeleton.keypoints[index].x - kx);
      const sy = skeleton.keypoints[index].y - ky;
      return { x: px + a * sx - b * sy, y: py + b * sx + a * sy };
    };
    let error = 0;
    points.forEach((point, i) => {
      if (isPlaced(point)) error += (at(i).x - point.x) ** 2 + (at(i).y - point.y) ** 2;
    });
    // Two points fit either way: only a clearly better reflection is believed.
    if (!best || error < best.error * 0.8 - 1e-9) best = { at, error };
  }
  return best && best.at;
}
