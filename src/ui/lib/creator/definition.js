/** A skeleton definition being drawn: immutable edits, and the formats it comes from and goes to. */
import { colorOr, PALETTE } from "../colors.js";
import { isNumber, isRecord, readSkeleton } from "../skeleton.js";

/**
 * @typedef {{name: string, color: string, pair: string, sigma: number | null, x: number, y: number}} DrawnKeypoint
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

/** @param {Definition} definition @param {number} index @param {string} wanted @returns {Definition} */
function renamed(definition, index, wanted) {
  const old = definition.keypoints[index].name;
  if (!wanted || definition.keypoints.some((keypoint) => keypoint.name === wanted)) return definition;
  const swap = (/** @type {string} */ name) => (name === old ? wanted : name);
  return {
    ...definition,
    keypoints: definition.keypoints.map((keypoint) => ({ ...keypoint, name: swap(keypoint.name), pair: swap(keypoint.pair) })),
    edges: definition.edges.map(([a, b, ...color]) => /** @type {DrawnEdge} */ ([swap(a), swap(b), ...color])),
  };
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

/** @param {Definition} definition the project's own file */
export function toSkeletonJson(definition) {
  const keypoints = definition.keypoints.map(({ name, pair, sigma, color, x, y }) => ({
    name, ...(pair ? { pair } : {}), ...(sigma ? { sigma } : {}), color, template: [x, y],
  }));
  const { name, supercategory, edges } = definition;
  return { version: "1.0", name, ...(supercategory ? { supercategory } : {}), keypoints, edges };
}

/** @param {Definition} definition the attributes of the labelling element, as the original component names them */
export function toAttributes(definition) {
  const xs = definition.keypoints.map(({ x }) => x);
  const ys = definition.keypoints.map(({ y }) => y);
  return {
    keypointClasses: definition.keypoints.map(({ name, color, pair, sigma, x, y }) => ({ id: name, label: name, color, x, y, ...(pair ? { pair } : {}), ...(sigma ? { sigma } : {}) })),
    skeletonRig: definition.edges,
    skeletonBoundingBox: xs.length ? { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) } : null,
  };
}

/**
 * Reads the project's own file, COCO categories (a file, a list or one of them), or the original's attributes.
 * @param {string} text
 * @returns {Definition}
 * @throws {Error} with a sentence for the reader
 */
export function readDefinition(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("This is not JSON.");
  }
  const category = [value, ...(Array.isArray(value) ? value : []), ...(Array.isArray(value?.categories) ? value.categories : [])].find(isCategory);
  if (category) return fromCoco(category);
  if (isRecord(value) && Array.isArray(value.keypoints)) return fromFile(value);
  const classes = Array.isArray(value) ? value : value?.keypointClasses;
  if (Array.isArray(classes)) return fromAttributes(classes, value.skeletonRig);
  throw new Error("This is neither a skeleton file, nor COCO categories, nor keypointClasses.");
}

/** @param {any} value */
const isCategory = (value) => isRecord(value) && Array.isArray(value.keypoints) && value.keypoints.length > 0 && value.keypoints.every((/** @type {unknown} */ name) => typeof name === "string");

/** COCO has names and edges (from 1) but no places: a ring shows them all. @param {any} category */
function fromCoco(category) {
  const { keypoints: names, skeleton = [] } = category;
  const classes = names.map((/** @type {string} */ label, /** @type {number} */ n) => {
    const turn = (2 * Math.PI * n) / names.length - Math.PI / 2;
    return { label, x: Math.round(100 + 90 * Math.cos(turn)), y: Math.round(100 + 90 * Math.sin(turn)) };
  });
  const rig = skeleton.map((/** @type {number[]} */ [a, b]) => [names[a - 1], names[b - 1]]);
  return { ...fromAttributes(classes, rig), name: String(category.name ?? "skeleton"), supercategory: String(category.supercategory ?? "") };
}

/** @param {any} file */
function fromFile(file) {
  const classes = file.keypoints.map((/** @type {any} */ keypoint) => ({ ...keypoint, label: keypoint?.name, x: keypoint?.template?.[0], y: keypoint?.template?.[1] }));
  return { ...fromAttributes(classes, file.edges), name: String(file.name ?? "skeleton"), supercategory: String(file.supercategory ?? "") };
}

/** The element's own reader decides what is sound. @param {any[]} classes @param {any} rig @returns {Definition} */
function fromAttributes(classes, rig) {
  const skeleton = readSkeleton({ classes: JSON.stringify(classes), rig: rig ? JSON.stringify(rig) : null, box: null });
  if (!skeleton.keypoints.length) throw new Error(skeleton.problems.join(" "));
  const names = skeleton.keypoints.map(({ label }) => label);
  const sigmas = new Map(classes.map((entry) => [String(entry?.label), isNumber(entry?.sigma) ? entry.sigma : null]));
  return {
    name: "skeleton",
    supercategory: "",
    keypoints: skeleton.keypoints.map(({ label, color, pair, x, y }) => ({ name: label, color: hex(color), pair: names[pair] ?? "", sigma: sigmas.get(label) ?? null, x, y })),
    edges: skeleton.edges.map(([a, b, color]) => /** @type {DrawnEdge} */ (color ? [names[a], names[b], color] : [names[a], names[b]])),
  };
}

/** A colour field knows six digits only. @param {string} color */
const hex = (color) => (/^#[0-9a-f]{6}$/i.test(color) ? color : colorOr(color, "") && /^#[0-9a-f]{3}$/i.test(color) ? `#${[...color.slice(1)].map((digit) => digit + digit).join("")}` : PALETTE[0]);
