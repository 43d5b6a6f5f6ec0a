/** What a definition comes from and goes to: the project's skeleton file, COCO categories, the element's attributes. */
import { isNumber, isRecord } from "../json.js";
import { LEAST_SIGMA, MOST_KEYPOINTS, readSkeleton } from "../skeleton.js";
import { PRESETS } from "./presets.js";

/** @import {Definition, DrawnEdge} from "./definition.js" */

/** The limits of a skeleton file: docs/schemas/skeleton.schema.json. */
export const LONGEST_NAME = 128;
const LANGUAGE_TAG = /^[a-z]{2,8}(-[a-z0-9]{1,8})*$/;

/** Text that is none of the formats; its message is a sentence for the reader. */
export class FormatError extends Error {}

/** What keeps a definition from being a skeleton file; empty if nothing does. @param {Definition} definition */
export const whatIsMissing = (definition) =>
  !definition.keypoints.length ? "There is nothing to export yet: place a keypoint." : !definition.name ? "The skeleton needs a name." : "";

/** @param {Definition} definition the project's own file */
export function toSkeletonJson(definition) {
  const keypoints = definition.keypoints.map(({ name, pair, sigma, color, x, y, displayNames }) => ({
    name, ...(pair ? { pair } : {}), ...(sigma ? { sigma } : {}), color, template: [x, y], ...(displayNames ? { display_names: displayNames } : {}),
  }));
  const { name, supercategory, edges } = definition;
  return { version: "1.0", name, ...(supercategory ? { supercategory } : {}), keypoints, edges };
}

/** @param {Definition} definition the attributes of the labelling element, as the original component names them */
export function toAttributes(definition) {
  const xs = definition.keypoints.map(({ x }) => x);
  const ys = definition.keypoints.map(({ y }) => y);
  return {
    keypointClasses: definition.keypoints.map(({ name, color, pair, sigma, x, y, displayNames }) => ({ id: name, label: name, color, x, y, ...(pair ? { pair } : {}), ...(sigma ? { sigma } : {}), ...(displayNames ? { display_names: displayNames } : {}) })),
    skeletonRig: definition.edges,
    skeletonBoundingBox: xs.length ? { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) } : null,
  };
}

/** @param {Record<string, unknown>} values @returns {import("../types.js").Attributes} as the element has them */
export const asAttributes = (values) => (name) => JSON.stringify(values[name] ?? null);

/** @param {Definition} definition the same as HTML, to be pasted into a worker task template */
export const toMarkup = (definition) =>
  Object.entries(toAttributes(definition)).map(([name, value]) => `${name}='${JSON.stringify(value).replaceAll("&", "&amp;").replaceAll("'", "&#39;")}'`).join("\n");

/**
 * Reads the project's own file, COCO categories (a file, a list or one of them), or the original's attributes: as an
 * object, as the list keypointClasses, or as the HTML that has them.
 * @param {string} text
 * @returns {{definition: Definition, notes: string[]}} and what was left out of it, in sentences
 * @throws {FormatError}
 */
export function readDefinition(text) {
  const value = attributesOf(text) ?? parsed(text);
  const categories = [value, ...(Array.isArray(value) ? value : []), ...(Array.isArray(value?.categories) ? value.categories : [])].filter(isCategory);
  if (categories.length) {
    const read = fromCoco(categories[0]);
    if (categories.length > 1) read.notes.push(`Of ${categories.length} categories the first one was taken.`);
    return read;
  }
  if (isRecord(value) && Array.isArray(value.keypoints)) return fromFile(value);
  const classes = Array.isArray(value) ? value : fromText(value?.keypointClasses);
  if (Array.isArray(classes)) return fromAttributes(classes, fromText(value.skeletonRig));
  throw new FormatError("This is neither a skeleton file, nor COCO categories, nor keypointClasses.");
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new FormatError("This is not JSON.");
  }
}

/** JSON in JSON, as a template's variables often have it. @param {unknown} value */
const fromText = (value) => (typeof value === "string" ? parsed(value) : value);

