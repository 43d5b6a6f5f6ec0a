/**
 * Formats of a definition: reads and writes the project's skeleton file and the element's attributes, reads other
 * tools'.
 */
import { colorOr } from "../colors.js";
import { isNumber, isRecord, shown } from "../json.js";
import { nameKey } from "../names.js";
import { LEAST_SIGMA, MOST_EDGES, MOST_KEYPOINTS, readSkeleton } from "../skeleton.js";
import { fromNames, fromValue, fromXml, namesIn, whyUnread } from "./imports.js";
import { readYaml, YamlError } from "./yaml.js";

/** @import {Definition, DrawnEdge, Size} from "./definition.js" */
/** @import {Source} from "./imports.js" */

/** Longest name in characters, as in docs/schemas/skeleton.schema.json. */
export const LONGEST_NAME = 128;
const LANGUAGE_TAG = /^[a-z]{2,8}(-[a-z0-9]{1,8})*$/;

/** An error for a text in none of the formats. Its message is shown to the user. */
export class FormatError extends Error {}

/** Return why a definition cannot be exported; empty if it can. @param {Definition} definition */
export const whatIsMissing = (definition) =>
  !definition.keypoints.length
    ? "There is nothing to export yet: place a keypoint."
    : !definition.name
      ? "The skeleton needs a name."
      : "";

/**
 * Return the project's skeleton file.
 * @param {Definition} definition
 * @param {Size} [size] of the image over which it was drawn
 */
export function toSkeletonJson(definition, size) {
  const keypoints = definition.keypoints.map(({ name, pair, sigma, color, x, y, displayNames }) => ({
    name,
    ...(pair ? { pair } : {}),
    ...(sigma ? { sigma } : {}),
    color,
    template: [x, y],
    ...(displayNames ? { display_names: displayNames } : {}),
  }));
  const { name, supercategory, edges } = definition;
  return {
    version: "1.0",
    name,
    ...(supercategory ? { supercategory } : {}),
    ...(size ? { template_size: [size.width, size.height] } : {}),
    keypoints,
    edges,
  };
}

/**
 * Return the attributes of the labelling element, named as in the original component.
 * @param {Definition} definition
 */
export function toAttributes(definition) {
  const xs = definition.keypoints.map(({ x }) => x);
  const ys = definition.keypoints.map(({ y }) => y);
  return {
    keypointClasses: definition.keypoints.map(({ name, color, pair, sigma, x, y, displayNames }) => ({
      id: name,
      label: name,
      color,
      x,
      y,
      ...(pair ? { pair } : {}),
      ...(sigma ? { sigma } : {}),
      ...(displayNames ? { display_names: displayNames } : {}),
    })),
    skeletonRig: definition.edges,
    skeletonBoundingBox: xs.length
      ? { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) }
      : null,
  };
}

/**
 * @param {Record<string, unknown>} values
 * @returns {import("../types.js").Attributes} a getter like the element's own
 */
export const asAttributes = (values) => (name) => JSON.stringify(values[name] ?? null);

/** Return the attributes as HTML, to be pasted into a worker task template. @param {Definition} definition */
export const toMarkup = (definition) =>
  Object.entries(toAttributes(definition))
    .map(([name, value]) => `${name}='${JSON.stringify(value).replaceAll("&", "&amp;").replaceAll("'", "&#39;")}'`)
    .join("\n");

/**
 * Find the skeletons in a text: a skeleton file, the original component's attributes (an object, the list
 * keypointClasses, or HTML that contains them), or a file of another tool.
 * @param {string} text
 * @returns {{label: string, read: () => Read}[]} at least one
 * @throws {FormatError} also from `read`
 */
export function findSkeletons(text) {
  return sourcesOf(
    text
      .replace(/^\ufeff/, "")
      .replace(/\r\n?/g, "\n")
      .trim(),
  ).map((source) => ({
    label: `${typeof source.name === "string" && source.name ? source.name : "skeleton"} (${source.classes?.length ?? 0} keypoints)`,
    read: () => readSource(source),
  }));
}

/**
 * @typedef {object} Read
 * @property {Definition} definition
 * @property {string[]} notes sentences about what was left out
 * @property {boolean} hasPlaces whether the text has positions of the keypoints; if not, they are put on a circle
 * @property {Size} [size] of the image over which it was drawn
 * @property {boolean} [isOwn] whether it is a skeleton file, whose positions may be an image's pixels
 */

/**
 * Read the first skeleton of a text.
 * @param {string} text
 * @returns {Read}
 * @throws {FormatError}
 */
export function readDefinition(text) {
  const found = findSkeletons(text);
  const read = found[0].read();
  if (found.length > 1) read.notes.push(`The file has ${found.length} categories; only the first one was read.`);
  return read;
}

