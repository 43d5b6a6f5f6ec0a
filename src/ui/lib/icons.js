/** Icons: one stroke path each on a 24 grid, drawn for this element. */

/** @type {Record<string, string>} */
const PATHS = {
  plus: "M12 5v14M5 12h14",
  draw: "M5 5h3M16 5h3v3M5 16v3h3M19 16v3h-3M5 5v3M12 9a1.5 1.5 0 1 0 0-.1M12 11v4M9.5 12.5h5M12 15l-2 3M12 15l2 3",
  adjust: "M12 3v18M3 12h18M12 3l-2.5 2.5M12 3l2.5 2.5M12 21l-2.5-2.5M12 21l2.5-2.5M3 12l2.5-2.5M3 12l2.5 2.5M21 12l-2.5-2.5M21 12l-2.5 2.5",
  box: "M5 6h14v12H5zM5 6v0M19 6v0",
  swap: "M4 8h15l-4-4M20 16H5l4 4",
  undo: "M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3",
  zoomIn: "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.5 15.5 20 20M10.5 7.8v5.4M7.8 10.5h5.4",
  zoomOut: "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.5 15.5 20 20M7.8 10.5h5.4",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12M12 9.2a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 1 0 0-5.6",
  eyeOff: "M4 4l16 16M9.5 6a9 9 0 0 1 2.5-.4c6 0 9.5 6.4 9.5 6.400a16 16 0 0 1-3 3.700M6 7.500A16 16 0 0 0 2.5 12S6 18.5 12 18.500c1.5 0 2.8-.4 4-1",
  bin: "M5 7h14M10 4h4M7 7l1 13h8l1-13M10.5 10.500v6M13.5 10.500v6",
  tag: "M4 4h8l8 8-8 8-8-8zM8.5 8.500v0",
  loupe: "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M15.5 15.5 20 20",
  light: "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 2.500v2M12 19.500v2M2.5 12h2M19.5 12h2M5.3 5.300l1.4 1.400M17.3 17.300l1.4 1.400M5.3 18.700l1.4-1.400M17.3 6.700l1.4-1.4",
  help: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M9.5 9.500a2.5 2.5 0 1 1 3.5 2.300c-.7.3-1 .8-1 1.700M12 16.700v0",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.500l4.5 4.500L19 7.5",
  warn: "M12 4 2.8 20h18.400zM12 10v5M12 17.500v0",
  info: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v6M12 7.500v0",
};

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

const SHAPES = { circle: "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10", square: "M3.5 3.500h9v9h-9z", diamond: "M8 2l6 6-6 6-6-6z" };

/**
 * A keypoint as the image shows it: filled when visible, hollow when occluded, struck through when it has no place.
 * @param {string} color
 */
export function markerIcon(color) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "marker");
  svg.setAttribute("aria-hidden", "true");
  svg.style.setProperty("--c", color);
  svg.append(document.createElementNS(SVG, "path"), document.createElementNS(SVG, "path"));
  return svg;
}

/**
 * @param {SVGElement} svg
 * @param {import("./types.js").Shape} shape
 * @param {string} state "visible", "occluded", "skipped" or "pending"
 */
export function setMarker(svg, shape, state) {
  if (svg.dataset.state === state && svg.dataset.shape === shape) return;
  svg.dataset.state = state;
  svg.dataset.shape = shape;
  svg.children[0].setAttribute("d", SHAPES[shape]);
  svg.children[1].setAttribute("d", state === "skipped" ? "M2 14L14 2" : "");
}
