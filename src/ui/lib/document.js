/** The document: what is submitted. Every edit returns a new document and shares what did not change. */
/** @import {Box, Doc, Instance, Point, Size, Skeleton, XY} from "./types.js" */

/** @returns {Doc} */
export const emptyDoc = () => ({ instances: [], noChanges: false });

/** @param {Point | null | undefined} point @returns {point is Point} */
export const isPlaced = (point) => Boolean(point && point.v > 0);

/** @param {Doc} doc @param {string | null} id */
export const findInstance = (doc, id) => doc.instances.find((instance) => instance.id === id) ?? null;

/**
 * Names of new instances never repeat in a document: n1, n2, …
 * @param {Doc} doc
 */
export function nextId(doc) {
  const numbers = doc.instances.map((instance) => Number(/^n(\d+)$/.exec(instance.id)?.[1] ?? 0));
  return `n${Math.max(0, ...numbers) + 1}`;
}

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

/** @param {Doc} doc @param {Instance} instance @returns {Doc} */
export const withInstance = (doc, instance) => ({ ...doc, noChanges: false, instances: [...doc.instances, instance] });

/** @param {Doc} doc @param {string} id @returns {Doc} */
export const withoutInstance = (doc, id) => ({
  ...doc,
  noChanges: false,
  instances: doc.instances.filter((instance) => instance.id !== id),
});

/**
 * A change of an instance takes back "no changes needed": the two cannot both be true.
 * @param {Doc} doc
 * @param {string} id
 * @param {Partial<Instance>} change
 * @returns {Doc}
 */
export const changeInstance = (doc, id, change) => ({
  ...doc,
  noChanges: false,
  instances: doc.instances.map((instance) => (instance.id === id ? { ...instance, ...change } : instance)),
});

/**
 * @param {Doc} doc
 * @param {string} id
 * @param {Map<number, Point | null> | [number, Point | null][]} changes by keypoint index
 * @returns {Doc}
 */
export function changePoints(doc, id, changes) {
  const instance = findInstance(doc, id);
  if (!instance) return doc;
  const points = instance.points.slice();
  for (const [index, point] of changes) points[index] = point;
  return changeInstance(doc, id, { points });
}

/**
 * Coordinates of a pointer are kept to a hundredth of a pixel: finer than any hand, and short in JSON. What comes
 * from pre-labels is never touched by this.
 * @param {number} value
 */
export const fine = (value) => Math.round(value * 100) / 100;

/**
 * @param {Size} size
 * @param {XY} at
 * @returns {XY}
 */
export const clampTo = (size, at) => ({
  x: fine(Math.min(size.width, Math.max(0, at.x))),
  y: fine(Math.min(size.height, Math.max(0, at.y))),
});

/** @param {Size} size @param {XY} at */
export const isInside = (size, at) => at.x >= 0 && at.y >= 0 && at.x <= size.width && at.y <= size.height;

/**
 * @param {Instance} instance
 * @param {boolean} [withBox]
 * @returns {Box | null} around the placed keypoints
 */
export function boundsOf(instance, withBox = false) {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const point of instance.points) {
    if (!isPlaced(point)) continue;
    box.left = Math.min(box.left, point.x);
    box.top = Math.min(box.top, point.y);
    box.right = Math.max(box.right, point.x);
    box.bottom = Math.max(box.bottom, point.y);
  }
  if (withBox && instance.box) {
    box.left = Math.min(box.left, instance.box.left);
    box.top = Math.min(box.top, instance.box.top);
    box.right = Math.max(box.right, instance.box.right);
    box.bottom = Math.max(box.bottom, instance.box.bottom);
  }
  return box.right >= box.left ? box : null;
}

/** @param {Instance} instance */
export const placedCount = (instance) => instance.points.filter(isPlaced).length;

/** @param {Instance} instance @returns {number[]} keypoints nobody has said anything about */
export const pendingOf = (instance) => instance.points.flatMap((point, i) => (point === null ? [i] : []));

/**
 * @param {Point | null} a
 * @param {Point | null} b
 */
export function samePoint(a, b) {
  if (a === b) return true;
  if (!a || !b) return false;
  return a.v === b.v && a.reason === b.reason && a.comment === b.comment && (a.v === 0 || (a.x === b.x && a.y === b.y));
}

/**
 * @param {Box | null} a
 * @param {Box | null} b
 */
export const sameBox = (a, b) =>
  a === b || Boolean(a && b && a.left === b.left && a.top === b.top && a.right === b.right && a.bottom === b.bottom);

/**
 * What a worker changed in a pre-label.
 * @param {Instance} now
 * @param {Instance | null} before
 * @returns {number[]} indexes of changed keypoints
 */
export const changedPoints = (now, before) =>
  before ? now.points.flatMap((point, i) => (samePoint(point, before.points[i]) ? [] : [i])) : [];

/**
 * @param {Instance} now
 * @param {Instance} before
 */
export const isChanged = (now, before) =>
  now !== before &&
  (changedPoints(now, before).length > 0 ||
    now.name !== before.name ||
    now.comment !== before.comment ||
    now.strays.length !== before.strays.length ||
    !sameBox(now.box, before.box));

/**
 * @param {Skeleton} skeleton
 * @param {number} index
 */
export const labelOf = (skeleton, index) => skeleton.keypoints[index]?.label.replaceAll("_", " ") ?? "";
