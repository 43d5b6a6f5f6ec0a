/** A skeleton definition being drawn, and its edits. Each edit returns a new definition. */
import { PALETTE } from "../colors.js";
import { isLeftOf, nameKey, otherSide, pairsOf, sideOf, tellsSide } from "../names.js";
import { MOST_KEYPOINTS } from "../skeleton.js";

/**
 * @typedef {{name: string, color: string, pair: string, sigma: number | null, x: number, y: number, displayNames?: Record<string, string>}} DrawnKeypoint
 * @typedef {[string, string] | [string, string, string]} DrawnEdge
 * @typedef {{name: string, supercategory: string, keypoints: DrawnKeypoint[], edges: DrawnEdge[]}} Definition
 */

/** @returns {Definition} */
export const emptyDefinition = () => ({ name: "skeleton", supercategory: "", keypoints: [], edges: [] });

/** @param {Definition} definition @param {string} wanted gets a numeric suffix if it is taken */
function freeName(definition, wanted) {
  const taken = new Set(definition.keypoints.map(({ name }) => nameKey(name)));
  let name = wanted;
  for (let n = 2; taken.has(nameKey(name)); n++) name = `${wanted}_${n}`;
  return name;
}

/**
 * Return why a keypoint cannot have a name, by the rules of pose/skeleton.py; empty if it can.
 * @param {Definition} definition
 * @param {number} index
 * @param {string} wanted
 */
export function nameProblem(definition, index, wanted) {
  const key = nameKey(wanted);
  const like = definition.keypoints.find(({ name }, i) => i !== index && nameKey(name) === key);
  if (!key) return "A keypoint needs a name with visible characters.";
  return !like
    ? ""
    : like.name === wanted
      ? `There is a keypoint “${wanted}” already: names must differ.`
      : `There is a keypoint “${like.name}” already: names must differ in more than case and invisible characters.`;
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
    keypoints: definition.keypoints
      .filter((_, i) => i !== index)
      .map((other) => (other.pair === name ? { ...other, pair: "" } : other)),
    edges: definition.edges.filter(([a, b]) => a !== name && b !== name),
  };
}

/**
 * Change a keypoint. A new name replaces the old one in pairs and edges too. A pair is always mutual.
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
      return keypoint.pair === old.name || (change.pair && keypoint.pair === change.pair)
        ? { ...keypoint, pair: "" }
        : keypoint;
    }),
  };
}

/**
 * Rename a keypoint. A left and a right name become a pair, as they do in the labelling element.
 * @param {Definition} definition
 * @param {number} index
 * @param {string} wanted
 * @returns {Definition}
 */
function renamed(definition, index, wanted) {
  const old = definition.keypoints[index].name;
  if (nameProblem(definition, index, wanted)) return definition;
  const swap = (/** @type {string} */ name) => (name === old ? wanted : name);
  const next = {
    ...definition,
    keypoints: definition.keypoints.map((keypoint) => ({
      ...keypoint,
      name: swap(keypoint.name),
      pair: swap(keypoint.pair),
    })),
    edges: definition.edges.map(([a, b, ...color]) => /** @type {DrawnEdge} */ ([swap(a), swap(b), ...color])),
  };
  const other = next.keypoints[pairsOf(next.keypoints.map(({ name }) => name))[index]];
  return other && !other.pair && !next.keypoints[index].pair ? changeKeypoint(next, index, { pair: other.name }) : next;
}

/**
 * @param {Definition} definition
 * @param {number} index
 * @param {number} to its new position in the order
 * @returns {Definition}
 */
export function movedInOrder(definition, index, to) {
  if (to < 0 || to >= definition.keypoints.length || to === index) return definition;
  const keypoints = definition.keypoints.toSpliced(index, 1);
  return { ...definition, keypoints: keypoints.toSpliced(to, 0, definition.keypoints[index]) };
}

/**
 * Add an edge, or remove it if it exists.
 * @param {Definition} definition
 * @param {string} a
 * @param {string} b
 * @returns {Definition}
 */
export function toggledEdge(definition, a, b) {
  if (a === b) return definition;
  const others = definition.edges.filter(([p, q]) => !((p === a && q === b) || (p === b && q === a)));
  return { ...definition, edges: others.length < definition.edges.length ? others : [...others, [a, b]] };
}

