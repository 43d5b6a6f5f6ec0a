/**
 * The board shows the skeleton over the reference image. Mouse, touch, pen and keyboard can draw and move keypoints.
 */
import { shapeOf, SHAPES } from "../markers.js";
import { clamp, distance, middleOf, boxOf } from "../geometry.js";
import { MOST_KEYPOINTS, readSkeleton } from "../skeleton.js";
import { View } from "../view.js";
import { changeKeypoint, tenth, toggledEdge, withKeypoint, withoutKeypoint } from "./definition.js";
import { asAttributes } from "./formats.js";

const SVG = "http://www.w3.org/2000/svg";
/** Distance in screen pixels below which a press that moves still counts as a click. @type {Record<string, number>} */
const SLACK = { mouse: 4, pen: 6, touch: 12 };
/** Zoom factor of one key press. */
const ZOOM = 1.25;
/** Keys that repeat while they are held. */
const REPEATED = /^(Arrow|[ws+=-]$)/;
/** Radius in screen pixels within which a press hits a keypoint, for a mouse or pen and for a finger. */
const REACH = { mouse: 11, touch: 22 };
/**
 * Size of a marker, height of a name, and mean width of a letter, in screen pixels. They tell whether two names
 * overlap.
 */
const MARKER = 20;
const LINE = 14;
const LETTER = 6.2;
/**
 * Colours and widths of the outlines of markers and edges. On any image, the dark or the light one has a contrast of at
 * least 3:1.
 * @type {[string, number][]}
 */
const OUTLINES = [
  ["#fff", 7],
  ["#111", 4.6],
];

