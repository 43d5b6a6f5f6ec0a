/** Undo and redo over whole documents: whatever an edit did, going back gives the very same document. */
/** @import {Doc} from "./types.js" */

/**
 * @typedef {object} State
 * @property {Doc} doc
 * @property {string | null} active what was selected: undo takes the eye back to where it happened
 * @property {number} selected
 * @property {string} label what led here
 * @property {string} [merge] steps of one key in a row are one step (ten nudges, one undo)
 */

export class History {
  /** @param {State} start */
  constructor(start) {
    /** @type {State[]} */
    this.states = [start];
    this.at = 0;
  }

  get current() {
    return this.states[this.at];
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.states.length - 1;
  }

  /** @param {State} state */
  push(state) {
    this.states.length = this.at + 1;
    const merges = state.merge !== undefined && state.merge === this.current.merge && this.at > 0;
    if (!merges) this.at += 1;
    this.states[this.at] = state;
  }

  /** @returns {string | null} what was undone */
  undo() {
    if (!this.canUndo) return null;
    const { label } = this.current;
    this.at -= 1;
    return label;
  }

  /** @returns {string | null} what was done again */
  redo() {
    if (!this.canRedo) return null;
    this.at += 1;
    return this.current.label;
  }
}
