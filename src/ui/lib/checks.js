/** Checks: what looks wrong before it is submitted. They warn and never forbid; the cases in tests/cases bind both languages. */
/** @import {Doc, Instance, Size, Skeleton} from "./types.js" */
import { findInstance, isChanged, isPlaced, labelOf, pendingOf } from "./document.js";
import { distance, isInside } from "./geometry.js";
import { areaOf, similarity } from "./similarity.js";
import { swappedSides } from "./sides.js";
import { t } from "./texts.js";

/**
 * @typedef {object} Finding
 * @property {string} check its name
 * @property {"warning" | "info"} level a warning asks before submitting
 * @property {string} id of the instance, "" for the image
 * @property {number[]} indexes keypoints
 * @property {string} text what it is
 * @property {string} names of the keypoints
 */

/** Limbs differ by perspective; three times the template's share is no perspective any more. */
const LIMB_FACTOR = 3;
const SAME = 0.9;
const ALIKE = 0.7;

/**
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 * @param {Size} size
 * @returns {Finding[]}
 */
export function checkInstance(skeleton, instance, size) {
  /** @type {Finding[]} */
  const findings = [];
  const found = (/** @type {string} */ check, /** @type {number[]} */ indexes, text = t.checks[check], /** @type {Finding["level"]} */ level = "warning") =>
    findings.push({ check, level, id: instance.id, indexes, text, names: indexes.map((index) => labelOf(skeleton, index)).join(", ") });
  const placed = instance.points.flatMap((point, i) => (isPlaced(point) ? [{ ...point, i, sigma: skeleton.keypoints[i].sigma }] : []));
  const pending = pendingOf(instance);
  if (pending.length === instance.points.length) {
    found("empty_instance", []);
    return findings;
  }
  if (pending.length) found("missing_keypoints", pending);
  const outside = placed.filter((point) => !isInside(size, point)).map(({ i }) => i);
  if (outside.length) found("out_of_image", outside);
  const s = Math.sqrt(areaOf(instance));
  placed.forEach((p, n) => {
    for (const q of placed.slice(n + 1)) {
      if (distance(p, q) < Math.max(1, 0.1 * Math.min(p.sigma, q.sigma) * s)) found("coincident_keypoints", [p.i, q.i]);
    }
  });
  const sides = swappedSides(skeleton, instance);
  if (sides) found("swapped_sides", sides, t.checks[sides.length ? "swapped_sides" : "swapped_body"]);
  for (const { edge, long } of oddLimbs(skeleton, instance)) found("limb_length", edge, t.checks[long ? "long" : "short"], long ? "warning" : "info");
  return findings;
}

/**
 * Edges out of proportion with the template, against the median of the instance's own edges: one misplaced keypoint
 * does not shift the yardstick.
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 */
function oddLimbs({ edges, keypoints }, { points }) {
  const limbs = edges.flatMap(([a, b]) => {
    const [p, q] = [points[a], points[b]];
    const drawn = distance(keypoints[a], keypoints[b]);
    return isPlaced(p) && isPlaced(q) && drawn > 0 ? [{ edge: [a, b], ratio: Math.max(distance(p, q), 1e-6) / drawn }] : [];
  });
  const sorted = limbs.map(({ ratio }) => ratio).sort((x, y) => x - y);
  const half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
  return limbs
    .filter(({ ratio }) => limbs.length >= 4 && (ratio > LIMB_FACTOR * median || ratio < median / LIMB_FACTOR))
    .map(({ edge, ratio }) => ({ edge, long: ratio > median }));
}

/**
 * @param {Skeleton} skeleton
 * @param {Doc} doc
 * @param {Size} size
 * @param {Doc} original pre-labels
 * @returns {Finding[]}
 */
export function checkDoc(skeleton, { instances, noChanges }, size, original) {
  const untouched = instances.filter((instance) => {
    const before = findInstance(original, instance.id);
    return before && !isChanged(instance, before);
  });
  const findings = instances.flatMap((instance) =>
    checkInstance(skeleton, instance, size).map((finding) =>
      // What a pre-label leaves out may be meant: it asks only once the worker has worked on the instance.
      untouched.includes(instance) && ["missing_keypoints", "empty_instance"].includes(finding.check) ? { ...finding, level: /** @type {const} */ ("info") } : finding));
  instances.forEach((a, i) => {
    for (const b of instances.slice(i + 1)) {
      const { oks, shared } = similarity(skeleton, a, b);
      if (shared < 2 || oks <= ALIKE) continue;
      findings.push({ check: "duplicate_instance", level: oks > SAME ? "warning" : "info", id: b.id, indexes: [], text: t.checks.duplicate_instance, names: "" });
    }
  });
  const count = original.instances.length;
  if (count && count === instances.length && count === untouched.length && !noChanges) {
    findings.push({ check: "untouched_prelabels", level: "warning", id: "", indexes: [], text: t.checks.untouched_prelabels, names: "" });
  }
  return findings;
}
