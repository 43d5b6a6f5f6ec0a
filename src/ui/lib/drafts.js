/**
 * Drafts: work that was not submitted yet, kept in the browser and offered after a reload.
 *
 * A draft is kept in IndexedDB with strict durability, so that it survives a killed browser from about 1 s after the
 * last edit. localStorage does not: Chromium 156 and Firefox 153 lost data written 3 s before a kill. It is the
 * fallback where IndexedDB is blocked. Every page writes its own draft, so that two tabs never overwrite each other.
 */
/** @import {Doc, Skeleton} from "./types.js" */
import { memo, placedCount } from "./document.js";
import { isNumber, isRecord } from "./json.js";
import { keys, load, save } from "./prefs.js";

export const PREFIX = "truepoint-draft:";
/** Time after which IndexedDB that has not responded counts as blocked, in milliseconds. */
const PATIENCE = 2500;

/**
 * @typedef {object} Draft
 * @property {string} key the task's key, which begins with PREFIX, and a random suffix of the page
 * @property {Doc} doc
 * @property {number} at milliseconds since 1970
 * @property {unknown} clock
 * @property {import("./types.js").Size} [size] of the image; drafts of earlier versions have none
 * @property {boolean} [sent] whether it was submitted without a confirmation
 */

/** @param {string} text @returns {string} a hash of 64 bits, in base 36 */
function hash(text) {
  let a = 0x811c9dc5;
  let b = 0x1234567;
  for (const character of text) {
    const code = /** @type {number} */ (character.codePointAt(0));
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b) ^ (b >>> 13);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}

/**
 * Return a file's address without fragment and signature. A host may renew the signature; the file is still the same.
 * The rest of the query may name the file.
 * @param {string | null} url
 */
export const fileOf = (url) =>
  (url ?? "").replace(/#.*|[?&](x-(amz|goog)-|signature|expires|policy|key-pair-id|(aws|google)access)[^&#]*/gi, "");

/**
 * Return a short key for a task, from its job, worker (if known), skeleton, image and pre-labels.
 * @param {(string | null)[]} parts
 */
export const draftKey = (parts) => `${PREFIX}${hash(JSON.stringify(parts))}:`;

/** @param {any} draft @param {Skeleton} skeleton @returns {boolean} whether it can be shown with this skeleton */
function fits(draft, skeleton) {
  /** @param {any} instance */
  const isSound = ({ id, strays, options, points }) =>
    typeof id === "string" &&
    Array.isArray(strays) &&
    isRecord(options) &&
    points.length === skeleton.keypoints.length &&
    points.every((/** @type {any} */ point) => point === null || [point.x, point.y, point.v].every(isNumber));
  try {
    return draft.doc.instances.every(isSound) && isNumber(draft.at);
  } catch {
    return false;
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const result = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** @type {Promise<IDBDatabase> | undefined} */
let database;

/** @returns {Promise<IDBDatabase>} the connection, which is opened if necessary */
const open = () => {
  database ??= new Promise((resolve, reject) => {
    // In a sandboxed frame, accessing indexedDB throws.
    const request = indexedDB.open("truepoint", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("drafts", { keyPath: "key" });
    result(request).then((opened) => {
      // Another page may delete the database, and the browser may close it. The next transaction opens it again.
      opened.onclose = opened.onversionchange = () => {
        opened.close();
        database = undefined;
      };
      resolve(opened);
    }, reject);
  });
  // An error may be temporary: the next transaction opens the database again.
  database.catch(() => (database = undefined));
  return database;
};
// Both opening and building the element take a while, and the worker must wait for both. So begin now.
open();

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} act
 * @returns {Promise<T>} resolves once what was written is on the disk; rejects if IndexedDB is blocked or full
 */
export async function within(mode, act) {
  const transaction = (await open()).transaction("drafts", mode, { durability: "strict" });
  // A read has its result before the transaction completes.
  const done =
    mode !== "readonly" &&
    new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
  const [value] = await Promise.all([result(act(transaction.objectStore("drafts"))), done]);
  return value;
}

/** Whether IndexedDB did not respond in time once. From then on, drafts are also written to localStorage at once. */
let isSlow = false;

/** @type {typeof within} the same with a timeout */
const inTime = (mode, act) =>
  Promise.race([within(mode, act), new Promise((_, reject) => setTimeout(() => reject((isSlow = true)), PATIENCE))]);

/** @param {string} task its key @returns {Promise<Draft[]>} the task's drafts, from all pages */
export async function allDrafts(task) {
  const range = IDBKeyRange.bound(task, `${task}\uffff`);
  /** @type {Draft[]} */
  const stored = await inTime("readonly", (store) => store.getAll(range)).catch(() => []);
  const all = [
    ...stored,
    ...keys()
      .filter((key) => key.startsWith(task))
      .map((key) => load(key)),
  ];
  // A draft may be in both stores if one of them was full at a time. The newer version counts.
  const byAge = all
    .filter(isRecord)
    .map(unpacked)
    .sort((a, b) => a.at - b.at);
  return [...new Map(byAge.map((draft) => [draft.key, draft])).values()];
}

/**
 * Instances as JSON, memoised: an edit changes one of possibly hundreds of instances. IndexedDB copies a text in a
 * fraction of the time that it takes for the objects.
 */
const packed = memo(JSON.stringify);

/** @param {any} draft as it is stored; earlier versions stored objects @returns {any} */
function unpacked(draft) {
  try {
    const { doc } = draft;
    return {
      ...draft,
      doc: {
        ...doc,
        instances: doc.instances.map((/** @type {unknown} */ one) => (typeof one === "string" ? JSON.parse(one) : one)),
      },
    };
  } catch {
    return draft;
  }
}

/** @param {Draft} draft */
export const placedIn = ({ doc }) => doc.instances.reduce((sum, instance) => sum + placedCount(instance), 0);

/**
 * @param {string} task its key
 * @param {Skeleton} skeleton
 * @returns {Promise<Draft[]>} the drafts that fit the skeleton, most placed keypoints first
 */
export async function loadDrafts(task, skeleton) {
  const drafts = (await allDrafts(task)).filter((draft) => fits(draft, skeleton));
  return drafts.sort((a, b) => placedIn(b) - placedIn(a) || b.at - a.at);
}

/**
 * @param {any} given a draft of the element, or of the skeleton creator, which has no document
 * @param {boolean} [isLast] whether the page is being left: browsers may then abort a transaction
 * @returns {Promise<boolean>} whether it is kept
 */
export async function saveDraft({ doc, ...rest }, isLast) {
  const draft = doc ? { ...rest, doc: { ...doc, instances: doc.instances.map(packed) } } : rest;
  // A write that timed out must not replace a later version.
  const keep = () => load(draft.key)?.at > draft.at || save(draft.key, draft);
  if (isLast || isSlow) keep();
  return inTime("readwrite", (store) => store.put(draft)).then(() => true, keep);
}

/** @param {string} key @returns {Promise<unknown>} */
export const dropDraft = (key) => {
  save(key, null);
  return inTime("readwrite", (store) => store.delete(key)).catch(() => {});
};
