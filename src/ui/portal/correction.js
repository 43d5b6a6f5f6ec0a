/** Correction of a worker's own answer: restores its document, and adds its times to those of the correction. */
/** @import {Content} from "./types.js" */
/** @import {Doc, Skeleton} from "../lib/types.js" */
import { findInstance } from "../lib/document.js";
import { isNumber, isRecord, readJson } from "../lib/json.js";
import { readPrelabels } from "../lib/prelabels.js";

/** @param {Content} content @returns {Record<string, any>} */
function detailsOf(content) {
  const details = readJson(content.answer_details ?? "");
  return isRecord(details) ? details : {};
}

/**
 * Convert a submitted answer to a document. The element still compares it with the original pre-labels.
 * @param {Content} content
 * @param {Skeleton} skeleton
 * @param {Doc} original the pre-labels
 * @returns {Doc}
 */
export function documentOf(content, skeleton, original) {
  const { comment, not_labeled: notLabeled } = detailsOf(content);
  const instances = readPrelabels(content.updated_annotations ?? "", null, skeleton, 0).instances.map((instance) => ({
    ...instance,
    points: [...instance.points],
    prelabel: findInstance(original, instance.id) !== null,
  }));
  const doc = {
    instances,
    noChanges: content.no_changes_needed === "true",
    comment: typeof comment === "string" ? comment : "",
  };
  for (const entry of Array.isArray(notLabeled) ? notLabeled.filter(isRecord) : []) {
    const index = skeleton.index.get(entry.label) ?? -1;
    const points = findInstance(doc, entry.id)?.points;
    if (!points || index < 0 || points[index]) continue;
    const reason = entry.reason === "outside_image" ? "outside_image" : "not_visible";
    points[index] = { x: 0, y: 0, v: 0, reason, ...(typeof entry.comment === "string" && { comment: entry.comment }) };
  }
  return doc;
}

/** @param {unknown} a @param {unknown} b @returns {any} numbers and tables of numbers added up */
function sum(a, b) {
  if (isNumber(a) && isNumber(b)) return Math.round((a + b) * 10) / 10;
  if (!isRecord(a) || !isRecord(b)) return b ?? a;
  const [one, other] = /** @type {Record<string, unknown>[]} */ ([a, b]);
  return Object.fromEntries(
    [...new Set([...Object.keys(one), ...Object.keys(other)])].map((key) => [key, sum(one[key], other[key])]),
  );
}

const TIMES = ["active_time_in_seconds", "actions", "time_per_keypoint"];

/**
 * Add the times of the replaced answer to a correction, so that an image's time includes all work on it.
 * @param {Content} content of the correction
 * @param {Content} before
 * @returns {Content}
 */
export function withTimesOf(content, before) {
  const [details, earlier] = [detailsOf(content), detailsOf(before)];
  for (const name of TIMES) if (name in details || name in earlier) details[name] = sum(earlier[name], details[name]);
  const total = (Number(before.total_time_in_seconds) || 0) + (Number(content.total_time_in_seconds) || 0);
  return { ...content, total_time_in_seconds: String(total), answer_details: JSON.stringify(details) };
}
