/** The stage: the photograph as a plain image element, and two canvases of the stage's own size over it. */
/** @import {Box, XY} from "./types.js" */
import { h, put } from "./dom.js";
import { paint } from "./painter.js";
import { t } from "./texts.js";
import { View } from "./view.js";

const LOUPE_SIZE = 150;
const LOUPE_FACTOR = 4;

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
  const cross = h("div.cross");
  const lens = h("img", { alt: "", draggable: false });
  const loupe = h("div.loupe", {}, lens, h("div.cross"));
  /** @type {HTMLElement} */
  const root = h(
    "div.stage",
    { tabIndex: 0, role: "application", "aria-label": t.stage },
    h("div.clip", { "aria-hidden": true }, img, ...layers, cross, loupe, tag),
  );
  let frameRequest = 0;
  let touchedAll = false;

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

    measure() {
      const { clientWidth: width, clientHeight: height } = root;
      if (view.stage.width === width && view.stage.height === height) return;
      const ratio = Math.min(2, devicePixelRatio);
      for (const layer of layers) {
        layer.width = Math.round(width * ratio);
        layer.height = Math.round(height * ratio);
      }
      view.resize({ width, height });
      // A resized canvas is empty: it is drawn before the browser paints, not a frame later.
      touchedAll = true;
      stage.draw();
    },

    /** The image is there. */
    ready() {
      const { width, height } = view.image;
      stage.measure();
      view.image = session.size;
      // The same image from a renewed address keeps the view.
      if (width === session.size.width && height === session.size.height) stage.touchAll();
      else view.fit();
    },

    /** Only the instance in hand looks different. */
    touchTop() {
      frameRequest ||= requestAnimationFrame(stage.draw);
    },

    touchAll() {
      touchedAll = true;
      stage.touchTop();
    },

    draw() {
      const { width, height } = view.stage;
      cancelAnimationFrame(frameRequest);
      put(img, "hidden", !session.size.width);
      lay(img, view.tx, view.ty, view.scale);
      put(img, ".near", view.scale > 6);
      for (const layer of touchedAll ? layers : layers.slice(1)) {
        const ctx = layer.getContext("2d");
        const ratio = layer.width / width;
        ctx?.setTransform(ratio, 0, 0, ratio, 0, 0);
        ctx?.clearRect(0, 0, width, height);
        if (ctx && session.size.width) paint(ctx, stage, layer === layers[1]);
      }
      touchedAll = false;
      frameRequest = 0;
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
      img.style.filter = lens.style.filter = brightness === 100 && contrast === 100 ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
      stage.follow(stage.pointer);
      stage.touchAll();
    },

    destroy() {
      observer.disconnect();
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

  view.onChange = () => {
    stage.touchAll();
    stage.onView();
  };
  const observer = new ResizeObserver(stage.measure);
  observer.observe(root);
  return stage;
}
