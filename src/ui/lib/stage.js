/** The stage: the photograph as a plain image element, and two canvases of the stage's own size over it. */
/** @import {Box, View, XY} from "./types.js" */
import { attr, flag, h } from "./dom.js";
import { boundsOf } from "./document.js";
import { FRAME_PAD, frameOf, handlesOf } from "./handles.js";
import { paint } from "./painter.js";
import { fit, focusOn, limit, resized, toScreen, zoomAt } from "./view.js";

const VIEW = 1;
const BASE = 2;
const TOP = 4;
const LOUPE_SIZE = 150;
const LOUPE_FACTOR = 4;

/** @typedef {{names: boolean, loupe: boolean, crosshair: boolean, brightness: number, contrast: number, traces: boolean}} Look */

export class Stage {
  /**
   * @param {import("./session.js").Session} session
   * @param {Look} look
   */
  constructor(session, look) {
    this.session = session;
    this.look = look;
    /** @type {View} */
    this.view = { scale: 1, tx: 0, ty: 0 };
    this.size = { width: 0, height: 0 };
    this.dirty = 0;
    this.frameRequest = 0;
    /** @type {{id: string, index: number} | null} */
    this.hover = null;
    /** @type {Box | null} a rectangle that is being drawn, in image pixels */
    this.rect = null;
    /** @type {XY | null} */
    this.pointer = null;
    /** @type {HTMLImageElement} */
    this.img = h("img", { class: "photo", alt: "", draggable: false, decoding: "async" });
    /** @type {HTMLCanvasElement} */
    this.base = h("canvas", { "aria-hidden": "true" });
    /** @type {HTMLCanvasElement} */
    this.top = h("canvas", { "aria-hidden": "true" });
    this.tag = h("div", { class: "tag", hidden: true, "aria-hidden": "true" });
    this.lines = h("div", { class: "cross", hidden: true }, h("i"), h("i"));
    this.lens = h("img", { alt: "", draggable: false });
    this.loupe = h("div", { class: "loupe", hidden: true, "aria-hidden": "true" }, this.lens, h("i"), h("i"));
    this.note = h("div", { class: "stage-note", hidden: true });
    /** @type {HTMLElement} */
    this.root = h(
      "div",
      { class: "stage", tabIndex: 0, role: "application", "aria-label": "Image. Enter places the next keypoint, arrows move it, question mark shows all keys." },
      h("div", { class: "clip" }, this.img, this.base, this.top, this.lines, this.loupe, this.tag),
      this.note,
    );
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.root);
  }

  destroy() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frameRequest);
    // A detached image or canvas holds its pixels until it is collected: give them back now.
    this.img.removeAttribute("src");
    this.lens.removeAttribute("src");
    this.base.width = this.top.width = 0;
  }

  get image() {
    return this.session.size;
  }

  measure() {
    const { clientWidth, clientHeight } = this.root;
    const before = this.size;
    if (before.width === clientWidth && before.height === clientHeight) return;
    this.size = { width: clientWidth, height: clientHeight };
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    for (const canvas of [this.base, this.top]) {
      canvas.width = Math.round(clientWidth * ratio);
      canvas.height = Math.round(clientHeight * ratio);
    }
    if (this.image.width) this.setView(resized(this.view, this.image, before, this.size));
    // A resized canvas is empty: it is drawn before the browser paints, not a frame later.
    this.dirty |= BASE | TOP;
    this.draw();
  }

  ready() {
    this.measure();
    this.setView(fit(this.image, this.size));
  }

  /** @param {View} view */
  setView(view) {
    this.view = view;
    this.invalidate(VIEW | BASE | TOP);
    this.onView?.();
  }

  /** @type {(() => void) | undefined} */
  onView;

  /** @param {number} factor @param {XY} [at] */
  zoom(factor, at = { x: this.size.width / 2, y: this.size.height / 2 }) {
    if (this.image.width) this.setView(zoomAt(this.view, factor, at, this.image, this.size));
  }

  /** @param {number} dx @param {number} dy screen pixels */
  pan(dx, dy) {
    if (!this.image.width) return;
    this.setView(limit({ ...this.view, tx: this.view.tx + dx, ty: this.view.ty + dy }, this.image, this.size));
  }

  fit() {
    if (this.image.width) this.setView(fit(this.image, this.size));
  }

  /** @param {Box} box */
  focusOn(box) {
    if (this.image.width) this.setView(focusOn(box, this.image, this.size));
  }

  /** @param {number} parts */
  invalidate(parts) {
    this.dirty |= parts;
    this.frameRequest ||= requestAnimationFrame(() => this.draw());
  }

  /** Only the instance in hand moved. */
  touchTop() {
    this.invalidate(TOP);
  }

  touchAll() {
    this.invalidate(BASE | TOP);
  }

  draw() {
    cancelAnimationFrame(this.frameRequest);
    this.frameRequest = 0;
    const { dirty, view } = this;
    this.dirty = 0;
    if (dirty & VIEW) {
      this.img.style.transform = `translate(${view.tx}px, ${view.ty}px) scale(${view.scale})`;
      flag(this.img, "near", view.scale > 6);
    }
    if (dirty & BASE) this.paintLayer(this.base, false);
    if (dirty & TOP) this.paintLayer(this.top, true);
  }

  /** @param {HTMLCanvasElement} canvas @param {boolean} strong */
  paintLayer(canvas, strong) {
    const ctx = canvas.getContext("2d");
    if (!ctx || !this.size.width) return;
    const ratio = canvas.width / this.size.width;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.size.width, this.size.height);
    if (!this.image.width) return;
    const { session } = this;
    const instances = session.visible().filter((instance) => (instance.id === session.active) === strong);
    const originals = new Map();
    if (this.look.traces) for (const instance of session.original.instances) originals.set(instance.id, instance);
    paint(ctx, {
      view: this.view,
      stage: this.size,
      skeleton: session.skeleton,
      instances,
      hidden: session.hidden,
      strong,
      selected: session.selected,
      hover: this.hover,
      names: this.look.names && (strong || !session.active),
      originals,
    });
    this.paintBoxes(ctx, strong);
  }

  /** @param {CanvasRenderingContext2D} ctx @param {boolean} strong */
  paintBoxes(ctx, strong) {
    const { session, view } = this;
    const outline = (/** @type {Box} */ box, /** @type {number[]} */ dash, /** @type {string} */ color, pad = 0) => {
      const frame = frameOf(box, view, pad);
      for (const [style, width] of /** @type {[string, number][]} */ ([["rgba(8, 12, 18, .5)", 3], [color, 1.5]])) {
        ctx.setLineDash(width === 3 ? [] : dash);
        ctx.strokeStyle = style;
        ctx.lineWidth = width;
        ctx.strokeRect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
      }
      ctx.setLineDash([]);
    };
    for (const instance of session.visible()) {
      if (instance.box && (instance.id === session.active) === strong) outline(instance.box, [], strong ? "#fff" : "#ffffffa0");
    }
    if (!strong) return;
    if (this.rect) outline(this.rect, [6, 4], "#fff");
    const bounds = session.tool === "adjust" && session.instance && boundsOf(session.instance);
    if (!bounds) return;
    outline(bounds, [6, 4], "#fff", FRAME_PAD);
    paintHandles(ctx, frameOf(bounds, view));
  }

  /** What follows the pointer. @param {XY | null} at @param {boolean} [touch] */
  follow(at, touch = false) {
    this.pointer = at;
    const { tag, lines, loupe } = this;
    const shown = Boolean(at && this.image.width);
    lines.hidden = !(shown && this.look.crosshair);
    loupe.hidden = !(shown && (this.look.loupe || touch));
    tag.hidden = !(shown && !touch && tag.textContent);
    if (!at || !shown) return;
    if (!tag.hidden) tag.style.transform = `translate(${at.x + 16}px, ${at.y + 18}px)`;
    if (!lines.hidden) {
      lines.children[0].style.transform = `translateY(${at.y}px)`;
      lines.children[1].style.transform = `translateX(${at.x}px)`;
    }
    if (!loupe.hidden) this.placeLoupe(at, touch);
  }

  /** Beside a finger, else in the corner that is not under the pointer. @param {XY} at @param {boolean} touch */
  placeLoupe(at, touch) {
    const { view } = this;
    if (this.lens.src !== this.img.src) this.lens.src = this.img.src;
    const half = LOUPE_SIZE / 2;
    const x = touch ? Math.min(Math.max(at.x - half, 8), this.size.width - LOUPE_SIZE - 8) : at.x > LOUPE_SIZE * 2 || at.y > LOUPE_SIZE * 2 ? 12 : this.size.width - LOUPE_SIZE - 12;
    const y = touch ? (at.y > LOUPE_SIZE + 60 ? at.y - LOUPE_SIZE - 40 : at.y + 60) : 12;
    this.loupe.style.transform = `translate(${x}px, ${y}px)`;
    const scale = Math.max(view.scale * LOUPE_FACTOR, 0.5);
    const ix = (at.x - view.tx) / view.scale;
    const iy = (at.y - view.ty) / view.scale;
    this.lens.style.transform = `translate(${half - ix * scale}px, ${half - iy * scale}px) scale(${scale})`;
  }

  /** @param {string} text the name of the next keypoint, beside the pointer */
  setTag(text) {
    if (this.tag.textContent !== text) this.tag.textContent = text;
    if (this.pointer) this.follow(this.pointer);
  }

  applyLook() {
    const { brightness, contrast } = this.look;
    const filter = brightness === 100 && contrast === 100 ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
    this.img.style.filter = filter;
    this.lens.style.filter = filter;
    this.follow(this.pointer);
    this.touchAll();
  }

  /** @param {string} cursor */
  setCursor(cursor) {
    attr(this.root, "data-cursor", cursor || null);
  }

  /** @param {XY} at in the image */
  screenOf(at) {
    return toScreen(this.view, at);
  }
}

/** @param {CanvasRenderingContext2D} ctx @param {Box} frame */
function paintHandles(ctx, frame) {
  const handles = handlesOf(frame);
  for (const { name, x, y } of handles) {
    ctx.beginPath();
    if (name === "turn") ctx.arc(x, y, 6, 0, 2 * Math.PI);
    else ctx.rect(x - 5, y - 5, 10, 10);
    ctx.fillStyle = "#fff";
    ctx.fill();
    ctx.strokeStyle = "rgba(8, 12, 18, .8)";
    ctx.lineWidth = 1.5;
    ctx.stroke();
  }
}
