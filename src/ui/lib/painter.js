/**
 * The painter draws skeletons on a canvas of the stage's size. Sizes are in screen pixels and independent of the
 * zoom.
 */
/** @import {Box, Instance, Shape, XY} from "./types.js" */
import { findInstance, isPlaced, labelOf } from "./document.js";
import { FRAME_PAD, frameOf, handlesOf } from "./hits.js";
import { markerColor, SHAPES, shapeOf } from "./markers.js";

/** Translucent colour under edges, through which the image is visible. */
const SHADOW = "#080c129e";
/** Colours of the dark and the light outline of everything else. One of them has a contrast ≥ 4.5 to any background. */
const DARK = "#080c12";
const LIGHT = "#fff";
/**
 * Half the width of the largest marker with its outline, in screen pixels. Nothing is painted further from the
 * keypoints.
 */
export const REACH = 12;
/** Length below which an edge is not painted, in screen pixels: the markers at its ends would cover it. */
const HIDDEN_EDGE = 4;
/** Number of markers above which only one per square of 8 x 8 screen pixels is painted, instead of one per 3 x 3. */
const MANY = 10_000;

/** @type {Record<string, Path2D>} parsed once, because hundreds of markers are drawn */
const stamps = Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [name, new Path2D(shape)]));

/**
 * Return a marker's radius. A hollow marker is larger, so that the image is visible inside it.
 * @param {number} radius
 * @param {boolean} filled
 */
const widened = (radius, filled) => (filled ? radius : radius + 2);

/** @param {Path2D} path @param {keyof typeof SHAPES} shape @param {XY} at @param {number} radius */
const stamp = (path, shape, { x, y }, radius) =>
  path.addPath(stamps[shape], { a: radius / 5, d: radius / 5, e: x, f: y });

/** @param {CanvasRenderingContext2D} ctx @param {Path2D} path @param {string} color @param {number} width */
const stroke = (ctx, path, color, width, dash = 0) => {
  ctx.setLineDash([dash, dash]);
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.stroke(path);
};

/** @param {CanvasRenderingContext2D} ctx @param {Path2D} path @param {number} width */
export const outline = (ctx, path, width, dash = 0) => {
  stroke(ctx, path, DARK, width + 2);
  stroke(ctx, path, LIGHT, width, dash);
};

/**
 * Paint a marker: filled if visible, hollow if occluded.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Path2D} path
 * @param {string} color
 * @param {boolean} filled
 */
const paintMarker = (ctx, path, color, filled) => {
  stroke(ctx, path, DARK, filled ? 5.5 : 8);
  stroke(ctx, path, LIGHT, filled ? 2.5 : 4.5);
  ctx.fillStyle = color;
  if (filled) ctx.fill(path);
  else stroke(ctx, path, color, 2);
};

/**
 * @type {Map<string, HTMLCanvasElement>} bitmaps of markers by their look: copying one is much faster than drawing it
 */
const sprites = new Map();

/** @param {string} color @param {Shape} shape @param {boolean} filled @param {number} radius @param {number} ratio device pixels in a screen pixel */
const spriteOf = (color, shape, filled, radius, ratio) => {
  const key = [color, shape, filled, radius, ratio].join();
  let sprite = sprites.get(key);
  if (!sprite) {
    // The ratio changes with every step of the page's zoom. Bitmaps of earlier ratios are discarded.
    if (sprites.size > 4000) sprites.clear();
    sprite = document.createElement("canvas");
    sprite.width = sprite.height = 2 * Math.ceil(REACH * ratio);
    const ctx = sprite.getContext("2d");
    const path = new Path2D();
    stamp(path, shape, { x: 0, y: 0 }, widened(radius, filled));
    ctx?.setTransform(ratio, 0, 0, ratio, sprite.width / 2, sprite.width / 2);
    if (ctx) ctx.lineJoin = "round";
    if (ctx) paintMarker(ctx, path, color, filled);
    sprites.set(key, sprite);
  }
  return sprite;
};

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./stage.js").Stage} stage
 * @param {Instance[]} instances
 * @param {boolean} strong true for the active instance: larger, with frame, rings and names; false for all others
 */
