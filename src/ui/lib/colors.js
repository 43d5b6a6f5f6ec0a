/** Colours: a palette that colour-blind people can tell apart, and a check of colours from attributes and files. */
import { readJson } from "./json.js";

/** Okabe and Ito's colours without black, followed by lighter shades of them. */
export const PALETTE = [
  "#56b4e9",
  "#e69f00",
  "#009e73",
  "#f0e442",
  "#cc79a7",
  "#d55e00",
  "#0072b2",
  "#9ad4f5",
  "#ffc857",
  "#5fd3b0",
  "#e7b3d1",
  "#ff9a5c",
  "#6aa9e0",
  "#b8b8ff",
];

const PLAIN = /^(#[0-9a-f]{3,8}|[a-z]{3,20}|(rgb|hsl)a?\([\d.,%\s/deg-]{1,60}\))$/i;

/**
 * Return a colour that is safe to use in styles and on the canvas: only plain notations pass, others give the fallback.
 * @param {unknown} value
 * @param {string} fallback
 */
export function colorOr(value, fallback) {
  if (typeof value !== "string" || !PLAIN.test(value.trim())) return fallback;
  const known = globalThis.CSS?.supports?.("color", value.trim()) ?? true;
  return known ? value.trim() : fallback;
}

/**
 * Read the attribute uniqueSkeletonColors: "true" for the palette, or a list of colours.
 * @param {string | null} text
 * @returns {string[] | null}
 */
export function readUniqueColors(text) {
  const value = readJson(text);
  if (value === null || value === false) return null;
  const colors = [value]
    .flat()
    .map((color) => colorOr(color, ""))
    .filter(Boolean);
  // Any other text means "yes", as an HTML flag would.
  return colors.length ? colors : PALETTE;
}

/**
 * Return the colour that the fewest instances have, so that a deleted instance's colour is used again.
 * @param {string[]} palette
 * @param {(string | null)[]} used
 */
export function freeColor(palette, used) {
  const count = (/** @type {string} */ color) => used.filter((other) => other === color).length;
  return palette.reduce((best, color) => (count(color) < count(best) ? color : best));
}
