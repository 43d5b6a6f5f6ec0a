/** The view: position and scale of the image on the stage. screen = image * scale + t, in CSS pixels. */
/** @import {Box, Size, XY} from "./types.js" */
import { clamp, distance, middleOf } from "./geometry.js";

/** Maximum scale: one image pixel covers 48 x 48 screen pixels. */
const MAX_SCALE = 48;
const MARGIN = 12;

/** @param {Size} size */
const middle = ({ width, height }) => ({ x: width / 2, y: height / 2 });

export class View {
  scale = 1;
  tx = 0;
  ty = 0;
  /** @type {Size} */
  image = { width: 0, height: 0 };
  /** @type {Size} */
  stage = { width: 0, height: 0 };
  onChange = () => {};

  /** Scale at which the whole image fits on the stage. */
  get fitting() {
    const { image, stage } = this;
    return Math.min(
      Math.max(1, stage.width - 2 * MARGIN) / image.width,
      Math.max(1, stage.height - 2 * MARGIN) / image.height,
      MAX_SCALE,
    );
  }

  get middle() {
    return middle(this.stage);
  }

  /** @param {XY} at @returns {XY} */
  toScreen({ x, y }) {
    return { x: x * this.scale + this.tx, y: y * this.scale + this.ty };
  }

  /** @param {XY} at @returns {XY} */
  toImage({ x, y }) {
    return { x: (x - this.tx) / this.scale, y: (y - this.ty) / this.scale };
  }

  /**
   * Set the scale, and move a point of the image to a point of the stage. All changes of the view use this method. The
   * image's edge cannot move beyond the middle of the stage.
   * @param {number} scale
   * @param {XY} at
   * @param {XY} [to]
   */
  show(scale, at, to = this.middle) {
    const { image, fitting } = this;
    if (!image.width) return;
    this.scale = clamp(scale, fitting / 2, Math.max(MAX_SCALE, fitting / 2));
    const { x, y } = this.middle;
    this.tx = clamp(to.x - at.x * this.scale, x - image.width * this.scale, x);
    this.ty = clamp(to.y - at.y * this.scale, y - image.height * this.scale, y);
    this.onChange();
  }

  /** Show the whole image. */
  fit() {
    this.show(this.fitting, middle(this.image));
  }

  /** Zoom about a fixed point of the stage. @param {number} factor @param {XY} [at] */
  zoom(factor, at = this.middle) {
    this.show(this.scale * factor, this.toImage(at), at);
  }

  /** @param {number} dx screen pixels @param {number} dy */
  pan(dx, dy) {
    this.show(this.scale, this.toImage({ x: 0, y: 0 }), { x: dx, y: dy });
  }

  /** Centre a box of the image, with a margin around it. @param {Box} box */
  focusOn(box) {
    const { image, stage } = this;
    const air = 1.5;
    const least = Math.max(image.width, image.height) / 40;
    const width = Math.max(box.right - box.left, least) * air;
    const height = Math.max(box.bottom - box.top, least) * air;
    this.show(Math.min(stage.width / width, stage.height / height, MAX_SCALE), middleOf(box));
  }

  /** Change the stage's size. A fitted image stays fitted; otherwise the centre stays the same. @param {Size} stage */
  resize(stage) {
    const centre = this.toImage(this.middle);
    const fitted =
      !this.stage.width ||
      (Math.abs(this.fitting - this.scale) < 1e-6 && distance(centre, middle(this.image)) * this.scale < 1);
    this.stage = stage;
    if (fitted) this.fit();
    else this.show(this.scale, centre);
  }
}
