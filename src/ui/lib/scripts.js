/**
 * Loads the element's other scripts: its languages and its later script. A script runs only if its digest is the one
 * with which the element was built.
 */
/* global LANGUAGES, LATER */
import { inLanguage, languages } from "./texts.js";

const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
/**
 * This script's URL. A module finds it in the stack of an error. Empty if the page includes the script in another
 * way.
 */
const SOURCE = script ? script.src : /\w+:\/\/[^\s)]+(?=:\d+:\d+)/.exec(`${new Error().stack}`)?.[0];
/** Time after which the element stops waiting for a script, in milliseconds. */
export const PATIENCE = 5000;

/**
 * The objects that the element and its later script exchange. It is a property of the element's class.
 * @typedef {object} Parts
 * @property {unknown[]} [shared] the later script's imports from the element's modules, set by code that build.js adds
 * @property {typeof import("./later/index.js").laterOf} [laterOf] set once the later script has run
 */
/** @type {Parts} */
export const parts = {};

/** @type {Record<string, Promise<unknown>>} loads by name, in progress or ended */
const loads = {};

/** @param {string} name @param {string} integrity @returns {Promise<unknown>} */
const run = (name, integrity) =>
  new Promise((resolve, reject) => {
    document.head.append(
      Object.assign(document.createElement("script"), {
        src: new URL(`crowd-2d-skeleton.${name}.js`, SOURCE).href,
        integrity,
        crossOrigin: "anonymous",
        onload: resolve,
        onerror: reject,
      }),
    );
  });

/**
 * Load the texts of a language, unless they are loaded already or do not exist.
 * @param {string} tag
 * @returns {Promise<unknown> | undefined} resolves even if the load fails; undefined if there is nothing to wait for
 */
export function loadLanguage(tag) {
  const [name, integrity = ""] = inLanguage(LANGUAGES, tag) ?? [];
  if (!SOURCE || !name || name in languages) return undefined;
  return (loads[name] ??= Promise.race([
    run(name, integrity).catch(() => {}),
    new Promise((resolve) => setTimeout(resolve, PATIENCE)),
  ]));
}

/**
 * Load the later script once.
 * @returns {Promise<unknown>} resolves once `parts` has its functions; rejects if the load fails
 */
export async function loadLater() {
  if (parts.laterOf) return;
  try {
    await (loads.later ??= run("later", LATER));
  } catch (error) {
    // The next call tries again.
    delete loads.later;
    throw error;
  }
}
