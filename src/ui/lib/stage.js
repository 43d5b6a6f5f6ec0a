/** The stage: the photograph as a plain image element, and two canvases of the stage's own size over it. */
/** @import {Box, XY} from "./types.js" */
import { h, put } from "./dom.js";
import { clamp } from "./geometry.js";
import { paint } from "./painter.js";
import { View } from "./view.js";

/** The instance in hand has a canvas of its own: while it is dragged, the others are not drawn again. */
const TOP = 1;
const ALL = 2;
const LOUPE_SIZE = 150;
const LOUPE_FACTOR = 4;

/** @typedef {{names?: boolean, loupe?: boolean, crosshair?: boolean, brightness: number, contrast: number}} Look */

export class Stage {
  /**
   * @param {import("./session.js").Session} session
   * @param {Look} look
   */
  constructor(session, look) {
    this.session = session;
    this.look = look;
    this.view = new View();
    this.view.onChange = () => {
      this.touchAll();
      this.onView();
    };
    this.dirty = 0;
    this.frameRequest = 0;
    /** @type {{id: string, index: number} | null} */
    this.hover = null;
    /** @type {Box | null} a rectangle that is being drawn, in image pixels */
    this.rect = null;
    /** @type {XY | null} */
    this.pointer = null;
    /** @type {HTMLImageElement} */
    this.img = h("img.photo", { alt: "", draggable: false, decoding: "async" });
    /** @type {HTMLCanvasElement[]} */
    this.layers = [h("canvas", { "aria-hidden": "true" }), h("canvas", { "aria-hidden": "true" })];
    this.tag = h("div.tag", { hidden: true, "aria-hidden": "true" });
    this.cross = h("div.cross", { hidden: true });
    this.lens = h("img", { alt: "", draggable: false });
    this.loupe = h("div.loupe", { hidden: true, "aria-hidden": "true" }, this.lens);
    this.note = h("div.stage-note", { hidden: true });
    /** @type {HTMLElement} */
    this.root = h(
      "div.stage",
      { tabIndex: 0, role: "application", "aria-label": "Image. Enter places the next keypoint, arrows move it, question mark shows all keys." },
      h("div.clip", {}, this.img, ...this.layers, this.cross, this.loupe, this.tag),
      this.note,
    );
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.root);
  }

  onView = () => {};

  destroy() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frameRequest);
    // A detached image or canvas holds its pixels until it is collected: give them back now.
    this.img.removeAttribute("src");
    this.lens.removeAttribute("src");
    for (const layer of this.layers) layer.width = 0;
  }

  measure() {
    const { clientWidth: width, clientHeight: height } = this.root;
    const { stage } = this.view;
    if (stage.width === width && stage.height === height) return;
    const ratio = Math.min(2, devicePixelRatio);
    for (const layer of this.layers) {
      layer.width = Math.round(width * ratio);
      layer.height = Math.round(height * ratio);
    }
    this.view.resize({ width, height });
    // A resized canvas is empty: it is drawn before the browser paints, not a frame later.
    this.dirty = ALL;
    this.draw();
  }

  /** The image is there. */
  ready() {
    this.measure();
    this.view.image = this.session.size;
    this.view.fit();
  }

  touchTop(part = TOP) {
    this.dirty |= part;
    this.frameRequest ||= requestAnimationFrame(() => this.draw());
  }

  touchAll() {
    this.touchTop(ALL);
  }

  draw() {
    const { dirty, view, layers } = this;
    cancelAnimationFrame(this.frameRequest);
    this.dirty = this.frameRequest = 0;
    this.img.style.transform = `translate(${view.tx}px, ${view.ty}px) scale(${view.scale})`;
    put(this.img, ".near", view.scale > 6);
    layers.forEach((layer, i) => {
      const ctx = layer.getContext("2d");
      if (!ctx || !view.stage.width || (i === 0 && !(dirty & ALL))) return;
      const ratio = layer.width / view.stage.width;
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      ctx.clearRect(0, 0, view.stage.width, view.stage.height);
      if (this.session.size.width) paint(ctx, this, i === 1);
    });
  }

  /** What follows the pointer. @param {XY | null} at @param {boolean} [touch] */
  follow(at, touch = false) {
    this.pointer = at;
    const { tag, cross, loupe, look } = this;
    const shown = at && this.session.size.width;
    put(cross, "hidden", !(shown && look.crosshair));
    put(loupe, "hidden", !(shown && (look.loupe || touch)));
    put(tag, "hidden", !(shown && !touch && tag.textContent));
    if (!at) return;
    cross.style.transform = `translate(${at.x}px, ${at.y}px)`;
    tag.style.transform = `translate(${at.x + 16}px, ${at.y + 18}px)`;
    if (!loupe.hidden) this.placeLoupe(at, touch);
  }

  /** Beside a finger, else in the corner that is not under the pointer. @param {XY} at @param {boolean} touch */
  placeLoupe(at, touch) {
    const { view, lens, loupe } = this;
    put(lens, "src", this.img.src);
    const half = LOUPE_SIZE / 2;
    const far = at.x > 2 * LOUPE_SIZE || at.y > 2 * LOUPE_SIZE;
    const right = view.stage.width - LOUPE_SIZE;
    const x = touch ? clamp(at.x - half, 8, right - 8) : far ? 12 : right - 12;
    const y = touch ? (at.y > LOUPE_SIZE + 60 ? at.y - LOUPE_SIZE - 40 : at.y + 60) : 12;
    loupe.style.transform = `translate(${x}px, ${y}px)`;
    const scale = Math.max(view.scale * LOUPE_FACTOR, 0.5);
    const eye = view.toImage(at);
    lens.style.transform = `translate(${half - eye.x * scale}px, ${half - eye.y * scale}px) scale(${scale})`;
  }

  /** @param {string} text the name of the next keypoint, beside the pointer */
  setTag(text) {
    put(this.tag, "textContent", text);
    this.follow(this.pointer);
  }

  applyLook() {
    const { brightness, contrast } = this.look;
    const filter = brightness === 100 && contrast === 100 ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
    this.img.style.filter = this.lens.style.filter = filter;
    this.follow(this.pointer);
    this.touchAll();
  }
}
