/** Left and right: signs that they were exchanged, found without any reference. Crossed legs are legal, so only warnings come of it. */
/** @import {Instance, Point, Skeleton} from "../types.js" */
import { isPlaced } from "../document.js";
import { distance } from "../geometry.js";
import { limbOf, swapped } from "../pose.js";
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
const pairsOf = ({ keypoints }, { points }) =>
  keypoints.flatMap(({ pair, side }, i) => {
    const [left, right] = [points[i], points[pair]];
    return side === "left" && isPlaced(left) && isPlaced(right) ? [{ i, left, right }] : [];
  });

/**
 * How far left lies to the side of right, seen along the body: from the middle of the first pair with a limb to the
 * middle of the last such pair (shoulders to hips for people). Without two such pairs there is no axis; pairs too close
 * together say nothing.
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 */
function votesOf(skeleton, instance) {
  const pairs = pairsOf(skeleton, instance);
  const middles = pairs
    .filter(({ i }) => /shoulder|hip/i.test(skeleton.keypoints[i].label))
    .map(({ left, right }) => ({ x: (left.x + right.x) / 2, y: (left.y + right.y) / 2 }));
  const [from, to] = [middles[0], middles[middles.length - 1]];
  const length = from ? distance(from, to) : 0;
  const s = Math.sqrt(areaOf(instance));
  return pairs.flatMap(({ i, left, right }) => {
    const apart = length && ((to.x - from.x) * (left.y - right.y) - (to.y - from.y) * (left.x - right.x)) / length;
    return apart === 0 || Math.abs(apart) < 2 * skeleton.keypoints[i].sigma * s ? [] : [{ i, apart }];
  });
}

/**
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 * @returns {number[] | null} the upper keypoints of exchanged limbs; none of them for the whole body
 */
export function swappedSides(skeleton, instance) {
  const votes = votesOf(skeleton, instance);
  const sum = votes.reduce((total, { apart }) => total + apart, 0);
  // `apart` is negative when left is on the right of the picture, as for a person who faces the camera upright.
  const wrong = facing(skeleton, instance);
  if (votes.length >= 2 && wrong && votes.every(({ apart }) => Math.sign(apart) === wrong)) return [];
  const found = pairsOf(skeleton, instance)
    .map(({ i }) => i)
    .filter((i) => {
      const gain = Math.max(
        ...[[i], limbOf(skeleton, i)].map((indexes) => swapGain(skeleton, instance.points, indexes)),
      );
      return gain >= CLEAR_GAIN || (gain > 0 && votes.some((vote) => vote.i === i && vote.apart * sum < 0));
    });
  // A keypoint that hangs on another find is part of the same limb.
  const upper = found.filter((i) => !found.some((j) => skeleton.distal[j].includes(i)));
  return upper.length ? upper : null;
}

/**
 * People only: the sign of `apart` that would be wrong. A visible face looks at the camera, none looks away.
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 */
function facing({ index }, { points }) {
  const at = (/** @type {string} */ label) => points[index.get(label) ?? -1];
  const face = ["nose", "left_eye", "right_eye"];
  const seen = (/** @type {string} */ part) => [`left_${part}`, `right_${part}`].every((label) => at(label)?.v === 2);
  if (!face.every((label) => index.has(label))) return 0;
  if (face.every((label) => at(label)?.v === 2)) return 1;
  return !face.some((label) => isPlaced(at(label))) && (seen("ear") || seen("shoulder")) ? -1 : 0;
}
