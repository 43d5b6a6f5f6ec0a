/**
 * Storage in the browser, so that a reload loses nothing: the drawing and the reference image of each tab. Nothing
 * leaves the browser. Each tab writes its own draft. A new tab continues with the newest draft that no open tab has.
 */
import { allDrafts, dropDraft, saveDraft, within } from "../drafts.js";
import { isNumber } from "../json.js";
import { load, save } from "../prefs.js";
import { Drawing } from "./drawing.js";
import { readDefinition, toSkeletonJson } from "./formats.js";

/** @import {Definition, Size} from "./definition.js" */

const DRAWING = "truepoint-skeleton:";
const PHOTO = "truepoint-skeleton-photo:";
/**
 * Key in sessionStorage for the key of the tab's draft. In localStorage, earlier versions kept their only drawing
 * under it.
 */
const OWN = "truepoint-skeleton";
/** Key of an earlier version's drawing among the drafts, and key of a record that tests whether storage works. */
const EARLIER = `${DRAWING}0`;
const PROBE = "truepoint-skeleton-probe";
/** Delay from an edit to the start of its write, in milliseconds. */
const PAUSE = 300;
/** Time within which a reloading page releases the lock on its draft, in milliseconds. */
const PATIENCE = 400;
const KEEP_DAYS = 30;

/**
 * @typedef {object} Draft
 * @property {string} key
 * @property {number} at milliseconds since 1970
 * @property {Definition} definition
 * @property {Size} size of the board
 */

const areTexts = (/** @type {unknown[]} */ values) => values.every((value) => typeof value === "string");

/** @param {any} definition @returns {boolean} whether it has the shape that this version writes */
const isDefinition = ({ name, supercategory, keypoints, edges }) =>
  areTexts([name, supercategory]) &&
  keypoints.every(
    (/** @type {any} */ keypoint) =>
      areTexts([keypoint.name, keypoint.color, keypoint.pair]) &&
      [keypoint.x, keypoint.y, keypoint.sigma ?? 0].every(isNumber),
  ) &&
  edges.every((/** @type {any} */ edge) => areTexts(edge) && (edge.length === 2 || edge.length === 3));

/**
 * @param {any} draft of this version, or of an earlier one, which kept a file
 * @returns {Drawing | null} null if unreadable
 */
export function drawingOf(draft) {
  const { definition, file, size } = draft ?? {};
  if (![size?.width, size?.height].every((length) => isNumber(length) && length > 0)) return null;
  try {
    if (!definition) return new Drawing(readDefinition(JSON.stringify(file)).definition, size);
    if (!isDefinition(definition)) return null;
    // A drawing without keypoints is valid here, although it is not a valid skeleton file.
    if (definition.keypoints.length) {
      const read = readDefinition(JSON.stringify(toSkeletonJson(definition))).definition;
      if (read.keypoints.length !== definition.keypoints.length) return null;
    }
    return new Drawing(definition, size);
  } catch {
    return null;
  }
}

/** @param {string} key @param {number} patience milliseconds @returns {Promise<boolean>} whether the draft is this tab's until it closes */
const hold = (key, patience) =>
  new Promise((resolve) => {
    // Web Locks are missing on insecure pages. There, sessionStorage alone tells which draft is the tab's.
    if (!navigator.locks) resolve(true);
    else {
      const options = patience ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true };
      const request = navigator.locks.request(key, options, (/** @type {Lock | null} */ lock) => {
        resolve(Boolean(lock));
        return lock ? new Promise(() => {}) : undefined;
      });
      request.catch(() => resolve(false));
    }
  });

/** @returns {string} "" where the tab has none, or storage is blocked */
function ownKey() {
  try {
    const key = sessionStorage.getItem(OWN) ?? "";
    return key.startsWith(DRAWING) ? key : "";
  } catch {
    return "";
  }
}

/** @param {string} key */
const photoKey = (key) => key.replace(DRAWING, PHOTO);

/** @returns {Promise<boolean>} whether anything can be kept */
const canKeep = () =>
  within("readwrite", (store) => store.delete(`${PROBE}?`)).then(
    () => true,
    () => save(PROBE, 1) && save(PROBE, null),
  );

