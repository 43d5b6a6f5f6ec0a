/** <skeleton-creator>: draw a skeleton over a reference image, name, pair, order, preview, export. */
import { h, put, reveal } from "../dom.js";
import { icon } from "../icons.js";
import { Board } from "./board.js";
import { emptyDefinition } from "./definition.js";
import { Exchange } from "./exchange.js";
import { LONGEST_NAME, whatIsMissing } from "./formats.js";
import { keepDrawing, keepPhoto, keptDrawing, keptPhoto } from "./kept.js";
import { KeypointDetails, KeypointList } from "./list.js";
import { PRESETS } from "./presets.js";
import { openPreview } from "./preview.js";
import css from "./page.css";

export class SkeletonCreator extends HTMLElement {
  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    shadow.adoptedStyleSheets = [sheet];
    const say = (/** @type {string} */ text) => this.say(text);
    this.drawing = keptDrawing();
    /** Address of the reference image; empty for none. */
    this.photo = "";
    /** The selected keypoint that was brought into view. */
    this.shown = -1;
    /** Whether the browser keeps the drawing; that it does not is said once. */
    this.keeps = true;
    this.message = h("p", { class: "message", role: "status" });
    this.list = new KeypointList(this.drawing, say);
    this.board = new Board(this.drawing, say, () => this.list.focus(this.drawing.selected));
    this.details = new KeypointDetails(this.drawing, say, (index) => this.board.remove(index));
    this.exchange = new Exchange(this.drawing, say);
    this.build(shadow);
    this.listen();
    this.drawing.onChange = () => this.draw();
    this.draw();
    keptPhoto().then((photo) => photo && !this.photo && this.showPhoto(photo));
  }

  /** @param {ShadowRoot} shadow */
  build(shadow) {
    const { drawing } = this;
    const button = (/** @type {string} */ label, /** @type {string} */ name, /** @type {() => void} */ act) => h("button", { type: "button", class: "tool", title: label, "aria-label": label.split(" (")[0], onclick: act }, icon(name));
    const file = (/** @type {string} */ label, /** @type {string} */ accept, /** @type {(file: File) => void} */ take) => {
      const input = h("input", { type: "file", accept, onchange: () => {
        if (input.files[0]) take(input.files[0]);
        input.value = "";
      } });
      return h("label", { class: "file" }, label, input);
    };
    const field = (/** @type {string} */ label, /** @type {"name" | "supercategory"} */ key) => h("input", {
      maxLength: LONGEST_NAME, spellcheck: false, "aria-label": label,
      oninput: (/** @type {any} */ event) => drawing.edit({ ...drawing.definition, [key]: event.target.value.trimStart() }, { merge: key }),
    });
    this.presets = h("select", { "aria-label": "Start from", onchange: () => this.choosePreset() },
      h("option", { value: "" }, "Start from …"), ...PRESETS.map(([label], n) => h("option", { value: String(n) }, label)));
    this.undo = button("Undo (Ctrl + Z)", "undo", () => drawing.travel(-1));
    this.redo = button("Redo (Ctrl + Shift + Z)", "redo", () => drawing.travel(1));
    this.join = h("button", { type: "button", title: "Draw edges (J)", onclick: () => drawing.setJoining(!drawing.joining) }, "Draw edges");
    this.noPhoto = button("Remove the reference image", "close", () => this.forgetPhoto());
    this.tryIt = h("button", { type: "button", class: "primary", onclick: () => openPreview(shadow, drawing, this.photo) }, "Try it");
    this.name = field("Name of the skeleton", "name");
    this.super = field("Supercategory", "supercategory");
    this.hint = h("p", { class: "hint", id: "hint" });
    this.start = h("p", { class: "start", "aria-hidden": "true" }, "Click where the first keypoint is, or start from a skeleton that is there already.");
    shadow.append(h("div", { class: "app" },
      h("header", {}, h("h1", {}, "Skeleton creator"), this.presets,
        h("div", { class: "group" }, file("Reference image", "image/*", (photo) => this.takePhoto(photo)), this.noPhoto),
        file("Open JSON", ".json,application/json", (text) => this.exchange.readFile(text)),
        h("button", { type: "button", onclick: () => this.clear() }, "New"),
        h("div", { class: "group" }, this.undo, this.redo), this.join, this.tryIt),
      h("main", {}, h("div", { class: "board" }, this.board.root, this.start), h("div", { class: "foot" }, this.hint, this.message)),
      this.side = h("aside", { "aria-label": "Definition" },
        h("div", { class: "fields two" }, h("label", { class: "field" }, h("span", {}, "Skeleton"), this.name), h("label", { class: "field" }, h("span", {}, "Supercategory"), this.super)),
        this.details.root,
        h("section", { class: "list", "aria-labelledby": "keypoints" }, h("h2", { id: "keypoints" }, "Keypoints, in the order of labelling"), this.list.root),
        this.exchange.root)));
  }

  listen() {
    this.addEventListener("keydown", (event) => {
      const target = /** @type {Element} */ (event.composedPath()[0]);
      // A text field has an undo of its own, and the preview's element too.
      if (target.matches("input:not([type=color]), textarea") || target.closest("dialog") || event.composedPath().some((node) => node instanceof HTMLDialogElement)) return;
      const key = event.key.toLowerCase();
      if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(key)) return;
      event.preventDefault();
      this.drawing.travel(key === "y" || event.shiftKey ? 1 : -1);
    });
    this.addEventListener("dragover", (event) => event.preventDefault());
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file?.type.startsWith("image/")) this.takePhoto(file);
      else if (file) this.exchange.readFile(file);
    });
  }

  clear() {
    this.drawing.edit(emptyDefinition(), { select: -1 });
    this.say("Empty. Undo brings back what was here.");
  }

  choosePreset() {
    if (this.presets.value) this.exchange.read(JSON.stringify(PRESETS[Number(this.presets.value)][1]));
    this.presets.value = "";
  }

  /** @param {Blob} photo from the user's disk */
  async takePhoto(photo) {
    if (await this.showPhoto(photo)) await keepPhoto(photo);
    else this.say("This file is not an image that the browser can show.");
  }

  /** @param {Blob} photo @returns {Promise<boolean>} whether it is an image */
  async showPhoto(photo) {
    const url = URL.createObjectURL(photo);
    const image = new Image();
    image.src = url;
    try {
      await image.decode();
    } catch {
      URL.revokeObjectURL(url);
      return false;
    }
    this.setPhoto(url);
    this.drawing.resize({ width: image.naturalWidth, height: image.naturalHeight });
    return true;
  }

  forgetPhoto() {
    this.setPhoto("");
    this.draw();
    void keepPhoto(null);
  }

  /** @param {string} url */
  setPhoto(url) {
    if (this.photo) URL.revokeObjectURL(this.photo);
    this.photo = url;
    this.board.show(url);
  }

  /** @param {string} text */
  say(text) {
    this.message.textContent = text;
  }

  /** Its row; but on a narrow screen, where the list is short, what can be said of it, unless it is being named. */
  revealSelected() {
    const { selected } = this.drawing;
    const row = this.list.rows[selected]?.row;
    const narrow = matchMedia("(max-width: 900px)").matches && !row?.contains(/** @type {ShadowRoot} */ (this.shadowRoot).activeElement);
    if (row) reveal(this.side, narrow ? this.details.root : row);
    this.shown = selected;
  }

  draw() {
    const { drawing } = this;
    put(this.name, "value", drawing.definition.name);
    put(this.super, "value", drawing.definition.supercategory);
    put(this.undo, "disabled", !drawing.canUndo);
    put(this.redo, "disabled", !drawing.canRedo);
    put(this.tryIt, "disabled", Boolean(whatIsMissing(drawing.definition)));
    put(this.join, "aria-pressed", String(drawing.joining));
    put(this.noPhoto, "hidden", !this.photo);
    put(this.start, "hidden", drawing.keypoints.length > 0);
    put(this.hint, "textContent", drawing.joining
      ? "Choose a keypoint, then the one it is joined with; again takes the edge away."
      : "Click: new keypoint. Drag: move it. Shift + click: edge from the selected one. By keyboard: Enter adds, arrows move, W and S choose, N names, Delete removes.");
    this.board.draw();
    this.list.draw();
    this.details.draw();
    this.exchange.draw();
    if (drawing.selected !== this.shown) this.revealSelected();
    if (!keepDrawing(drawing) && this.keeps) {
      this.keeps = false;
      this.say("This browser keeps nothing: download the skeleton before you leave.");
    }
  }
}

if (!customElements.get("skeleton-creator")) customElements.define("skeleton-creator", SkeletonCreator);
