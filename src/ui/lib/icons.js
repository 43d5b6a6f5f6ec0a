/** Icons: one stroked path each, on a grid of 24 x 24. Icons of tools have the names of their commands. */
/** @import {Instance, Keypoint, Point} from "./types.js" */
import { h } from "./dom.js";
import { markerColor, SHAPES, shapeOf } from "./markers.js";

const LENS = "M17 10a7 7 0 1 0-14 0 7 7 0 1 0 14 0m-2 5 6 6";
const EYE = "M2 12s4-6 10-6 10 6 10 6-4 6-10 6-10-6-10-6m10-3a3 3 0 1 0 .1 0";
const CORNERS = "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5";
const RING = "M12 3a9 9 0 1 0 .1 0";

/** @type {Record<string, string>} */
const PATHS = {
  new: "M12 5v14M5 12h14",
  draw: `${CORNERS}M12 8v0M9 12h6M12 11v4l-2 3M12 15l2 3`,
  move: "M5 19l6-6m4-4 4-4m-5 0h5v5M5 16a3 3 0 1 0 .1 0",
  adjust: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  box: "M5 6h14v12H5z",
  swapAll: "M4 8h15l-4-4M20 16H5l4 4",
  undo: "M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3",
  zoomIn: `${LENS}M10 7v6M7 10h6`,
  zoomOut: `${LENS}M7 10h6`,
  fit: CORNERS,
  names: "M4 4h8l8 8-8 8-8-8zM8 8v0",
  loupe: LENS,
  hideAll: EYE,
  light: `${RING}v18m3-17v16m3-13v10`,
  hidden: `${EYE}M5 19 19 5`,
  bin: "M5 7h14M10 4h4M7 7l1 13h8l1-13",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12l5 5 9-9",
  warning: "M12 4 3 20h18zM12 10v5M12 17.5v0",
  info: `${RING}m0 8v6m0-9.5v0`,
};

/** @param {string | (() => string)} name */
export const icon = (name) =>
  h(
    "svg.icon",
    { viewBox: "0 0 24 24", "aria-hidden": true },
    h("path", { d: typeof name === "string" ? PATHS[name] : () => PATHS[name()] }),
  );

/**
 * Draw a keypoint's marker as on the image: filled if visible, hollow if occluded, struck through if it has no
 * position.
 * @param {() => string} color
 * @param {() => import("./types.js").Shape} shape
 * @param {() => Pick<Point, "v" | "reason"> | null} [point]
 */
export const marker = (color, shape, point = () => ({ v: 2 })) =>
  h(
    "svg.marker",
    { viewBox: "-8 -8 16 16", "aria-hidden": true, color, "data-v": () => point()?.v },
    h("path", { d: () => SHAPES[shape()] + (point()?.v === 0 ? "M-6 6 6-6" : "") }),
  );

/**
 * @param {() => Keypoint} keypoint
 * @param {() => Instance | null} instance the instance whose colour and shape the marker has
 * @param {() => Point | null} [point]
 */
export const keypointMarker = (keypoint, instance, point) =>
  marker(
    () => markerColor(instance(), keypoint()),
    () => instance()?.options.shape ?? shapeOf(keypoint()),
    point,
  );
