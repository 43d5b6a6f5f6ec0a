/** Languages: scripts beside the element's own, each loaded only if its digest is the one that the element was built with. */
/* global LANGUAGES */
import { inLanguage, languages } from "./texts.js";

/** Where this script is from; empty where a page brings it in another way. */
const SOURCE = /** @type {HTMLScriptElement | null} */ (document.currentScript)?.src;
/** A language that does not come within this time is done without. Milliseconds. */
const PATIENCE = 5000;

/** @type {Record<string, Promise<unknown>>} by language: under way, or tried */
const loads = {};

/**
 * Load the texts of a language, unless they are there already or there are none.
 * @param {string} tag
 * @returns {Promise<unknown> | undefined} ends, however the load goes; undefined where there is nothing to wait for
 */
export function load(tag) {
  const [name, integrity] = inLanguage(LANGUAGES, tag) ?? [];
  if (!SOURCE || !name || name in languages) return undefined;
  return (loads[name] ??= new Promise((resolve) => {
    setTimeout(resolve, PATIENCE);
    document.head.append(Object.assign(document.createElement("script"), {
      src: new URL(`crowd-2d-skeleton.${name}.js`, SOURCE).href, integrity, crossOrigin: "anonymous", onload: resolve, onerror: resolve,
    }));
  }));
}
