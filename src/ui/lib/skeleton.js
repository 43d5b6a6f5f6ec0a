/** The skeleton: reads the attributes keypointClasses, skeletonRig and skeletonBoundingBox. Never throws. */
/** @import {Box, Edge, Keypoint, Skeleton} from "./types.js" */
import { colorOr, PALETTE } from "./colors.js";

/** Where a definition has no sigma: about the mean of COCO's seventeen. */
export const DEFAULT_SIGMA = 0.07;

/**
 * @param {string | null} text
 * @returns {{value: unknown, ok: boolean}}
 */
export function readJson(text) {
  if (text === null || text.trim() === "") return { value: null, ok: true };
  try {
    return { value: JSON.parse(text), ok: true };
  } catch {
    return { value: null, ok: false };
  }
}

/** @param {unknown} value as a person can read it; an object's own toString is nobody's to call */
const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** @param {unknown} value */
export const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is number} */
export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/**
 * @param {{classes: string | null, rig: string | null, box: string | null}} attributes
 * @returns {Skeleton}
 */
export function readSkeleton(attributes) {
  /** @type {string[]} */
  const problems = [];
  const keypoints = readKeypoints(attributes.classes, problems);
  const index = new Map(keypoints.map((keypoint, i) => [keypoint.label, i]));
  const edges = readEdges(attributes.rig, index, problems);
  return {
    keypoints,
    edges,
    index,
    box: readBox(attributes.box, keypoints, problems),
    distal: keypoints.map((_, i) => hangingOn(i, keypoints.length, edges)),
    problems,
  };
}

/**
 * @param {string | null} text
 * @param {string[]} problems
 * @returns {Keypoint[]}
 */
function readKeypoints(text, problems) {
  const { value, ok } = readJson(text);
  if (!ok || (value !== null && !Array.isArray(value))) {
    problems.push("The list of keypoints of this task could not be read (keypointClasses is not a JSON list).");
    return [];
  }
  /** @type {Keypoint[]} */
  const keypoints = [];
  /** @type {Map<string, unknown>} */
  const wanted = new Map();
  for (const entry of /** @type {any[]} */ (value ?? [])) {
    const label = isRecord(entry) && ["string", "number"].includes(typeof entry.label) ? String(entry.label) : "";
    if (label === "") {
      problems.push("A keypoint without a name was left out.");
    } else if (wanted.has(label)) {
      problems.push(`The keypoint “${label}” is defined twice; the second one was left out.`);
    } else {
      wanted.set(label, entry.pair);
      keypoints.push({
        label,
        color: colorOr(entry.color, PALETTE[keypoints.length % PALETTE.length]),
        x: isNumber(entry.x) ? entry.x : 0,
        y: isNumber(entry.y) ? entry.y : 0,
        pair: -1,
        side: sideOf(label),
        sigma: isNumber(entry.sigma) && entry.sigma > 0 ? entry.sigma : DEFAULT_SIGMA,
      });
    }
  }
  if (keypoints.length === 0 && problems.length === 0) problems.push("This task has no keypoints to label.");
  pairUp(keypoints, wanted);
  return keypoints;
}

/**
 * A pair counts when both keypoints exist; without `pair` the names decide (left_hip, right_hip).
 * @param {Keypoint[]} keypoints
 * @param {Map<string, unknown>} wanted
 */
function pairUp(keypoints, wanted) {
  const index = new Map(keypoints.map((keypoint, i) => [keypoint.label, i]));
  keypoints.forEach((keypoint, i) => {
    const named = wanted.get(keypoint.label);
    const other = index.get(typeof named === "string" ? named : otherSide(keypoint.label));
    if (other === undefined || other === i || keypoints[other].pair !== -1 || keypoint.pair !== -1) return;
    keypoint.pair = other;
    keypoints[other].pair = i;
    // A pair whose names tell no side still needs two sides, so that its shapes differ.
    if (keypoint.side === keypoints[other].side) {
      keypoint.side = "left";
      keypoints[other].side = "right";
    }
  });
}

