/** The stage: the photograph as a plain image element, and two canvases of the stage's own size over it. */
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
/** Pixels of names on the image, unless the browser is set to larger ones, and a text that measures them: `.probe` of styles.css. */
const FONT_SIZE = 12;
const PROBE = "name";
/** Device pixels of one canvas. iOS draws nothing on larger ones. */
const MOST_PIXELS = 16e6;
/** With more instances changed at once, painting all of them is no slower. */
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
  /** @type {HTMLCanvasElement[]} all instances but the one in hand, which has a canvas of its own: while it is dragged, the others are not drawn again */
  const layers = [h("canvas"), h("canvas")];
  const tag = h("div.tag");
  const probe = h("div.probe", {}, PROBE);
  const cross = h("div.cross");
  const lens = h("img", { alt: "", draggable: false });
  const loupe = h("div.loupe", {}, lens, h("div.cross"));
  /** @type {HTMLElement} */
  const root = h(
    "div.stage",
    { tabIndex: 0, role: "application", "aria-label": t.stage },
    h("div.clip", { "aria-hidden": true }, img, ...layers, cross, loupe, tag, probe),
  );
  let frameRequest = 0;
  const removed = new AbortController();
  /** What the lower canvas shows: the instances, and everything else that they look different by. @type {{instances: Instance[], look: string}} */
  let painted = { instances: [], look: "" };

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
    onView: () => {},
    /** @type {(ctx: CanvasRenderingContext2D, instances: Instance[], strong: boolean) => void} paints over markers what the later script adds */
    over: () => {},

    /** Pixels of names on the image. */
    fontSize: FONT_SIZE,

    measure() {
      const { clientWidth: width, clientHeight: height } = root;
      if (view.stage.width === width && view.stage.height === height) return;
      view.resize({ width, height });
      // A resized canvas is empty: it is drawn before the browser paints, not a frame later.
      stage.draw();
    },

    /** How much larger than its own pixels the page shows the stage: by `transform` and `zoom` of what surrounds it. */
    get magnified() {
      const { width, height } = root.getBoundingClientRect();
      // `offsetWidth` is rounded: what differs by less than a hundredth is the same.
      const [x, y] = [width / root.offsetWidth, height / root.offsetHeight].map((factor) =>
        Math.abs(factor - 1) > 0.01 ? factor : 1,
      );
      return { x, y };
    },

    /** The place of the stage under a pointer. @param {{clientX: number, clientY: number}} event @returns {XY} */
    placeOf({ clientX, clientY }) {
      const { left, top } = root.getBoundingClientRect();
      const { x, y } = stage.magnified;
      return { x: (clientX - left) / x, y: (clientY - top) / y };
    },

    /** The image is there. */
    ready() {
      const { width, height } = view.image;
      stage.measure();
      view.image = session.size;
      // Whatever the file's size, and whatever density it states.
      for (const one of [img, lens])
        Object.assign(one.style, { width: `${session.size.width}px`, height: `${session.size.height}px` });
      // The same image from a renewed address keeps the view.
      if (width === session.size.width && height === session.size.height) stage.touch();
      else view.fit();
    },

    /** Something looks different: draw it with the next frame. */
    touch() {
      frameRequest ||= requestAnimationFrame(stage.draw);
    },

    /** All instances look different. */
    repaint() {
      painted.look = "";
      stage.touch();
    },

    draw() {
      const { width, height } = view.stage;
      const {
        image: { width: wide },
        scale,
        tx,
        ty,
      } = view;
      cancelAnimationFrame(frameRequest);
      frameRequest = 0;
      put(img, "hidden", !session.size.width);
      lay(img, tx, ty, scale);
      put(img, ".near", scale > 6);
      const { x, y } = stage.magnified;
      const ratio = Math.min(devicePixelRatio * Math.max(x, y), Math.sqrt(MOST_PIXELS / (width * height || 1)));
      const [below, above] = layers.map((layer) => {
        const size = [Math.round(width * ratio), Math.round(height * ratio)];
        // Setting a size empties the canvas, even the same one.
        if (layer.width !== size[0] || layer.height !== size[1]) [layer.width, layer.height] = size;
        const ctx = /** @type {CanvasRenderingContext2D} */ (layer.getContext("2d"));
        ctx.setTransform(layer.width / width, 0, 0, layer.width / width, 0, 0);
        return ctx;
      });
      // Firefox tells the least size that it is set to only by the room that a text takes; a canvas never heeds it.
      above.font = `${FONT_SIZE}px monospace`;
      stage.fontSize = Math.max(
        FONT_SIZE,
        (FONT_SIZE * probe.getBoundingClientRect().width) / x / above.measureText(PROBE).width,
      );
      const isShown = session.size.width > 0;
      const others = isShown ? session.visible().filter(({ id }) => id !== session.active) : [];
      const look = [
        width,
        height,
        layers[0].width,
        wide,
        scale,
        tx,
        ty,
        stage.fontSize,
        stage.look.names && !session.active,
        ...session.hidden,
      ].join();
      const areas = (look === painted.look && areasOf(others)) || [[0, 0, width, height]];
      below.save();
      below.beginPath();
      for (const [left, top, right, bottom] of areas) {
        below.rect(left, top, right - left, bottom - top);
        below.clearRect(left, top, right - left, bottom - top);
      }
      below.clip();
      paint(
        below,
        stage,
        others.filter((one) => {
          const own = areaOf(one);
          return areas.some((area) => own[0] < area[2] && area[0] < own[2] && own[1] < area[3] && area[1] < own[3]);
        }),
        false,
      );
      below.restore();
      painted = { instances: others, look };
      above.clearRect(0, 0, width, height);
      if (isShown)
        paint(
          above,
          stage,
          session.instance && !session.hidden.has(session.instance.id) ? [session.instance] : [],
          true,
        );
    },

    /** What follows the pointer. @param {XY | null} at @param {boolean} [touch] */
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
      // A detached image or canvas holds its pixels until it is collected: give them back now.
      img.removeAttribute("src");
      lens.removeAttribute("src");
      for (const layer of layers) layer.width = 0;
    },
  };

  /** In the corner that is not under the pointer. @param {XY} at */
  const placeLoupe = (at) => {
    put(lens, "src", img.src);
    const half = LOUPE_SIZE / 2;
    const far = at.x > 2 * LOUPE_SIZE || at.y > 2 * LOUPE_SIZE;
    lay(loupe, far ? 12 : view.stage.width - LOUPE_SIZE - 12, 12);
    const scale = Math.max(view.scale * LOUPE_FACTOR, 0.5);
    const eye = view.toImage(at);
    lay(lens, half - eye.x * scale, half - eye.y * scale, scale);
  };

  /** Where something of an instance may be painted, on the stage. @param {Instance} instance @returns {number[]} left, top, right, bottom */
  const areaOf = (instance) => {
    const before = findInstance(session.original, instance.id);
    // Where its pre-label was is painted too, once it has changed.
    const extents = [extentOf(instance), before && extentOf(before)].flatMap((extent) => extent ?? []);
    const both = around(
      extents.flatMap(({ left, top, right, bottom }) => [
        { x: left, y: top },
        { x: right, y: bottom },
      ]),
    );
    if (!both) return [0, 0, 0, 0];
    const { left, top, right, bottom } = frameOf(both, view, REACH);
    // Whole screen pixels: no line of half a device pixel stays at the border.
    return [Math.floor(left), Math.floor(top), Math.ceil(right), Math.ceil(bottom)];
  };

  /** What of the lower canvas is to be painted again; null for all. @param {Instance[]} others */
  const areasOf = (others) => {
    const [before, now] = [new Set(painted.instances), new Set(others)];
    const changed = [...painted.instances.filter((one) => !now.has(one)), ...others.filter((one) => !before.has(one))];
    return changed.length > MOST_CHANGES ? null : changed.map(areaOf);
  };

  /** A window that moves to another screen, or is zoomed, gets as many pixels as that has. */
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