/** @param {Definition} definition @param {string} name @returns {string[]} the keypoints it is joined with */
export const joinedWith = (definition, name) =>
  definition.edges.flatMap(([a, b]) => (a === name ? [b] : b === name ? [a] : []));

/**
 * Return the name of the keypoint's missing counterpart; empty if its name tells no side, or if the counterpart exists.
 * @param {Definition} definition
 * @param {number} index
 */
export function missingSide(definition, index) {
  const { name, pair } = definition.keypoints[index];
  const other = otherSide(name);
  return pair || !other || definition.keypoints.some((keypoint) => nameKey(keypoint.name) === nameKey(other))
    ? ""
    : other;
}

/**
 * Return x of the mirror axis: the mean of the keypoints without a side, else of the pairs, else the board's middle.
 * @param {Definition} definition
 * @param {number} width of the board
 */
function axisOf({ keypoints }, width) {
  const middle = keypoints.filter(({ name, pair }) => !pair && !otherSide(name));
  const along = middle.length ? middle : keypoints.filter(({ pair }) => pair);
  return along.length ? along.reduce((sum, { x }) => sum + x, 0) / along.length : width / 2;
}

/** @param {number} x @param {number} axis @param {number} width */
const opposite = (x, axis, width) => tenth(Math.min(width, Math.max(0, 2 * axis - x)));

/**
 * Add a keypoint's mirrored counterpart, with the same sigma and the corresponding edges.
 * @param {Definition} definition
 * @param {number} index
 * @param {number} width of the board
 * @returns {Definition}
 */
export function withOtherSide(definition, index, width) {
  const name = missingSide(definition, index);
  if (!name || definition.keypoints.length >= MOST_KEYPOINTS) return definition;
  const keypoint = definition.keypoints[index];
  const names = definition.keypoints.map((other) => other.name);
  const middle = {
    ...definition,
    keypoints: definition.keypoints.filter((other) => !otherSide(other.name) && !other.pair),
  };
  const x = opposite(keypoint.x, axisOf(middle, width), width);
  const color = PALETTE[names.length % PALETTE.length];
  // A neighbour on the midline is joined too. Instead of a neighbour on this side, its counterpart is joined, if it
  // exists.
  const neighbours = joinedWith(definition, keypoint.name)
    .map((other) => otherSide(other) || other)
    .filter((other) => names.includes(other));
  const edges = [...definition.edges, ...neighbours.map((other) => /** @type {DrawnEdge} */ ([other, name]))];
  const next = {
    ...definition,
    keypoints: [...definition.keypoints, { ...keypoint, name, pair: "", x, color }],
    edges,
  };
  return changeKeypoint(next, index, { pair: name });
}

/**
 * Make the skeleton symmetric: move each keypoint of the other side to the mirrored position of its counterpart on this
 * side, and add the corresponding edges. Missing counterparts are added.
 * @param {Definition} definition
 * @param {"left" | "right"} side that stays as it is
 * @param {number} width of the board
 * @returns {Definition}
 */
