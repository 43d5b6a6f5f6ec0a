/** Left and right: signs that they were exchanged, found without any reference. Crossed legs are legal, so only warnings come of it. */
/** @import {Instance, Point, Skeleton} from "./types.js" */
import { isPlaced } from "./document.js";
import { distance } from "./geometry.js";
import { limbOf, swapped } from "./pose.js";
import { areaOf } from "./similarity.js";

/** Swapping back must shorten the edges it touches by this share to be believed on its own. */
const CLEAR_GAIN = 0.25;

/**
 * By how much a swap would shorten the edges whose length it changes: 1 - after / before.
 * @param {Skeleton} skeleton
 * @param {(Point | null)[]} points
 * @param {number[]} indexes
 */
export function swapGain(skeleton, points, indexes) {
  const now = swapped(skeleton, points, indexes);
  let before = 0;
  let after = 0;
  for (const [a, b] of skeleton.edges) {
    const [p, q, r, s] = [points[a], points[b], now[a], now[b]];
    if ((p === r) === (q === s) || !isPlaced(p) || !isPlaced(q) || !isPlaced(r) || !isPlaced(s)) continue;
    before += distance(p, q);
    after += distance(r, s);
  }
  return before > 0 ? 1 - after / before : 0;
}

/** @param {Skeleton} skeleton @param {Instance} instance @returns {{i: number, left: Point, right: Point}[]} whole pairs */
const pairsOf = (skeleton, instance) =>
  skeleton.keypoints.flatMap(({ pair, side }, i) => {
    const [left, right] = [instance.points[i], instance.points[pair]];
    return pair >= 0 && side === "left" && isPlaced(left) && isPlaced(right) ? [{ i, left, right }] : [];
  });

/**
 * The direction down the body, as a unit vector: from the middle of the first pair with a limb to the middle of the
 * last such pair (shoulders to hips for people). Without two such pairs there is no axis.
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 */
function axisOf(skeleton, instance) {
  const roots = pairsOf(skeleton, instance).filter(({ i }) => /shoulder|hip/i.test(skeleton.keypoints[i].label));
  if (roots.length < 2) return null;
  const middle = (/** @type {{left: Point, right: Point}} */ { left, right }) => ({ x: (left.x + right.x) / 2, y: (left.y + right.y) / 2 });
  const [from, to] = [middle(roots[0]), middle(roots[roots.length - 1])];
  const length = distance(from, to);
  return length > 0 ? { x: (to.x - from.x) / length, y: (to.y - from.y) / length } : null;
}

/**
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 * @returns {{whole: boolean, indexes: number[]} | null} the whole body, or the upper keypoints of exchanged limbs
 */
export function swappedSides(skeleton, instance) {
  const axis = axisOf(skeleton, instance);
  const pairs = pairsOf(skeleton, instance);
  const s = Math.sqrt(areaOf(instance));
  // How far left lies to the side of right; pairs too close together do not vote.
  const votes = axis
    ? pairs.flatMap(({ i, left, right }) => {
        const apart = axis.x * (left.y - right.y) - axis.y * (left.x - right.x);
        return Math.abs(apart) < 2 * skeleton.keypoints[i].sigma * s ? [] : [{ i, apart }];
      })
    : [];
  const sum = votes.reduce((total, { apart }) => total + apart, 0);
  // `apart` is negative when left is on the right of the picture, as for a person who faces the camera upright.
  const expected = facing(skeleton, instance);
  if (votes.length >= 2 && expected && votes.every(({ apart }) => Math.sign(apart) === expected)) return { whole: true, indexes: [] };
  const odd = new Set(votes.filter(({ apart }) => apart * sum < 0).map(({ i }) => i));
  const found = pairs
    .map(({ i }) => i)
    .filter((i) => {
      const gain = Math.max(swapGain(skeleton, instance.points, [i]), swapGain(skeleton, instance.points, limbOf(skeleton, i)));
      return gain >= CLEAR_GAIN || (odd.has(i) && gain > 0);
    });
  // A keypoint that hangs on another find is part of the same limb.
  const indexes = found.filter((i) => !found.some((j) => skeleton.distal[j].includes(i)));
  return indexes.length ? { whole: false, indexes } : null;
}

/**
 * People only: the sign of `apart` that would be wrong. A visible face looks at the camera, none looks away.
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 */
function facing(skeleton, instance) {
  const at = (/** @type {string} */ label) => instance.points[skeleton.index.get(label) ?? -1];
  const face = ["nose", "left_eye", "right_eye"];
  if (!face.every((label) => skeleton.index.has(label))) return 0;
  if (face.every((label) => at(label)?.v === 2)) return 1;
  const seen = (/** @type {string} */ part) => at(`left_${part}`)?.v === 2 && at(`right_${part}`)?.v === 2;
  return face.every((label) => !isPlaced(at(label))) && (seen("ear") || seen("shoulder")) ? -1 : 0;
}
