/** The state of a session: document, selection, and the undo steps. The edits are in session.js. */
/** @import {Doc, Instance, Size, Skeleton} from "./types.js" */
import { freeColor } from "./colors.js";
import { docOf, findInstance, isPlaced, labelOf, nameOf } from "./document.js";
import { boundsOf } from "./geometry.js";
import { t } from "./texts.js";

/** @typedef {"place" | "draw" | "adjust" | "box"} Tool */

/** @param {number} index @param {number} count */
const around = (index, count) => (index + 2 * count) % count;

export class State {
  /** The document as shown. During a drag it contains the drag's current result. */
  doc = docOf([]);
  original = this.doc;
  /** @type {string | null} */
  active = null;
  selected = -1;
  /** Undo steps hold whole documents, so that undo restores exactly the earlier one. */
  steps = [this.snapshot("")];
  at = 0;

  /**
   * @param {Skeleton} skeleton
   * @param {Instance[]} instances pre-labels
   * @param {string[] | null} palette colours of instances, or null for colours of keypoints
   */
  constructor(skeleton, instances = [], palette = null) {
    this.skeleton = skeleton;
    this.palette = palette;
    /** @type {Size} of the image; 0 until it is shown. Until then nothing can be edited. */
    this.size = { width: 0, height: 0 };
    /** @type {Tool} */
    this.tool = "place";
    /** @type {Set<string>} hidden parts: "id" of an instance, "id\nindex" of a keypoint */
    this.hidden = new Set();
    this.start(instances);
    /**
     * @type {(instance: import("./types.js").Instance, index: number) => string} why to check a keypoint; "" for no
     *     reason
     */
    this.doubt = () => "";
    /** @type {(what: "doc" | "preview" | "select") => void} */
    this.onChange = () => {};
    /** @type {(text: string) => void} */
    this.onSay = () => {};
    /** @type {(index: number) => void} */
    this.onPlace = () => {};
  }

  /** Begin the document with these instances. @param {Instance[]} instances */
  start(instances) {
    this.doc = docOf([]);
    for (const instance of instances) this.add(instance);
    this.original = this.doc;
    this.active = instances[0]?.id ?? null;
    this.selected = -1;
    this.steps = [this.snapshot("")];
    this.at = 0;
  }

  /** Whether the image is shown. If not, the worker is told. */
  get ready() {
    if (!this.size.width) this.onSay(t.notReady);
    return this.size.width > 0;
  }

  /** Add an instance without making an undo step. @param {Instance} instance */
  add(instance) {
    const { instances } = this.doc;
    const color =
      this.palette &&
      freeColor(
        this.palette,
        instances.map((other) => other.color),
      );
    this.doc = docOf([...instances, color ? { ...instance, color } : instance], this.doc);
  }

  get instance() {
    return findInstance(this.doc, this.active);
  }

  /** Box around the placed keypoints of the active instance. */
  get bounds() {
    return this.instance && boundsOf(this.instance);
  }

  get point() {
    return this.instance?.points[this.selected] ?? null;
  }

  /** Return the instance if it may be changed. If it is locked, tell the worker and return null. */
  editable(instance = this.instance) {
    if (!this.ready) return null;
    if (instance?.locked) this.onSay(t.mayNotChange);
    return instance && !instance.locked ? instance : null;
  }

  /**
   * Whether the next click begins a new instance. After a complete pre-label it does not, to avoid accidental
   * instances.
   */
  get startsNew() {
    const { instance } = this;
    if (!this.skeleton.keypoints.length) return false;
    if (!instance) return !this.doc.instances.some((other) => other.prelabel);
    return !instance.locked && !instance.prelabel && this.target < 0;
  }

  /** The keypoint that the next click places in the active instance; -1 for none. */
  get target() {
    const { instance } = this;
    if (!instance || instance.locked) return -1;
    return this.selected >= 0 && !isPlaced(this.point) ? this.selected : this.pendingAfter(this.selected, 1);
  }

  /** The keypoint that the next click places, in the active or in a new instance; -1 for none. */
  get next() {
    return this.startsNew ? 0 : this.target;
  }

  /**
   * @param {number} from
   * @param {1 | -1} step
   * @returns {number} the next pending keypoint of the active instance; -1 for none
   */
  pendingAfter(from, step) {
    const points = this.instance?.points ?? [];
    return (
      points.map((_, n) => around(from + step * (n + 1), points.length)).find((index) => points[index] === null) ?? -1
    );
  }

