/** The board: the reference image with the skeleton on it, drawn and moved by mouse, touch, pen or keyboard. */
import { put, update } from "../dom.js";
import { marker } from "../icons.js";
import { shapeOf } from "../markers.js";
import { readSkeleton } from "../skeleton.js";
import { changeKeypoint, tenth, toggledEdge, withKeypoint, withoutKeypoint } from "./definition.js";
import { asAttributes, toAttributes } from "./formats.js";

const SVG = "http://www.w3.org/2000/svg";
/** Screen pixels that a press may wander and still be a click. */
const SLACK = 4;
/** Screen pixels around a keypoint that belong to it, for a mouse or pen and for a finger. */
const REACH = { mouse: 11, touch: 22 };
/** Screen pixels of a marker and of its name: enough to tell whether two names would lie on each other. */
const MARKER = 20;
const LINE = 14;
const LETTER = 6.2;

/** @param {string} tag @param {Record<string, string | number>} [attributes] @returns {any} */
function svg(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

/** The shapes that workers will see. @param {import("./definition.js").Definition} definition */
export function shapesOf(definition) {
  const { keypoints } = readSkeleton(asAttributes({ keypointClasses: toAttributes(definition).keypointClasses }));
  return keypoints.map(shapeOf);
}

export class Board {
  /** @param {import("./drawing.js").Drawing} drawing @param {(text: string) => void} say @param {() => void} rename asked for by keyboard */
  constructor(drawing, say, rename) {
    this.drawing = drawing;
    this.say = say;
    this.rename = rename;
    this.drags = 0;
    this.picture = svg("image");
    this.layer = svg("g");
    this.ghost = svg("line", { class: "ghost" });
    /** @type {SVGSVGElement} */
    this.root = svg("svg", { class: "drawing", role: "application", tabindex: 0, "aria-label": "Drawing board", "aria-describedby": "hint" });
    this.root.append(this.picture, this.layer, this.ghost);
    /** @type {{index: number, x: number, y: number, moved: boolean, merge: string} | null} */
    this.press = null;
    this.root.addEventListener("pointerdown", (event) => this.down(event));
    this.root.addEventListener("pointermove", (event) => this.move(event));
    this.root.addEventListener("pointerup", (event) => this.up(event));
    this.root.addEventListener("pointercancel", () => (this.press = null));
    this.root.addEventListener("pointerleave", () => this.ghost.setAttribute("visibility", "hidden"));
    this.root.addEventListener("keydown", (event) => this.key(event));
    // Markers have the same size on the screen whatever the size of the board.
    new ResizeObserver(() => this.draw()).observe(this.root);
  }

  /** @param {string} url empty for none */
  show(url) {
    if (url) this.picture.setAttribute("href", url);
    else this.picture.removeAttribute("href");
  }

  // ------------------------------------------------------------------------------------------------ pointer

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    this.root.focus();
    const index = this.hit(event);
    const { drawing } = this;
    const { selected } = drawing;
    if ((drawing.joining || event.shiftKey) && index >= 0 && selected >= 0 && index !== selected) {
      this.join(selected, index);
      return;
    }
    this.press = { index, x: event.clientX, y: event.clientY, moved: false, merge: `drag ${(this.drags += 1)}` };
    this.root.setPointerCapture(event.pointerId);
    if (index >= 0) drawing.select(index);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { drawing, press } = this;
    this.drawGhost(event);
    if (!press || press.index < 0 || drawing.joining) return;
    if (!press.moved && Math.hypot(event.clientX - press.x, event.clientY - press.y) < SLACK) return;
    press.moved = true;
    drawing.edit(changeKeypoint(drawing.definition, press.index, this.place(event)), { merge: press.merge });
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { drawing, press } = this;
    this.press = null;
    if (!press) return;
    if (drawing.joining) {
      const index = this.hit(event);
      // A line pulled from one keypoint to another is an edge too.
      if (press.index >= 0 && index >= 0 && index !== press.index) this.join(press.index, index);
      else if (press.index < 0) drawing.select(-1);
    } else if (press.index < 0 && Math.hypot(event.clientX - press.x, event.clientY - press.y) < 4 * SLACK) {
      this.add(this.place(event));
    }
  }

  /** @param {number} from @param {number} to */
  join(from, to) {
    const { drawing } = this;
    const [a, b] = [drawing.keypoints[from].name, drawing.keypoints[to].name];
    const before = drawing.definition.edges.length;
    drawing.edit(toggledEdge(drawing.definition, a, b), { select: to });
    this.say(drawing.definition.edges.length > before ? `Joined ${a} and ${b}.` : `${a} and ${b} are no longer joined.`);
  }

  /** @param {{x: number, y: number}} at */
  add({ x, y }) {
    const { drawing } = this;
    drawing.edit(withKeypoint(drawing.definition, x, y), { select: drawing.keypoints.length });
    this.say(`${drawing.keypoints[drawing.selected].name} placed.`);
  }

  // ----------------------------------------------------------------------------------------------- keyboard

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { drawing } = this;
    const { keypoints, selected, size } = drawing;
    const step = this.unit * (event.shiftKey ? 10 : 1);
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => this.nudge(-step, 0),
      ArrowRight: () => this.nudge(step, 0),
      ArrowUp: () => this.nudge(0, -step),
      ArrowDown: () => this.nudge(0, step),
      Enter: () => this.add(this.free(keypoints[selected] ?? { x: size.width / 2, y: size.height / 2 })),
      w: () => this.choose(Math.max(selected, 0) - 1),
      s: () => this.choose(selected + 1),
      j: () => drawing.setJoining(!drawing.joining),
      n: () => this.rename(),
      Escape: () => (drawing.joining ? drawing.setJoining(false) : drawing.select(-1)),
      Delete: () => this.remove(selected),
      Backspace: () => this.remove(selected),
    };
    const act = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** @param {number} dx @param {number} dy */
  nudge(dx, dy) {
    const { drawing } = this;
    const keypoint = drawing.keypoints[drawing.selected];
    if (!keypoint) return;
    const place = this.inside({ x: keypoint.x + dx, y: keypoint.y + dy });
    drawing.edit(changeKeypoint(drawing.definition, drawing.selected, place), { merge: `nudge ${drawing.selected}` });
    this.say(`${keypoint.name} at ${Math.round(place.x)}, ${Math.round(place.y)}.`);
  }

  /** @param {number} index goes round */
  choose(index) {
    const { drawing } = this;
    const count = drawing.keypoints.length;
    if (!count) return;
    drawing.select((index + count) % count);
    this.say(`${drawing.keypoints[drawing.selected].name}, ${drawing.selected + 1} of ${count}.`);
  }

  /** @param {number} index */
  remove(index) {
    const { drawing } = this;
    const keypoint = drawing.keypoints[index];
    if (!keypoint) return;
    drawing.edit(withoutKeypoint(drawing.definition, index), { select: -1 });
    this.say(`${keypoint.name} removed. Undo brings it back.`);
  }

  // ------------------------------------------------------------------------------------------------- places

  /** Drawing units in a screen pixel. */
  get unit() {
    const scale = this.root.getScreenCTM()?.a ?? 0;
    return scale > 0 ? 1 / scale : 1;
  }

  /** @param {{x: number, y: number}} at */
  inside({ x, y }) {
    const { width, height } = this.drawing.size;
    return { x: tenth(Math.min(width, Math.max(0, x))), y: tenth(Math.min(height, Math.max(0, y))) };
  }

  /** @param {MouseEvent} event */
  place(event) {
    return this.inside(new DOMPoint(event.clientX, event.clientY).matrixTransform(this.root.getScreenCTM()?.inverse()));
  }

  /** A place where no keypoint is yet, at this one or to the right of it. @param {{x: number, y: number}} at */
  free({ x, y }) {
    const apart = 3 * MARKER * this.unit;
    const taken = (/** @type {number} */ left) => this.drawing.keypoints.some((keypoint) => Math.hypot(keypoint.x - left, keypoint.y - y) < apart / 2);
    let left = x;
    while (taken(left) && left < this.drawing.size.width) left += apart;
    return this.inside({ x: left, y });
  }

  /** @param {PointerEvent} event @returns {number} the keypoint there, -1 for none */
  hit(event) {
    const { x, y } = this.place(event);
    let best = -1;
    let least = REACH[event.pointerType === "touch" ? "touch" : "mouse"] * this.unit;
    this.drawing.keypoints.forEach((keypoint, index) => {
      const distance = Math.hypot(keypoint.x - x, keypoint.y - y);
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  // ------------------------------------------------------------------------------------------------ drawing

  draw() {
    const { drawing, unit } = this;
    const { width, height } = drawing.size;
    const { keypoints, edges } = drawing.definition;
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.dataset.joining = String(drawing.joining);
    this.picture.setAttribute("width", String(width));
    this.picture.setAttribute("height", String(height));
    this.ghost.setAttribute("visibility", "hidden");
    const byName = new Map(keypoints.map((keypoint) => [keypoint.name, keypoint]));
    const lines = edges.flatMap(([a, b, color]) => {
      const [p, q] = [byName.get(a), byName.get(b)];
      return p && q ? [svg("line", { x1: p.x, y1: p.y, x2: q.x, y2: q.y, stroke: color ?? q.color, "stroke-width": 3 * unit })] : [];
    });
    const shapes = shapesOf(drawing.definition);
    const names = this.names();
    const markers = keypoints.map((keypoint, index) => {
      const on = index === drawing.selected;
      const group = svg("g", { class: on ? "on" : "", transform: `translate(${keypoint.x} ${keypoint.y}) scale(${unit})` });
      const sign = marker(() => keypoint.color, () => shapes[index]);
      for (const [name, value] of Object.entries({ x: -MARKER / 2, y: -MARKER / 2, width: MARKER, height: MARKER })) put(sign, name, value);
      update(sign);
      const left = names.get(index) === "left";
      const text = svg("text", { x: (left ? -1 : 1) * (MARKER / 2 + 3), y: 4, "text-anchor": left ? "end" : "start", class: names.has(index) ? "" : "hidden" });
      text.textContent = keypoint.name;
      if (on) group.append(svg("circle", { r: MARKER * 0.75, class: "ring" }));
      group.append(sign, text);
      return group;
    });
    this.layer.replaceChildren(...lines, ...markers);
  }

  /**
   * Which names have room on the outer side of their keypoint; the selected one always has. Others show at the pointer.
   * @returns {Map<number, "left" | "right">}
   */
  names() {
    const { drawing, unit } = this;
    const { keypoints, selected } = drawing;
    // Rectangles in screen pixels: the markers, then the names that were given room.
    const taken = keypoints.map(({ x, y }) => ({ left: x / unit - 6, right: x / unit + 6, top: y / unit - 6, bottom: y / unit + 6 }));
    const beside = (this.root.clientWidth - drawing.size.width / unit) / 2;
    const middle = keypoints.reduce((sum, { x }) => sum + x, 0) / keypoints.length;
    /** @type {Map<number, "left" | "right">} */
    const sides = new Map();
    for (const index of [selected, ...keypoints.keys()]) {
      if (index < 0 || sides.has(index)) continue;
      const { x, y, name } = keypoints[index];
      const side = x < middle ? "left" : "right";
      const left = side === "right" ? x / unit + MARKER / 2 : x / unit - MARKER / 2 - name.length * LETTER;
      const own = { left, right: left + name.length * LETTER, top: y / unit - LINE / 2, bottom: y / unit + LINE / 2 };
      const free = taken.every((other, at) => at === index || own.right < other.left || own.left > other.right || own.bottom < other.top || own.top > other.bottom);
      const whole = own.left > -beside && own.right < drawing.size.width / unit + beside;
      if (!(free && whole) && index !== selected) continue;
      taken.push(own);
      sides.set(index, side);
    }
    return sides;
  }

  /** The edge that the next press would draw. @param {PointerEvent} event */
  drawGhost(event) {
    const { drawing } = this;
    const from = drawing.joining ? drawing.keypoints[drawing.selected] : undefined;
    this.ghost.setAttribute("visibility", from ? "visible" : "hidden");
    if (!from) return;
    const { x, y } = this.place(event);
    for (const [name, value] of Object.entries({ x1: from.x, y1: from.y, x2: x, y2: y, "stroke-width": 2 * this.unit })) this.ghost.setAttribute(name, String(value));
  }
}
