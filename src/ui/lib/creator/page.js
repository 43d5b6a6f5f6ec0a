/** <skeleton-creator>: draw a skeleton over a reference image, name, pair, order, preview, export. */
import { h, put, reveal } from "../dom.js";
import { icon } from "../icons.js";
import { pixelsOf } from "../image.js";
import { Board, letterOf } from "./board.js";
import { choiceOf } from "./choice.js";
import { emptyDefinition } from "./definition.js";
import { Exchange } from "./exchange.js";
import { LONGEST_NAME, readDefinition, whatIsMissing } from "./formats.js";
import { drawingOf, keeping, keepPhoto, openKept } from "./kept.js";
import { Arrangement, KeypointDetails, KeypointList } from "./list.js";
import { PRESETS } from "./presets.js";
import { openPreview } from "./preview.js";
import css from "./page.css";

/** The content of the element, built once the stored drawing has been read. */
class Page {
  /** @param {HTMLElement} host @param {ShadowRoot} shadow @param {import("./kept.js").Kept} kept */
  constructor(host, shadow, kept) {
    this.host = host;
    this.shadow = shadow;
    const say = (/** @type {string} */ text) => this.say(text);
    this.key = kept.key;
    this.others = kept.others;
    this.drawing = kept.drawing;
    /** Address of the reference image; empty for none. */
    this.photo = "";
    /** The image that is being loaded. @type {HTMLImageElement | null} */
    this.coming = null;
    /** The field whose text was changed since it got the focus. @type {EventTarget | undefined} */
    this.typed = undefined;
    /** Index of the keypoint that was last scrolled into view. */
    this.shown = -1;
    /** Whether the browser can store the drawing. If it cannot, the user is told once. */
    this.keeps = true;
    this.message = h("p", { class: "message", role: "status" });
    this.list = new KeypointList(this.drawing, say);
    this.board = new Board(this.drawing, say, () => this.list.focus(this.drawing.selected));
    this.details = new KeypointDetails(
      this.drawing,
      say,
      (index) => this.board.remove(index),
      (index, to) => this.list.order(index, to),
    );
    this.arrangement = new Arrangement(this.drawing, say);
    this.exchange = new Exchange(this.drawing, say);
    this.keeping = keeping(kept, (isKept) => this.kept(isKept));
    this.build();
    this.listen();
    this.drawing.onChange = () => this.draw();
    this.draw();
    if (kept.photo) void this.showPhoto(kept.photo);
    this.kept(kept.isKeeping);
    if (kept.isCopy) this.say("Another tab has this drawing open. This is a copy.");
  }

