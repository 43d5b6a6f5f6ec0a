/** The document: what is submitted. Every edit makes a new one and shares what did not change. */
/** @import {Doc, Instance, Point, Skeleton} from "./types.js" */
import { t } from "./texts.js";

/**
 * A changed instance takes back "no changes needed": the two cannot both be true.
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

/** Names of new instances never repeat in a document: n1, n2, … @param {Doc} doc */
export const nextId = (doc) =>
  `n${1 + Math.max(0, ...doc.instances.map(({ id }) => Number(/^n(\d+)$/.exec(id)?.[1] ?? 0)))}`;

/**
 * A function of an object that never changes, computed once for each.
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

/** Indexes of instances by id: every row of a list asks for its own. */
const indexesOf = memo((/** @type {Instance[]} */ instances) => new Map(instances.map(({ id }, at) => [id, at])));

/** @param {Doc} doc @param {string | null} id */
export const findInstance = ({ instances }, id) => instances[indexesOf(instances).get(id ?? "") ?? -1] ?? null;

/** @param {Doc} doc @param {string} id @returns {string} what the instance is called on the screen; "" for none */
export function nameOf({ instances }, id) {
  const at = indexesOf(instances).get(id) ?? -1;
  return at < 0 ? "" : instances[at].name || t.instance(at + 1);
}

/** @param {Point | null | undefined} point @returns {point is Point} */
export const isPlaced = (point) => Boolean(point && point.v > 0);

/** @param {Pick<Point, "v" | "reason"> | null} point @returns {string} in words */
export const stateOf = (point) =>
  t.states[
    !point ? "pending" : point.v === 2 ? "visible" : point.v === 1 ? "occluded" : (point.reason ?? "not_visible")
  ];

export const placedCount = memo((/** @type {Instance} */ instance) => instance.points.filter(isPlaced).length);

/** @param {Instance} instance @returns {number[]} keypoints nobody has said anything about */
export const pendingOf = (instance) => instance.points.flatMap((point, i) => (point === null ? [i] : []));

/** @param {unknown} a @param {unknown} b */
export const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * What a worker changed in a pre-label.
 * @param {Instance} now
 * @param {Instance | null} before
 * @returns {number[]} indexes of changed keypoints
 */
export const changedPoints = (now, before) =>
  before ? now.points.flatMap((point, i) => (same(point, before.points[i]) ? [] : [i])) : [];

/** @param {Instance} now @param {Instance} before */
export const isChanged = (now, before) =>
  now !== before &&
  /** @type {const} */ (["points", "box", "name", "comment", "strays"]).some((key) => !same(now[key], before[key]));

/** @param {Skeleton} skeleton @param {number} index */
export const labelOf = (skeleton, index) => skeleton.keypoints[index]?.name ?? "";
