/** Import of files and pasted text; export as a skeleton file or as the element's attributes. */
import { h, put } from "../dom.js";
import { fitted, onBoard } from "./definition.js";
import { doubtAbout } from "./list.js";
import { findSkeletons, FormatError, toMarkup, toSkeletonJson, whatIsMissing } from "./formats.js";

/** @import {Definition, Size} from "./definition.js" */

/**
 * Share of the image's width or height that a skeleton must span. A skeleton file without a size that spans less is not
 * taken as drawn over this image.
 */
const LEAST_SPAN = 0.2;

/**
 * Return whether a template of unknown size may have been drawn over an image of this size.
 * @param {Definition} definition
 * @param {Size} size
 */
function isOver({ keypoints }, { width, height }) {
  const xs = keypoints.map(({ x }) => x);
  const ys = keypoints.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  return (
    left >= 0 &&
    top >= 0 &&
    right <= width &&
    bottom <= height &&
    ((right - left) / width >= LEAST_SPAN || (bottom - top) / height >= LEAST_SPAN)
  );
}

const isInside = (/** @type {number} */ value, /** @type {number} */ length) => value >= 0 && value <= length;

/** Largest file to read, in bytes. COCO's largest keypoint file has 240 MB. Browsers limit a text to about 500 MB. */
const LARGEST_FILE = 4e8;

/** Decode a file: UTF-16 with a byte order mark, as some tools of Windows write, else UTF-8. @param {Uint8Array} bytes */
function textOf(bytes) {
  const [first, second] = bytes;
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  return new TextDecoder(isWide ? (first === 0xff ? "utf-16le" : "utf-16be") : "utf-8").decode(bytes);
}

export class Exchange {
  /** @param {import("./drawing.js").Drawing} drawing @param {(text: string) => void} say */
  constructor(drawing, say) {
    this.drawing = drawing;
    this.say = say;
    /** Whether there is a reference image. If so, coordinates are its pixels. */
    this.hasPhoto = false;
    /**
     * A skeleton file that was read without a size and without an image: as read, and as fitted to the board.
     * @type {{raw: Definition, shown: Definition} | null}
     */
    this.unsized = null;
    this.choices = h("div", { class: "choices" });
    const button = (/** @type {string} */ text, /** @type {() => void} */ act, kind = "") =>
      h("button", { type: "button", class: kind, onclick: act }, text);
    /** @type {HTMLDialogElement} */
    this.dialog = h(
      "dialog",
      { class: "ask", "aria-labelledby": "which" },
      h("h2", { id: "which" }, "Which skeleton?"),
      this.choices,
      button("Cancel", () => this.dialog.close()),
    );
    this.pasted = h("textarea", {
      rows: 4,
      spellcheck: false,
      "aria-label": "Paste JSON, YAML, XML or names",
      placeholder:
        "A skeleton file, COCO categories, CVAT labels, a SLEAP skeleton, DeepLabCut's config.yaml, YOLO's data.yaml, Label Studio's XML, or names in lines",
    });
    this.file = output("Skeleton file");
    this.markup = output("Attributes of the element");
    this.missing = h("p", { class: "hint" });
    this.buttons = [
      button("Download skeleton file", () => this.download(), "primary"),
      button("Copy it", () => this.copy(this.file)),
      button("Copy attributes", () => this.copy(this.markup)),
    ];
    /** @type {HTMLElement} */
    this.root = h(
      "section",
      { class: "exchange", "aria-labelledby": "export" },
      h("h2", { id: "export" }, "Export"),
      h("div", { class: "buttons" }, ...this.buttons),
      this.missing,
      h(
        "details",
        {},
        h("summary", {}, "Export format"),
        h("label", {}, "Skeleton file", this.file),
        h("label", {}, "Attributes of the element", this.markup),
      ),
      h(
        "details",
        {},
        h("summary", {}, "Paste a skeleton"),
        this.pasted,
        h(
          "div",
          { class: "buttons" },
          button("Read it", () => this.read(this.pasted.value)),
        ),
      ),
      this.dialog,
    );
  }

  draw() {
    const { definition } = this.drawing;
    const missing = whatIsMissing(definition);
    put(this.missing, "textContent", missing || "Use it: make demo SKELETON=the-file.json");
    for (const button of this.buttons) button.disabled = Boolean(missing);
    put(this.file, "value", missing ? "" : JSON.stringify(toSkeletonJson(definition, this.drawing.size), null, 1));
    put(this.markup, "value", missing ? "" : toMarkup(definition));
  }

