/** The stage: the image as an img element, and over it two canvases of the stage's size. */
/** @import {Box, Instance, XY} from "./types.js" */
import { findInstance } from "./document.js";
import { h, put } from "./dom.js";
import { around, extentOf } from "./geometry.js";
import { frameOf } from "./hits.js";
import { paint, REACH } from "./painter.js";
import { t } from "./texts.js";
import { View } from "./view.js";

const LOUPE_SIZE = 150;
const LOUPE_FACTOR = 4;
/**
 * Font size of names on the image in pixels, unless the browser enforces a larger one, and a text to measure it
 * (`.probe`).
 */
const FONT_SIZE = 12;
const PROBE = "name";
/** Maximum number of device pixels of a canvas. iOS draws nothing on larger ones. */
const MOST_PIXELS = 16e6;
/** Number of changed instances above which all instances are painted again, which is then no slower. */
const MOST_CHANGES = 20;

/** @param {HTMLElement} node @param {number} x @param {number} y @param {number} [scale] */
const lay = (node, x, y, scale = 1) => {
  node.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
};

/** @typedef {{names?: boolean, loupe?: boolean, crosshair?: boolean, brightness: number, contrast: number}} Look */
/** @typedef {ReturnType<typeof stageOf>} Stage */

/**
 * @param {import("./session.js").Session} session
 * @param {Look} look
 */
