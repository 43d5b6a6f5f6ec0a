/** The session of one worker on one image, with all edits. It does not depend on the page. */
/** @import {Box, Instance, Reason, XY} from "./types.js" */
import {
  docOf,
  findInstance,
  isChanged,
  isPlaced,
  labelOf,
  newInstance,
  nextId,
  pendingOf,
  stateOf,
} from "./document.js";
import { clampTo, isInside, mapped, mapping, middleOf, mirrored, turning } from "./geometry.js";
import { dragged, limbOf, moved, shifted, swapped, templateFit } from "./pose.js";
import { State } from "./history.js";
import { t } from "./texts.js";

/**
 * Return a keypoint's note, which is kept when its position is removed.
 * @param {import("./types.js").Point | null} point
 */
const noteOf = (point) => (point?.comment ? { comment: point.comment } : {});

export class Session extends State {
  /**
   * Edit the active instance as one undo step.
   * @param {string} label
   * @param {(instance: Instance) => Partial<Instance> | null} change returns null for no change
   * @param {string} [merge]
   * @returns {boolean} whether it was done
   */
  edit(label, change, merge) {
    const instance = this.editable();
    const made = instance && change(instance);
    if (made) this.commit(this.with(made), label, merge);
    return Boolean(made);
  }

  /** @param {Partial<Instance>} [more] @param {string} [label] @param {number} [selected] */
  begin(more, label = t.commands.new, selected = -1) {
    if (!this.ready) return;
    this.active = nextId(this.doc);
    this.selected = selected;
    this.add(newInstance(this.active, this.skeleton.keypoints.length, more));
    this.commit(this.doc, label);
  }

  /** Place the next keypoint, in a new instance if necessary. @param {XY} at @param {1 | 2} v */
  place(at, v = 2) {
    const { next: index, startsNew, size } = this;
    if (!this.ready || index < 0) {
      this.editable();
      return;
    }
    const label = t.steps.place(labelOf(this.skeleton, index));
    const point = { ...clampTo(size, at), v };
    if (startsNew) this.begin({ points: this.skeleton.keypoints.map((_, i) => (i === 0 ? point : null)) }, label, 0);
    else {
      this.hidden.delete(`${this.active}`);
      this.hidden.delete(`${this.active}\n${index}`);
      this.selected = index;
      this.edit(label, ({ points }) => ({ points: points.with(index, { ...point, ...noteOf(points[index]) }) }));
    }
    this.onPlace(index);
  }

  /**
   * Place the next keypoint by the fitted template.
   * @param {XY} otherwise the position if the template cannot be fitted
   */
  placeExpected(otherwise) {
    this.place(templateFit(this.skeleton, this.instance?.points ?? [])?.(Math.max(0, this.next)) ?? otherwise);
  }

  /** @param {Reason} reason @param {boolean} [all] skip all remaining keypoints */
  skip(reason, all) {
    const { instance, target, selected } = this;
    const indexes = instance && all ? pendingOf(instance) : [target < 0 ? selected : target];
    if (this.mark(indexes, 0, reason)) this.select(this.active, this.pendingAfter(indexes[indexes.length - 1], 1));
  }

  /**
   * @param {number[]} indexes
   * @param {0 | 1 | 2} v
   * @param {Reason} [reason] if v is 0
   */
  mark(indexes, v, reason) {
    const { instance, skeleton } = this;
    const able = indexes.filter((index) => index >= 0 && (v === 0 || isPlaced(instance?.points[index])));
    if (!able.length) return false;
    const names = able.length === 1 ? labelOf(skeleton, able[0]) : t.many(able.length);
    const state = stateOf({ v, reason });
    const done = this.edit(t.steps.mark(names, state), ({ points }) => ({
      points: points.map((old, i) =>
        !able.includes(i) ? old : old && v ? { ...old, v } : { x: 0, y: 0, v, reason, ...noteOf(old) },
      ),
    }));
    if (done) this.onSay(`${names}: ${state}`);
    return done;
  }

  toggleOccluded() {
    this.mark([this.selected], this.point?.v === 2 ? 1 : 2);
  }

  removePoint() {
    const { selected, skeleton } = this;
    this.edit(t.steps.delete(labelOf(skeleton, selected)), ({ points }) =>
      points[selected] ? { points: points.with(selected, null) } : null,
    );
  }

  /** @param {string | null} [id] */
  removeInstance(id = this.active) {
    const { instances } = this.doc;
    const at = instances.findIndex((instance) => instance.id === id);
    if (!this.editable(instances[at])) return;
    const rest = instances.toSpliced(at, 1);
    if (this.active === id) {
      this.active = (rest[at] ?? rest[at - 1])?.id ?? null;
      this.selected = -1;
    }
    this.commit(docOf(rest, this.doc), t.commands.deleteInstance);
  }

  /**
   * Move the selected keypoint, or the whole instance with the "adjust" tool.
   * @param {number} dx image pixels
   * @param {number} dy
   */
  nudge(dx, dy) {
    const { active, selected, point, size } = this;
    if (this.tool === "adjust")
      this.edit(t.commands.adjust, (instance) => shifted(instance, size, dx, dy), `move ${active}`);
    else if (isPlaced(point)) {
      this.edit(
        t.steps.move(labelOf(this.skeleton, selected)),
        ({ points }) => ({ points: dragged(points, [selected], size, dx, dy) }),
        `nudge ${active}/${selected}`,
      );
    }
  }