  /** Find the skeletons in a text, and let the user choose if there are several. @param {string} text */
  read(text) {
    try {
      const found = findSkeletons(text);
      if (found.length === 1) this.take(found[0].read());
      else this.choose(found);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.say(error.message);
    }
  }

  /** @param {ReturnType<typeof findSkeletons>} found */
  choose(found) {
    this.choices.replaceChildren(
      ...found.map(({ label, read }) =>
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              this.dialog.close();
              try {
                this.take(read());
              } catch (error) {
                if (!(error instanceof FormatError)) throw error;
                this.say(error.message);
              }
            },
          },
          label,
        ),
      ),
    );
    this.dialog.showModal();
  }

  /**
   * Replace the drawing with an imported definition. Undo restores the earlier drawing.
   * @param {import("./formats.js").Read} read
   */
  take({ definition, notes, hasPlaces, size, isOwn }) {
    const { drawing } = this;
    const replaces = drawing.keypoints.length > 0;
    const said = [`${definition.keypoints.length} keypoints, ${definition.edges.length} edges.`];
    // Without an image, the board takes the file's size, so that every point keeps its position.
    if (size && !this.hasPhoto) drawing.resize(size);
    const board = drawing.size;
    const isExact = size
      ? size.width === board.width && size.height === board.height
      : Boolean(isOwn) && this.hasPhoto && hasPlaces && isOver(definition, board);
    // Keypoints outside the picture that the file names could not be reached.
    const isWithin =
      size !== undefined &&
      definition.keypoints.every(({ x, y }) => isInside(x, size.width) && isInside(y, size.height));
    const shown =
      size && !isWithin
        ? fitted(definition, board)
        : isExact
          ? definition
          : size
            ? onBoard(definition, size, board)
            : fitted(definition, board);
    if (size && !isWithin)
      said.push("Keypoints were outside the picture that the file names: the skeleton was fitted.");
    this.unsized = size || this.hasPhoto || !isOwn || !hasPlaces ? null : { raw: definition, shown };
    drawing.edit(shown, { select: -1 });
    said.push(...(notes.length > 3 ? [...notes.slice(0, 3), `And ${notes.length - 3} more.`] : notes));
    if (!hasPlaces) said.push("The file has no positions: drag each keypoint from the circle to its position.");
    else if (isExact && !size)
      said.push("The keypoints are at the file's positions. “Fit to image” enlarges the skeleton.");
    this.say([...said, ...(replaces ? ["Undo restores the earlier skeleton."] : [])].join(" "));
  }

  /**
   * Handle a new image. A skeleton file opened before may have been drawn over it: if so, use its own positions.
   * @param {Size} size
   */
  photoShown(size) {
    const { drawing, unsized } = this;
    const isOriginal = unsized !== null && drawing.kept === unsized.shown && isOver(unsized.raw, size);
    this.hasPhoto = true;
    this.unsized = null;
    drawing.resize(size);
    if (isOriginal) drawing.edit(unsized.raw);
  }

  /** @param {File} file */
  async readFile(file) {
    if (file.size > LARGEST_FILE) {
      this.say("Expected a file of at most 400 MB, got a larger one. The categories of a COCO file are enough.");
      return;
    }
    let text;
    try {
      text = textOf(new Uint8Array(await file.arrayBuffer()));
    } catch {
      this.say(`“${file.name}” could not be read. Expected a file that still exists, and no folder.`);
      return;
    }
    this.read(text);
  }

  /** @param {HTMLTextAreaElement} from */
  async copy(from) {
    try {
      await navigator.clipboard.writeText(from.value);
      this.say(["Copied.", doubtAbout(this.drawing.definition)].filter(Boolean).join(" "));
    } catch {
      const details = /** @type {HTMLDetailsElement} */ (from.closest("details"));
      details.open = true;
      from.focus();
      from.select();
      this.say("Selected. Copy it with Ctrl + C.");
    }
  }

  download() {
    const url = URL.createObjectURL(new Blob([`${this.file.value}\n`], { type: "application/json" }));
    const name =
      this.drawing.definition.name.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "") || "skeleton";
    h("a", { href: url, download: `${name}.json` }).click();
    URL.revokeObjectURL(url);
    this.say([`Saved as ${name}.json.`, doubtAbout(this.drawing.definition)].filter(Boolean).join(" "));
  }
}

/** @param {string} label @returns {HTMLTextAreaElement} */
const output = (label) => h("textarea", { readOnly: true, rows: 8, spellcheck: false, "aria-label": label });
