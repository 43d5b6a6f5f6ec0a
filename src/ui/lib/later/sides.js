/**
 * Detects left and right that were probably exchanged, without a reference annotation. Crossed legs are correct, so the
 * result is only a warning.
 */
/** @import {Instance, Point, Skeleton} from "../types.js" */
import { isPlaced } from "../document.js";
import { distance } from "../geometry.js";
import { limbOf, swapped } from "../pose.js";
import { areaOf } from "./similarity.js";

/** Share by which a swap must shorten the affected edges to count as evidence by itself. */
const CLEAR_GAIN = 0.25;

/**
 * Return the share by which a swap would shorten the edges whose length it changes: 1 - after / before.
 * @param {Skeleton} skeleton
 * @param {(Point | null)[]} points
 * @param {number[]} indexes
 */
function swapGain(skeleton, points, indexes) {
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

/**
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 * @returns {{i: number, left: Point, right: Point}[]} pairs with both keypoints placed
 */
const pairsOf = ({ keypoints }, { points }) =>
  keypoints.flatMap(({ pair, side }, i) => {
    const [left, right] = [points[i], points[pair]];
    return side === "left" && isPlaced(left) && isPlaced(right) ? [{ i, left, right }] : [];
  });

/**
 * Return, for each pair, the signed distance between left and right across the body axis. The axis runs from the middle
 * of the first shoulder or hip pair to the middle of the last one. Without two such pairs there is no axis. Pairs whose
 * distance is below the labelling noise are omitted.
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
 * @returns {number[] | null} the upper keypoints of exchanged limbs; empty for the whole body, null for no exchange
 */
export function swappedSides(skeleton, instance) {
  const votes = votesOf(skeleton, instance);
  const sum = votes.reduce((total, { apart }) => total + apart, 0);
  // `apart` is negative if left is on the right of the image, as it is for an upright person who faces the camera.
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
  // A keypoint beyond another result is part of the same limb.
  const upper = found.filter((i) => !found.some((j) => skeleton.distal[j].includes(i)));
  return upper.length ? upper : null;
}

/**
 * Return the sign of `apart` that would be wrong; 0 if unknown. Only skeletons with a face are judged: a person whose
 * face is visible faces the camera, a person without face keypoints faces away.
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