  /** @param {string} id @param {number} index of a keypoint */
  isHidden(id, index) {
    return this.hidden.size > 0 && this.hidden.has(`${id}\n${index}`);
  }

  /** @param {string} key an entry of `hidden` */
  nameOf(key) {
    const [id, index] = key.split("\n");
    return index ? labelOf(this.skeleton, Number(index)) : nameOf(this.doc, id);
  }

  visible() {
    return this.doc.instances.filter(({ id }) => !this.hidden.has(id));
  }

  /** Hide instances or keypoints, or show them if all of them are hidden. @param {string[]} keys */
  toggleHidden(keys) {
    const shown = keys.every((key) => this.hidden.has(key));
    for (const key of keys) this.hidden[shown ? "delete" : "add"](key);
    this.onChange("select");
    if (keys.length)
      this.onSay(
        (shown ? t.shown : t.hidden)(
          keys.length > 3 ? String(keys.length) : keys.map((key) => this.nameOf(key)).join(", "),
        ),
      );
  }

  /** Choose a tool. Choosing the current tool again returns to "place". @param {Tool} tool */
  take(tool) {
    if (!this.ready) return;
    if (tool === this.tool) this.tool = "place";
    else if (tool === "draw" ? this.skeleton.box : this.editable()) this.tool = tool;
    else if (tool === "draw") this.onSay(t.noTemplate);
  }

  /** @param {string | null} id @param {number} [selected] */
  select(id, selected = -1) {
    this.active = id;
    this.selected = selected;
    this.onChange("select");
  }

  /** @param {1 | -1} step @param {boolean} pending */
  step(step, pending) {
    const count = this.instance?.points.length;
    if (!count) return;
    // Without a selection, stepping forward starts at the first keypoint and stepping back at the last one.
    const from = this.selected < 0 && step < 0 ? 0 : this.selected;
    const to = pending ? this.pendingAfter(from, step) : around(from + step, count);
    if (to >= 0) this.select(this.active, to);
  }

  /** @param {1 | -1} step */
  stepInstance(step) {
    const { instances } = this.doc;
    const at = instances.findIndex(({ id }) => id === this.active);
    if (instances.length) this.select(instances[around(at + step, instances.length)].id);
  }

  /** @param {string} label the edit @param {string} [merge] consecutive steps with the same key are one undo step */
  snapshot(label, merge) {
    const { doc, active, selected } = this;
    return { state: { doc, active, selected }, label, merge };
  }

  /** The document without the drag in progress. */
  get kept() {
    return this.steps[this.at].state.doc;
  }

  /**
   * @param {Partial<Instance>} change
   * @param {string | null} [id] of the instance, by default the active one
   * @returns {Doc}
   */
  with(change, id = this.active) {
    return docOf(
      this.kept.instances.map((instance) => (instance.id === id ? { ...instance, ...change } : instance)),
      this.kept,
    );
  }

  /** Show the current result of a drag. @param {Partial<Instance>} change @param {string} id */
  preview(change, id) {
    this.doc = this.with(change, id);
    this.onChange("preview");
  }

  /** Discard the drag. */
  cancel() {
    this.doc = this.kept;
    this.onChange("doc");
  }

  /** Add an undo step. @param {Doc} doc @param {string} label @param {string} [merge] */
  commit(doc, label, merge) {
    if (doc === this.kept || !this.ready) return;
    this.doc = doc;
    if (!merge || merge !== this.steps[this.at].merge) this.at += 1;
    this.steps.splice(this.at, Infinity, this.snapshot(label, merge));
    this.onChange("doc");
  }

  /** Restore a draft as an undo step, so that undo still leads back to the original document. @param {Doc} doc */
  restore(doc) {
    this.active = doc.instances.at(-1)?.id ?? null;
    this.commit(doc, t.unfinished);
  }

  /** @param {1 | -1} step -1 for undo, 1 for redo */
  canTravel(step) {
    return this.at + step in this.steps;
  }

  /** @param {1 | -1} step */
  travel(step) {
    const back = step < 0;
    if (!this.ready) return;
    if (!this.canTravel(step)) {
      this.onSay(back ? t.nothingToUndo : t.nothingToRedo);
      return;
    }
    const { label } = this.steps[back ? this.at : this.at + 1];
    this.at += step;
    Object.assign(this, this.steps[this.at].state);
    this.onChange("doc");
    this.onSay((back ? t.undone : t.redone)(label));
  }
}
