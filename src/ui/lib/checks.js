/** Checks: what looks wrong before it is submitted. They warn and never forbid; the cases in tests/cases bind both languages. */
/** @import {Doc, Instance, Size, Skeleton} from "./types.js" */
import { isChanged, isPlaced, labelOf, pendingOf, placedCount } from "./document.js";
import { isInside } from "./geometry.js";
import { areaOf, similarity } from "./similarity.js";
import { swappedSides } from "./sides.js";

/**
 * @typedef {object} Finding
 * @property {string} check its name
 * @property {"warning" | "info"} level a warning asks before submitting
 * @property {string} id of the instance, "" for the image
 * @property {number[]} indexes keypoints
 * @property {string} text
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
  const names = (/** @type {number[]} */ indexes) => indexes.map((index) => labelOf(skeleton, index)).join(", ");
  const found = (/** @type {string} */ check, /** @type {Finding["level"]} */ level, /** @type {number[]} */ indexes, /** @type {string} */ text) =>
    findings.push({ check, level, id: instance.id, indexes, text });
  const placed = placedCount(instance);
  const pending = pendingOf(instance);
  if (placed === 0 && pending.length === instance.points.length) {
    found("empty_instance", "warning", [], "No keypoint placed");
    return findings;
  }
  if (pending.length) found("missing_keypoints", "warning", pending, `Neither placed nor marked: ${names(pending)}`);
  const outside = instance.points.flatMap((p, i) => (isPlaced(p) && !isInside(size, p) ? [i] : []));
  if (outside.length) found("out_of_image", "warning", outside, `Outside the image: ${names(outside)}`);
  const s = Math.sqrt(areaOf(instance));
  instance.points.forEach((p, i) => {
    instance.points.forEach((q, j) => {
      if (j <= i || !isPlaced(p) || !isPlaced(q)) return;
      const least = Math.max(1, 0.1 * Math.min(skeleton.keypoints[i].sigma, skeleton.keypoints[j].sigma) * s);
      if (Math.hypot(p.x - q.x, p.y - q.y) < least) found("coincident_keypoints", "warning", [i, j], `On one spot: ${names([i, j])}`);
    });
  });
  const sides = swappedSides(skeleton, instance);
  if (sides) found("swapped_sides", "warning", sides.indexes, `Left and right look swapped: ${sides.whole ? "the whole body" : names(sides.indexes)}`);
  for (const { edge, long } of oddLimbs(skeleton, instance)) {
    found("limb_length", long ? "warning" : "info", edge, `Very ${long ? "long" : "short"}: ${names([edge[0]])} to ${names([edge[1]])}`);
  }
  return findings;
}

/**
 * Edges out of proportion with the template, against the median of the instance's own edges: one misplaced keypoint
 * does not shift the yardstick.
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 */
function oddLimbs(skeleton, instance) {
  const ratios = skeleton.edges.flatMap(([a, b]) => {
    const [p, q, k, m] = [instance.points[a], instance.points[b], skeleton.keypoints[a], skeleton.keypoints[b]];
    const drawn = Math.hypot(k.x - m.x, k.y - m.y);
    if (!isPlaced(p) || !isPlaced(q) || drawn === 0) return [];
    return [{ edge: [a, b], ratio: Math.max(Math.hypot(p.x - q.x, p.y - q.y), 1e-6) / drawn }];
  });
  if (ratios.length < 4) return [];
  const sorted = ratios.map(({ ratio }) => ratio).sort((x, y) => x - y);
  const half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
  return ratios.flatMap(({ edge, ratio }) =>
    ratio > LIMB_FACTOR * median || ratio < median / LIMB_FACTOR ? [{ edge, long: ratio > median }] : [],
  );
}

/**
 * @param {Skeleton} skeleton
 * @param {Doc} doc
 * @param {Size} size
 * @param {Doc} original pre-labels
 * @returns {Finding[]}
 */
export function checkDoc(skeleton, doc, size, original) {
  const before = new Map(original.instances.map((instance) => [instance.id, instance]));
  /** @type {Finding[]} */
  const findings = [];
  for (const instance of doc.instances) {
    const old = before.get(instance.id);
    // What a pre-label leaves out may be meant: it asks only once the worker has worked on the instance.
    const untouched = old && !isChanged(instance, old);
    for (const finding of checkInstance(skeleton, instance, size)) {
      const quiet = untouched && (finding.check === "missing_keypoints" || finding.check === "empty_instance");
      findings.push(quiet ? { ...finding, level: "info" } : finding);
    }
  }
  doc.instances.forEach((a, i) => {
    for (const b of doc.instances.slice(i + 1)) {
      const { oks, shared } = similarity(skeleton, a, b);
      if (shared < 2 || oks <= ALIKE) continue;
      findings.push({ check: "duplicate_instance", level: oks > SAME ? "warning" : "info", id: b.id, indexes: [], text: "Nearly the same as another instance" });
    }
  });
  const changed = doc.instances.length !== original.instances.length || doc.instances.some((instance) => {
    const old = before.get(instance.id);
    return !old || isChanged(instance, old);
  });
  if (original.instances.length && !changed && !doc.noChanges) {
    findings.push({ check: "untouched_prelabels", level: "warning", id: "", indexes: [], text: "Nothing was changed: tick “No changes needed” if all is right" });
  }
  return findings;
}