const ATTRIBUTE = /\b(keypointClasses|skeletonRig)\s*=\s*(?:"([^"]*)"|'([^']*)')/gi;
/** @type {Record<string, string>} */
const ENTITIES = { "&quot;": '"', "&#34;": '"', "&apos;": "'", "&#39;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** The attributes in a piece of HTML. @param {string} text @returns {any} */
function attributesOf(text) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [, name, double, single] of text.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase() === "skeletonrig" ? "skeletonRig" : "keypointClasses";
    found[key] = (double ?? single).replace(/&(quot|#34|apos|#39|lt|gt|amp);/g, (entity) => ENTITIES[entity]);
  }
  return found.keypointClasses === undefined ? null : found;
}

/** @param {any} value */
const isCategory = (value) => isRecord(value) && Array.isArray(value.keypoints) && value.keypoints.length > 0 && value.keypoints.every((/** @type {unknown} */ name) => typeof name === "string");

/**
 * COCO has names and edges (from 1), and this project's own coco.json sigmas and pairs, but no places: those of a preset
 * of the same names.
 * @param {any} category
 */
function fromCoco(category) {
  const { keypoints: names, skeleton, sigmas, flip_pairs: pairs } = category;
  const known = PRESETS.map(([, preset]) => preset.keypoints).find((keypoints) => names.every((/** @type {string} */ name) => keypoints.some((/** @type {any} */ keypoint) => keypoint.name === name)));
  const classes = names.map((/** @type {string} */ label, /** @type {number} */ n) => {
    const place = known?.find((/** @type {any} */ keypoint) => keypoint.name === label);
    const pair = (Array.isArray(pairs) ? pairs : []).find((entry) => Array.isArray(entry) && entry.includes(n))?.find((/** @type {unknown} */ i) => i !== n);
    return { label, color: place?.color, x: place?.template[0], y: place?.template[1], pair: names[pair], sigma: sigmas?.[n], display_names: place?.display_names };
  });
  const rig = Array.isArray(skeleton) ? skeleton.map((edge) => (Array.isArray(edge) ? [names[edge[0] - 1], names[edge[1] - 1]] : edge)) : skeleton;
  return named(fromAttributes(classes, rig), category);
}

/** @param {any} file */
function fromFile(file) {
  const classes = file.keypoints.map((/** @type {any} */ keypoint) => ({ ...keypoint, label: keypoint?.name, x: keypoint?.template?.[0], y: keypoint?.template?.[1] }));
  return named(fromAttributes(classes, file.edges), file);
}

/** @param {{definition: Definition, notes: string[]}} read @param {any} from */
function named({ definition, notes }, { name, supercategory }) {
  const text = (/** @type {unknown} */ value, /** @type {string} */ fallback) => (typeof value === "string" ? value.slice(0, LONGEST_NAME) : fallback);
  return { definition: { ...definition, name: text(name, "skeleton"), supercategory: text(supercategory, "") }, notes };
}

/**
 * The element's own reader decides what is sound.
 * @param {any[]} classes
 * @param {any} rig
 * @returns {{definition: Definition, notes: string[]}}
 */
function fromAttributes(classes, rig) {
  if (classes.length > MOST_KEYPOINTS) throw new FormatError(`A skeleton has at most ${MOST_KEYPOINTS} keypoints; this one has ${classes.length}.`);
  const skeleton = readSkeleton(asAttributes({ keypointClasses: classes, skeletonRig: rig }));
  const { keypoints, problems: notes } = skeleton;
  if (!keypoints.length) throw new FormatError("There are no keypoints in this.");
  const long = keypoints.find(({ label }) => label.length > LONGEST_NAME);
  if (long) throw new FormatError(`A name has at most ${LONGEST_NAME} characters; “${long.label.slice(0, 20)}…” has ${long.label.length}.`);
  const names = keypoints.map(({ label }) => label);
  /** @type {Map<string, number | null>} */
  const sigmas = new Map();
  for (const entry of classes) {
    const label = ["string", "number"].includes(typeof entry?.label) ? String(entry.label) : "";
    if (!label || sigmas.has(label)) continue;
    const good = isNumber(entry?.sigma) && entry.sigma >= LEAST_SIGMA && entry.sigma <= 1;
    sigmas.set(label, good ? entry.sigma : null);
    if (!good && (entry?.sigma ?? null) !== null) notes.push(`The sigma of “${label}” was left out: it is not a number between ${LEAST_SIGMA} and 1.`);
  }
  const hasPlaces = classes.some((entry) => isNumber(entry?.x) && isNumber(entry?.y));
  const definition = {
    name: "skeleton",
    supercategory: "",
    keypoints: keypoints.map(({ label, color, pair, x, y }, n) => ({ name: label, color, pair: names[pair] ?? "", sigma: sigmas.get(label) ?? null, ...displayNamesOf(classes.find((entry) => String(entry?.label) === label)), ...(hasPlaces ? { x, y } : onRing(n, keypoints.length)) })),
    edges: skeleton.edges.map(([a, b, color]) => /** @type {DrawnEdge} */ (color ? [names[a], names[b], color] : [names[a], names[b]])),
  };
  return { definition, notes };
}

/** What a keypoint is called in other languages. @param {any} entry @returns {{displayNames?: Record<string, string>}} */
function displayNamesOf({ display_names: names }) {
  const sound = isRecord(names) ? Object.entries(names).filter(([tag, name]) => LANGUAGE_TAG.test(tag) && typeof name === "string" && name && name.length <= LONGEST_NAME) : [];
  return sound.length ? { displayNames: Object.fromEntries(sound) } : {};
}

/** Keypoints that have no places: all of them can be seen and taken hold of. @param {number} n @param {number} count */
function onRing(n, count) {
  const turn = (2 * Math.PI * n) / count - Math.PI / 2;
  return { x: Math.round(100 + 90 * Math.cos(turn)), y: Math.round(100 + 90 * Math.sin(turn)) };
}
