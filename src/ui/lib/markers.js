/** Markers: the shape and colour of a keypoint, the same on the image and in lists. */
/** @import {Instance, Keypoint, Shape} from "./types.js" */

/** SVG paths of markers with radius 5, centred on 0, 0. */
export const SHAPES = {
  circle: "M0-5a5 5 0 1 0 .1 0z",
  square: "M-4.5-4.5h9v9h-9z",
  diamond: "M0-6 6 0 0 6-6 0z",
  cross: "M-4-4 4 4M4-4-4 4",
};

/**
 * Return a keypoint's shape. The sides differ in shape too, for people who cannot tell the colours apart.
 * @param {Keypoint} keypoint
 * @returns {Shape}
 */
export const shapeOf = (keypoint) =>
  keypoint.side === "left" ? "circle" : keypoint.side === "right" ? "square" : "diamond";

/** @param {Instance | null} instance @param {Keypoint} keypoint */
export const markerColor = (instance, keypoint) => instance?.options.marker ?? instance?.color ?? keypoint.color;
