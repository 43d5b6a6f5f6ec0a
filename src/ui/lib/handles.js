/** Handles: the frame around an instance that moves, scales and turns it as a whole. */
/** @import {Box, Size, View, XY} from "./types.js" */

/** The frame stands off the keypoints so that their markers stay free. */
export const FRAME_PAD = 18;
const TURN = 26;

/** @typedef {{name: string, x: number, y: number}} Handle */

/** @param {Box} box @param {View} view @param {number} [pad] */
export const frameOf = (box, view, pad = FRAME_PAD) => ({
  left: box.left * view.scale + view.tx - pad,
  top: box.top * view.scale + view.ty - pad,
  right: box.right * view.scale + view.tx + pad,
  bottom: box.bottom * view.scale + view.ty + pad,
});

/** @param {Box} frame on the stage @returns {Handle[]} named after the edges that move with them; "turn" turns */
export function handlesOf(frame) {
  const { left, top, right, bottom } = frame;
  const x = (left + right) / 2;
  const y = (top + bottom) / 2;
  return [
    { name: "left top", x: left, y: top },
    { name: "top", x, y: top },
    { name: "right top", x: right, y: top },
    { name: "right", x: right, y },
    { name: "right bottom", x: right, y: bottom },
    { name: "bottom", x, y: bottom },
    { name: "left bottom", x: left, y: bottom },
    { name: "left", x: left, y },
    { name: "turn", x, y: top - TURN },
  ];
}

/** @param {Box} frame @param {XY} at @param {number} reach @returns {string} a handle, "inside" or "" */
export function handleAt(frame, at, reach) {
  const hit = handlesOf(frame).find((handle) => Math.hypot(handle.x - at.x, handle.y - at.y) <= reach);
  if (hit) return hit.name;
  return at.x >= frame.left && at.x <= frame.right && at.y >= frame.top && at.y <= frame.bottom ? "inside" : "";
}

/**
 * The box after some of its edges were dragged: inside the image, never turned inside out.
 * @param {Box} box
 * @param {string} name of the handle
 * @param {number} dx image pixels
 * @param {number} dy
 * @param {Size} size
 * @returns {Box}
 */
export function stretched(box, name, dx, dy, size) {
  const least = 1;
  const next = { ...box };
  if (name.includes("left")) next.left = Math.min(Math.max(0, box.left + dx), box.right - least);
  if (name.includes("right")) next.right = Math.max(Math.min(size.width, box.right + dx), box.left + least);
  if (name.includes("top")) next.top = Math.min(Math.max(0, box.top + dy), box.bottom - least);
  if (name.includes("bottom")) next.bottom = Math.max(Math.min(size.height, box.bottom + dy), box.top + least);
  return next;
}

/** @param {Box} from @param {Box} to @returns {(at: XY) => XY} an empty side stays where it is */
export function mapping(from, to) {
  const across = from.right > from.left ? (to.right - to.left) / (from.right - from.left) : 0;
  const down = from.bottom > from.top ? (to.bottom - to.top) / (from.bottom - from.top) : 0;
  return (at) => ({ x: to.left + (at.x - from.left) * across, y: to.top + (at.y - from.top) * down });
}

/** @param {XY} centre @param {number} angle radians @returns {(at: XY) => XY} */
export function turning(centre, angle) {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  return (at) => ({
    x: centre.x + (at.x - centre.x) * cos - (at.y - centre.y) * sin,
    y: centre.y + (at.x - centre.x) * sin + (at.y - centre.y) * cos,
  });
}