export function paint(ctx, { session, view, look, hover, rect, fontSize, over }, instances, strong) {
  const { skeleton, active, selected, original } = session;
  const { width } = view.stage;
  const ratio = ctx.canvas.width / width;
  const [lineWidth, radius] = strong ? [2.5, 5] : [1.75, 3.6];
  /**
   * @type {Map<string, Path2D>} one path per colour instead of one per edge, so that few canvas calls draw all edges
   */
  const edges = new Map();
  /**
   * The markers to paint, the topmost first.
   * @type {[at: XY, color: string, shape: Shape, filled: boolean][]}
   */
  const markers = [];
  /** @type {[string, XY][]} */
  const names = [];
  const rings = new Path2D();
  const traces = new Path2D();
  const frame = (/** @type {Box} */ box, /** @type {number} */ dash) => {
    const path = new Path2D();
    path.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    outline(ctx, path, 1.5, dash);
  };
  const line = (/** @type {Path2D} */ path, /** @type {XY} */ from, /** @type {XY} */ to) => {
    path.moveTo(from.x, from.y);
    path.lineTo(to.x, to.y);
  };

  // In a crowd, most markers of inactive instances are covered. Paint only the topmost one of each cell.
  const cell = instances.length * skeleton.keypoints.length > MANY ? 8 : 3;
  const columns = Math.ceil(width / cell);
  const taken = new Uint8Array(strong ? 0 : columns * Math.ceil(view.stage.height / cell));
  const isCovered = (/** @type {XY} */ { x, y }) => {
    if (strong) return false;
    if (x < 0 || x >= width) return x < -REACH || x > width + REACH;
    const at = Math.floor(y / cell) * columns + Math.floor(x / cell);
    return Boolean(taken[at]) || !(taken[at] = 1);
  };

  for (const instance of instances.toReversed()) {
    const { id, points, options, color } = instance;
    const places = points.map((point, i) =>
      isPlaced(point) && !session.isHidden(id, i) ? view.toScreen(point) : null,
    );
    for (const [a, b, own] of skeleton.edges) {
      const [from, to] = [places[a], places[b]];
      if (!from || !to || (Math.abs(from.x - to.x) < HIDDEN_EDGE && Math.abs(from.y - to.y) < HIDDEN_EDGE)) continue;
      // With one colour per instance, the edges have that colour too.
      const tint = options.line ?? color ?? own ?? skeleton.keypoints[b].color;
      const path = edges.get(tint) ?? new Path2D();
      edges.set(tint, path);
      line(path, from, to);
    }
    for (let i = places.length - 1; i >= 0; i -= 1) {
      const at = places[i];
      if (!at) continue;
      const keypoint = skeleton.keypoints[i];
      if (!isCovered(at))
        markers.push([at, markerColor(instance, keypoint), options.shape ?? shapeOf(keypoint), points[i]?.v === 2]);
      const chosen = strong && i === selected;
      if (chosen) stamp(rings, "circle", at, radius + 6);
      if (chosen || (look.names && (strong || !active))) names.push([labelOf(skeleton, i), at]);
    }
    // Mark the original positions of pre-labelled keypoints that the worker moved or deleted.
    const before = findInstance(original, id);
    if (before && before !== instance)
      before.points.forEach((old, i) => {
        const now = points[i];
        if (!isPlaced(old) || (now?.x === old.x && now.y === old.y)) return;
        const from = view.toScreen(old);
        stamp(traces, "cross", from, 5);
        if (isPlaced(now)) line(traces, from, view.toScreen(now));
      });
  }

  // Round caps take most of the time of a crowd, and its markers cover them.
  ctx.lineCap = strong ? "round" : "butt";
  ctx.lineJoin = "round";
  outline(ctx, traces, 1.25, 4);
  if (strong) for (const path of edges.values()) stroke(ctx, path, SHADOW, lineWidth + 2);
  for (const [color, path] of edges) stroke(ctx, path, color, lineWidth);
  if (strong) {
    const at = hover && findInstance(session.doc, hover.id)?.points[hover.index];
    // The keypoint under the pointer, of any instance.
    const hovered = hover && isPlaced(at) ? view.toScreen(at) : null;
    for (const [place, color, shape, filled] of markers.reverse()) {
      const path = new Path2D();
      stamp(path, shape, place, widened(radius, filled));
      paintMarker(ctx, path, color, filled);
    }
    if (hover && hovered) {
      stamp(rings, "circle", hovered, radius + 3);
      names.push([labelOf(skeleton, hover.index), hovered]);
    }
  } else {
    ctx.save();
    ctx.resetTransform();
    for (const [{ x, y }, color, shape, filled] of markers.reverse()) {
      const sprite = spriteOf(color, shape, filled, radius, ratio);
      ctx.drawImage(sprite, Math.round(x * ratio) - sprite.width / 2, Math.round(y * ratio) - sprite.width / 2);
    }
    ctx.restore();
  }
  outline(ctx, rings, 2);
  over(ctx, instances, strong);

  ctx.font = `500 ${fontSize}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.lineWidth = 3.5;
  ctx.strokeStyle = DARK;
  ctx.fillStyle = LIGHT;
  for (const [name, { x, y }] of names) {
    const text = name.slice(0, 60);
    // Set the alignment explicitly: a right-to-left page has another default, and a name must not end outside the
    // stage.
    const isBeyond = x + 16 + ctx.measureText(text).width > width && x > width / 2;
    ctx.textAlign = isBeyond ? "right" : "left";
    ctx.strokeText(text, x + (isBeyond ? -14 : 14), y);
    ctx.fillText(text, x + (isBeyond ? -14 : 14), y);
  }

  for (const { box } of instances) if (box) frame(frameOf(box, view, 0), 0);
  if (!strong) return;
  if (rect) frame(frameOf(rect, view, 0), 6);
  const bounds = session.tool === "adjust" && session.bounds;
  if (!bounds) return;
  const around = frameOf(bounds, view, FRAME_PAD);
  frame(around, 6);
  const handles = new Path2D();
  for (const [name, x, y] of handlesOf(around)) stamp(handles, name === "alias" ? "circle" : "square", { x, y }, 5.5);
  outline(ctx, handles, 1.5);
  ctx.fill(handles);
}
