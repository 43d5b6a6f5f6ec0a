/** Pre-labels: reads the attributes initialValues and annotationIssues. Nothing in them is dropped without a word. */
/** @import {Box, Instance, Options, Point, Skeleton} from "./types.js" */
import { newInstance } from "./document.js";
import { isNumber, isRecord, readJson } from "./skeleton.js";
import { colorOr } from "./colors.js";

const OURS = new Set(["id", "name", "annotations", "comment", "box"]);
const POINT_OURS = new Set(["label", "x", "y", "visibility", "comment"]);

/**
 * @param {string | null} text
 * @param {Skeleton} skeleton
 * @returns {{instances: Instance[], problems: string[]}}
 */
export function readPrelabels(text, skeleton) {
  const { value, ok } = readJson(text);
  if (!ok || (value !== null && !Array.isArray(value))) {
    return { instances: [], problems: ["The labels made before could not be read, so you start without them."] };
  }
  /** @type {string[]} */
  const problems = [];
  /** @type {Instance[]} */
  const instances = [];
  const entries = /** @type {any[]} */ (value ?? []);
  // A bare list of keypoints is one instance: the original's README shows such a manifest line.
  const list = entries.length && entries.every((entry) => isRecord(entry) && "label" in entry) ? [{ annotations: entries }] : entries;
  const ids = new Set();
  list.forEach((entry, place) => {
    if (!isRecord(entry)) {
      problems.push(`Entry ${place + 1} of the labels made before is not an instance and was left out.`);
      return;
    }
    const own = typeof entry.id === "string" || isNumber(entry.id) ? String(entry.id) : "";
    const id = own !== "" && !ids.has(own) ? own : freeId(place, ids);
    ids.add(id);
    instances.push(readInstance(entry, id, skeleton, problems));
  });
  return { instances, problems };
}

/**
 * @param {number} place
 * @param {Set<unknown>} ids
 */
function freeId(place, ids) {
  let id = `p${place}`;
  while (ids.has(id)) id += "_";
  return id;
}

/**
 * @param {any} entry
 * @param {string} id
 * @param {Skeleton} skeleton
 * @param {string[]} problems
 */
function readInstance(entry, id, skeleton, problems) {
  const instance = newInstance(id, skeleton.keypoints.length, {
    prelabel: true,
    name: typeof entry.name === "string" ? entry.name : "",
    comment: typeof entry.comment === "string" ? entry.comment : "",
    box: readBox(entry.box),
    locked: isRecord(entry.annotation_options) && entry.annotation_options.editable === false,
    options: readOptions(entry.annotation_options),
    extra: rest(entry, instanceKeys(entry)),
  });
  for (const annotation of Array.isArray(entry.annotations) ? entry.annotations : []) {
    const index = isRecord(annotation) ? skeleton.index.get(annotation.label) : undefined;
    const visible = annotation?.visibility ?? 2;
    if (visible === 0 && index !== undefined) continue;
    if (index === undefined || instance.points[index] || !isNumber(annotation.x) || !isNumber(annotation.y)) {
      instance.strays.push(annotation);
    } else {
      instance.points[index] = readPoint(annotation, visible);
    }
  }
  if (instance.strays.length) {
    const labels = instance.strays.map((stray) => `“${isRecord(stray) ? stray.label : stray}”`).join(", ");
    problems.push(`${instance.name || id}: ${labels} cannot be shown with this skeleton. Kept as it came; see the list of instances.`);
  }
  return instance;
}

/** A `box` that is no box stays among the extra fields. @param {any} entry */
const instanceKeys = (entry) => (readBox(entry.box) ? OURS : new Set([...OURS].filter((key) => key !== "box")));

/**
 * @param {any} annotation
 * @param {unknown} visible
 * @returns {Point}
 */
function readPoint(annotation, visible) {
  const extra = rest(annotation, POINT_OURS);
  return {
    x: annotation.x,
    y: annotation.y,
    v: visible === 1 || visible === "1" ? 1 : 2,
    ...(typeof annotation.comment === "string" && annotation.comment ? { comment: annotation.comment } : {}),
    ...(Object.keys(extra).length ? { extra } : {}),
  };
}

/** [x, y, width, height]. @param {unknown} value @returns {Box | null} */
function readBox(value) {
  if (!Array.isArray(value) || value.length !== 4 || !value.every(isNumber)) return null;
  const [x, y, width, height] = value;
  return { left: x, top: y, right: x + width, bottom: y + height };
}

/**
 * The original's annotation_options. Filled and hollow stay reserved for visibility, so a style decides the outline only.
 * @param {any} options
 * @returns {Options}
 */
function readOptions(options) {
  if (!isRecord(options)) return {};
  const style = String(options.keypoint_style ?? options.circle_type ?? "");
  return {
    line: colorOr(options.line_color, "") || undefined,
    marker: colorOr(options.keypoint_color ?? options.circle_color, "") || undefined,
    shape: /square/i.test(style) ? "square" : /circle/i.test(style) ? "circle" : undefined,
  };
}

/**
 * @param {any} record
 * @param {Set<string>} known
 * @returns {Record<string, unknown>}
 */
const rest = (record, known) => Object.fromEntries(Object.entries(record).filter(([key]) => !known.has(key)));

/**
 * @param {string | null} text
 * @returns {string[]} what to look at
 */
export function readIssues(text) {
  const { value, ok } = readJson(text);
  if (!ok) return [String(text)];
  if (value === null || value === "") return [];
  return (Array.isArray(value) ? value : [value])
    .map((/** @type {any} */ entry) => (isRecord(entry) ? String(entry.reason ?? JSON.stringify(entry)) : String(entry)))
    .filter(Boolean);
}