export function stageOf(session, look) {
  const view = new View();
  /** @type {HTMLImageElement} */
  const img = h("img", { alt: "", draggable: false, decoding: "async" });
  /**
   * @type {HTMLCanvasElement[]} one for the inactive instances, one for the active one, so that a drag repaints only
   *     the latter
   */
  const layers = [h("canvas"), h("canvas")];
  const tag = h("div.tag");
  const probe = h("div.probe", {}, PROBE);
  const cross = h("div.cross");
  const lens = h("img", { alt: "", draggable: false });
  const loupe = h("div.loupe", {}, lens, h("div.cross"));
  const clip = h("div.clip", { "aria-hidden": true, hidden: true }, img, ...layers, cross, loupe, tag, probe);
  /** @type {HTMLElement} */
  const root = h("div.stage", { tabIndex: 0, role: "application", "aria-label": t.stage }, clip);
  let frameRequest = 0;
  const removed = new AbortController();
  /**
   * The state that the lower canvas shows: the instances, and all else on which their look depends.
   * @type {{instances: Instance[], look: string}}
   */
  let painted = { instances: [], look: "" };
  /** Whether there was anything to paint at the last draw. */
  let hadContent = false;

  const stage = {
    session,
    view,
    look,
    img,
    layers,
    root,
    /** @type {{id: string, index: number} | null} */
    hover: null,
    /** @type {Box | null} a rectangle that is being drawn, in image pixels */
    rect: null,
    /** @type {XY | null} */
    pointer: null,
    /** Whether the browser could not read the whole image. */
    isPartial: false,
    onView: () => {},
    /**
     * @type {(ctx: CanvasRenderingContext2D, instances: Instance[], strong: boolean) => void} paints the later script's
     *     rings over the markers
     */
    over: () => {},

    /** Font size of names on the image, in pixels. */
    fontSize: FONT_SIZE,

    measure() {
      const { clientWidth: width, clientHeight: height } = root;
      if (view.stage.width === width && view.stage.height === height) return;
      view.resize({ width, height });
      // A resized canvas is empty. Draw it before the browser paints, not a frame later.
      stage.draw();
    },

    /** Factors by which `transform` and `zoom` of the stage's ancestors enlarge it. */
    get magnified() {
      const { width, height } = root.getBoundingClientRect();
      // `offsetWidth` is rounded, so factors that differ from 1 by at most 0.01 count as 1.
      const [x, y] = [width / root.offsetWidth, height / root.offsetHeight].map((factor) =>
        Math.abs(factor - 1) > 0.01 ? factor : 1,
      );
      return { x, y };
    },

    /**
     * Return the point of the stage under a pointer.
     * @param {{clientX: number, clientY: number}} event
     * @returns {XY}
     */
    placeOf({ clientX, clientY }) {
      const { left, top } = root.getBoundingClientRect();
      const { x, y } = stage.magnified;
      return { x: (clientX - left) / x, y: (clientY - top) / y };
    },

    /** Show the image, once it has loaded. */
    ready() {
      const { width, height } = view.image;
      stage.measure();
      view.image = session.size;
      // Set the size explicitly, independent of the file's size and pixel density.
      for (const one of [img, lens])
        Object.assign(one.style, { width: `${session.size.width}px`, height: `${session.size.height}px` });
      // The same image from a renewed address keeps the view.
      if (width === session.size.width && height === session.size.height) stage.touch();
      else view.fit();
    },

    /** Request a draw in the next frame. */
    touch() {
      frameRequest ||= requestAnimationFrame(stage.draw);
    },

    /** Request a draw of all instances in the next frame. */
    repaint() {
      painted.look = "";
      stage.touch();
    },

    draw() {
      const { width, height } = view.stage;
      const { scale, tx, ty } = view;
      cancelAnimationFrame(frameRequest);
      frameRequest = 0;
      put(clip, "hidden", !session.size.width);
      if (!session.size.width) return;
      lay(img, tx, ty, scale);
      put(img, ".near", scale > 6);
      const others = session.visible().filter(({ id }) => id !== session.active);
      const hasContent = session.doc.instances.length > 0 || stage.rect !== null;
      const { x, y } = stage.magnified;
      const ratio = Math.min(devicePixelRatio * Math.max(x, y), Math.sqrt(MOST_PIXELS / (width * height || 1)));
      const contextOf = (/** @type {HTMLCanvasElement} */ layer) => {
        const size = [Math.round(width * ratio), Math.round(height * ratio)];
        // Setting a canvas's size clears it, even if the size is the same.
        if (layer.width !== size[0] || layer.height !== size[1]) [layer.width, layer.height] = size;
        const ctx = /** @type {CanvasRenderingContext2D} */ (layer.getContext("2d"));
        ctx.setTransform(layer.width / width, 0, 0, layer.width / width, 0, 0);
        return ctx;
      };
      // A browser allocates a canvas's pixels at its first use, in about 20 ms. So a canvas is left unused until there
      // is something to paint.
      const above = (hasContent || hadContent) && contextOf(layers[1]);
      hadContent = hasContent;
      if (!above) return;
      // Firefox's minimum font size shows only in the width of a rendered text, and does not apply to a canvas.
      above.font = `${FONT_SIZE}px monospace`;
      stage.fontSize = Math.max(
        FONT_SIZE,
        (FONT_SIZE * probe.getBoundingClientRect().width) / x / above.measureText(PROBE).width,
      );
      if (others.length || painted.instances.length) drawBelow(contextOf(layers[0]), others);
      above.clearRect(0, 0, width, height);
      paint(above, stage, session.instance && !session.hidden.has(session.instance.id) ? [session.instance] : [], true);
    },

    /** Move the parts that follow the pointer. @param {XY | null} at @param {boolean} [touch] */
    follow(at, touch) {
      stage.pointer = at;
      const shown = at && session.size.width;
      put(cross, "hidden", !(shown && look.crosshair));
      put(loupe, "hidden", !(shown && (look.loupe || touch)));
      put(tag, "hidden", !(shown && !touch && tag.textContent));
      if (!at) return;
      lay(cross, at.x, at.y);
      lay(tag, at.x + 16, at.y + 18);
      if (!loupe.hidden) placeLoupe(at);
    },

    /** @param {string} text the name of the next keypoint, beside the pointer */
    setTag(text) {
      put(tag, "textContent", text);
      stage.follow(stage.pointer);
    },

    applyLook() {
      const { brightness, contrast } = look;
      img.style.filter = lens.style.filter =
        brightness === 100 && contrast === 100 ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
      stage.follow(stage.pointer);
      stage.touch();
    },

    destroy() {
      observer.disconnect();
      removed.abort();
      cancelAnimationFrame(frameRequest);
      // A detached image or canvas keeps its pixels until garbage collection. Release them now.
      img.removeAttribute("src");
      lens.removeAttribute("src");
      for (const layer of layers) layer.width = 0;
    },
  };

  /** Put the loupe in the corner that is not under the pointer. @param {XY} at */
  const placeLoupe = (at) => {
    put(lens, "src", img.src);
    const half = LOUPE_SIZE / 2;
    const far = at.x > 2 * LOUPE_SIZE || at.y > 2 * LOUPE_SIZE;
    lay(loupe, far ? 12 : view.stage.width - LOUPE_SIZE - 12, 12);
    const scale = Math.max(view.scale * LOUPE_FACTOR, 0.5);
    const eye = view.toImage(at);
    lay(lens, half - eye.x * scale, half - eye.y * scale, scale);
  };

  /**
   * Paint the inactive instances that changed, or all of them if `look` changed.
   * @param {CanvasRenderingContext2D} ctx of the lower canvas
   * @param {Instance[]} others
   */
  const drawBelow = (ctx, others) => {
    const { width, height } = view.stage;
    const look = [
      width,
      height,
      ctx.canvas.width,
      view.image.width,
      view.scale,
      view.tx,
      view.ty,
      stage.fontSize,
      stage.look.names && !session.active,
      ...session.hidden,
    ].join();
    const areas = (look === painted.look && areasOf(others)) || [[0, 0, width, height]];
    ctx.save();
    ctx.beginPath();
    for (const [left, top, right, bottom] of areas) {
      ctx.rect(left, top, right - left, bottom - top);
      ctx.clearRect(left, top, right - left, bottom - top);
    }
    ctx.clip();
    const overlapping = others.filter((one) => {
      const own = areaOf(one);
      return areas.some((area) => own[0] < area[2] && area[0] < own[2] && own[1] < area[3] && area[1] < own[3]);
    });
    paint(ctx, stage, overlapping, false);
    ctx.restore();
    painted = { instances: others, look };
  };

  /**
   * Return the area of the stage on which an instance may be painted.
   * @param {Instance} instance
   * @returns {number[]} left, top, right, bottom
   */
  const areaOf = (instance) => {
    const before = findInstance(session.original, instance.id);
    // If a pre-label has changed, its original positions are painted too.
    const extents = [extentOf(instance), before && extentOf(before)].flatMap((extent) => extent ?? []);
    const both = around(
      extents.flatMap(({ left, top, right, bottom }) => [
        { x: left, y: top },
        { x: right, y: bottom },
      ]),
    );
    if (!both) return [0, 0, 0, 0];
    const { left, top, right, bottom } = frameOf(both, view, REACH);
    // Round to whole screen pixels, so that no partly covered device pixel remains at the border.
    return [Math.floor(left), Math.floor(top), Math.ceil(right), Math.ceil(bottom)];
  };

  /** Return the areas of the lower canvas to paint again; null for all. @param {Instance[]} others */
  const areasOf = (others) => {
    const [before, now] = [new Set(painted.instances), new Set(others)];
    const changed = [...painted.instances.filter((one) => !now.has(one)), ...others.filter((one) => !before.has(one))];
    return changed.length > MOST_CHANGES ? null : changed.map(areaOf);
  };

  /** Adapt the canvases when the device pixel ratio changes: another screen, or zoom. */
  const watch = () => {
    stage.touch();
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", watch, {
      once: true,
      signal: removed.signal,
    });
  };
  watch();
  addEventListener("resize", () => stage.touch(), { signal: removed.signal });

  view.onChange = () => {
    stage.touch();
    stage.onView();
  };
  const observer = new ResizeObserver(stage.measure);
  observer.observe(root);
  return stage;
}
