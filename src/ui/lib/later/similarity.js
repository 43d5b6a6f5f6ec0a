/** Similarity of two instances: symmetric OKS with the same area rules as in Python. The same cases test both. */
/** @import {Instance, Skeleton} from "../types.js" */
import { isPlaced, memo } from "../document.js";
import { boundsOf } from "../geometry.js";

/** Mean ratio of segment area to box area for people in COCO. */
const BOX_TO_AREA = 0.53;
const THINNEST = 0.05;
const LONE_SIDE = 32;

/** Area of an instance for OKS, in square pixels. */
export const areaOf = memo((/** @type {Instance} */ instance) => {
  const box = instance.box ?? boundsOf(instance);
  const width = box ? box.right - box.left : 0;
  const height = box ? box.bottom - box.top : 0;
  if (instance.box && width > 0 && height > 0) return BOX_TO_AREA * width * height;
  const longer = Math.max(width, height);
  if (longer === 0) return BOX_TO_AREA * LONE_SIDE ** 2;
  const floor = Math.max(2, THINNEST * longer);
  return BOX_TO_AREA * Math.max(width, floor) * Math.max(height, floor);
});

/**
 * @param {Skeleton} skeleton
 * @param {Instance} a
 * @param {Instance} b
 * @returns {{oks: number, shared: number}} OKS over the keypoints that both have, and their number
 */
export function similarity(skeleton, a, b) {
  const scale = areaOf(a) + areaOf(b);
  let total = 0;
  let shared = 0;
  a.points.forEach((p, i) => {
    const q = b.points[i];
    if (!isPlaced(p) || !isPlaced(q)) return;
    const k = 2 * skeleton.keypoints[i].sigma;
    total += Math.exp(-((p.x - q.x) ** 2 + (p.y - q.y) ** 2) / (scale * k * k));
    shared += 1;
  });
  return { oks: shared ? total / shared : 0, shared };
}
