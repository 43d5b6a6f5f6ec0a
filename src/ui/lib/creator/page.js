/** <skeleton-creator>: draw a skeleton over a reference image, name, pair, order, preview, export. */
import { h } from "../dom.js";
import { icon, markerIcon, setMarker } from "../icons.js";
import { shapeOf } from "../painter.js";
import { readSkeleton } from "../skeleton.js";
import {
  changeKeypoint, emptyDefinition, movedInOrder, readDefinition, toAttributes, toggledEdge, toSkeletonJson, withKeypoint, withoutKeypoint,
} from "./definition.js";
import { PRESETS } from "./presets.js";
import css from "./page.css";

/** @typedef {import("./definition.js").Definition} Definition */

const SVG = "http://www.w3.org/2000/svg";
const SLACK = 4;

/** @param {string} tag @param {Record<string, string | number>} attributes */
function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

export class SkeletonCreator extends HTMLElement {
  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    shadow.adoptedStyleSheets = [sheet];
    /** @type {Definition[]} */
    this.states = [emptyDefinition()];
    this.at = 0;
    this.selected = -1;
    /** The size of the drawing in its own unit: that of the reference image, once there is one. */
    this.size = { width: 400, height: 400 };
    this.picture = svg("image", { width: 400, height: 400 });
    this.drawing = svg("g", {});
    this.board = svg("svg", { role: "img", "aria-label": "Drawing board" });
    this.board.append(this.picture, this.drawing);
    this.rows = h("ol", { class: "rows" });
    this.message = h("p", { class: "message", role: "status" });
    this.name = h("input", { "aria-label": "Name of the skeleton", oninput: () => this.edit({ ...this.definition, name: this.name.value }) });
    this.super = h("input", { "aria-label": "Supercategory", placeholder: "supercategory", oninput: () => this.edit({ ...this.definition, supercategory: this.super.value }) });
    this.presets = h("select", { "aria-label": "Start from", onchange: () => this.choosePreset() },
      h("option", { value: "" }, "Start from …"), ...PRESETS.map(([label], n) => h("option", { value: String(n) }, label)));
    this.photo = h("input", { type: "file", accept: "image/*", onchange: () => this.loadPhoto(this.photo.files?.[0]) });
    this.input = h("textarea", { rows: 4, "aria-label": "Paste JSON", placeholder: "Paste a skeleton file, COCO categories, or keypointClasses" });
    this.outputs = {
      file: h("textarea", { readOnly: true, rows: 8, "aria-label": "Skeleton file" }),
      attributes: h("textarea", { readOnly: true, rows: 8, "aria-label": "Attributes of the element" }),
    };
    this.undoButton = h("button", { type: "button", title: "Undo (Ctrl + Z)", "aria-label": "Undo", onclick: () => this.travel(-1) }, icon("undo"));
    this.redoButton = h("button", { type: "button", title: "Redo (Ctrl + Shift + Z)", "aria-label": "Redo", onclick: () => this.travel(1) }, icon("redo"));
    this.build(shadow);
    this.listen();
    this.draw();
  }

  /** @param {ShadowRoot} shadow */
  build(shadow) {
    const copy = (/** @type {"file" | "attributes"} */ key) => h("button", { type: "button", onclick: () => this.copy(key) }, "Copy");
    shadow.append(h("div", { class: "app" },
      h("header", {}, h("h1", {}, "Skeleton creator"), this.presets, h("label", { class: "file" }, "Reference image", this.photo),
        this.undoButton, this.redoButton, this.message),
      h("main", {}, h("div", { class: "board" }, this.board),
        h("p", { class: "hint" }, "Click: new keypoint. Drag: move. Select one, then Shift + click another: draw or remove the edge. Delete: remove.")),
      h("aside", { "aria-label": "Definition" },
        h("div", { class: "names" }, this.name, this.super),
        h("h2", {}, "Keypoints, in the order of labelling"), this.rows,
        h("h2", {}, "Import"), this.input, h("button", { type: "button", onclick: () => this.importText() }, "Read it"),
        h("h2", {}, "Skeleton file"), this.outputs.file, h("div", { class: "buttons" }, copy("file"), h("button", { type: "button", onclick: () => this.download() }, "Download")),
        h("h2", {}, "Attributes of the element"), this.outputs.attributes, h("div", { class: "buttons" }, copy("attributes")))));
  }

  get definition() {
    return this.states[this.at];
  }

  /** @param {Definition} definition @param {boolean} [merge] into the step before: a drag is one step */
  edit(definition, merge = false) {
    if (definition === this.definition) return;
    if (!merge) this.at += 1;
    this.states.length = this.at;
    this.states[this.at] = definition;
    this.draw();
  }

  /** @param {1 | -1} step */
  travel(step) {
    const to = this.at + step;
    if (to < 0 || to >= this.states.length) return;
    this.at = to;
    this.selected = Math.min(this.selected, this.definition.keypoints.length - 1);
    this.draw();
  }

  listen() {
    /** @type {{index: number, x: number, y: number, moved: boolean} | null} */
    let press = null;
    this.board.addEventListener("pointerdown", (event) => {
      const { x, y } = this.place(event);
      const hit = this.hit(x, y);
      if (event.shiftKey && hit >= 0 && this.selected >= 0) {
        const { keypoints } = this.definition;
        this.edit(toggledEdge(this.definition, keypoints[this.selected].name, keypoints[hit].name));
        this.selected = hit;
        this.draw();
        return;
      }
      press = { index: hit, x: event.clientX, y: event.clientY, moved: false };
      this.board.setPointerCapture(event.pointerId);
      this.selected = hit;
      this.draw();
    });
    this.board.addEventListener("pointermove", (event) => {
      if (!press || press.index < 0) return;
      if (!press.moved && Math.hypot(event.clientX - press.x, event.clientY - press.y) < SLACK) return;
      this.edit(changeKeypoint(this.definition, press.index, this.place(event)), press.moved);
      press.moved = true;
    });
    this.board.addEventListener("pointerup", (event) => {
      if (press && press.index < 0) {
        const { x, y } = this.place(event);
        this.selected = this.definition.keypoints.length;
        this.edit(withKeypoint(this.definition, x, y));
      }
      press = null;
    });
    this.addEventListener("keydown", (event) => {
      const typing = /** @type {Element} */ (event.composedPath()[0]).matches("input, textarea, select");
      if (typing) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
        event.preventDefault();
        this.travel(event.shiftKey ? 1 : -1);
      } else if (event.key === "Delete" || event.key === "Backspace") this.removeKeypoint(this.selected);
    });
    this.board.setAttribute("tabindex", "0");
  }

  /** @param {MouseEvent} event @returns {{x: number, y: number}} on the drawing, inside it, to a tenth */
  place(event) {
    const matrix = /** @type {SVGSVGElement} */ (this.board).getScreenCTM();
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix?.inverse());
    const tenth = (/** @type {number} */ value, /** @type {number} */ most) => Math.round(Math.min(most, Math.max(0, value)) * 10) / 10;
    return { x: tenth(at.x, this.size.width), y: tenth(at.y, this.size.height) };
  }

  /** Drawing units in a screen pixel. */
  get unit() {
    const matrix = /** @type {SVGSVGElement} */ (this.board).getScreenCTM();
    return matrix && matrix.a > 0 ? 1 / matrix.a : 1;
  }

  /** @param {number} x @param {number} y */
  hit(x, y) {
    let best = -1;
    let least = 11 * this.unit;
    this.definition.keypoints.forEach((keypoint, index) => {
      const distance = Math.hypot(keypoint.x - x, keypoint.y - y);
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  /** @param {number} index */
  removeKeypoint(index) {
    if (index < 0) return;
    this.selected = -1;
    this.edit(withoutKeypoint(this.definition, index));
  }

  choosePreset() {
    const found = PRESETS[Number(this.presets.value)];
    if (this.presets.value !== "" && found) this.take(JSON.stringify(found[1]));
    this.presets.value = "";
  }

  importText() {
    this.take(this.input.value);
  }

  /** A definition from outside is scaled onto the board. @param {string} text */
  take(text) {
    try {
      const read = readDefinition(text);
      const box = readSkeleton({ classes: JSON.stringify(toAttributes(read).keypointClasses), rig: null, box: null }).box;
      const margin = 0.12;
      if (box) {
        const scale = Math.min((this.size.width * (1 - 2 * margin)) / (box.right - box.left), (this.size.height * (1 - 2 * margin)) / (box.bottom - box.top));
        const tenth = (/** @type {number} */ value) => Math.round(value * 10) / 10;
        for (const keypoint of read.keypoints) {
          keypoint.x = tenth(this.size.width / 2 + (keypoint.x - (box.left + box.right) / 2) * scale);
          keypoint.y = tenth(this.size.height / 2 + (keypoint.y - (box.top + box.bottom) / 2) * scale);
        }
      }
      this.selected = -1;
      this.edit(read);
      this.say(`${read.keypoints.length} keypoints, ${read.edges.length} edges.`);
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {File | undefined} file */
  loadPhoto(file) {
    if (!file) return;
    const url = URL.createObjectURL(file);
    const image = new Image();
    image.onload = () => {
      this.size = { width: image.naturalWidth, height: image.naturalHeight };
      this.picture.setAttribute("href", url);
      this.draw();
    };
    image.onerror = () => this.say("This file is not an image that the browser can show.");
    image.src = url;
  }

  /** @param {string} text */
  say(text) {
    this.message.textContent = text;
  }

  /** @param {"file" | "attributes"} key */
  copy(key) {
    this.outputs[key].select();
    navigator.clipboard?.writeText(this.outputs[key].value).then(() => this.say("Copied."), () => this.say("Selected; press Ctrl + C."));
  }

  download() {
    const url = URL.createObjectURL(new Blob([this.outputs.file.value], { type: "application/json" }));
    h("a", { href: url, download: `${this.definition.name.replace(/[^\w-]+/g, "-") || "skeleton"}.json` }).click();
    URL.revokeObjectURL(url);
  }

  draw() {
    const { definition } = this;
    const { width, height } = this.size;
    this.board.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.picture.setAttribute("width", String(width));
    this.picture.setAttribute("height", String(height));
    if (this.name.value !== definition.name) this.name.value = definition.name;
    if (this.super.value !== definition.supercategory) this.super.value = definition.supercategory;
    this.undoButton.disabled = this.at === 0;
    this.redoButton.disabled = this.at === this.states.length - 1;
    this.drawBoard();
    this.drawRows();
    this.outputs.file.value = JSON.stringify(toSkeletonJson(definition), null, 1);
    this.outputs.attributes.value = Object.entries(toAttributes(definition)).map(([name, value]) => `${name}='${JSON.stringify(value).replaceAll("&", "&amp;").replaceAll("'", "&#39;")}'`).join("\n");
  }

  /** The preview is the drawing itself: shapes and colours as workers will see them. */
  drawBoard() {
    const { keypoints, edges } = this.definition;
    const { unit } = this;
    const byName = new Map(keypoints.map((keypoint) => [keypoint.name, keypoint]));
    /** @type {Element[]} */
    const nodes = [];
    for (const [a, b, color] of edges) {
      const [p, q] = [byName.get(a), byName.get(b)];
      if (!p || !q) continue;
      const line = svg("line", { x1: p.x, y1: p.y, x2: q.x, y2: q.y, "stroke-width": 3 * unit, "stroke-linecap": "round" });
      line.setAttribute("stroke", color ?? q.color);
      nodes.push(line);
    }
    const { keypoints: classes } = this.read();
    keypoints.forEach((keypoint, index) => {
      const group = svg("g", { class: index === this.selected ? "on" : "", transform: `translate(${keypoint.x} ${keypoint.y}) scale(${unit * 1.3}) translate(-8 -8)` });
      const marker = markerIcon(keypoint.color);
      marker.setAttribute("width", "16");
      marker.setAttribute("height", "16");
      setMarker(marker, shapeOf(classes[index]), "visible");
      const text = svg("text", { x: 18, y: 12 });
      text.textContent = keypoint.name;
      group.append(marker, text);
      nodes.push(group);
    });
    // Many names would cover the drawing: they show at the pointer and for the selected one.
    this.drawing.setAttribute("class", keypoints.length > 30 ? "many" : "");
    this.drawing.replaceChildren(...nodes);
  }

  read() {
    return readSkeleton({ classes: JSON.stringify(toAttributes(this.definition).keypointClasses), rig: null, box: null });
  }

  drawRows() {
    // New rows take the place of the old ones; the focus goes to the field of the same name.
    const focused = this.rows.contains(/** @type {ShadowRoot} */ (this.shadowRoot).activeElement) && this.shadowRoot?.activeElement?.getAttribute("aria-label");
    const names = this.definition.keypoints.map(({ name }) => name);
    this.rows.replaceChildren(...this.definition.keypoints.map((keypoint, index) => {
      const change = (/** @type {Partial<import("./definition.js").DrawnKeypoint>} */ value) => this.edit(changeKeypoint(this.definition, index, value));
      const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ act) => h("button", { type: "button", "aria-label": `${label} ${keypoint.name}`, title: label, onclick: act }, text);
      const name = h("input", { value: keypoint.name, "aria-label": `Name of keypoint ${index + 1}`, onchange: () => {
        change({ name: name.value });
        name.value = this.definition.keypoints[index].name;
      } });
      const color = h("input", { type: "color", value: keypoint.color, "aria-label": `Colour of ${keypoint.name}`, onchange: () => change({ color: color.value }) });
      const sigma = h("input", { type: "number", min: "0.001", max: "1", step: "0.001", placeholder: "sigma", value: keypoint.sigma ?? "", "aria-label": `Sigma of ${keypoint.name}`, onchange: () => change({ sigma: Number(sigma.value) || null }) });
      const pair = h("select", { "aria-label": `Other side of ${keypoint.name}`, onchange: () => change({ pair: pair.value }) },
        h("option", { value: "" }, "no pair"), ...names.filter((other) => other !== keypoint.name).map((other) => h("option", { value: other }, other)));
      pair.value = keypoint.pair;
      return h("li", { class: index === this.selected ? "on" : "" }, color, name, pair, sigma,
        button("↑", "Earlier:", () => this.edit(movedInOrder(this.definition, index, -1))), button("↓", "Later:", () => this.edit(movedInOrder(this.definition, index, 1))), button("×", "Remove", () => this.removeKeypoint(index)));
    }));
    if (focused) [...this.rows.querySelectorAll("[aria-label]")].find((node) => node.getAttribute("aria-label") === focused)?.focus();
  }
}

if (!customElements.get("skeleton-creator")) customElements.define("skeleton-creator", SkeletonCreator);
