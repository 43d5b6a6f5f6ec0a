/** The skeleton: reads the attributes keypointClasses, skeletonRig and skeletonBoundingBox. Never throws. */
/** @import {Box, Edge, Keypoint, Skeleton} from "./types.js" */
import { colorOr, PALETTE } from "./colors.js";
import { around } from "./geometry.js";

/** Where a definition has no sigma: about the mean of COCO's seventeen. */
export const DEFAULT_SIGMA = 0.07;

/** @param {string | null} text @returns {any} null for none, undefined for what is no JSON */
export function readJson(text) {
  try {
    return JSON.parse(text?.trim() || "null");
  } catch {
    return undefined;
  }
}

/**
 * @param {string} what in words, and the attribute
 * @param {string | null} text
 * @param {string[]} problems
 * @returns {any[]} empty for what is no list
 */
export function readList(what, text, problems) {
  const value = readJson(text);
  if (Array.isArray(value)) return value;
  if (value !== null) problems.push(`${what} could not be read.`);
  return [];
}

/** @param {unknown} value @returns {string} as a person can read it; an object's own toString is nobody's to call */
export const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** @param {unknown} value */
export const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is number} */
export const isNumber = (value) => Number.isFinite(value);

/**
 * @param {{classes: string | null, rig: string | null, box: string | null}} attributes
 * @returns {Skeleton}
 */
export function readSkeleton(attributes) {
  /** @type {string[]} */
  const problems = [];
  const keypoints = readKeypoints(attributes.classes, problems);
  const index = new Map(keypoints.map(({ label }, i) => [label, i]));
  const edges = readEdges(attributes.rig, index, problems);
  const neighbours = keypoints.map((_, i) => edges.flatMap(([a, b]) => (a === i ? [b] : b === i ? [a] : [])));
  return {
    keypoints,
    edges,
    index,
    box: readBox(attributes.box, keypoints, problems),
    distal: keypoints.map((_, i) => hangingOn(i, neighbours)),
    problems,
  };
}

/**
 * @param {string | null} text
 * @param {string[]} problems
 * @returns {Keypoint[]}
 */
function readKeypoints(text, problems) {
  /** @type {Map<string, Keypoint>} */
  const keypoints = new Map();
  /** @type {Map<string, unknown>} */
  const wanted = new Map();
  for (const entry of readList("The keypoints of this task (keypointClasses)", text, problems)) {
    const label = ["string", "number"].includes(typeof entry?.label) ? String(entry.label) : "";
    if (!label) problems.push("A keypoint without a name was left out.");
    else if (keypoints.has(label)) problems.push(`The keypoint “${label}” is defined twice: the second one was left out.`);
    else {
      wanted.set(label, entry.pair);
      keypoints.set(label, {
        label,
        color: colorOr(entry.color, PALETTE[keypoints.size % PALETTE.length]),
        x: isNumber(entry.x) ? entry.x : 0,
        y: isNumber(entry.y) ? entry.y : 0,
        pair: -1,
        side: sideOf(label),
        sigma: isNumber(entry.sigma) && entry.sigma > 0 ? entry.sigma : DEFAULT_SIGMA,
      });
    }
  }
  if (!keypoints.size && !problems.length) problems.push("This task has no keypoints to label.");
  const list = [...keypoints.values()];
  // A pair counts when both keypoints exist; without `pair` the names decide (left_hip, right_hip).
  list.forEach((keypoint, i) => {
    const name = wanted.get(keypoint.label);
    const other = keypoints.get(typeof name === "string" ? name : otherSide(keypoint.label));
    if (!other || other === keypoint || other.pair >= 0 || keypoint.pair >= 0) return;
    keypoint.pair = list.indexOf(other);
    other.pair = i;
    // A pair whose names tell no side still needs two sides, so that its shapes differ.
    if (keypoint.side === other.side) [keypoint.side, other.side] = ["left", "right"];
  });
  return list;
}

/** The word of a label that tells its side: left_hip, kneeRight, hip L. */
const SIDE = /(?<![a-zA-Z])([Ll]eft|[Rr]ight|LEFT|RIGHT|[lrLR])(?![a-zA-Z])|(Left|Right)(?=[A-Z]|$)|^(left|right)/;
/** @type {Record<string, string>} */
const OTHER = { left: "right", right: "left", Left: "Right", Right: "Left", LEFT: "RIGHT", RIGHT: "LEFT", l: "r", r: "l", L: "R", R: "L" };

/** @param {string} label @returns {"left" | "right" | ""} */
function sideOf(label) {
  const word = SIDE.exec(label)?.[0];
  return !word ? "" : /^l/i.test(word) ? "left" : "right";
}

/** What the keypoint's counterpart is called; empty for a name without a side. @param {string} label */
export const otherSide = (label) => (SIDE.test(label) ? label.replace(SIDE, (word) => OTHER[word]) : "");

/**
 * @param {string | null} text
 * @param {Map<string, number>} index
 * @param {string[]} problems
 * @returns {Edge[]}
 */
function readEdges(text, index, problems) {
  return readList("The edges (skeletonRig)", text, problems).flatMap((entry) => {
    const [from, to, color] = Array.isArray(entry) ? entry : [];
    const [a, b] = [index.get(from), index.get(to)];
    if (a !== undefined && b !== undefined && a !== b) return [[a, b, colorOr(color, "") || null]];
    problems.push(`The edge “${shown(from)}” to “${shown(to)}” was left out: it does not join two keypoints of this task.`);
    return [];
  });
}

/**
 * @param {string | null} text
 * @param {Keypoint[]} keypoints
 * @param {string[]} problems
 * @returns {Box | null}
 */
function readBox(text, keypoints, problems) {
  const value = readJson(text);
  const { left, top, right, bottom } = value ?? {};
  if ([left, top, right, bottom].every(isNumber) && right > left && bottom > top) return { left, top, right, bottom };
  if (value !== null) problems.push("The size of the template pose (skeletonBoundingBox) could not be read.");
  const own = around(keypoints);
  return own && own.right > own.left && own.bottom > own.top ? own : null;
}

/**
 * What comes loose from the body when a keypoint is taken out of the graph of edges: the wrist for an elbow,
 * elbow and wrist for a shoulder. The largest remaining piece is the body.
 * @param {number} start
 * @param {number[][]} neighbours by keypoint
 * @returns {number[]}
 */
function hangingOn(start, neighbours) {
  const seen = new Set([start]);
  /** @param {number} at @returns {number[]} all that is connected with it and in no other piece */
  const piece = (at) => {
    if (seen.has(at)) return [];
    seen.add(at);
    return [at, ...neighbours[at].flatMap(piece)];
  };
  const pieces = neighbours[start].map(piece).sort((a, b) => b.length - a.length);
  return pieces.slice(1).flat();
}
