/** The skeleton: reads the attributes keypointClasses, skeletonRig and skeletonBoundingBox. Never throws. */
/** @import {Attributes, Box, Edge, Keypoint, Skeleton} from "./types.js" */
import { colorOr, PALETTE } from "./colors.js";
import { around } from "./geometry.js";
import { isNumber, isRecord, readAttribute, shown } from "./json.js";
import { isLeftOf, pairsOf, sideOf } from "./names.js";
import { inLanguage, t } from "./texts.js";

/** Sigma of a keypoint whose definition has none: about the mean of COCO's 17 sigmas. */
export const DEFAULT_SIGMA = 0.07;

/** Limits of a skeleton, the same as in truepoint/pose/instance.py and truepoint/pose/skeleton.py. */
export const MOST_KEYPOINTS = 1000;
export const MOST_EDGES = 5000;
export const LEAST_SIGMA = 1e-6;

/** @param {Attributes} attributes @returns {Skeleton} */
export function readSkeleton(attributes) {
  /** @type {string[]} */
  const problems = [];
  const keypoints = readKeypoints(attributes, problems);
  const index = new Map(keypoints.map(({ label }, i) => [label, i]));
  const edges = readEdges(attributes, index, problems);
  const neighbours = keypoints.map((_, i) => edges.flatMap(([a, b]) => (a === i ? [b] : b === i ? [a] : [])));
  return {
    keypoints,
    edges,
    index,
    box: readBox(attributes, keypoints, problems),
    distal: keypoints.map((_, i) => hangingOn(i, neighbours)),
    problems,
  };
}

/**
 * @param {Attributes} attributes
 * @param {string[]} problems
 * @returns {Keypoint[]}
 */
function readKeypoints(attributes, problems) {
  /** @type {Map<string, Keypoint>} */
  const keypoints = new Map();
  /** @type {Map<string, unknown>} */
  const wanted = new Map();
  for (const entry of readAttribute(attributes, "keypointClasses", Array.isArray, problems) ?? []) {
    const label = ["string", "number"].includes(typeof entry?.label) ? String(entry.label) : "";
    if (!label) problems.push(t.nameless);
    else if (keypoints.has(label)) problems.push(t.twice(label));
    else if (keypoints.size === MOST_KEYPOINTS) {
      problems.push(t.tooMany(MOST_KEYPOINTS));
      break;
    } else {
      wanted.set(label, entry.pair);
      keypoints.set(label, {
        label,
        name: nameOf(entry, label),
        color: colorOr(entry.color, PALETTE[keypoints.size % PALETTE.length]),
        x: isNumber(entry.x) ? entry.x : 0,
        y: isNumber(entry.y) ? entry.y : 0,
        pair: -1,
        side: sideOf(label),
        sigma: isNumber(entry.sigma) && entry.sigma >= LEAST_SIGMA ? entry.sigma : DEFAULT_SIGMA,
      });
    }
  }
  if (!keypoints.size && !problems.length) problems.push(t.noKeypoints);
  const list = [...keypoints.values()];
  const counterparts = pairsOf([...keypoints.keys()]);
  const isStated = (/** @type {Keypoint} */ { label }) => typeof wanted.get(label) === "string";
  // A pair is valid if both keypoints exist. Without `pair`, names decide (left_hip, right_hip), after all stated pairs.
  for (const keypoint of [...list].sort((a, b) => +isStated(b) - +isStated(a))) {
    const i = list.indexOf(keypoint);
    const other = isStated(keypoint) ? keypoints.get(`${wanted.get(keypoint.label)}`) : list[counterparts[i]];
    if (!other || other === keypoint || other.pair >= 0 || keypoint.pair >= 0) continue;
    keypoint.pair = list.indexOf(other);
    other.pair = i;
    // A pair whose names tell no side still gets two sides, so that its markers have different shapes.
    [keypoint.side, other.side] = isLeftOf(keypoint.label, other.label) ? ["left", "right"] : ["right", "left"];
  }
  return list;
}

/** @param {any} entry @param {string} label @returns {string} the name that the entry has in the page's language, else its label */
function nameOf({ display_names: names }, label) {
  const name = isRecord(names) && inLanguage(names);
  return (typeof name === "string" && name.trim()) || label.replaceAll("_", " ");
}

/**
 * @param {Attributes} attributes
 * @param {Map<string, number>} index
 * @param {string[]} problems
 * @returns {Edge[]}
 */
function readEdges(attributes, index, problems) {
  const entries = readAttribute(attributes, "skeletonRig", Array.isArray, problems) ?? [];
  if (entries.length > MOST_EDGES) problems.push(t.tooManyEdges(MOST_EDGES));
  return entries.slice(0, MOST_EDGES).flatMap((/** @type {unknown} */ entry) => {
    const [from, to, color] = Array.isArray(entry) ? entry : [];
    const [a, b] = [index.get(from), index.get(to)];
    if (a !== undefined && b !== undefined && a !== b) return [[a, b, colorOr(color, "") || null]];
    problems.push(t.badEdge(shown(from), shown(to)));
    return [];
  });
}

/** @param {any} box */
const isBox = (box) =>
  [box?.left, box?.top, box?.right, box?.bottom].every(isNumber) && box.right > box.left && box.bottom > box.top;

/**
 * @param {Attributes} attributes
 * @param {Keypoint[]} keypoints
 * @param {string[]} problems
 * @returns {Box | null}
 */
function readBox(attributes, keypoints, problems) {
  const box = readAttribute(attributes, "skeletonBoundingBox", isBox, problems) ?? around(keypoints);
  return isBox(box) ? box : null;
}

/**
 * Return the keypoints beyond a keypoint: the wrist for an elbow, elbow and wrist for a shoulder. They are all
 * connected components of the edge graph without that keypoint, except the largest one, which is the body.
 * @param {number} start
 * @param {number[][]} neighbours by keypoint
 * @returns {number[]}
 */
function hangingOn(start, neighbours) {
  const seen = new Set([start]);
  const pieces = neighbours[start].map((first) => {
    // The loop below extends the set while it iterates over it.
    const piece = new Set(seen.has(first) ? [] : [first]);
    for (const at of piece) {
      seen.add(at);
      for (const next of neighbours[at]) if (!seen.has(next)) piece.add(next);
    }
    return [...piece];
  });
  return pieces
    .sort((a, b) => b.length - a.length)
    .slice(1)
    .flat();
}
