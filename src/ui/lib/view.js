/** The view: where the image lies on the stage. Screen = image * scale + t, in CSS pixels. */
/** @import {Box, Size, View, XY} from "./types.js" */

/** One image pixel as a square of 48 screen pixels is as near as anyone needs. */
const MAX_SCALE = 48;
const MARGIN = 12;

/** @param {View} view @param {XY} at @returns {XY} */
export const toScreen = (view, at) => ({ x: at.x * view.scale + view.tx, y: at.y * view.scale + view.ty });

/** @param {View} view @param {XY} at @returns {XY} */
export const toImage = (view, at) => ({ x: (at.x - view.tx) / view.scale, y: (at.y - view.ty) / view.scale });

/**
 * @param {Size} image
 * @param {Size} stage
 * @returns {View} the whole image, centred
 */
export function fit(image, stage) {
  const room = { width: Math.max(1, stage.width - 2 * MARGIN), height: Math.max(1, stage.height - 2 * MARGIN) };
  const scale = Math.min(room.width / image.width, room.height / image.height, MAX_SCALE);
  return {
    scale,
    tx: (stage.width - image.width * scale) / 2,
    ty: (stage.height - image.height * scale) / 2,
  };
}

/**
 * The image can be pushed until its edge is in the middle of the stage, never out of sight.
 * @param {View} view
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function limit(view, image, stage) {
  const lowest = fit(image, stage).scale * 0.5;
  const scale = Math.min(Math.max(view.scale, lowest), Math.max(MAX_SCALE, lowest));
  return {
    scale,
    tx: Math.min(stage.width / 2, Math.max(stage.width / 2 - image.width * scale, view.tx)),
    ty: Math.min(stage.height / 2, Math.max(stage.height / 2 - image.height * scale, view.ty)),
  };
}

/**
 * Zoom that keeps what is under a place of the stage where it is.
 * @param {View} view
 * @param {number} factor
 * @param {XY} at on the stage
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function zoomAt(view, factor, at, image, stage) {
  const { scale } = limit({ ...view, scale: view.scale * factor }, image, stage);
  const fixed = toImage(view, at);
  return limit({ scale, tx: at.x - fixed.x * scale, ty: at.y - fixed.y * scale }, image, stage);
}

/**
 * @param {Box} box in the image
 * @param {Size} image
 * @param {Size} stage
 * @returns {View} the box in the middle, with air around it
 */
export function focusOn(box, image, stage) {
  const air = 0.25;
  const least = Math.max(image.width, image.height) / 40;
  const width = Math.max(box.right - box.left, least) * (1 + 2 * air);
  const height = Math.max(box.bottom - box.top, least) * (1 + 2 * air);
  const scale = Math.min(stage.width / width, stage.height / height, MAX_SCALE);
  const tx = stage.width / 2 - ((box.left + box.right) / 2) * scale;
  const ty = stage.height / 2 - ((box.top + box.bottom) / 2) * scale;
  return limit({ scale, tx, ty }, image, stage);
}

/**
 * After the stage changed its size: fitted stays fitted, else the centre stays the centre.
 * @param {View} view
 * @param {Size} image
 * @param {Size} before
 * @param {Size} after
 * @returns {View}
 */
export function resized(view, image, before, after) {
  const old = fit(image, before);
  const fitted = Math.abs(old.scale - view.scale) < 1e-6 && Math.abs(old.tx - view.tx) < 0.5 && Math.abs(old.ty - view.ty) < 0.5;
  if (fitted || before.width < 1 || before.height < 1) return fit(image, after);
  const centre = toImage(view, { x: before.width / 2, y: before.height / 2 });
  return limit(
    { scale: view.scale, tx: after.width / 2 - centre.x * view.scale, ty: after.height / 2 - centre.y * view.scale },
    image,
    after,
  );
}
