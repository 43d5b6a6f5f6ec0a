/** Preferences and drafts in the browser's storage, which may be blocked: then they last as long as the page. */

const PREFS = "truepoint-preferences";

/** @param {string} key @param {unknown} fallback @returns {any} */
export function load(key, fallback) {
  try {
    // In a sandboxed frame the mere access throws.
    return JSON.parse(localStorage.getItem(key) ?? "null") ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} key @param {unknown} value null removes @returns {boolean} whether it was done */
export function save(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
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

/** @returns {{names?: boolean, loupe?: boolean, crosshair?: boolean, keys?: Record<string, string[]>, hotkeys?: boolean}} */
export const loadPrefs = () => load(PREFS, {});

/** @param {object} prefs */
export const savePrefs = (prefs) => save(PREFS, prefs);
