/** The drawing: a definition with its undo history, the selection, and the board's size. `onChange` reports changes. */
import { emptyDefinition, onBoard } from "./definition.js";

/** @import {Definition, Size} from "./definition.js" */

export class Drawing {
  /** @param {Definition} [definition] @param {Size} [size] of the board, in its own unit: the reference image's pixels */
  constructor(definition = emptyDefinition(), size = { width: 400, height: 400 }) {
    /** @type {{definition: Definition, merge: string}[]} */
    this.states = [{ definition, merge: "" }];
    this.at = 0;
    this.size = size;
    this.selected = -1;
    /** Whether a press on a keypoint draws an edge from the selected one. */
    this.joining = false;
    /**
     * The definition that a gesture in progress shows. It becomes an undo state when the gesture ends.
     * @type {Definition | null}
     */
    this.shown = null;
    /** @type {() => void} */
    this.onChange = () => {};
    /** Run before another change of the drawing. Each ends a gesture in progress. @type {(() => void)[]} */
    this.interrupts = [];
  }

  get definition() {
    return this.shown ?? this.kept;
  }

  /** The definition without the gesture in progress. */
  get kept() {
    return this.states[this.at].definition;
  }

  get keypoints() {
    return this.definition.keypoints;
  }

  get canUndo() {
    return this.at > 0 || this.shown !== null;
  }

  get canRedo() {
    return this.at < this.states.length - 1;
  }

  /** Show the current result of a gesture. @param {Definition} definition */
  preview(definition) {
    this.shown = definition;
    this.onChange();
  }

  /** End the gesture, and make its result one undo step. */
  commit() {
    const { shown } = this;
    this.shown = null;
    if (shown) this.push(shown, "");
    this.onChange();
  }

  /** Discard the gesture. */
  cancel() {
    this.shown = null;
    this.onChange();
  }

  /** End a gesture in progress, and keep its result. */
  settle() {
    if (this.shown) this.commit();
    for (const interrupt of this.interrupts) interrupt();
  }

  /** @param {Definition} definition @param {string} merge */
  push(definition, merge) {
    if (definition === this.kept) return;
    if (!merge || merge !== this.states[this.at].merge) this.at += 1;
    this.states.length = this.at;
    this.states.push({ definition, merge });
  }

  /**
   * @param {Definition} definition
   * @param {object} [how]
   * @param {number} [how.select]
   * @param {string} [how.merge] consecutive edits with the same name are one undo step, such as ten nudges
   */
  edit(definition, { select = this.selected, merge = "" } = {}) {
    this.settle();
    this.push(definition, merge);
    this.select(select);
  }

  /** @param {number} index -1 for none */
  select(index) {
    this.selected = Math.min(index, this.keypoints.length - 1);
    this.onChange();
  }

  /** @param {1 | -1} step */
  travel(step) {
    this.settle();
    if (!this.states[this.at + step]) return;
    this.at += step;
    this.select(this.selected);
  }

  /**
   * Switch edge drawing on or off. Switching it on clears the selection, so that edges begin at the next choice.
   * @param {boolean} joining
   */
  setJoining(joining) {
    this.joining = joining;
    this.select(joining ? -1 : this.selected);
  }

  /** Change the board's size. The drawing and its undo states are scaled to fit the new board. @param {Size} size */
  resize(size) {
    this.settle();
    if (size.width !== this.size.width || size.height !== this.size.height) {
      for (const state of this.states) state.definition = onBoard(state.definition, this.size, size);
    }
    this.size = size;
    this.onChange();
  }
}