  build() {
    const { drawing } = this;
    const button = (/** @type {string} */ label, /** @type {string} */ name, /** @type {() => void} */ act) =>
      h(
        "button",
        { type: "button", class: "tool", title: label, "aria-label": label.split(" (")[0], onclick: act },
        icon(name),
      );
    const file = (
      /** @type {string} */ label,
      /** @type {string} */ accept,
      /** @type {(file: File) => void} */ take,
      name = label,
    ) => {
      const input = h("input", {
        type: "file",
        accept,
        title: name,
        "aria-label": name,
        onchange: () => {
          if (input.files[0]) take(input.files[0]);
          input.value = "";
        },
      });
      return h("label", { class: "file" }, label, input);
    };
    const field = (/** @type {string} */ label, /** @type {"name" | "supercategory"} */ key) =>
      h("input", {
        maxLength: LONGEST_NAME,
        spellcheck: false,
        dir: "auto",
        "aria-label": label,
        oninput: (/** @type {any} */ event) =>
          drawing.edit({ ...drawing.definition, [key]: event.target.value.trimStart() }, { merge: key }),
      });
    this.presets = /** @type {any} */ (
      choiceOf(
        { "aria-label": "Start from" },
        () => this.choosePreset(),
        (text) => this.say(text),
      )
    );
    this.presets.append(
      h("option", { value: "" }, "Start from …"),
      ...PRESETS.map(([label], n) => h("option", { value: String(n) }, label)),
    );
    const when = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" });
    const keptOnes = this.others.map(({ definition, at }, n) =>
      h(
        "option",
        { value: `kept ${n}` },
        `${definition?.name || "skeleton"}, ${definition?.keypoints.length ?? "some"} keypoints, ${when.format(at)}`,
      ),
    );
    if (keptOnes.length) this.presets.append(h("optgroup", { label: "Kept in this browser" }, ...keptOnes));
    this.undo = button("Undo (Ctrl + Z)", "undo", () => this.travel(-1));
    this.redo = button("Redo (Ctrl + Shift + Z)", "redo", () => this.travel(1));
    this.join = h(
      "button",
      { type: "button", title: "Draw edges (J)", onclick: () => this.board.toggleJoining() },
      "Draw edges",
    );
    this.noPhoto = button("Remove the reference image", "close", () => this.forgetPhoto());
    this.tryIt = h("button", { type: "button", class: "primary", onclick: () => this.preview() }, "Try it");
    this.name = field("Name of the skeleton", "name");
    this.super = field("Supercategory", "supercategory");
    this.hint = h("p", { class: "hint", id: "hint" });
    this.invitation = h(
      "p",
      { class: "start", "aria-hidden": "true" },
      "Click where the first keypoint is, or start from an existing skeleton.",
    );
    this.shadow.append(
      h(
        "div",
        { class: "app" },
        h(
          "header",
          {},
          h("h1", {}, "Skeleton creator"),
          this.presets,
          h(
            "div",
            { class: "group" },
            file("Reference image", "image/*", (photo) => this.takePhoto(photo)),
            this.noPhoto,
          ),
          file(
            "Open",
            ".json,.yaml,.yml,.xml,.svg,.html,.txt,.csv",
            (text) => this.exchange.readFile(text),
            "Open JSON, YAML, XML, SVG or a list of names",
          ),
          h("button", { type: "button", onclick: () => this.clear() }, "New"),
          h("div", { class: "group" }, this.undo, this.redo),
          this.join,
          this.tryIt,
        ),
        h(
          "main",
          {},
          h(
            "div",
            { class: "board" },
            this.board.root,
            this.invitation,
            h(
              "div",
              { class: "zoom" },
              button("Zoom in (+)", "zoomIn", () => this.board.view.zoom(1.25)),
              button("Zoom out (−)", "zoomOut", () => this.board.view.zoom(0.8)),
              button("Whole image (0)", "fit", () => this.board.view.fit()),
            ),
          ),
          h("div", { class: "foot" }, this.message, this.hint),
        ),
        (this.side = h(
          "aside",
          { "aria-label": "Definition" },
          h(
            "div",
            { class: "fields two" },
            h("label", { class: "field" }, h("span", {}, "Skeleton"), this.name),
            h("label", { class: "field" }, h("span", {}, "Supercategory"), this.super),
          ),
          this.details.root,
          h(
            "section",
            { class: "list", "aria-labelledby": "keypoints" },
            h("h2", { id: "keypoints" }, "Keypoints, in the order of labelling"),
            this.list.root,
          ),
          this.arrangement.root,
          this.exchange.root,
        )),
      ),
    );
  }

