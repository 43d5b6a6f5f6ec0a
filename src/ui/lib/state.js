/** The state of a session: document, selection and history, and what follows from them. Edits are in session.js. */
/** @import {Doc, Instance, Size, Skeleton} from "./types.js" */
import { freeColor } from "./colors.js";
import { emptyDoc, findInstance, isPlaced } from "./document.js";
import { History } from "./history.js";

/** @typedef {"place" | "draw" | "adjust" | "box"} Tool */

export class State {
  /**
   * @param {Skeleton} skeleton
   * @param {Instance[]} instances pre-labels
   * @param {string[] | null} palette colours of instances, or null for colours of keypoints
   */
  constructor(skeleton, instances = [], palette = null) {
    this.skeleton = skeleton;
    this.palette = palette;
    /** @type {Doc} */
    let doc = emptyDoc();
    for (const instance of instances) doc = { ...doc, instances: [...doc.instances, this.colored(doc, instance)] };
    this.original = doc;
    this.doc = doc;
    /** @type {Size} */
    this.size = { width: 0, height: 0 };
    /** @type {string | null} */
    this.active = doc.instances[0]?.id ?? null;
    this.selected = -1;
    /** @type {Tool} */
    this.tool = "place";
    /** @type {Set<string>} what is not shown: "id" of an instance, "id/index" of a keypoint */
    this.hidden = new Set();
    this.history = new History({ doc, active: this.active, selected: -1, label: "" });
    /** @type {(what: "doc" | "preview" | "select") => void} */
    this.onChange = () => {};
    /** @type {(text: string) => void} */
    this.onSay = () => {};
  }

  /** @param {Doc} doc @param {Instance} instance */
  colored(doc, instance) {
    if (!this.palette) return instance;
    return { ...instance, color: freeColor(this.palette, doc.instances.map((other) => other.color)) };
  }

  get instance() {
    return findInstance(this.doc, this.active);
  }

  get point() {
    return this.instance?.points[this.selected] ?? null;
  }

  /** The instance in hand, if it may be changed; says so if not. */
  editable() {
    const { instance } = this;
    if (instance?.locked) this.onSay("This instance may not be changed.");
    return instance && !instance.locked ? instance : null;
  }

  /** Whether the next click begins a new instance. A finished pre-label never makes one by accident. */
  get startsNew() {
    const { instance } = this;
    if (!this.skeleton.keypoints.length) return false;
    if (!instance) return !this.doc.instances.some((other) => other.prelabel);
    if (instance.locked || instance.prelabel) return false;
    return this.target < 0;
  }

  /** The keypoint that the next click places in the instance in hand; -1 for none. */
  get target() {
    const { instance } = this;
    if (!instance || instance.locked) return -1;
    if (this.selected >= 0 && !isPlaced(instance.points[this.selected])) return this.selected;
    return this.pendingAfter(instance, this.selected, 1);
  }

  /**
   * @param {Instance} instance
   * @param {number} from
   * @param {1 | -1} step
   */
  pendingAfter(instance, from, step) {
    const count = instance.points.length;
    for (let n = 1; n <= count; n++) {
      const index = (((from + step * n) % count) + count) % count;
      if (instance.points[index] === null) return index;
    }
    return -1;
  }

  /** @param {string} id */
  isHidden(id) {
    return this.hidden.has(id);
  }

  /** @returns {Instance[]} */
  visible() {
    return this.doc.instances.filter((instance) => !this.hidden.has(instance.id));
  }

  /** @param {Doc} doc while a drag goes on */
  preview(doc) {
    this.doc = doc;
    this.onChange("preview");
  }

  cancel() {
    this.doc = this.history.current.doc;
    this.onChange("doc");
  }

  /**
   * @param {Doc} doc
   * @param {string} label
   * @param {string} [merge]
   */
  commit(doc, label, merge) {
    if (doc === this.history.current.doc) return;
    this.doc = doc;
    this.history.push({ doc, active: this.active, selected: this.selected, label, merge });
    this.onChange("doc");
  }

  /** @param {string | null} id @param {number} [selected] */
  select(id, selected = -1) {
    this.active = id;
    this.selected = selected;
    this.onChange("select");
  }

  /** @param {1 | -1} step @param {boolean} pending */
  step(step, pending) {
    const { instance } = this;
    const count = this.skeleton.keypoints.length;
    if (!instance || count === 0) return;
    // Without a selection the keypoint in hand is the target: stepping starts there.
    const from = this.selected >= 0 ? this.selected : step > 0 ? -1 : 0;
    const to = pending ? this.pendingAfter(instance, from, step) : (from + step + count) % count;
    if (to >= 0) this.select(this.active, to);
  }

  /** @param {1 | -1} step */
  stepInstance(step) {
    const { instances } = this.doc;
    if (!instances.length) return;
    const at = instances.findIndex((instance) => instance.id === this.active);
    this.select(instances[(at + step + instances.length) % instances.length].id);
  }

  /** A draft comes back as one more step, so that undo still leads to the start. @param {Doc} doc */
  restore(doc) {
    this.active = doc.instances.at(-1)?.id ?? null;
    this.selected = -1;
    this.commit(doc, "restore draft");
  }

  undo() {
    this.travel(this.history.undo(), "Undone");
  }

  redo() {
    this.travel(this.history.redo(), "Done again");
  }

  /** @param {string | null} label @param {string} word */
  travel(label, word) {
    if (label === null) {
      this.onSay(word === "Undone" ? "Nothing to undo" : "Nothing to redo");
      return;
    }
    const { doc, active, selected } = this.history.current;
    this.doc = doc;
    this.active = active;
    this.selected = selected;
    this.onChange("doc");
    this.onSay(`${word}: ${label}`);
  }
}
