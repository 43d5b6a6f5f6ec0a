/**
 * Checks find likely errors before submission. They warn, but never prevent a submission. The cases in tests/cases test
 * this module and its Python counterpart.
 */
/** @import {Doc, Instance, Size, Skeleton} from "../types.js" */
import { findInstance, isChanged, isPlaced, labelOf, pendingOf } from "../document.js";
import { distance, extentOf, isInside } from "../geometry.js";
import { areaOf, similarity } from "./similarity.js";
import { swappedSides } from "./sides.js";
import { t } from "../texts.js";

/**
 * @typedef {object} Finding
 * @property {string} check its name
 * @property {"warning" | "info"} level a warning opens a dialog before submission
 * @property {string} id of the instance, "" for the image
 * @property {number[]} indexes keypoints
 * @property {string} text the description of the finding
 * @property {string} names of the keypoints
 */

/** Factor between an edge's length ratio and the instance's median ratio above which perspective cannot explain it. */
const LIMB_FACTOR = 3;
const SAME = 0.9;
const ALIKE = 0.7;

/**
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 * @param {Size} size
 * @returns {Finding[]}
 */
function checkInstance(skeleton, instance, size) {
  /** @type {Finding[]} */
  const findings = [];
  const found = (
    /** @type {string} */ check,
    /** @type {number[]} */ indexes,
    text = t.checks[check],
    /** @type {Finding["level"]} */ level = "warning",
  ) =>
    findings.push({
      check,
      level,
      id: instance.id,
      indexes,
      text,
      names: indexes.map((index) => labelOf(skeleton, index)).join(", "),
    });
  const placed = instance.points.flatMap((point, i) =>
    isPlaced(point) ? [{ ...point, i, sigma: skeleton.keypoints[i].sigma }] : [],
  );
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
    for (let m = n + 1; m < placed.length; m += 1) {
      const q = placed[m];
      if (distance(p, q) < Math.max(1, 0.1 * Math.min(p.sigma, q.sigma) * s)) found("coincident_keypoints", [p.i, q.i]);
    }
  });
  const sides = swappedSides(skeleton, instance);
  if (sides) found("swapped_sides", sides, t.checks[sides.length ? "swapped_sides" : "swapped_body"]);
  for (const { edge, long } of oddLimbs(skeleton, instance))
    found("limb_length", edge, t.checks[long ? "long" : "short"], long ? "warning" : "info");
  return findings;
}

/**
 * Find edges that are out of proportion. The ratio of an edge's length to its length in the template is compared with
 * the median ratio of the instance, which one misplaced keypoint does not shift.
 * @param {Skeleton} skeleton
 * @param {Instance} instance
 */
function oddLimbs({ edges, keypoints }, { points }) {
  const limbs = edges.flatMap(([a, b]) => {
    const [p, q] = [points[a], points[b]];
    const drawn = distance(keypoints[a], keypoints[b]);
    return isPlaced(p) && isPlaced(q) && drawn > 0
      ? [{ edge: [a, b], ratio: Math.max(distance(p, q), 1e-6) / drawn }]
      : [];
  });
  const sorted = limbs.map(({ ratio }) => ratio).sort((x, y) => x - y);
  const half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
  return limbs
    .filter(({ ratio }) => limbs.length >= 4 && (ratio > LIMB_FACTOR * median || ratio < median / LIMB_FACTOR))
    .map(({ edge, ratio }) => ({ edge, long: ratio > median }));
}

/** @type {WeakMap<Instance, {skeleton: Skeleton, size: Size, findings: Finding[]}>} findings in an instance, and what else they depend on */
const checked = new WeakMap();

/**
 * `checkInstance`, memoised, because an edit changes one instance of possibly hundreds.
 * @type {typeof checkInstance}
 */
export function findingsIn(skeleton, instance, size) {
  let own = checked.get(instance);
  if (own?.skeleton !== skeleton || own.size.width !== size.width || own.size.height !== size.height) {
    own = { skeleton, size, findings: checkInstance(skeleton, instance, size) };
    checked.set(instance, own);
  }
  return own.findings;
}

/** @typedef {{a: Instance, b: Instance, oks: number}} Pair two similar instances */

/** @type {WeakMap<Skeleton, {instances: Instance[], pairs: Pair[]}>} of the last document that was checked */
const lastPairs = new WeakMap();

/**
 * Return the pairs of similar instances. Pairs of the last document are reused if neither instance changed.
 * @param {Skeleton} skeleton
 * @param {Instance[]} instances
 */
function alikeIn(skeleton, instances) {
  const last = lastPairs.get(skeleton) ?? { instances: [], pairs: [] };
  const [before, now] = [new Set(last.instances), new Set(instances)];
  const pairs = last.pairs.filter(({ a, b }) => now.has(a) && now.has(b));
  const most = Math.max(0, ...skeleton.keypoints.map(({ sigma }) => sigma));
  const boxes = instances.map((instance) => ({
    box: extentOf(instance),
    area: areaOf(instance),
    isOld: before.has(instance),
  }));
  instances.forEach((b, j) => {
    for (let i = 0; i < j; i += 1) {
      const [p, q] = [boxes[i], boxes[j]];
      if ((p.isOld && q.isOld) || !p.box || !q.box) continue;
      // The distance between the extents is a lower bound for the distance between corresponding keypoints.
      const across = Math.max(0, p.box.left - q.box.right, q.box.left - p.box.right);
      const down = Math.max(0, p.box.top - q.box.bottom, q.box.top - p.box.bottom);
      if (Math.exp(-(across ** 2 + down ** 2) / ((p.area + q.area) * (2 * most) ** 2)) <= ALIKE) continue;
      const { oks, shared } = similarity(skeleton, instances[i], b);
      if (shared >= 2 && oks > ALIKE) pairs.push({ a: instances[i], b, oks });
    }
  });
  lastPairs.set(skeleton, { instances, pairs });
  return pairs;
}

/**
 * @param {Skeleton} skeleton
 * @param {Doc} doc
 * @param {Size} size
 * @param {Doc} original pre-labels
 * @returns {Finding[]}
 */
export function checkDoc(skeleton, { instances, noChanges }, size, original) {
  const untouched = new Set(
    instances.filter((instance) => {
      const before = findInstance(original, instance.id);
      return before && !isChanged(instance, before);
    }),
  );
  const findings = instances.flatMap((instance) =>
    findingsIn(skeleton, instance, size).map((finding) =>
      // A pre-label may omit keypoints on purpose. The finding is a warning only once the worker has changed the
      // instance.
      untouched.has(instance) && ["missing_keypoints", "empty_instance"].includes(finding.check)
        ? { ...finding, level: /** @type {const} */ ("info") }
        : finding,
    ),
  );
  for (const { b, oks } of alikeIn(skeleton, instances)) {
    findings.push({
      check: "duplicate_instance",
      level: oks > SAME ? "warning" : "info",
      id: b.id,
      indexes: [],
      text: t.checks.duplicate_instance,
      names: "",
    });
  }
  const count = original.instances.length;
  if (count && count === instances.length && count === untouched.size && !noChanges) {
    findings.push({
      check: "untouched_prelabels",
      level: "warning",
      id: "",
      indexes: [],
      text: t.checks.untouched_prelabels,
      names: "",
    });
  }
  return findings;
}