export function mirroredFrom(definition, side, width) {
  const names = definition.keypoints.map(({ name }) => name);
  // If the names of a pair tell no side, the first keypoint counts as the left one, as it does for workers.
  const sideIn = (/** @type {DrawnKeypoint} */ { name, pair }, /** @type {number} */ i) =>
    !pair
      ? sideOf(name)
      : (isLeftOf(name, pair) === isLeftOf(pair, name) ? i < names.indexOf(pair) : isLeftOf(name, pair))
        ? "left"
        : "right";
  const ours = names.filter((_, i) => sideIn(definition.keypoints[i], i) === side);
  const axis = axisOf(definition, width);
  let next = definition;
  for (const name of ours)
    next = withOtherSide(
      next,
      next.keypoints.findIndex((keypoint) => keypoint.name === name),
      width,
    );
  const byName = new Map(next.keypoints.map((keypoint) => [keypoint.name, keypoint]));
  const keypoints = next.keypoints.map((keypoint) => {
    const source = ours.includes(keypoint.pair) ? byName.get(keypoint.pair) : undefined;
    return source ? { ...keypoint, x: opposite(source.x, axis, width), y: source.y } : keypoint;
  });
  const other = (/** @type {string} */ name) => byName.get(name)?.pair || name;
  const key = (/** @type {string} */ a, /** @type {string} */ b) => JSON.stringify([a, b].sort());
  const joined = new Set(next.edges.map(([a, b]) => key(a, b)));
  const added = next.edges
    .filter(([a, b]) => ours.includes(a) || ours.includes(b))
    .map(([a, b, ...color]) => /** @type {DrawnEdge} */ ([other(a), other(b), ...color]))
    .filter(([a, b]) => a !== b && !joined.has(key(a, b)) && joined.add(key(a, b)));
  const changed =
    added.length ||
    next !== definition ||
    keypoints.some(({ x, y }, i) => x !== next.keypoints[i].x || y !== next.keypoints[i].y);
  return changed ? { ...next, keypoints, edges: [...next.edges, ...added] } : definition;
}

/**
 * List the keypoints whose name tells a side but which have no counterpart, or one of the same side. If training
 * mirrors an image, they would keep their name on the wrong side (flip_idx).
 * @param {Definition} definition
 * @returns {string[]}
 */
export function sidesInDoubt({ keypoints }) {
  const pairs = pairsOf(keypoints.map(({ name }) => name));
  return keypoints
    .filter(({ name, pair }, i) =>
      pair ? sideOf(name) !== "" && sideOf(name) === sideOf(pair) : pairs[i] >= 0 || tellsSide(name),
    )
    .map(({ name }) => name);
}

/** Pair the keypoints whose names differ only in their side. @param {Definition} definition @returns {Definition} */
export function pairedByName(definition) {
  const names = definition.keypoints.map(({ name }) => name);
  return pairsOf(names).reduce(
    (next, j, i) => (j > i && next.keypoints[i].pair !== names[j] ? changeKeypoint(next, i, { pair: names[j] }) : next),
    definition,
  );
}

/** @typedef {{width: number, height: number}} Size */

/**
 * Apply a mapping to all keypoints, and round the results.
 * @param {Definition} definition
 * @param {Size} size of the board: on a tiny one, tenths would deform the skeleton
 * @param {(value: {x: number, y: number}) => {x: number, y: number}} place
 * @returns {Definition}
 */
function placed(definition, { width, height }, place) {
  const step = Math.max(width, height) < 100 ? 1000 : 10;
  const rounded = (/** @type {number} */ value) => Math.round(value * step) / step;
  return {
    ...definition,
    keypoints: definition.keypoints.map((keypoint) => {
      const { x, y } = place(keypoint);
      return { ...keypoint, x: rounded(x), y: rounded(y) };
    }),
  };
}

/** Round to 0.1 px, which is more precise than any drawing. @param {number} value */
export const tenth = (value) => Math.round(value * 10) / 10;

/**
 * Move a drawing from one board to another, scaled to the largest size that fits.
 * @param {Definition} definition
 * @param {Size} from
 * @param {Size} to
 */
export function onBoard(definition, from, to) {
  const scale = Math.min(to.width / from.width, to.height / from.height);
  return placed(definition, to, ({ x, y }) => ({
    x: to.width / 2 + (x - from.width / 2) * scale,
    y: to.height / 2 + (y - from.height / 2) * scale,
  }));
}

/** Share of the board that stays free on each side of an imported skeleton. */
const MARGIN = 0.12;

/** Scale a definition from any unit to the board, and centre it. @param {Definition} definition @param {Size} size */
export function fitted(definition, size) {
  const xs = definition.keypoints.map(({ x }) => x);
  const ys = definition.keypoints.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const room = 1 - 2 * MARGIN;
  const scale = Math.min((size.width * room) / (right - left), (size.height * room) / (bottom - top));
  const factor = Number.isFinite(scale) ? scale : 1;
  return placed(definition, size, ({ x, y }) => ({
    x: size.width / 2 + (x - (left + right) / 2) * factor,
    y: size.height / 2 + (y - (top + bottom) / 2) * factor,
  }));
}