/** @param {string} tag @param {Record<string, string | number>} [attributes] @returns {any} */
function svg(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

/**
 * @typedef {object} Press
 * @property {number} index the keypoint under it, -1 for none
 * @property {{x: number, y: number}} start on the screen
 * @property {{x: number, y: number}} last
 * @property {PointerEvent} event
 * @property {import("./definition.js").DrawnKeypoint} before
 * @property {"" | "move" | "pan" | "edge"} drag the kind of drag that it became once it moved far enough
 */

/**
 * Return a key's meaning: a Latin letter by its character, or by its position on a keyboard with another alphabet.
 * @param {KeyboardEvent} event
 */
export function letterOf({ key, code }) {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  return key.length === 1 && key > "\x7f" && /^Key[A-Z]$/.test(code) ? code[3].toLowerCase() : key;
}

/** The last result of `shapesOf`, and the names and pairs on which it depends. */
const last = { key: "", shapes: /** @type {import("../types.js").Shape[]} */ ([]) };

/** Return the marker shapes that workers will see. @param {import("./definition.js").Definition} definition */
export function shapesOf({ keypoints }) {
  const classes = keypoints.map(({ name, pair }) => ({ label: name, ...(pair && { pair }) }));
  const key = JSON.stringify(classes);
  if (key !== last.key)
    Object.assign(last, {
      key,
      shapes: readSkeleton(asAttributes({ keypointClasses: classes })).keypoints.map(shapeOf),
    });
  return last.shapes;
}

export class Board {
  /**
   * @param {import("./drawing.js").Drawing} drawing
   * @param {(text: string) => void} say
   * @param {() => void} rename runs when the rename key is pressed
   */
  constructor(drawing, say, rename) {
    this.drawing = drawing;
    this.say = say;
    this.rename = rename;
    this.view = new View();
    this.view.onChange = () => this.draw();
    this.picture = svg("image", { preserveAspectRatio: "none" });
    this.layer = svg("g");
    this.ghost = svg("line", { class: "ghost", visibility: "hidden" });
    /** The layer whose coordinates are the image's pixels. */
    this.world = svg("g");
    this.world.append(this.picture, this.layer, this.ghost);
    /** @type {SVGSVGElement} */
    this.root = svg("svg", {
      class: "drawing",
      role: "application",
      tabindex: 0,
      "aria-label": "Drawing board",
      "aria-describedby": "hint",
    });
    this.root.append(this.world);
    /** @type {Map<number, {x: number, y: number}>} pointers that are down, on the screen */
    this.pointers = new Map();
    /**
     * The press that may become a click or a drag. Null with two fingers, or once the gesture is over.
     * @type {Press | null}
     */
    this.press = null;
    drawing.interrupts.push(() => this.finish());
    /** @type {Record<string, (event: any) => void>} */
    const listeners = {
      pointerdown: (event) => this.down(event),
      pointermove: (event) => this.move(event),
      pointerup: (event) => this.up(event),
      pointercancel: (event) => this.stop(event),
      lostpointercapture: (event) => this.stop(event),
      pointerleave: () => this.ghost.setAttribute("visibility", "hidden"),
      wheel: (event) => this.wheel(event),
      contextmenu: (event) => event.preventDefault(),
    };
    for (const [name, listener] of Object.entries(listeners))
      this.root.addEventListener(name, listener, { passive: false });
    this.root.addEventListener("keydown", (event) => this.key(event));
    // A release in another window is not reported. Until it is noticed, keys would have no effect.
    addEventListener("blur", () => {
      this.pointers.clear();
      this.abort();
    });
    // Markers have the same size on the screen whatever the size of the board.
    new ResizeObserver(() => this.measure()).observe(this.root);
  }

  /** @param {string} url empty for none */
  show(url) {
    if (url) this.picture.setAttribute("href", url);
    else this.picture.removeAttribute("href");
  }

  measure() {
    const { clientWidth: width, clientHeight: height } = this.root;
    if (width && height) this.view.resize({ width, height });
  }

  // ------------------------------------------------------------------------------------------------ pointer

  /** @param {PointerEvent} event */
  down(event) {
    // Only the left and middle buttons draw. The others are "back" and "forward", a menu, or a pen's eraser.
    if (event.button > 1) return;
    event.preventDefault();
    this.root.focus();
    // The browser may have missed a release outside its window. In that case the old gesture ends here.
    this.stop(event);
    const at = this.screen(event);
    this.root.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size > 1) {
      this.abort();
      return;
    }
    const { drawing } = this;
    const { selected } = drawing;
    const index = event.button === 1 ? -1 : this.hit(event);
    if ((drawing.joining || event.shiftKey) && index >= 0 && selected >= 0 && index !== selected) {
      this.join(selected, index);
      return;
    }
    this.press = { index, start: at, last: at, event, before: drawing.keypoints[index], drag: "" };
    if (index >= 0) drawing.select(index);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { drawing, press, view } = this;
    this.drawGhost(event);
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    if (!event.buttons) {
      this.stop(event);
      return;
    }
    // While another button is down, the browser reports the release of the gesture's button as a movement.
    if (press && !(event.buttons & (press.event.button ? 4 : 1))) {
      this.up(event);
      return;
    }
    const at = this.screen(event);
    const [a, b] = [...this.pointers.values()];
    this.pointers.set(event.pointerId, at);
    if (b) {
      const [c, d] = this.pointers.values();
      const [from, to] = [middleOf(boxOf(a, b)), middleOf(boxOf(c, d))];
      view.pan(to.x - from.x, to.y - from.y);
      if (distance(a, b) > 1 && distance(c, d) > 1) view.zoom(distance(c, d) / distance(a, b), to);
    }
    if (!press) return;
    if (!press.drag && distance(at, press.start) >= (SLACK[event.pointerType] ?? SLACK.mouse))
      press.drag = press.index < 0 ? "pan" : drawing.joining ? "edge" : "move";
    if (press.drag === "pan") view.pan(at.x - press.last.x, at.y - press.last.y);
    if (press.drag === "move") {
      const place = this.inside({
        x: press.before.x + (at.x - press.start.x) / view.scale,
        y: press.before.y + (at.y - press.start.y) / view.scale,
      });
      drawing.preview(changeKeypoint(drawing.kept, press.index, place));
    }
    press.last = at;
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { drawing, press } = this;
    if (!this.pointers.delete(event.pointerId)) return;
    this.press = null;
    if (press?.drag === "move") drawing.commit();
    else if (press && drawing.joining) {
      const index = this.hit(event);
      // A line pulled from one keypoint to another is an edge too.
      if (press.index >= 0 && index >= 0 && index !== press.index) this.join(press.index, index);
      else if (press.index < 0 && !press.drag) drawing.select(-1);
    } else if (press && press.index < 0 && !press.drag && press.event.button === 0) this.add(this.place(event));
  }

  /** Cancel the press of a pointer that disappeared without a release. @param {PointerEvent} event */
  stop(event) {
    if (this.pointers.delete(event.pointerId)) this.abort();
  }

  /** Undo the gesture in progress. @returns {boolean} whether there was one */
  abort() {
    const { drag } = this.press ?? {};
    this.press = null;
    if (drag === "move") this.drawing.cancel();
    return Boolean(drag);
  }

  /** End the gesture now. Further movements of its pointer have no effect. */
  finish() {
    this.press = null;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    if (this.pointers.size) return;
    const { deltaX, deltaY, deltaMode, ctrlKey } = event;
    // A trackpad scrolls in small steps in any direction, and a pinch on it arrives with Ctrl. A notch of a wheel is
    // one large step.
    const isNotch = deltaMode > 0 || (!deltaX && Math.abs(deltaY) >= 50);
    if (ctrlKey || isNotch)
      this.view.zoom(
        Math.exp(ctrlKey && !isNotch ? -clamp(deltaY, -20, 20) / 100 : -Math.sign(deltaY) / 5),
        this.screen(event),
      );
    else this.view.pan(-deltaX, -deltaY);
  }

  /** @param {number} from @param {number} to */
  join(from, to) {
    const { drawing } = this;
    const [a, b] = [drawing.keypoints[from].name, drawing.keypoints[to].name];
    const before = drawing.definition.edges.length;
    drawing.edit(toggledEdge(drawing.definition, a, b), { select: to });
    this.say(
      drawing.definition.edges.length > before ? `Joined ${a} and ${b}.` : `${a} and ${b} are no longer joined.`,
    );
  }

  /** @param {{x: number, y: number}} at */
  add({ x, y }) {
    const { drawing } = this;
    const next = withKeypoint(drawing.definition, x, y);
    if (next === drawing.definition) {
      this.say(`A skeleton has at most ${MOST_KEYPOINTS} keypoints.`);
      return;
    }
    drawing.edit(next, { select: drawing.keypoints.length });
    this.say(`${drawing.keypoints[drawing.selected].name} placed.`);
  }

  // ----------------------------------------------------------------------------------------------- keyboard

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const { drawing, view } = this;
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
      j: () => this.toggleJoining(),
      n: () => this.rename(),
      "+": () => view.zoom(ZOOM),
      "=": () => view.zoom(ZOOM),
      "-": () => view.zoom(1 / ZOOM),
      0: () => view.fit(),
      Escape: () => this.abort() || (drawing.joining ? this.toggleJoining() : drawing.select(-1)),
      Delete: () => this.remove(selected),
      Backspace: () => this.remove(selected),
    };
    const key = letterOf(event);
    if (!Object.hasOwn(actions, key)) return;
    event.preventDefault();
    // A held key repeats only actions that move, step or zoom.
    if (!event.repeat || REPEATED.test(key)) actions[key]();
  }

  toggleJoining() {
    const { drawing } = this;
    drawing.setJoining(!drawing.joining);
    this.say(drawing.joining ? "Draw edges: choose two keypoints to join them." : "Edges are no longer drawn.");
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

  /** @param {number} index wraps around at both ends */
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
    return 1 / this.view.scale;
  }

  /** @param {{x: number, y: number}} at */
  inside({ x, y }) {
    const { width, height } = this.drawing.size;
    return { x: tenth(clamp(x, 0, width)), y: tenth(clamp(y, 0, height)) };
  }

  /** @param {MouseEvent} event on the board, in screen pixels */
  screen({ clientX, clientY }) {
    const { left, top } = this.root.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  /** @param {MouseEvent} event */
  place(event) {
    return this.inside(this.view.toImage(this.screen(event)));
  }

  /** Return the first free position, starting at this one and going right. @param {{x: number, y: number}} at */
  free({ x, y }) {
    const apart = 3 * MARKER * this.unit;
    const taken = (/** @type {number} */ left) =>
      this.drawing.keypoints.some((keypoint) => Math.hypot(keypoint.x - left, keypoint.y - y) < apart / 2);
    let left = x;
    while (taken(left) && left < this.drawing.size.width) left += apart;
    return this.inside({ x: left, y });
  }

  /**
   * @param {PointerEvent} event
   * @returns {number} the keypoint there, -1 for none; the selected one has priority over others nearby
   */
  hit(event) {
    const at = this.screen(event);
    const reach = REACH[event.pointerType === "touch" ? "touch" : "mouse"];
    const distances = this.drawing.keypoints.map((keypoint) => distance(this.view.toScreen(keypoint), at));
    const least = Math.min(reach, ...distances);
    const { selected } = this.drawing;
    return distances[selected] - least < 1 && distances[selected] < reach
      ? selected
      : distances.findIndex((far) => far === least && far < reach);
  }

  // ------------------------------------------------------------------------------------------------ drawing

  draw() {
    const { drawing, view } = this;
    const { width, height } = drawing.size;
    const { keypoints, edges } = drawing.definition;
    if (view.image.width !== width || view.image.height !== height) {
      view.image = { width, height };
      // fit() shows the whole image and calls draw() again.
      if (view.stage.width) view.fit();
      return;
    }
    if (!view.stage.width) return;
    const { unit } = this;
    this.world.setAttribute("transform", `translate(${view.tx} ${view.ty}) scale(${view.scale})`);
    this.root.dataset.joining = String(drawing.joining);
    this.picture.setAttribute("width", String(width));
    this.picture.setAttribute("height", String(height));
    this.ghost.setAttribute("visibility", "hidden");
    const byName = new Map(keypoints.map((keypoint) => [keypoint.name, keypoint]));
    const joined = edges.flatMap(([a, b, color]) => {
      const [p, q] = [byName.get(a), byName.get(b)];
      return p && q ? [{ p, q, color: color ?? q.color }] : [];
    });
    const d = joined.map(({ p, q }) => `M${p.x} ${p.y}L${q.x} ${q.y}`).join("");
    const lines = [
      ...OUTLINES.map(([stroke, width]) => svg("path", { class: "casing", d, stroke, "stroke-width": width * unit })),
      ...joined.map(({ p, q, color }) =>
        svg("line", { x1: p.x, y1: p.y, x2: q.x, y2: q.y, stroke: color, "stroke-width": 3 * unit }),
      ),
    ];
    const shapes = shapesOf(drawing.definition);
    const names = this.names();
    const markers = keypoints.map((keypoint, index) => {
      const on = index === drawing.selected;
      const group = svg("g", {
        class: on ? "on" : "",
        transform: `translate(${keypoint.x} ${keypoint.y}) scale(${unit})`,
      });
      // A dark outline and a light one around it: one of them contrasts with any image.
      const sign = svg("g", { class: "marker", transform: `scale(${MARKER / 16})` });
      for (const [color, width] of [...OUTLINES, [keypoint.color, 2]])
        sign.append(svg("path", { d: SHAPES[shapes[index]], fill: color, stroke: color, "stroke-width": width }));
      const left = names.get(index) === "left";
      const text = svg("text", {
        x: (left ? -1 : 1) * (MARKER / 2 + 3),
        y: 4,
        "text-anchor": left ? "end" : "start",
        class: names.has(index) ? "" : "hidden",
      });
      text.textContent = keypoint.name;
      if (on) group.append(svg("circle", { r: MARKER * 0.75, class: "ring" }));
      group.append(sign, text);
      return group;
    });
    this.layer.replaceChildren(...lines, ...markers);
  }

  /**
   * Choose the names that fit on the outer side of their keypoint. The selected keypoint's name is always shown. The
   * other names appear when the pointer is over their keypoint.
   * @returns {Map<number, "left" | "right">}
   */
  names() {
    const { drawing, view } = this;
    const { keypoints, selected } = drawing;
    const { width } = view.stage;
    const places = keypoints.map((keypoint) => view.toScreen(keypoint));
    // Rectangles in screen pixels: the markers, then the names that are shown.
    const taken = places.map(({ x, y }) => ({ left: x - 6, right: x + 6, top: y - 6, bottom: y + 6 }));
    const middle = places.reduce((sum, { x }) => sum + x, 0) / keypoints.length;
    /** @type {Map<number, "left" | "right">} */
    const sides = new Map();
    for (const index of [selected, ...keypoints.keys()]) {
      if (index < 0 || sides.has(index)) continue;
      const { x, y } = places[index];
      const { name } = keypoints[index];
      const length = name.length * LETTER;
      const outer = x < middle ? "left" : "right";
      const begin = (/** @type {string} */ on) => (on === "right" ? x + MARKER / 2 : x - MARKER / 2 - length);
      const isWhole = (/** @type {string} */ on) => begin(on) > 0 && begin(on) + length < width;
      // The selected keypoint's name is always shown: on the inner side if it would cross the edge on the outer one.
      const side = index === selected && !isWhole(outer) ? (outer === "left" ? "right" : "left") : outer;
      const own = { left: begin(side), right: begin(side) + length, top: y - LINE / 2, bottom: y + LINE / 2 };
      const free = taken.every(
        (other, at) =>
          at === index ||
          own.right < other.left ||
          own.left > other.right ||
          own.bottom < other.top ||
          own.top > other.bottom,
      );
      if (!(free && isWhole(side)) && index !== selected) continue;
      taken.push(own);
      sides.set(index, side);
    }
    return sides;
  }

  /** Draw a preview of the edge that the next press would add. @param {PointerEvent} event */
  drawGhost(event) {
    const { drawing } = this;
    const from = drawing.joining ? drawing.keypoints[drawing.selected] : undefined;
    this.ghost.setAttribute("visibility", from ? "visible" : "hidden");
    if (!from) return;
    const { x, y } = this.place(event);
    for (const [name, value] of Object.entries({ x1: from.x, y1: from.y, x2: x, y2: y, "stroke-width": 2 * this.unit }))
      this.ghost.setAttribute(name, String(value));
  }
}
