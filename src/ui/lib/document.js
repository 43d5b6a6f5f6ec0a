/**
 * The document holds the labels that are submitted. It is immutable: an edit makes a new one that shares unchanged
 * parts.
 */
/** @import {Doc, Instance, Point, Skeleton} from "./types.js" */
import { t } from "./texts.js";

/**
 * Make a document. "No changes needed" is false in it, because an edit contradicts that statement.
 * @param {Instance[]} instances
 * @param {{comment?: string}} [before] the document that they were in
 * @returns {Doc}
 */
export const docOf = (instances, { comment = "" } = {}) => ({ instances, noChanges: false, comment });

/**
 * @param {string} id
 * @param {number} count
 * @param {Partial<Instance>} [more]
 * @returns {Instance}
 */
export const newInstance = (id, count, more) => ({
  id,
  name: "",
  points: new Array(count).fill(null),
  box: null,
  comment: "",
  color: null,
  prelabel: false,
  locked: false,
  options: {},
  extra: {},
  strays: [],
  ...more,
});

/** Return the id of a new instance, unique in the document: n1, n2, … @param {Doc} doc */
export const nextId = (doc) =>
  `n${1 + Math.max(0, ...doc.instances.map(({ id }) => Number(/^n(\d+)$/.exec(id)?.[1] ?? 0)))}`;

/**
 * Memoise a function of an immutable object.
 * @template {object} K
 * @template V
 * @param {(key: K) => V} compute
 * @returns {(key: K) => V}
 */
export function memo(compute) {
  /** @type {WeakMap<K, V>} */
  const known = new WeakMap();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return /** @type {V} */ (known.get(key));
  };
}

/** Indexes of instances by id, memoised because every row of the panel's list looks up its own. */
const indexesOf = memo((/** @type {Instance[]} */ instances) => new Map(instances.map(({ id }, at) => [id, at])));

/** @param {Doc} doc @param {string | null} id */
export const findInstance = ({ instances }, id) => instances[indexesOf(instances).get(id ?? "") ?? -1] ?? null;

/**
 * @param {Doc} doc
 * @param {string} id
 * @returns {string} the name shown for the instance; "" if there is no such instance
 */
export function nameOf({ instances }, id) {
  const at = indexesOf(instances).get(id) ?? -1;
  return at < 0 ? "" : instances[at].name || t.instance(at + 1);
}

/** @param {Point | null | undefined} point @returns {point is Point} */
export const isPlaced = (point) => Boolean(point && point.v > 0);

/** @param {Pick<Point, "v" | "reason"> | null} point @returns {string} its state in words */
export const stateOf = (point) =>
  t.states[
    !point ? "pending" : point.v === 2 ? "visible" : point.v === 1 ? "occluded" : (point.reason ?? "not_visible")
  ];

export const placedCount = memo((/** @type {Instance} */ instance) => instance.points.filter(isPlaced).length);

/** @param {Instance} instance @returns {number[]} indexes of keypoints that are neither placed nor skipped */
export const pendingOf = (instance) => instance.points.flatMap((point, i) => (point === null ? [i] : []));

/** @param {unknown} a @param {unknown} b */
export const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

/** @param {Instance} now @param {Instance} before */
export const isChanged = (now, before) =>
  now !== before &&
  /** @type {const} */ (["points", "box", "name", "comment", "strays"]).some((key) => !same(now[key], before[key]));

/** @param {Skeleton} skeleton @param {number} index */
export const labelOf = (skeleton, index) => skeleton.keypoints[index]?.name ?? "";
