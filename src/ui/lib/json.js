/** Reads JSON from attributes and storage without throwing, and checks types. */
import { t } from "./texts.js";

/** @param {string | null} text @returns {any} null for an empty text, undefined for invalid JSON */
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
 * @param {string[]} problems receives a message if the attribute is invalid
 * @returns {any} null for none
 */
export function readAttribute(attributes, name, isSound, problems) {
  const value = readJson(attributes(name));
  if (isSound(value)) return value;
  if (value !== null) problems.push(t.unreadable(name));
  return null;
}

/** @param {unknown} value @returns {string} readable text; an object's own toString is never called */
export const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** @param {unknown} value */
export const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is number} */
export const isNumber = (value) => Number.isFinite(value);
