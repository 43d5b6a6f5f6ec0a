/** Import and export: files, pasted text, the two outputs. */
import { h, put } from "../dom.js";
import { fitted } from "./definition.js";
import { FormatError, readDefinition, toMarkup, toSkeletonJson, whatIsMissing } from "./formats.js";

/** Bytes. COCO's largest file of keypoints has 240 million; a browser's text ends at about 500. */
const LARGEST_FILE = 4e8;

export class Exchange {
  /** @param {import("./drawing.js").Drawing} drawing @param {(text: string) => void} say */
  constructor(drawing, say) {
    this.drawing = drawing;
    this.say = say;
    this.pasted = h("textarea", { rows: 4, spellcheck: false, "aria-label": "Paste JSON", placeholder: "A skeleton file, COCO categories, keypointClasses, or a template's HTML with them" });
    this.file = output("Skeleton file");
    this.markup = output("Attributes of the element");
    this.missing = h("p", { class: "hint" });
    const button = (/** @type {string} */ text, /** @type {() => void} */ act, kind = "") => h("button", { type: "button", class: kind, onclick: act }, text);
    this.buttons = [button("Download skeleton file", () => this.download(), "primary"), button("Copy it", () => this.copy(this.file)), button("Copy attributes", () => this.copy(this.markup))];
    /** @type {HTMLElement} */
    this.root = h("section", { class: "exchange", "aria-labelledby": "export" },
      h("h2", { id: "export" }, "Export"),
      h("div", { class: "buttons" }, ...this.buttons),
      this.missing,
      h("details", {}, h("summary", {}, "What is exported"), h("label", {}, "Skeleton file", this.file), h("label", {}, "Attributes of the element", this.markup)),
      h("details", {}, h("summary", {}, "Paste a skeleton"), this.pasted, h("div", { class: "buttons" }, button("Read it", () => this.read(this.pasted.value)))));
  }

  draw() {
    const { definition } = this.drawing;
    const missing = whatIsMissing(definition);
    put(this.missing, "textContent", missing || "Use it: make demo SKELETON=the-file.json");
    for (const button of this.buttons) button.disabled = Boolean(missing);
    put(this.file, "value", missing ? "" : JSON.stringify(toSkeletonJson(definition), null, 1));
    put(this.markup, "value", missing ? "" : toMarkup(definition));
  }

  /** A definition from outside takes the place of what is drawn; undo brings that back. @param {string} text */
  read(text) {
    try {
      const { definition, notes } = readDefinition(text);
      const replaces = this.drawing.keypoints.length > 0;
      this.drawing.edit(fitted(definition, this.drawing.size), { select: -1 });
      const counts = `${definition.keypoints.length} keypoints, ${definition.edges.length} edges.`;
      const shown = notes.length > 3 ? [...notes.slice(0, 3), `And ${notes.length - 3} more.`] : notes;
      this.say([counts, ...shown, ...(replaces ? ["Undo brings back what was here."] : [])].join(" "));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.say(error.message);
    }
  }

  /** @param {File} file */
  async readFile(file) {
    if (file.size > LARGEST_FILE) this.say("This file is too large for a skeleton. Of a COCO file, its categories are enough.");
    else this.read(await file.text());
  }

  /** @param {HTMLTextAreaElement} from */
  async copy(from) {
    try {
      await navigator.clipboard.writeText(from.value);
      this.say("Copied.");
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
    const name = this.drawing.definition.name.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "") || "skeleton";
    h("a", { href: url, download: `${name}.json` }).click();
    URL.revokeObjectURL(url);
    this.say(`Saved as ${name}.json.`);
  }
}

/** @param {string} label @returns {HTMLTextAreaElement} */
const output = (label) => h("textarea", { readOnly: true, rows: 8, spellcheck: false, "aria-label": label });
