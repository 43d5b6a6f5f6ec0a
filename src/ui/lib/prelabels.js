/**
 * Pre-labels: from the attributes initialValues and annotationIssues, or from initialValuesSrc. If something in them
 * cannot be shown, the worker is told.
 */
/** @import {Box, Instance, Options, Point, Skeleton} from "./types.js" */
import { colorOr } from "./colors.js";
import { newInstance } from "./document.js";
import { isNumber, isRecord, readAttribute, readJson, shown } from "./json.js";
import { t } from "./texts.js";

/**
 * @typedef {{instances: Instance[], problems: string[], issues: string[], text: () => string}} Prelabels `text` returns
 *     the original JSON
 */

const OURS = ["id", "name", "annotations", "comment", "box"];
const POINT_OURS = ["label", "x", "y", "visibility", "comment"];
/**
 * The empty extra fields, shared by almost all keypoints, of which there may be 66,500.
 * @type {Record<string, unknown>}
 */
const NOTHING = {};

/** @param {any} record @param {string[]} known @returns {Record<string, unknown>} */
const rest = (record, known) => {
  const keys = Object.keys(record).filter((key) => !known.includes(key));
  return keys.length ? Object.fromEntries(keys.map((key) => [key, record[key]])) : NOTHING;
};

/** Maximum length of an instance's id, and largest absolute coordinate: truepoint/pose/instance.py has the same limits. */
const LONGEST_ID = 128;
const FARTHEST = 1e6;

/** @param {unknown} value @returns {value is number} whether readers of answers accept it as a coordinate */
export const isCoordinate = (value) => isNumber(value) && Math.abs(value) <= FARTHEST;

/** @param {unknown} value */
const textOf = (value) => (typeof value === "string" ? value : "");

