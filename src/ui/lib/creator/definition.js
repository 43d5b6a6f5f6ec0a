/** A skeleton definition being drawn, and its edits: each gives a new one. */
import { PALETTE } from "../colors.js";
import { MOST_KEYPOINTS, otherSide } from "../skeleton.js";

/**
 * @typedef {{name: string, color: string, pair: string, sigma: number | null, x: number, y: number, displayNames?: Record<string, string>}} DrawnKeypoint
 * @typedef {[string, string] | [string, string, string]} DrawnEdge
 * @typedef {{name: string, supercategory: string, keypoints: DrawnKeypoint[], edges: DrawnEdge[]}} Definition
 */

/** @returns {Definition} */
export const emptyDefinition = () => ({ name: "skeleton", supercategory: "", keypoints: [], edges: [] });

/** @param {Definition} definition @param {string} wanted a name nobody has */
function freeName(definition, wanted) {
  let name = wanted;
  for (let n = 2; definition.keypoints.some((keypoint) => keypoint.name === name); n++) name = `${wanted}_${n}`;
  return name;
}

/** @param {Definition} definition @param {number} x @param {number} y @returns {Definition} */
export function withKeypoint(definition, x, y) {
  const count = definition.keypoints.length;
  if (count >= MOST_KEYPOINTS) return definition;
  const name = freeName(definition, `keypoint_${count + 1}`);
  const keypoint = { name, color: PALETTE[count % PALETTE.length], pair: "", sigma: null, x, y };
  return { ...definition, keypoints: [...definition.keypoints, keypoint] };
}

/** @param {Definition} definition @param {number} index @returns {Definition} */
export function withoutKeypoint(definition, index) {
  const { name } = definition.keypoints[index];
  return {
    ...definition,
    keypoints: definition.keypoints.filter((_, i) => i !== index).map((other) => (other.pair === name ? { ...other, pair: "" } : other)),
    edges: definition.edges.filter(([a, b]) => a !== name && b !== name),
  };
}

/**
 * A change of a name goes everywhere the name is used; a pair is always mutual.
 * @param {Definition} definition
 * @param {number} index
 * @param {Partial<DrawnKeypoint>} change
 * @returns {Definition}
 */
export function changeKeypoint(definition, index, change) {
  const old = definition.keypoints[index];
  if (change.name !== undefined && change.name !== old.name) return renamed(definition, index, change.name.trim());
  const keypoints = definition.keypoints.map((keypoint, i) => (i === index ? { ...keypoint, ...change } : keypoint));
  if (change.pair === undefined) return { ...definition, keypoints };
  return {
    ...definition,
    keypoints: keypoints.map((keypoint, i) => {
      if (i === index) return keypoint;
      if (keypoint.name === change.pair) return { ...keypoint, pair: old.name };
      return keypoint.pair === old.name || (change.pair && keypoint.pair === change.pair) ? { ...keypoint, pair: "" } : keypoint;
    }),
  };
}

/** Names of two sides make a pair, as they do in the labelling element. @param {Definition} definition @param {number} index @param {string} wanted @returns {Definition} */
function renamed(definition, index, wanted) {
  const old = definition.keypoints[index].name;
  if (!wanted || definition.keypoints.some((keypoint) => keypoint.name === wanted)) return definition;
  const swap = (/** @type {string} */ name) => (name === old ? wanted : name);
  const next = {
    ...definition,
    keypoints: definition.keypoints.map((keypoint) => ({ ...keypoint, name: swap(keypoint.name), pair: swap(keypoint.pair) })),
    edges: definition.edges.map(([a, b, ...color]) => /** @type {DrawnEdge} */ ([swap(a), swap(b), ...color])),
  };
  const other = next.keypoints.find(({ name, pair }) => name === otherSide(wanted) && !pair);
  return other && !next.keypoints[index].pair ? changeKeypoint(next, index, { pair: other.name }) : next;
}

/** @param {Definition} definition @param {number} index @param {1 | -1} step @returns {Definition} */
export function movedInOrder(definition, index, step) {
  const to = index + step;
  if (to < 0 || to >= definition.keypoints.length) return definition;
  const keypoints = definition.keypoints.slice();
  [keypoints[index], keypoints[to]] = [keypoints[to], keypoints[index]];
  return { ...definition, keypoints };
}

