/** Preferences and drafts in the browser's storage, which may be blocked: then they last as long as the page. */

const PREFS = "truepoint-preferences";

/** @returns {Storage | null} */
export function storage() {
  try {
    // In a sandboxed frame the mere access throws.
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/** @param {string} key @param {unknown} fallback @returns {any} */
export function load(key, fallback) {
  try {
    return JSON.parse(storage()?.getItem(key) ?? "null") ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} key @param {unknown} value null removes */
export function save(key, value) {
  try {
    const store = storage();
    if (value === null) store?.removeItem(key);
    else store?.setItem(key, JSON.stringify(value));
    return store !== null;
  } catch {
    return false;
  }
}

/** @returns {{names?: boolean, loupe?: boolean, crosshair?: boolean, keys?: Record<string, string[]>, hotkeys?: boolean}} */
export const loadPrefs = () => load(PREFS, {});

/** @param {object} prefs */
export const savePrefs = (prefs) => save(PREFS, prefs);
