/**
 * Access to localStorage and sessionStorage, which may be blocked. In that case nothing is stored, and nothing
 * throws.
 */

import { isRecord } from "./json.js";

const PREFS = "truepoint-preferences";
/** Key of the previous images' instances in sessionStorage. */
export const PREVIOUS = "truepoint-previous";

/** @typedef {"localStorage" | "sessionStorage"} Storage */

/** @param {string} key @param {unknown} [fallback] @param {Storage} [storage] @returns {any} */
export function load(key, fallback, storage = "localStorage") {
  try {
    // In a sandboxed frame, accessing the storage throws.
    return JSON.parse(globalThis[storage].getItem(key) ?? "null") ?? fallback;
  } catch {
    return fallback;
  }
}

/**
 * @param {string} key
 * @param {unknown} value null removes
 * @param {Storage} [storage]
 * @returns {boolean} whether it succeeded
 */
export function save(key, value, storage = "localStorage") {
  try {
    if (value === null) globalThis[storage].removeItem(key);
    else globalThis[storage].setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function keys() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

/** @param {any} list @returns {boolean} */
const isTexts = (list) => Array.isArray(list) && list.every((text) => typeof text === "string");

/** @returns {{names?: boolean, loupe?: boolean, crosshair?: boolean, keys?: Record<string, string[]>, hotkeys?: boolean}} */
export const loadPrefs = () => {
  const { keys, ...prefs } = load(PREFS, {});
  return isRecord(keys) && Object.values(keys).every(isTexts) ? { ...prefs, keys } : prefs;
};

/** @param {object} prefs */
export const savePrefs = (prefs) => save(PREFS, prefs);
