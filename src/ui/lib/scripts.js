/**
 * Scripts beside the element's own: its languages, and what it needs only later. Each is run only if its digest is the one that the element was
 * built with.
 */
/* global LANGUAGES, LATER */
import { inLanguage, languages } from "./texts.js";

const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
/** Where this script is from; a module finds that in the place of an error. Empty where a page brings it in another way. */
const SOURCE = script ? script.src : /\w+:\/\/[^\s)]+(?=:\d+:\d+)/.exec(`${new Error().stack}`)?.[0];
/** A script that does not come within this time is done without. Milliseconds. */
export const PATIENCE = 5000;

/**
 * What the element and its later script have of each other. It is a property of the element's class.
 * @typedef {object} Parts
 * @property {unknown[]} [shared] what the later script imports of the element's modules; build.js puts it in
 * @property {typeof import("./later/index.js").laterOf} [laterOf] once that script is there
 */
/** @type {Parts} */
export const parts = {};

/** @type {Record<string, Promise<unknown>>} by name: under way, or tried */
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
 * Load the texts of a language, unless they are there already or there are none.
 * @param {string} tag
 * @returns {Promise<unknown> | undefined} ends, however the load goes; undefined where there is nothing to wait for
 */
export function loadLanguage(tag) {
  const [name, integrity = ""] = inLanguage(LANGUAGES, tag) ?? [];
  if (!SOURCE || !name || name in languages) return undefined;
  return (loads[name] ??= Promise.race([
    run(name, integrity).catch(() => {}),
    new Promise((resolve) => setTimeout(resolve, PATIENCE)),
  ]));
}

/** Load the later script, unless it is there or under way. @returns {Promise<unknown>} ends once `parts` has it; rejects if it does not come */
export async function loadLater() {
  if (parts.laterOf) return;
  try {
    await (loads.later ??= run("later", LATER));
  } catch (error) {
    // The next image tries again.
    delete loads.later;
    throw error;
  }
}
