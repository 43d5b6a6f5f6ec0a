/** The painter: skeletons on a canvas of the stage's size. Sizes are screen pixels, whatever the zoom. */
/** @import {Instance, Keypoint, Shape, Skeleton, View} from "./types.js" */
import { isPlaced } from "./document.js";

/**
 * @typedef {object} Scene
 * @property {View} view
 * @property {{width: number, height: number}} stage
 * @property {Skeleton} skeleton
 * @property {Instance[]} instances
 * @property {Set<string>} hidden
 * @property {boolean} strong the instance in hand: larger, not faded
 * @property {number} selected
 * @property {{id: string, index: number} | null} hover
 * @property {boolean} names all of them
 * @property {Map<string, Instance>} originals pre-labels to compare with; empty for none
 */

const INK = "rgba(8, 12, 18, .62)";

/** Sides differ by shape too, for eyes that do not tell the colours apart. @param {Keypoint} keypoint @returns {Shape} */
export const shapeOf = (keypoint) => (keypoint.side === "left" ? "circle" : keypoint.side === "right" ? "square" : "diamond");

/** @param {Instance} instance @param {Keypoint} keypoint */
export const markerColor = (instance, keypoint) => instance.options.marker ?? instance.color ?? keypoint.color;

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {Scene} scene
 */
export function paint(ctx, scene) {
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  for (const instance of scene.instances) {
    const original = scene.originals.get(instance.id);
    if (original && original !== instance) paintTraces(ctx, scene, instance, original);
  }
  paintEdges(ctx, scene);
  paintMarkers(ctx, scene);
  paintNames(ctx, scene);
}

/**
 * @param {Scene} scene
 * @param {Instance} instance
 * @param {number} index
 */
const isShown = (scene, instance, index) =>
  isPlaced(instance.points[index]) && !(scene.hidden.size && scene.hidden.has(`${instance.id}/${index}`));

/**
 * @param {Map<string, number[]>} groups
 * @param {string} key
 * @param {number[]} values
 */
function add(groups, key, values) {
  const group = groups.get(key);
  if (group) group.push(...values);
  else groups.set(key, values);
}

/**
 * One path a colour, not one a line: a few canvas calls draw any number of instances.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Scene} scene
 */