  listen() {
    // A held Enter presses a button only once.
    this.host.addEventListener(
      "keydown",
      (event) => {
        const target = /** @type {Element} */ (event.composedPath()[0]);
        if (event.repeat && event.key === "Enter" && target.matches("button, summary")) event.preventDefault();
      },
      { capture: true },
    );
    // Keys reach the page wherever the focus is: nowhere after a press beside all controls.
    document.addEventListener("keydown", (event) => {
      const target = /** @type {Element} */ (event.composedPath()[0]);
      if (event.key === "Escape" && this.list.drop(false)) event.preventDefault();
      // A field in which somebody types has its own undo, and so has the preview's element.
      if (target === this.typed || target.matches("textarea") || this.isAsking) return;
      const key = letterOf(event);
      if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key)) {
        // The board's keys, except those that a field needs, that press a button or that scroll.
        const isBoards = /^([a-z+=0-]|Delete|Escape)$/.test(key) && !target.matches("input, select");
        if (isBoards && !event.defaultPrevented) this.board.key(event);
        return;
      }
      event.preventDefault();
      if (!event.repeat) this.travel(key === "y" || event.shiftKey ? 1 : -1);
    });
    this.host.addEventListener("input", (event) => (this.typed = event.composedPath()[0]));
    for (const name of ["change", "focusin"]) this.shadow.addEventListener(name, () => (this.typed = undefined));
    // A mouse's "back" and "forward" buttons would leave the page.
    for (const name of ["mousedown", "mouseup", "auxclick"])
      this.board.root.addEventListener(name, (/** @type {any} */ event) => event.button > 2 && event.preventDefault());
    addEventListener("beforeunload", (event) => {
      if (!this.keeps && this.drawing.keypoints.length) event.preventDefault();
    });
    // Text that is dragged within a field or pasted into it is the field's.
    const isField = (/** @type {Event} */ event) =>
      /** @type {Element} */ (event.composedPath()[0]).matches?.("input, textarea");
    for (const name of ["dragover", "drop"])
      this.host.addEventListener(name, (/** @type {any} */ event) => {
        if (!event.dataTransfer?.types.includes("Files") && isField(event)) return;
        event.preventDefault();
        if (name === "drop") this.receive(event.dataTransfer);
      });
    document.addEventListener("paste", (event) => {
      if (isField(event)) return;
      event.preventDefault();
      this.receive(event.clipboardData);
    });
  }

  /** Whether a dialog is open: the preview, or the choice of a skeleton. */
  get isAsking() {
    return this.shadow.querySelector("dialog[open]") !== null;
  }

  /**
   * Take an image, a skeleton file, or both, or a text, that were dropped or pasted.
   * @param {DataTransfer | null} data
   */
  async receive(data) {
    if (!data || this.isAsking) return;
    const files = [...data.files];
    const isImage = (/** @type {File} */ { type }) => type.startsWith("image/") && type !== "image/svg+xml";
    const [images, others] = [files.filter(isImage), files.filter((file) => !isImage(file))];
    const text = files.length ? "" : data.getData("text/plain").trim();
    const isShown = images[0] && (await this.takePhoto(images[0]));
    if (others[0]) await this.exchange.readFile(others[0]);
    else if (text) this.exchange.read(text);
    const left = files.length - Math.min(images.length, 1) - Math.min(others.length, 1);
    if (left && (isShown || others[0]))
      this.say(`${left} more ${left > 1 ? "files were" : "file was"} left out. ${this.message.textContent}`);
  }

  /** @param {1 | -1} step */
  travel(step) {
    const { drawing } = this;
    if (!(step < 0 ? drawing.canUndo : drawing.canRedo)) return;
    drawing.travel(step);
    const count = drawing.keypoints.length;
    this.say(`${step < 0 ? "Undone" : "Done again"}: ${count} ${count === 1 ? "keypoint" : "keypoints"}.`);
  }

  /** @param {boolean} isKept */
  kept(isKept) {
    if (!isKept && this.keeps)
      this.say("This browser cannot save the drawing: download the skeleton before you leave.");
    this.keeps = isKept;
  }

  async preview() {
    try {
      await openPreview(this.shadow, this.drawing, this.photo);
    } catch {
      this.say("The labelling element could not be loaded. Check the connection and press “Try it” again.");
    }
  }

  clear() {
    this.drawing.edit(emptyDefinition(), { select: -1 });
    this.say("The drawing is empty. Undo restores it.");
  }

  choosePreset() {
    const { value } = this.presets;
    this.presets.value = "";
    const [, kept] = value.split("kept ");
    if (kept !== undefined) {
      const drawing = drawingOf(this.others[Number(kept)]);
      if (drawing)
        this.exchange.take({ definition: drawing.definition, notes: [], hasPlaces: true, size: drawing.size });
    } else if (value)
      this.exchange.take({ ...readDefinition(JSON.stringify(PRESETS[Number(value)][1])), isOwn: false });
  }

  /** @param {Blob} photo from the user's disk @returns {Promise<boolean>} whether it is shown */
  async takePhoto(photo) {
    const isShown = await this.showPhoto(photo);
    if (isShown) void keepPhoto(this.key, photo);
    else if (isShown === false) this.say("This file is not an image that the browser can show.");
    return Boolean(isShown);
  }

  /** @param {Blob} photo @returns {Promise<boolean | null>} whether it is an image; null if another was chosen meanwhile */
  async showPhoto(photo) {
    const url = URL.createObjectURL(photo);
    const image = new Image();
    this.coming = image;
    image.src = url;
    let size = null;
    try {
      await image.decode();
      size = await pixelsOf(image);
    } catch {
      // The file is no image.
    }
    if (this.coming !== image || !size) {
      URL.revokeObjectURL(url);
      return this.coming === image ? false : null;
    }
    this.setPhoto(url);
    // An SVG may have no size of its own.
    this.exchange.photoShown({ width: size.width || 400, height: size.height || 400 });
    return true;
  }

  forgetPhoto() {
    this.coming = null;
    this.setPhoto("");
    this.exchange.hasPhoto = false;
    this.draw();
    void keepPhoto(this.key, null);
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

  /**
   * Scroll to the selected keypoint's row. On a narrow screen, scroll to its details unless its name is being edited.
   */
  revealSelected() {
    const { selected } = this.drawing;
    const row = this.list.rows[selected]?.row;
    const narrow = matchMedia("(max-width: 900px)").matches && !row?.contains(this.shadow.activeElement);
    if (row) reveal(this.side, narrow ? this.details.root : row);
    this.shown = selected;
  }

  draw() {
    const { drawing } = this;
    const focused = this.shadow.activeElement;
    const part = [this.details.root, this.exchange.root].find((root) => root.contains(focused));
    put(this.name, "value", drawing.definition.name);
    put(this.super, "value", drawing.definition.supercategory);
    put(this.undo, "disabled", !drawing.canUndo);
    put(this.redo, "disabled", !drawing.canRedo);
    put(this.tryIt, "disabled", Boolean(whatIsMissing(drawing.definition)));
    put(this.join, "aria-pressed", String(drawing.joining));
    put(this.noPhoto, "hidden", !this.photo);
    put(this.invitation, "hidden", drawing.keypoints.length > 0);
    put(
      this.hint,
      "textContent",
      drawing.joining
        ? "Choose two keypoints to join them. Choose them again to remove the edge."
        : "Click: new keypoint. Drag: move it, or the image. Shift + click: edge from the selected one. By keyboard: Enter adds, arrows move, W and S choose, N names, J joins, Delete removes, + and − zoom.",
    );
    this.board.draw();
    this.list.draw();
    this.details.draw();
    this.arrangement.draw();
    this.exchange.draw();
    if (drawing.selected !== this.shown) this.revealSelected();
    this.keepFocus(focused, part);
    this.keeping.later();
  }

  /**
   * Move the focus if its control has disappeared or cannot be used any more. Otherwise keys would reach nothing.
   * @param {Element | null} focused what had the focus before
   * @param {HTMLElement} [part] the part of the page that contained it
   */
  keepFocus(focused, part) {
    const isUsable = /** @type {any} */ (focused)?.checkVisibility() && !(/** @type {any} */ (focused).disabled);
    if (!focused || isUsable) return;
    /** @type {HTMLElement | null | undefined} */
    const next = part?.hidden ? null : part?.querySelector(":is(button, select):enabled:not([hidden])");
    (next ?? this.board.root).focus();
  }
}

class SkeletonCreator extends HTMLElement {
  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    const shadow = this.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [sheet];
    /** @type {Page | null} */
    this.page = null;
    openKept().then((kept) => (this.page = new Page(this, shadow, kept)));
  }

  get drawing() {
    return this.page?.drawing;
  }

  get board() {
    return this.page?.board;
  }

  get photo() {
    return this.page?.photo ?? "";
  }
}

if (!customElements.get("skeleton-creator")) customElements.define("skeleton-creator", SkeletonCreator);