/** @param {Source[]} sources @returns {AnySource[]} */
const foreign = (sources) => sources.map((source) => ({ ...source, isForeign: true }));

/** @param {string} text @returns {AnySource[]} */
function sourcesOf(text) {
  const attributes = attributesOf(text);
  if (attributes) return [fromClasses(attributes)];
  if (text[0] === "<") {
    const found = fromXml(text);
    if (!found) throw new FormatError("Expected valid XML or SVG, got something else.");
    if (!found.length)
      throw new FormatError("Expected a CVAT skeleton or Label Studio’s KeyPointLabels in this XML, got neither.");
    return foreign(found);
  }
  const value = parsed(text);
  const found = value === undefined ? otherTexts(text) : fromValue(value);
  if (found.length) return foreign(found);
  if (isRecord(value) && Array.isArray(value.keypoints)) return [fromFile(value)];
  if (Array.isArray(value) || Array.isArray(fromText(value?.keypointClasses)))
    return [fromClasses(Array.isArray(value) ? { keypointClasses: value } : value)];
  throw new FormatError(
    whyUnread(value) ||
      `Expected a skeleton in a known format, or at least two names; got neither${text ? ` in “${text.slice(0, 20)}”` : ""}.`,
  );
}

/** Longest YAML to read, in characters. A configuration has some thousand. */
const LONGEST_YAML = 4e6;

/** @param {string} text that is not JSON @returns {Source[]} */
function otherTexts(text) {
  // A list as in a program: names = ["nose", 'tail'], ("nose", "tail").
  const literal = /^(?:[\w.]+\s*=\s*)?([[(][^]*[\])]);?$/.exec(text)?.[1] ?? "";
  if (literal && endOfBrackets(literal) === literal.length - 1) return otherJson(`[${literal.slice(1, -1)}]`);
  if (text[0] === "{" || (text[0] === "[" && endOfBrackets(text) < 0)) return otherJson(text);
  const isYaml = /^(---|- |[^\s,;|][^\n]*:(\s|$))/m.test(text);
  if (isYaml && text.length < LONGEST_YAML) {
    try {
      const value = readYaml(text);
      const found = fromValue(value);
      if (found.length) return found;
      if (whyUnread(value)) throw new FormatError(whyUnread(value));
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      throw new FormatError(`This YAML could not be read. ${error.message}`);
    }
  }
  const names = isYaml ? [] : namesIn(text);
  return names.length > 1 ? [fromNames(names)] : [];
}

/**
 * Return the index of the bracket that closes the first one; -1 if none does. In "(L) eye, eye (R)", the brackets at the
 * start and at the end are not the same pair.
 * @param {string} text
 */