  /**
   * Apply a mapping to all keypoints.
   * @param {Instance} instance
   * @param {(at: XY) => XY} place
   * @returns {Partial<Instance> | null} null if a keypoint would leave the image
   */
  reshaped(instance, place) {
    const points = moved(instance.points, place);
    return points.every((point) => !isPlaced(point) || isInside(this.size, point)) ? { points } : null;
  }

  /** Rotate and scale the instance about its middle. @param {number} angle radians @param {number} factor */
  turn(angle, factor) {
    const { bounds } = this;
    if (!bounds) return;
    const done = this.edit(
      t.commands.adjust,
      (instance) => this.reshaped(instance, turning(middleOf(bounds), angle, factor)),
      `turn ${this.active}`,
    );
    if (!done) this.onSay(t.leavesImage);
  }

  /** Mirror the pose, for a copied or drawn pose that faces the other way. */
  mirror() {
    const { bounds } = this;
    if (bounds)
      this.edit(t.commands.mirror, ({ points }) => ({ points: moved(points, mapping(bounds, mirrored(bounds))) }));
  }

  /** Exchange left and right. @param {number[]} indexes of one side or both; empty for the whole instance */
  swap(indexes) {
    const { skeleton } = this;
    const able = !indexes.length || indexes.some((index) => skeleton.keypoints[index]?.pair >= 0);
    if (!able) this.onSay(t.noPair);
    else if (this.edit(t.sidesSwapped, ({ points }) => ({ points: swapped(skeleton, points, indexes) })))
      this.onSay(t.sidesSwapped);
  }

  /** @param {number[]} indexes upper keypoints of limbs; empty for the whole instance */
  swapLimbs(indexes) {
    this.swap([...indexes, ...indexes.flatMap((index) => limbOf(this.skeleton, index))]);
  }

  /**
   * Place a whole skeleton in a box.
   * @param {Box} box
   * @param {boolean} [behind] whether the subject is seen from behind
   */
  drawTemplate(box, behind) {
    const { instance, skeleton, size } = this;
    if (!skeleton.box) return;
    const place = mapping(skeleton.box, behind ? mirrored(box) : box);
    /** @type {import("./types.js").Point[]} */
    const points = skeleton.keypoints.map((keypoint) => ({ ...clampTo(size, place(keypoint)), v: 2 }));
    // If the active instance is still empty, place the skeleton in it.
    if (instance && !instance.locked && pendingOf(instance).length === points.length)
      this.edit(t.commands.draw, () => ({ points }));
    else this.begin({ points });
  }

  /** Apply the current drawing tool to a box, and return to placing. @param {Box} box @param {boolean} [behind] */
  finish(box, behind) {
    const inside = mapped(box, (at) => clampTo(this.size, at));
    if (this.tool === "draw") this.drawTemplate(inside, behind);
    else this.setBox(inside);
    this.take(this.tool);
    this.onChange("select");
  }

  /** @param {Box | null} box */
  setBox(box) {
    this.edit(t.commands.box, () => ({ box }));
  }

  /** Add a copy of the active instance, centred at a point. @param {XY} at */
  copyPose(at) {
    const { instance, bounds, size } = this;
    if (!instance || !bounds) return;
    const middle = middleOf(bounds);
    const { points } = shifted({ ...instance, box: null }, size, at.x - middle.x, at.y - middle.y);
    this.begin({ points: points?.map((point) => (isPlaced(point) ? { x: point.x, y: point.y, v: point.v } : point)) });
  }

  /** @param {string} comment on the whole image */
  setComment(comment) {
    if (comment !== this.doc.comment) this.commit({ ...this.doc, comment }, t.steps.note, "note");
  }

  /** Place the remaining keypoints by the fitted template. */
  complete() {
    const { instance, size } = this;
    const at = instance && templateFit(this.skeleton, instance.points);
    if (!at) this.onSay(t.needsTwo);
    else if (pendingOf(instance).length) {
      this.edit(t.commands.complete, ({ points }) => ({
        points: points.map((point, i) =>
          point === null ? (instance.offers?.[i] ?? { ...clampTo(size, at(i)), v: 2 }) : point,
        ),
      }));
    }
  }

  /** @param {boolean} noChanges */
  setNoChanges(noChanges) {
    if (noChanges !== this.doc.noChanges) this.commit({ ...this.doc, noChanges }, t.noChanges);
  }

  /** Whether a pre-label was changed, or instances were added to pre-labels or deleted. */
  get isCorrected() {
    const {
      doc: { instances },
      original,
    } = this;
    const count = original.instances.length;
    return (
      count > 0 &&
      (count !== instances.length ||
        instances.some((instance) => {
          const before = findInstance(original, instance.id);
          return !before || isChanged(instance, before);
        }))
    );
  }

  /** Whether anything in the image is labelled. */
  get isLabelled() {
    return this.doc.instances.some(({ points, box, strays }) => box || strays.length || points.some(isPlaced));
  }

  /** State that there is nothing to label: one undo step that deletes all instances except locked ones. */
  setNothing() {
    const instances = this.doc.instances.filter(({ locked }) => locked);
    this.active = instances[0]?.id ?? null;
    this.selected = -1;
    this.commit({ ...docOf(instances, this.doc), noChanges: true }, t.nothing);
  }
}