/** Draws the edge, or takes it away. @param {Definition} definition @param {string} a @param {string} b @returns {Definition} */
export function toggledEdge(definition, a, b) {
  if (a === b) return definition;
  const others = definition.edges.filter(([p, q]) => !((p === a && q === b) || (p === b && q === a)));
  return { ...definition, edges: others.length < definition.edges.length ? others : [...others, [a, b]] };
}

/** @param {Definition} definition @param {string} name @returns {string[]} the keypoints it is joined with */
export const joinedWith = (definition, name) => definition.edges.flatMap(([a, b]) => (a === name ? [b] : b === name ? [a] : []));

/**
 * The name that the keypoint's other side would have; empty if its name tells no side, or if it has one.
 * @param {Definition} definition
 * @param {number} index
 */
export function missingSide(definition, index) {
  const { name, pair } = definition.keypoints[index];
  const other = otherSide(name);
  return pair || definition.keypoints.some((keypoint) => keypoint.name === other) ? "" : other;
}

/**
 * Adds the other side of a keypoint, with the same sigma: mirrored across the middle of the keypoints that have no side,
 * or of the board, and joined as the keypoint is.
 * @param {Definition} definition
 * @param {number} index
 * @param {number} width of the board
 * @returns {Definition}
 */
export function withOtherSide(definition, index, width) {
  const name = missingSide(definition, index);
  if (!name) return definition;
  const keypoint = definition.keypoints[index];
  const names = definition.keypoints.map((other) => other.name);
  const middle = definition.keypoints.filter((other) => !otherSide(other.name)).map(({ x }) => x);
  const axis = middle.length ? middle.reduce((sum, x) => sum + x, 0) / middle.length : width / 2;
  const x = tenth(Math.min(width, Math.max(0, 2 * axis - keypoint.x)));
  const color = PALETTE[names.length % PALETTE.length];
  // A neighbour on the midline is shared; one on this side gives way to its own counterpart, once there is one.
  const neighbours = joinedWith(definition, keypoint.name).map((other) => otherSide(other) || other).filter((other) => names.includes(other));
  const edges = [...definition.edges, ...neighbours.map((other) => /** @type {DrawnEdge} */ ([other, name]))];
  const next = { ...definition, keypoints: [...definition.keypoints, { ...keypoint, name, pair: "", x, color }], edges };
  return changeKeypoint(next, index, { pair: name });
}

/** @typedef {{width: number, height: number}} Size */

/**
 * Moved and scaled, evenly in both directions.
 * @param {Definition} definition
 * @param {(value: {x: number, y: number}) => {x: number, y: number}} place
 * @returns {Definition}
 */
const placed = (definition, place) => ({
  ...definition,
  keypoints: definition.keypoints.map((keypoint) => {
    const { x, y } = place(keypoint);
    return { ...keypoint, x: tenth(x), y: tenth(y) };
  }),
});

/** A tenth of a pixel: finer than anyone draws. @param {number} value */
export const tenth = (value) => Math.round(value * 10) / 10;

/** What is drawn on one board, on another one, as large as it fits. @param {Definition} definition @param {Size} from @param {Size} to */
export function onBoard(definition, from, to) {
  const scale = Math.min(to.width / from.width, to.height / from.height);
  return placed(definition, ({ x, y }) => ({
    x: to.width / 2 + (x - from.width / 2) * scale,
    y: to.height / 2 + (y - from.height / 2) * scale,
  }));
}

/** The share of the board that stays free on each side of what comes from outside. */
const MARGIN = 0.12;

/** A definition in any unit, in the middle of the board. @param {Definition} definition @param {Size} size */
export function fitted(definition, size) {
  const xs = definition.keypoints.map(({ x }) => x);
  const ys = definition.keypoints.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const room = 1 - 2 * MARGIN;
  const scale = Math.min((size.width * room) / (right - left), (size.height * room) / (bottom - top));
  const factor = Number.isFinite(scale) ? scale : 1;
  return placed(definition, ({ x, y }) => ({
    x: size.width / 2 + (x - (left + right) / 2) * factor,
    y: size.height / 2 + (y - (top + bottom) / 2) * factor,
  }));
}