const SIDE = /(^|[^a-zA-Z])([Ll]eft|[Rr]ight|LEFT|RIGHT|[lrLR])(?=[^a-zA-Z]|$)|(Left|Right)(?=[A-Z]|$)|^(left|right)/;

/** @param {string} label @returns {"left" | "right" | ""} */
function sideOf(label) {
  const word = (SIDE.exec(label) ?? []).slice(2).find(Boolean)?.toLowerCase();
  return word === undefined ? "" : word.startsWith("l") ? "left" : "right";
}

/** What the keypoint's counterpart is called; empty for a name without a side. @param {string} label */
export function otherSide(label) {
  /** @type {Record<string, string>} */
  const flip = { left: "right", right: "left", Left: "Right", Right: "Left", LEFT: "RIGHT", RIGHT: "LEFT", l: "r", r: "l", L: "R", R: "L" };
  const match = SIDE.exec(label);
  const word = match?.slice(2).find(Boolean);
  if (!match || !word) return "";
  const at = match.index + match[0].indexOf(word);
  return label.slice(0, at) + (flip[word] ?? "") + label.slice(at + word.length);
}

/**
 * @param {string | null} text
 * @param {Map<string, number>} index
 * @param {string[]} problems
 * @returns {Edge[]}
 */
function readEdges(text, index, problems) {
  const { value, ok } = readJson(text);
  if (!ok || (value !== null && !Array.isArray(value))) {
    problems.push("The edges of the skeleton could not be read (skeletonRig is not a JSON list); keypoints work without them.");
    return [];
  }
  /** @type {Edge[]} */
  const edges = [];
  for (const entry of /** @type {any[]} */ (value ?? [])) {
    const [from, to, color] = Array.isArray(entry) ? entry : [];
    const a = index.get(from);
    const b = index.get(to);
    if (a === undefined || b === undefined || a === b) {
      problems.push(`An edge was left out: “${shown(from)}” to “${shown(to)}” does not join two keypoints of this task.`);
    } else {
      edges.push([a, b, colorOr(color, "") || null]);
    }
  }
  return edges;
}

/**
 * @param {string | null} text
 * @param {Keypoint[]} keypoints
 * @param {string[]} problems
 * @returns {Box | null}
 */
function readBox(text, keypoints, problems) {
  const { value, ok } = readJson(text);
  const box = /** @type {any} */ (value);
  const good = isRecord(box) && [box.left, box.top, box.right, box.bottom].every(isNumber);
  if (good && box.right > box.left && box.bottom > box.top) {
    return { left: box.left, top: box.top, right: box.right, bottom: box.bottom };
  }
  if (!ok || box !== null) problems.push("skeletonBoundingBox could not be read; the size of the template pose is used.");
  const xs = keypoints.map((keypoint) => keypoint.x);
  const ys = keypoints.map((keypoint) => keypoint.y);
  const own = { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
  return own.right > own.left && own.bottom > own.top ? own : null;
}

/**
 * What comes loose from the body when a keypoint is taken out of the graph of edges: the wrist for an elbow,
 * elbow and wrist for a shoulder. The largest remaining piece is the body.
 * @param {number} start
 * @param {number} count
 * @param {Edge[]} edges
 * @returns {number[]}
 */
function hangingOn(start, count, edges) {
  /** @type {number[][]} */
  const neighbours = Array.from({ length: count }, () => []);
  for (const [a, b] of edges) {
    neighbours[a].push(b);
    neighbours[b].push(a);
  }
  const seen = new Set([start]);
  /** @type {number[][]} */
  const pieces = [];
  for (const first of neighbours[start]) {
    if (seen.has(first)) continue;
    const piece = [first];
    seen.add(first);
    for (const at of piece) {
      for (const next of neighbours[at]) {
        if (!seen.has(next)) {
          seen.add(next);
          piece.push(next);
        }
      }
    }
    pieces.push(piece);
  }
  pieces.sort((a, b) => b.length - a.length);
  return pieces.slice(1).flat();
}
