/** Drafts: the document of a task that was not submitted yet, kept in the browser and given back after a reload. */
/** @import {Doc, Skeleton} from "./types.js" */
import { isNumber, isRecord } from "./json.js";
import { keys, load, save } from "./prefs.js";

const PREFIX = "truepoint-draft:";
const KEEP_DAYS = 7;

/**
 * A short name for a task: same image, same skeleton, same pre-labels.
 * @param {(string | null)[]} parts
 */
export function draftKey(parts) {
  let a = 0x811c9dc5;
  let b = 0x1234567;
  for (const character of JSON.stringify(parts)) {
    const code = character.charCodeAt(0);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 13);
  }
  return PREFIX + (a >>> 0).toString(36) + (b >>> 0).toString(36);
}

/**
 * @param {string} key
 * @param {Skeleton} skeleton
 * @returns {{doc: Doc, at: number} | null} null for none, or one that does not fit
 */
export function loadDraft(key, skeleton) {
  /** @param {any} instance */
  const fits = ({ id, strays, options, points }) =>
    typeof id === "string" && Array.isArray(strays) && isRecord(options) && points.length === skeleton.keypoints.length &&
    points.every((/** @type {any} */ point) => point === null || [point.x, point.y, point.v].every(isNumber));
  const draft = load(key, null);
  try {
    return draft.doc.instances.every(fits) && isNumber(draft.at) ? draft : null;
  } catch {
    return null;
  }
}

/** @param {string} key @param {Doc} doc @param {number} now @returns {boolean} whether it was kept */
export function saveDraft(key, doc, now) {
  const draft = { doc, at: now };
  if (save(key, draft)) return true;
  // Full: other drafts give way to the work at hand.
  dropDrafts(Infinity);
  return save(key, draft);
}

/** @param {string} key */
export const dropDraft = (key) => save(key, null);

/** @param {number} before milliseconds: older ones go */
function dropDrafts(before) {
  for (const key of keys()) {
    if (key.startsWith(PREFIX) && !(load(key, {}).at > before)) save(key, null);
  }
}

/** @param {number} now */
export const dropOldDrafts = (now) => dropDrafts(now - KEEP_DAYS * 86_400_000);
