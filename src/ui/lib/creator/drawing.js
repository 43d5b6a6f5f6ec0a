/** The drawing: a definition with its past, what is selected, and the board it is on. Whoever shows it is told of changes. */
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
    /** What a gesture in progress shows; it becomes a state when the gesture ends. @type {Definition | null} */
    this.shown = null;
    /** @type {() => void} */
    this.onChange = () => {};
    /** Something else changes the drawing during a gesture, which is over then. @type {() => void} */
    this.onInterrupt = () => {};
  }

  get definition() {
    return this.shown ?? this.kept;
  }

  /** Without the gesture in progress. */
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

  /** What a gesture has made so far. @param {Definition} definition */
  preview(definition) {
    this.shown = definition;
    this.onChange();
  }

  /** The gesture is over: what it made is one step. */
  commit() {
    const { shown } = this;
    this.shown = null;
    if (shown) this.push(shown, "");
    this.onChange();
  }

  /** The gesture is taken back. */
  cancel() {
    this.shown = null;
    this.onChange();
  }

  /** A gesture in progress ends, and keeps what it made. */
  settle() {
    if (this.shown) this.commit();
    this.onInterrupt();
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
   * @param {string} [how.merge] steps of one name in a row are one step: ten nudges
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

  /** Edges begin at the keypoint that is chosen next, not at the one that happened to be. @param {boolean} joining */
  setJoining(joining) {
    this.joining = joining;
    this.select(joining ? -1 : this.selected);
  }

  /** Another board: the drawing fills it as it filled the one before, and so does its past. @param {Size} size */
  resize(size) {
    this.settle();
    if (size.width !== this.size.width || size.height !== this.size.height) {
      for (const state of this.states) state.definition = onBoard(state.definition, this.size, size);
    }
    this.size = size;
    this.onChange();
  }
}