function endOfBrackets(text) {
  let depth = 0;
  for (const { 0: found, index } of text.matchAll(/"[^"\n]*"|(?<![\p{L}\d])'[^'\n]*'|[[({]|[\])}]/gu)) {
    if (/^["']/.test(found)) continue;
    depth += /[[({]/.test(found) ? 1 : -1;
    if (depth === 0) return index;
  }
  return -1;
}

/**
 * Read what is almost JSON: single quotes, a comma at the end.
 * @param {string} text
 * @returns {Source[]} at least one
 */
function otherJson(text) {
  let problem = "";
  try {
    const found = text.length < LONGEST_YAML ? fromValue(readYaml(text)) : [];
    if (found.length) return found;
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    problem = ` ${error.message}`;
  }
  throw new FormatError(`This is not JSON.${problem}`);
}

/** Maximum nesting of lists and objects. Label files of known formats have fewer than ten levels. */
const DEEPEST = 100;
/** @param {unknown} value @param {number} [left] @returns {boolean} */
const isTooDeep = (value, left = DEEPEST) =>
  typeof value === "object" &&
  value !== null &&
  (!left || Object.values(value).some((part) => isTooDeep(part, left - 1)));

/** @param {string} text @returns {any} undefined for invalid JSON */
function parsed(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    try {
      // Python writes NaN and Infinity, which JSON does not have.
      value = JSON.parse(
        text.replace(/("[^"\\]*(?:\\.[^"\\]*)*")|-?\b(?:NaN|Infinity)\b/g, (_, quoted) => quoted ?? "null"),
      );
    } catch {
      return undefined;
    }
  }
  if (isTooDeep(value))
    throw new FormatError(`Expected at most ${DEEPEST} lists and objects within each other; this JSON has more.`);
  return value;
}

/** Parse JSON that is a string in JSON, as template variables often are. @param {unknown} value @returns {any} */
function fromText(value) {
  if (typeof value !== "string") return value;
  const found = parsed(value);
  if (found === undefined) throw new FormatError("This is not JSON.");
  return found;
}

/** @param {any} attributes @returns {Source} */
const fromClasses = ({ keypointClasses, skeletonRig }) => ({
  classes: fromText(keypointClasses),
  rig: fromText(skeletonRig),
});

const ATTRIBUTE = /\b(keypointClasses|skeletonRig)\s*=\s*(?:"([^"]*)"|'([^']*)')/gi;
/** @type {Record<string, string>} */
const ENTITIES = { quot: '"', apos: "'", lt: "<", gt: ">", amp: "&", nbsp: "\xa0" };

/** Return the attributes in a piece of HTML; null if there are none. @param {string} text @returns {any} */
function attributesOf(text) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [, name, double, single] of text.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase() === "skeletonrig" ? "skeletonRig" : "keypointClasses";
    found[key] = (double ?? single).replace(
      /&(?:(quot|apos|lt|gt|amp|nbsp)|#(\d{1,6})|#x([\da-f]{1,5}));/gi,
      (_, word, decimal, hex) => ENTITIES[word?.toLowerCase()] ?? String.fromCodePoint(decimal ?? parseInt(hex, 16)),
    );
  }
  return found.keypointClasses === undefined ? null : found;
}

/** @typedef {Source & {size?: unknown, isOwn?: boolean, isForeign?: boolean}} AnySource */

/** @param {any} file @returns {AnySource} */
const fromFile = ({ name, supercategory, keypoints, edges, template_size: size }) => ({
  name,
  supercategory,
  size,
  rig: edges,
  isOwn: true,
  classes: keypoints.map((/** @type {any} */ keypoint) => ({
    ...keypoint,
    label: keypoint?.name,
    x: keypoint?.template?.[0],
    y: keypoint?.template?.[1],
  })),
});

/**
 * Convert a source to a definition. The element's own reader decides which entries are valid.
 * @param {AnySource} source
 * @returns {Read}
 */
function readSource({ name, supercategory, classes, rig, notes: known = [], size, isOwn, isForeign }) {
  if (!Array.isArray(classes))
    throw new FormatError(`There are no keypoints in this: expected a list, got ${brief(classes)}.`);
  if (classes.length > MOST_KEYPOINTS)
    throw new FormatError(`A skeleton has at most ${MOST_KEYPOINTS} keypoints; this one has ${classes.length}.`);
  if (Array.isArray(rig) && rig.length > MOST_EDGES)
    throw new FormatError(`A skeleton has at most ${MOST_EDGES} edges; this one has ${rig.length}.`);
  const skeleton = readSkeleton(asAttributes({ keypointClasses: classes }));
  const { keypoints } = skeleton;
  const notes = [...known, ...skeleton.problems];
  if (!keypoints.length) throw new FormatError("There are no keypoints in this: expected names, got none.");
  const names = keypoints.map(({ label }) => label);
  const labels = classes.map((entry) => entry?.label);
  checkNames(names);
  // Other tools' indices count a name that is there twice: leaving one out would shift all after it.
  const repeated = isForeign && labels.find((label, i) => label && labels.indexOf(label) < i);
  if (repeated) throw new FormatError(`Expected names that differ, got “${repeated}” twice.`);
  const edges = edgesOf(rig, names, notes);
  for (const entry of classes) {
    const [label, wanted] = [entry?.label, entry?.pair];
    const keypoint = keypoints[names.indexOf(label)];
    if (keypoint && (wanted ?? "") !== "" && names[keypoint.pair] !== wanted)
      notes.push(`The pair of “${label}” was left out: “${brief(wanted)}” is not its counterpart.`);
  }
  /** @type {Map<string, number | null>} */
  const sigmas = new Map();
  /** @type {Map<string, {displayNames?: Record<string, string>}>} */
  const displayNames = new Map();
  for (const entry of classes) {
    const label = ["string", "number"].includes(typeof entry?.label) ? String(entry.label) : "";
    if (!label || sigmas.has(label)) continue;
    const good = isNumber(entry?.sigma) && entry.sigma >= LEAST_SIGMA && entry.sigma <= 1;
    sigmas.set(label, good ? entry.sigma : null);
    displayNames.set(label, displayNamesOf(entry));
    if (!good && (entry?.sigma ?? null) !== null)
      notes.push(`The sigma of “${label}” was left out: it is not a number between ${LEAST_SIGMA} and 1.`);
  }
  const isPlaced = (/** @type {any} */ entry) => isPlace(entry?.x) && isPlace(entry?.y);
  const hasPlaces = classes.some(isPlaced);
  const lost = hasPlaces ? classes.filter((entry) => !isPlaced(entry)).map((entry) => entry?.label) : [];
  if (lost.length)
    notes.push(
      `Expected a position for each keypoint, got none of “${brief(lost[0])}”${lost.length > 1 ? ` and ${lost.length - 1} more` : ""}: drag from the corner.`,
    );
  if (typeof name === "string" && name.length > LONGEST_NAME)
    notes.push(`The skeleton's name was cut: expected at most ${LONGEST_NAME} characters, got ${name.length}.`);
  const text = (/** @type {unknown} */ value, /** @type {string} */ fallback) =>
    typeof value === "string" && value.trim() ? value.slice(0, LONGEST_NAME) : fallback;
  const definition = {
    name: text(name, "skeleton"),
    supercategory: text(supercategory, ""),
    keypoints: keypoints.map(({ label, color, pair, x, y }, n) => ({
      name: label,
      color,
      pair: names[pair] ?? "",
      sigma: sigmas.get(label) ?? null,
      ...displayNames.get(label),
      ...(hasPlaces ? { x: isPlace(x) ? x : 0, y: isPlace(y) ? y : 0 } : onRing(n, keypoints.length)),
    })),
    edges,
  };
  const [width, height] = Array.isArray(size) ? size : [];
  return {
    definition,
    notes,
    hasPlaces,
    isOwn,
    ...(isLength(width) && isLength(height) && { size: { width, height } }),
  };
}

const brief = (/** @type {unknown} */ value) => (shown(value) ?? "").slice(0, LONGEST_NAME);

/**
 * @param {unknown} rig the edges by name
 * @param {string[]} names
 * @param {string[]} notes receives a sentence about each edge that was left out
 * @returns {DrawnEdge[]}
 */
function edgesOf(rig, names, notes) {
  if (!Array.isArray(rig)) {
    if (rig) notes.push("The edges were left out: expected a list, got something else.");
    return [];
  }
  const known = new Set(names);
  const joined = new Set();
  return rig.flatMap((entry) => {
    const [a, b, color] = Array.isArray(entry) ? entry : [];
    if (!known.has(a) || !known.has(b) || a === b)
      notes.push(`The edge “${brief(a)}” to “${brief(b)}” was left out: it does not join two keypoints.`);
    else if (joined.has(JSON.stringify([a, b])))
      notes.push(`The edge “${a}” to “${b}” is there twice: the second one was left out.`);
    else {
      joined.add(JSON.stringify([a, b])).add(JSON.stringify([b, a]));
      const drawn = colorOr(color, "");
      return [/** @type {DrawnEdge} */ (drawn ? [a, b, drawn] : [a, b])];
    }
    return [];
  });
}

/** @param {unknown} value */
const isPlace = (value) => isNumber(value) && Math.abs(value) <= 1e6;

/** @param {unknown} value */
const isLength = (value) => isNumber(value) && value > 0 && value <= 1e6;

/** Check names by the rules of truepoint/pose/skeleton.py. @param {string[]} names */
function checkNames(names) {
  const long = names.find((name) => name.length > LONGEST_NAME);
  if (long)
    throw new FormatError(`A name has at most ${LONGEST_NAME} characters; “${long.slice(0, 20)}…” has ${long.length}.`);
  /** @type {Map<string, string>} */
  const alike = new Map();
  for (const name of names) {
    const key = nameKey(name);
    if (/[\ufffd\p{Cs}]/u.test(name))
      throw new FormatError(`Expected a file in UTF-8, got the name “${name}” in something else. Save it as UTF-8.`);
    if (!key) throw new FormatError("Expected a name with visible characters, got one without.");
    if (alike.has(key))
      throw new FormatError(
        `Expected names that differ in more than case and invisible characters, got “${alike.get(key)}” and “${name}”.`,
      );
    alike.set(key, name);
  }
}

/**
 * Return a keypoint's names in other languages.
 * @param {any} entry
 * @returns {{displayNames?: Record<string, string>}}
 */
function displayNamesOf({ display_names: names }) {
  const sound = isRecord(names)
    ? Object.entries(names).filter(
        ([tag, name]) => LANGUAGE_TAG.test(tag) && typeof name === "string" && name && name.length <= LONGEST_NAME,
      )
    : [];
  return sound.length ? { displayNames: Object.fromEntries(sound) } : {};
}

/**
 * Return the position on a circle of a keypoint that has none, so that keypoints do not overlap.
 * @param {number} n
 * @param {number} count
 */
function onRing(n, count) {
  const turn = (2 * Math.PI * n) / count - Math.PI / 2;
  return { x: Math.round(100 + 90 * Math.cos(turn)), y: Math.round(100 + 90 * Math.sin(turn)) };
}
