/** JSON from outside, in attributes and in storage: read without ever throwing, and told apart. */
import { t } from "./texts.js";

/** @param {string | null} text @returns {any} null for none, undefined for what is no JSON */
export function readJson(text) {
  try {
    return JSON.parse(text?.trim() || "null");
  } catch {
    return undefined;
  }
}

/**
 * @param {import("./types.js").Attributes} attributes
 * @param {string} name of the attribute
 * @param {(value: any) => boolean} isSound
 * @param {string[]} problems takes what could not be read
 * @returns {any} null for none
 */
export function readAttribute(attributes, name, isSound, problems) {
  const value = readJson(attributes(name));
  if (isSound(value)) return value;
  if (value !== null) problems.push(t.unreadable(name));
  return null;
}

/** @param {unknown} value @returns {string} as a person can read it; an object's own toString is nobody's to call */
export const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** @param {unknown} value */
export const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is number} */
export const isNumber = (value) => Number.isFinite(value);