/**
 * @typedef {object} Kept
 * @property {string} key of this tab's draft
 * @property {Drawing} drawing
 * @property {Blob | null} photo
 * @property {Draft[]} others drawings of other tabs, and of earlier ones, the newest first
 * @property {boolean} isStored whether the drawing is kept under this key already
 * @property {boolean} isCopy whether another tab has the original
 * @property {boolean} isKeeping whether anything can be kept
 */

/** Find this tab's draft, or the newest one that no open tab has. @returns {Promise<Kept>} */
export async function openKept() {
  /** @type {any[]} */
  const all = await allDrafts(DRAWING);
  const newest = new Map(
    all
      .filter((draft) => draft?.key && isNumber(draft.at))
      .sort((a, b) => a.at - b.at)
      .map((draft) => [draft.key, draft]),
  );
  const old = load(OWN, null);
  if (old) newest.set(EARLIER, { ...old, key: EARLIER, at: 0 });
  const drafts = [...newest.values()].filter((draft) => drawingOf(draft)).sort((a, b) => b.at - a.at);
  const full = drafts.filter((draft) => !draft.definition || draft.definition.keypoints.length);
  const last = ownKey();
  let key = "";
  // A duplicated tab has the same key as the original tab. It continues with a copy.
  if (last && (await hold(last, PATIENCE))) key = last;
  else if (!last && navigator.locks) for (const draft of full) if (!key && (await hold(draft.key, 0))) key = draft.key;
  const source = key || last;
  const isCopy = !key && drafts.some((draft) => draft.key === last);
  if (!key || key === EARLIER) {
    key = DRAWING + crypto.getRandomValues(new Uint32Array(2)).join("");
    await hold(key, 0);
  }
  try {
    sessionStorage.setItem(OWN, key);
  } catch {
    // Storage is blocked: the next load treats this draft as that of a closed tab.
  }
  const draft = drafts.find((other) => other.key === source);
  const photo = await within("readonly", (store) => store.get(photoKey(source))).then(
    (/** @type {any} */ found) => found?.photo ?? null,
    () => null,
  );
  if (photo && source !== key) void keepPhoto(key, photo);
  const limit = Date.now() - KEEP_DAYS * 86_400_000;
  const others = full.filter((other) => other.key !== source);
  for (const other of others)
    if (other.at && other.at < limit && (await hold(other.key, 0)))
      void Promise.all([dropDraft(other.key), dropDraft(photoKey(other.key))]);
  return {
    key,
    drawing: drawingOf(draft) ?? new Drawing(),
    photo,
    others,
    isStored: !draft || source === key,
    isCopy,
    isKeeping: await canKeep(),
  };
}

/**
 * Store the reference image in IndexedDB, or delete it.
 * @param {string} key of the draft
 * @param {Blob | null} photo null deletes
 */
export async function keepPhoto(key, photo) {
  const record = photoKey(key);
  // Errors (no room, blocked storage) are ignored: the user still has the image as a file.
  await within(
    "readwrite",
    (store) =>
      /** @type {IDBRequest<any>} */ (photo ? store.put({ key: record, at: Date.now(), photo }) : store.delete(record)),
  ).catch(() => {});
}

/**
 * Write a drawing whenever it has changed.
 * @param {Kept} kept
 * @param {(isKept: boolean) => void} done
 */
export function keeping({ drawing, key, isStored }, done) {
  let timer = 0;
  let written = isStored ? drawing.kept : null;
  let size = drawing.size;
  /** @returns {any} */
  const draft = () => ({ key, at: Date.now(), definition: drawing.kept, size: drawing.size });
  const write = async () => {
    clearTimeout(timer);
    timer = 0;
    written = drawing.kept;
    size = drawing.size;
    const isKept = await saveDraft(draft());
    // The drawing of an earlier version is now stored as a draft.
    if (isKept) save(OWN, null);
    done(isKept);
  };
  // A page that is being left may not have time for IndexedDB, so localStorage is written first.
  addEventListener("pagehide", () => {
    if (!timer) return;
    save(key, draft());
    void write();
  });
  document.addEventListener("visibilitychange", () => document.hidden && timer && void write());
  return {
    later() {
      if (written !== drawing.kept || size !== drawing.size) timer ||= setTimeout(write, PAUSE);
    },
  };
}