function paintEdges(ctx, scene) {
  const { scale, tx, ty } = scene.view;
  const { width, height } = scene.stage;
  /** @type {Map<string, number[]>} */
  const groups = new Map();
  for (const instance of scene.instances) {
    for (const [a, b, color] of scene.skeleton.edges) {
      if (!isShown(scene, instance, a) || !isShown(scene, instance, b)) continue;
      const from = /** @type {{x: number, y: number}} */ (instance.points[a]);
      const to = /** @type {{x: number, y: number}} */ (instance.points[b]);
      const x1 = from.x * scale + tx;
      const y1 = from.y * scale + ty;
      const x2 = to.x * scale + tx;
      const y2 = to.y * scale + ty;
      if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > width || Math.max(y1, y2) < 0 || Math.min(y1, y2) > height) continue;
      // A worker who asks for one colour an instance gets it on the edges too.
      const own = instance.options.line ?? instance.color ?? color ?? scene.skeleton.keypoints[b].color;
      add(groups, own, [x1, y1, x2, y2]);
    }
  }
  const width2 = scene.strong ? 2.5 : 1.75;
  const trace = (/** @type {number[]} */ group) => {
    for (let i = 0; i < group.length; i += 4) {
      ctx.moveTo(group[i], group[i + 1]);
      ctx.lineTo(group[i + 2], group[i + 3]);
    }
  };
  if (scene.strong) {
    ctx.beginPath();
    for (const group of groups.values()) trace(group);
    ctx.strokeStyle = INK;
    ctx.lineWidth = width2 + 2;
    ctx.stroke();
  }
  ctx.lineWidth = width2;
  for (const [color, group] of groups) {
    ctx.beginPath();
    trace(group);
    ctx.strokeStyle = color;
    ctx.stroke();
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {Shape} shape
 * @param {number} x
 * @param {number} y
 * @param {number} r
 */
function traceShape(ctx, shape, x, y, r) {
  if (shape === "circle") {
    ctx.moveTo(x + r, y);
    ctx.arc(x, y, r, 0, 2 * Math.PI);
  } else if (shape === "square") {
    const half = r * 0.9;
    ctx.rect(x - half, y - half, 2 * half, 2 * half);
  } else {
    const half = r * 1.25;
    ctx.moveTo(x, y - half);
    ctx.lineTo(x + half, y);
    ctx.lineTo(x, y + half);
    ctx.lineTo(x - half, y);
    ctx.closePath();
  }
}

/** @typedef {{shape: Shape, x: number, y: number, r: number}} Mark */

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {Scene} scene
 */
function paintMarkers(ctx, scene) {
  const { scale, tx, ty } = scene.view;
  /** @type {Map<string, Mark[]>} */
  const filled = new Map();
  /** @type {Map<string, Mark[]>} */
  const hollow = new Map();
  /** @type {Mark | null} */
  let chosen = null;
  const radius = scene.strong ? 5 : 3.6;
  for (const instance of scene.instances) {
    for (let index = 0; index < instance.points.length; index++) {
      if (!isShown(scene, instance, index)) continue;
      const point = /** @type {import("./types.js").Point} */ (instance.points[index]);
      const x = point.x * scale + tx;
      const y = point.y * scale + ty;
      if (x < -12 || y < -12 || x > scene.stage.width + 12 || y > scene.stage.height + 12) continue;
      const keypoint = scene.skeleton.keypoints[index];
      const hovered = scene.hover?.id === instance.id && scene.hover.index === index;
      const mark = { shape: instance.options.shape ?? shapeOf(keypoint), x, y, r: hovered ? radius + 1.5 : radius };
      const groups = point.v === 2 ? filled : hollow;
      const color = markerColor(instance, keypoint);
      const group = groups.get(color);
      if (group) group.push(mark);
      else groups.set(color, [mark]);
      if (scene.strong && index === scene.selected) chosen = mark;
    }
  }
  const trace = (/** @type {Mark[]} */ marks) => {
    for (const { shape, x, y, r } of marks) traceShape(ctx, shape, x, y, r);
  };
  ctx.beginPath();
  for (const marks of filled.values()) trace(marks);
  ctx.strokeStyle = INK;
  ctx.lineWidth = 3;
  ctx.stroke();
  for (const [color, marks] of filled) {
    ctx.beginPath();
    trace(marks);
    ctx.fillStyle = color;
    ctx.fill();
  }
  ctx.beginPath();
  for (const marks of filled.values()) trace(marks);
  ctx.strokeStyle = "#fff";
  ctx.lineWidth = 1;
  ctx.stroke();
  ctx.beginPath();
  for (const marks of hollow.values()) trace(marks);
  ctx.strokeStyle = INK;
  ctx.lineWidth = 5;
  ctx.stroke();
  for (const [color, marks] of hollow) {
    ctx.beginPath();
    trace(marks);
    ctx.strokeStyle = color;
    ctx.lineWidth = 2.5;
    ctx.stroke();
  }
  if (chosen) paintChosen(ctx, chosen);
}

/** @param {CanvasRenderingContext2D} ctx @param {Mark} mark */
function paintChosen(ctx, { x, y, r }) {
  for (const [color, width] of /** @type {[string, number][]} */ ([[INK, 4], ["#fff", 2]])) {
    ctx.beginPath();
    ctx.arc(x, y, r + 6, 0, 2 * Math.PI);
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.stroke();
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx
 * @param {Scene} scene
 */
function paintNames(ctx, scene) {
  ctx.font = "500 12px system-ui, sans-serif";
  ctx.textBaseline = "middle";
  ctx.lineWidth = 3.5;
  for (const instance of scene.instances) {
    for (let index = 0; index < instance.points.length; index++) {
      const hovered = scene.hover?.id === instance.id && scene.hover.index === index;
      if (!hovered && !scene.names && !(scene.strong && index === scene.selected)) continue;
      if (!isShown(scene, instance, index)) continue;
      const point = /** @type {import("./types.js").Point} */ (instance.points[index]);
      const x = point.x * scene.view.scale + scene.view.tx + 14;
      const y = point.y * scene.view.scale + scene.view.ty;
      const text = scene.skeleton.keypoints[index].label.replaceAll("_", " ").slice(0, 60);
      ctx.strokeStyle = "rgba(8, 12, 18, .85)";
      ctx.strokeText(text, x, y);
      ctx.fillStyle = "#fff";
      ctx.fillText(text, x, y);
    }
  }
}

/**
 * Where a pre-label was before the worker moved or deleted it.
 * @param {CanvasRenderingContext2D} ctx
 * @param {Scene} scene
 * @param {Instance} instance
 * @param {Instance} original
 */
function paintTraces(ctx, scene, instance, original) {
  const { scale, tx, ty } = scene.view;
  ctx.beginPath();
  instance.points.forEach((point, index) => {
    const old = original.points[index];
    if (!isPlaced(old) || (isPlaced(point) && point.x === old.x && point.y === old.y)) return;
    const x = old.x * scale + tx;
    const y = old.y * scale + ty;
    ctx.moveTo(x - 4, y - 4);
    ctx.lineTo(x + 4, y + 4);
    ctx.moveTo(x + 4, y - 4);
    ctx.lineTo(x - 4, y + 4);
    if (isPlaced(point)) {
      ctx.moveTo(x, y);
      ctx.lineTo(point.x * scale + tx, point.y * scale + ty);
    }
  });
  ctx.strokeStyle = INK;
  ctx.lineWidth = 3;
  ctx.stroke();
  ctx.strokeStyle = "#ffffffd0";
  ctx.lineWidth = 1.25;
  ctx.setLineDash([4, 4]);
  ctx.stroke();
  ctx.setLineDash([]);
}
