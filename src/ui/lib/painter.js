/** The painter: skeletons on a canvas of the stage's size. Sizes are screen pixels, whatever the zoom. */
/** @import {Box, XY} from "./types.js" */
import { isPlaced, labelOf } from "./document.js";
import { FRAME_PAD, frameOf, handlesOf } from "./hits.js";
import { markerColor, SHAPES, shapeOf } from "./markers.js";

const INK = "#080c129e";

/**
 * One path a colour, not one a line: a few canvas calls draw any number of instances.
 * @extends {Map<string, Path2D>}
 */
class Paths extends Map {
  /** @param {string} color */
  of(color) {
    const path = this.get(color) ?? new Path2D();
    this.set(color, path);
    return path;
  }

  get all() {
    const all = new Path2D();
    for (const path of this.values()) all.addPath(path);
    return all;
  }
}

/** @type {Record<string, Path2D>} read once: they are drawn by the hundred */
const stamps = Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [name, new Path2D(shape)]));

/** @param {Path2D} path @param {keyof typeof SHAPES} shape @param {XY} at @param {number} radius */
const stamp = (path, shape, { x, y }, radius) => path.addPath(stamps[shape], { a: radius / 5, d: radius / 5, e: x, f: y });

/** @param {Path2D} path @param {XY} from @param {XY} to */
const line = (path, from, to) => {
  path.moveTo(from.x, from.y);
  path.lineTo(to.x, to.y);
};

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {import("./stage.js").Stage} stage
 * @param {boolean} strong the instance in hand: larger, not faded; else all others
 */
export function paint(ctx, { session, view, look, hover, rect }, strong) {
  const { skeleton, active, selected, original } = session;
  const instances = session.visible().filter(({ id }) => (id === active) === strong);
  const [lineWidth, radius] = strong ? [2.5, 5] : [1.75, 3.6];
  const edges = new Paths();
  const filled = new Paths();
  const hollow = new Paths();
  /** @type {[string, XY][]} */
  const names = [];
  const rings = new Path2D();
  const traces = new Path2D();

  const stroke = (/** @type {Path2D} */ path, /** @type {string} */ color, /** @type {number} */ width, dash = 0) => {
    ctx.setLineDash([dash, dash]);
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.stroke(path);
  };
  const outline = (/** @type {Path2D} */ path, /** @type {string} */ color, /** @type {number} */ width, dash = 0) => {
    stroke(path, INK, width + 2);
    stroke(path, color, width, dash);
  };
  const frame = (/** @type {Box} */ box, /** @type {number} */ dash, color = "#fff") => {
    const path = new Path2D();
    path.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    outline(path, color, 1.5, dash);
  };

  for (const instance of instances) {
    const { id, points, options, color } = instance;
    const places = points.map((point, i) => (isPlaced(point) && !session.isHidden(id, i) ? view.toScreen(point) : null));
    for (const [a, b, own] of skeleton.edges) {
      const [from, to] = [places[a], places[b]];
      // A worker who asks for one colour an instance gets it on the edges too.
      if (!from || !to) continue;
      line(edges.of(options.line ?? color ?? own ?? skeleton.keypoints[b].color), from, to);
    }
    places.forEach((at, i) => {
      if (!at) return;
      const keypoint = skeleton.keypoints[i];
      const hovered = hover?.id === id && hover.index === i;
      const chosen = strong && i === selected;
      const path = (points[i]?.v === 2 ? filled : hollow).of(markerColor(instance, keypoint));
      stamp(path, options.shape ?? shapeOf(keypoint), at, hovered ? radius + 1.5 : radius);
      if (chosen) stamp(rings, "circle", at, radius + 6);
      if (hovered || chosen || (look.names && (strong || !active))) names.push([labelOf(skeleton, i).slice(0, 60), at]);
    });
    // Where a pre-label was before the worker moved or deleted it.
    const before = original.instances.find((other) => other.id === id);
    if (before && before !== instance) before.points.forEach((old, i) => {
      const now = points[i];
      if (!isPlaced(old) || (now?.x === old.x && now.y === old.y)) return;
      const from = view.toScreen(old);
      stamp(traces, "cross", from, 5);
      if (isPlaced(now)) line(traces, from, view.toScreen(now));
    });
  }

  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  outline(traces, "#fffd", 1.25, 4);
  if (strong) stroke(edges.all, INK, lineWidth + 2);
  for (const [color, path] of edges) stroke(path, color, lineWidth);
  const outlines = filled.all;
  stroke(outlines, INK, 3);
  for (const [color, path] of filled) {
    ctx.fillStyle = color;
    ctx.fill(path);
  }
  stroke(outlines, "#fff", 1);
  stroke(hollow.all, INK, 5);
  for (const [color, path] of hollow) stroke(path, color, 2.5);
  outline(rings, "#fff", 2);

  ctx.font = "500 12px system-ui, sans-serif";
  ctx.textBaseline = "middle";
  ctx.lineWidth = 3.5;
  ctx.strokeStyle = "#080c12d9";
  ctx.fillStyle = "#fff";
  for (const [text, { x, y }] of names) {
    ctx.strokeText(text, x + 14, y);
    ctx.fillText(text, x + 14, y);
  }

  for (const { box } of instances) if (box) frame(frameOf(box, view, 0), 0, strong ? "#fff" : "#fffa");
  if (!strong) return;
  if (rect) frame(frameOf(rect, view, 0), 6);
  const bounds = session.tool === "adjust" && session.bounds;
  if (!bounds) return;
  const around = frameOf(bounds, view, FRAME_PAD);
  frame(around, 6);
  const handles = new Path2D();
  for (const [name, x, y] of handlesOf(around)) stamp(handles, name === "alias" ? "circle" : "square", { x, y }, 5.5);
  outline(handles, "#fff", 1.5);
  ctx.fill(handles);
}