/** @param {string | null} url @returns {string} without query and fragment: a signature lets its holder read the object */
export const withoutSignature = (url) => (url ?? "").split(/[?#]/, 1)[0];

/**
 * Fetch pre-labels that are too large for an attribute: `{"annotations": [...], "annotation_issues": [...]}`.
 * @param {string} src
 * @param {Skeleton} skeleton
 * @param {number} offerBelow as in `readPrelabels`
 * @param {AbortSignal} signal
 * @returns {Promise<Prelabels>}
 * @throws for any other content: a failed load must never look like a task without pre-labels
 */
export async function fetchPrelabels(src, skeleton, offerBelow, signal) {
  const response = await fetch(src, { signal, credentials: "omit", referrerPolicy: "no-referrer" });
  const { annotations, annotation_issues: issues } = response.ok && (await response.json());
  if (!Array.isArray(annotations)) throw new TypeError("expected a list of annotations");
  return readPrelabels("", JSON.stringify(issues ?? null), skeleton, offerBelow, annotations);
}

/**
 * @param {string | null} text of initialValues
 * @param {string | null} issues text of annotationIssues
 * @param {Skeleton} skeleton
 * @param {number} offerBelow keypoints with a lower score are offered instead of placed
 * @param {any[]} [read] the parsed list instead of the text, to avoid serialising megabytes of JSON while a worker
 *     waits
 * @returns {Prelabels}
 */
export function readPrelabels(text, issues, skeleton, offerBelow, read) {
  /** @type {string[]} */
  const problems = [];
  /** @type {any[]} */
  const entries = read ?? readAttribute(() => text, "initialValues", Array.isArray, problems) ?? [];
  // A plain list of keypoints is one instance: the original component's README shows such a manifest line.
  const list =
    entries.length && entries.every((entry) => isRecord(entry) && "label" in entry)
      ? [{ annotations: entries }]
      : entries;
  /** @type {Map<string, Instance>} */
  const instances = new Map();
  list.forEach((entry, place) => {
    if (!isRecord(entry)) {
      problems.push(t.noInstanceEntry(place + 1));
      return;
    }
    let id = isNumber(entry.id) ? String(entry.id) : textOf(entry.id);
    if (!id || id.length > LONGEST_ID || instances.has(id)) id = `p${place}`;
    while (instances.has(id)) id += "_";
    instances.set(id, readInstance(entry, id, skeleton, offerBelow, problems));
  });
  return {
    instances: [...instances.values()],
    problems,
    issues: readIssues(issues),
    text: () => (read ? JSON.stringify(read) : (text ?? "")),
  };
}

/**
 * @param {any} entry
 * @param {string} id
 * @param {Skeleton} skeleton
 * @param {number} offerBelow
 * @param {string[]} problems
 */
function readInstance(entry, id, skeleton, offerBelow, problems) {
  const box = readBox(entry.box);
  /** @type {Record<number, Point>} */
  const offers = {};
  const instance = newInstance(id, skeleton.keypoints.length, {
    prelabel: true,
    offers,
    name: textOf(entry.name),
    comment: textOf(entry.comment),
    box,
    locked: entry.annotation_options?.editable === false,
    options: readOptions(entry.annotation_options),
    extra: box || (entry.box ?? null) === null ? rest(entry, OURS) : { ...rest(entry, OURS), unusable_box: entry.box },
  });
  for (const annotation of Array.isArray(entry.annotations) ? entry.annotations : []) {
    const index = skeleton.index.get(annotation?.label);
    const visible = annotation?.visibility ?? 2;
    if (visible === 0 && index !== undefined) continue;
    if (
      index === undefined ||
      instance.points[index] ||
      offers[index] ||
      !isCoordinate(annotation.x) ||
      !isCoordinate(annotation.y)
    )
      instance.strays.push(annotation);
    else
      (isNumber(annotation.score) && annotation.score < offerBelow ? offers : instance.points)[index] = readPoint(
        annotation,
        visible,
      );
  }
  if (instance.strays.length) {
    problems.push(t.notShown(instance.name || id, straysOf(instance)));
  }
  return instance;
}

/** @param {Instance} instance @returns {string} the labels of annotations that match no keypoint */
export const straysOf = ({ strays }) =>
  strays.map((/** @type {any} */ stray) => `“${shown(stray?.label ?? stray)}”`).join(", ");

/**
 * @param {any} annotation
 * @param {unknown} visible
 * @returns {Point}
 */
function readPoint(annotation, visible) {
  const { x, y, comment } = annotation;
  const extra = rest(annotation, POINT_OURS);
  return {
    x,
    y,
    v: visible === 1 || visible === "1" ? 1 : 2,
    ...(textOf(comment) && { comment }),
    ...(extra !== NOTHING && { extra }),
  };
}

/** Read a box [x, y, width, height]; null if it is invalid. @param {unknown} value @returns {Box | null} */
function readBox(value) {
  if (!Array.isArray(value) || value.length !== 4 || !value.every(isCoordinate)) return null;
  const [left, top, width, height] = value;
  return { left, top, right: left + width, bottom: top + height };
}

/**
 * Read the original component's annotation_options. Filled and hollow are reserved for visibility, so a style sets only
 * the shape.
 * @param {any} options
 * @returns {Options}
 */
function readOptions(options) {
  if (!isRecord(options)) return {};
  const style = textOf(options.keypoint_style ?? options.circle_type);
  return {
    line: colorOr(options.line_color, "") || undefined,
    marker: colorOr(options.keypoint_color ?? options.circle_color, "") || undefined,
    shape: /square/i.test(style) ? "square" : /circle/i.test(style) ? "circle" : undefined,
  };
}

/**
 * @param {string | null} text
 * @returns {string[]} messages for the worker
 */
export function readIssues(text) {
  const value = readJson(text);
  // A text that is not JSON is itself the message.
  if (value === undefined) return [String(text)];
  return [value ?? []]
    .flat()
    .map((entry) => shown(entry?.reason ?? entry))
    .filter(Boolean);
}
