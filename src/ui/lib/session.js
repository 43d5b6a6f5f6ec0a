/** The session: one worker on one image, and every edit there is. Knows nothing of the page. */
/** @import {Box, Doc, Instance, Point, Reason, Size, Skeleton, XY} from "./types.js" */
import * as pose from "./pose.js";
import { turning } from "./handles.js";
import { State } from "./state.js";
import {
  boundsOf, changeInstance, changePoints, clampTo, findInstance, fine, isInside, isPlaced, labelOf, newInstance, nextId,
  pendingOf, withInstance, withoutInstance,
} from "./document.js";

export class Session extends State {
  /** @param {Partial<Instance>} [more] */
  begin(more) {
    const instance = this.colored(this.doc, newInstance(nextId(this.doc), this.skeleton.keypoints.length, more));
    this.active = instance.id;
    this.selected = -1;
    this.commit(withInstance(this.doc, instance), "new instance");
    return instance.id;
  }

  /**
   * Places the next keypoint, in a new instance if need be.
   * @param {XY} at
   * @param {1 | 2} v
   * @returns {number} the index placed, -1 for none
   */
  place(at, v = 2) {
    const { size, skeleton } = this;
    if (!size.width || skeleton.keypoints.length === 0) return -1;
    let doc = this.doc;
    let index = this.target;
    if (index < 0) {
      if (!this.startsNew) {
        this.editable();
        return -1;
      }
      const instance = this.colored(doc, newInstance(nextId(doc), skeleton.keypoints.length));
      doc = withInstance(doc, instance);
      this.active = instance.id;
      index = 0;
    }
    const id = /** @type {string} */ (this.active);
    const before = findInstance(doc, id)?.points[index];
    const point = { ...clampTo(size, at), v, ...(before?.comment ? { comment: before.comment } : {}) };
    this.hidden.delete(id);
    this.hidden.delete(`${id}/${index}`);
    this.selected = index;
    this.commit(changePoints(doc, id, [[index, point]]), `place ${labelOf(skeleton, index)}`);
    return index;
  }

  /** Where the template would have a keypoint: beside what is placed, else where the caller says. @param {number} index @param {XY} otherwise */
  expected(index, otherwise) {
    const { instance, skeleton } = this;
    const at = instance && pose.templateFit(skeleton, instance.points)?.(index);
    return clampTo(this.size, at ?? otherwise);
  }

  /** @param {Reason} reason @param {boolean} [all] */
  skip(reason, all = false) {
    const instance = this.editable();
    if (!instance) return;
    const target = this.target >= 0 ? this.target : this.selected;
    const indexes = all ? pendingOf(instance) : target >= 0 ? [target] : [];
    if (!indexes.length) return;
    this.mark(indexes, 0, reason);
    const next = this.instance ? this.pendingAfter(this.instance, indexes[indexes.length - 1], 1) : -1;
    this.select(this.active, next);
  }

  /**
   * @param {number[]} indexes
   * @param {0 | 1 | 2} v
   * @param {Reason} [reason] with 0
   */
  mark(indexes, v, reason) {
    const instance = this.editable();
    if (!instance) return;
    /** @type {[number, Point | null][]} */
    const changes = indexes.flatMap((index) => {
      const old = instance.points[index];
      if (v > 0) return isPlaced(old) ? [[index, { ...old, v }]] : [];
      return [[index, { x: 0, y: 0, v: 0, reason, ...(old?.comment ? { comment: old.comment } : {}) }]];
    });
    if (!changes.length) return;
    const names = changes.length === 1 ? labelOf(this.skeleton, changes[0][0]) : `${changes.length} keypoints`;
    const state = v === 2 ? "visible" : v === 1 ? "occluded" : reason === "outside_image" ? "outside the image" : "not visible";
    this.commit(changePoints(this.doc, instance.id, changes), `mark ${names} ${state}`);
    this.onSay(`${names}: ${state}`);
  }

  toggleOccluded() {
    const { point } = this;
    if (isPlaced(point)) this.mark([this.selected], point.v === 2 ? 1 : 2);
  }

  /** @param {number} [index] */
  removePoint(index = this.selected) {
    const instance = this.editable();
    if (!instance || !instance.points[index]) return;
    this.selected = index;
    this.commit(changePoints(this.doc, instance.id, [[index, null]]), `delete ${labelOf(this.skeleton, index)}`);
  }

  /** @param {string | null} [id] */
  removeInstance(id = this.active) {
    const instance = findInstance(this.doc, id);
    if (!instance) return;
    if (instance.locked) {
      this.onSay("This instance may not be changed.");
      return;
    }
    const at = this.doc.instances.indexOf(instance);
    const doc = withoutInstance(this.doc, instance.id);
    if (this.active === instance.id) {
      this.active = (doc.instances[at] ?? doc.instances[at - 1])?.id ?? null;
      this.selected = -1;
    }
    this.commit(doc, "delete instance");
  }

  /** @param {number} dx image pixels @param {number} dy */
  nudge(dx, dy) {
    const instance = this.editable();
    if (!instance) return;
    if (this.tool === "adjust") {
      const box = boundsOf(instance, true);
      if (!box) return;
      this.commit(this.movedBy(instance, instance.points.keys(), box, dx, dy, true), "move instance", `move ${instance.id}`);
      return;
    }
    const point = instance.points[this.selected];
    if (!isPlaced(point)) return;
    const at = clampTo(this.size, { x: point.x + dx, y: point.y + dy });
    const doc = changePoints(this.doc, instance.id, [[this.selected, { ...point, ...at }]]);
    this.commit(doc, `move ${labelOf(this.skeleton, this.selected)}`, `nudge ${instance.id}/${this.selected}`);
  }

  /** Scales and turns the whole instance about its middle. @param {number} factor @param {number} angle radians */
  reshape(factor, angle) {
    const instance = this.editable();
    const box = instance && boundsOf(instance);
    if (!box) return;
    const centre = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
    const turn = turning(centre, angle);
    const moved = pose.movedPoints(instance.points, instance.points.keys(), (at) => {
      const to = turn(at);
      return { x: centre.x + (to.x - centre.x) * factor, y: centre.y + (to.y - centre.y) * factor };
    });
    if (moved.every(([, point]) => isInside(this.size, point))) {
      this.commit(changePoints(this.doc, instance.id, moved), "scale or turn instance", `reshape ${instance.id}`);
    } else this.onSay("It would leave the image.");
  }

  /**
   * @param {Instance} instance
   * @param {Iterable<number>} indexes
   * @param {Box} box around them: they stay inside the image together
   * @param {number} dx
   * @param {number} dy
   * @param {boolean} [withBox]
   */
  movedBy(instance, indexes, box, dx, dy, withBox = false) {
    const shift = pose.shiftInside(box, this.size, dx, dy);
    const move = (/** @type {XY} */ at) => ({ x: at.x + shift.dx, y: at.y + shift.dy });
    const doc = changePoints(this.doc, instance.id, pose.movedPoints(instance.points, indexes, move));
    if (!withBox || !instance.box) return doc;
    const { left, top, right, bottom } = instance.box;
    const a = move({ x: left, y: top });
    const b = move({ x: right, y: bottom });
    return changeInstance(doc, instance.id, { box: { left: fine(a.x), top: fine(a.y), right: fine(b.x), bottom: fine(b.y) } });
  }

  /** @param {"point" | "limb" | "all"} what */
  swap(what) {
    const { skeleton, selected } = this;
    if (what === "all") this.swapSides([]);
    else if (selected < 0 || skeleton.keypoints[selected].pair < 0) this.onSay("Select a keypoint that has a left or right pair.");
    else if (what === "limb") this.swapSides([selected]);
    else {
      const instance = this.editable();
      const doc = instance && changePoints(this.doc, instance.id, pose.swapped(skeleton, instance.points, [selected]));
      if (doc) this.commit(doc, "swap left and right");
    }
  }

  /** @param {number[]} indexes upper keypoints of limbs; none for the whole instance */
  swapSides(indexes) {
    const instance = this.editable();
    if (!instance) return;
    const all = indexes.length ? indexes.flatMap((index) => [...pose.limbOf(this.skeleton, index)]) : instance.points.keys();
    this.commit(changePoints(this.doc, instance.id, pose.swapped(this.skeleton, instance.points, all)), "swap left and right");
    this.onSay("Left and right swapped");
  }

  mirror() {
    const instance = this.editable();
    if (instance) this.commit(changePoints(this.doc, instance.id, pose.mirrored(instance)), "mirror pose");
  }

  /** @param {Box} box @param {boolean} mirrored a whole skeleton drawn into a box */
  drawTemplate(box, mirrored) {
    if (!this.skeleton.box) return;
    const points = pose.templateIn(this.skeleton, box, mirrored).map((point) => ({ ...point, ...clampTo(this.size, point) }));
    const { instance } = this;
    // An instance just begun and still empty is the one that was meant.
    if (instance && !instance.locked && instance.points.every((point) => point === null)) {
      this.commit(changeInstance(this.doc, instance.id, { points }), "draw skeleton");
    } else {
      this.begin({ points });
    }
  }

  /** @param {Box | null} box */
  setBox(box) {
    const instance = this.editable();
    if (instance) this.commit(changeInstance(this.doc, instance.id, { box }), box ? "draw box" : "delete box");
  }

  /** The same pose once more, its middle at a place. @param {XY} at */
  copyPose(at) {
    const { instance } = this;
    const box = instance && boundsOf(instance);
    if (!instance || !box) return;
    const shift = pose.shiftInside(box, this.size, at.x - (box.left + box.right) / 2, at.y - (box.top + box.bottom) / 2);
    const points = instance.points.map((point) =>
      isPlaced(point) ? { ...clampTo(this.size, { x: point.x + shift.dx, y: point.y + shift.dy }), v: point.v } : point,
    );
    this.begin({ points });
  }

  complete() {
    const instance = this.editable();
    if (!instance) return;
    const at = pose.templateFit(this.skeleton, instance.points);
    if (!at) {
      this.onSay("Place two keypoints first; the others follow from them.");
      return;
    }
    /** @type {[number, Point][]} */
    const changes = pendingOf(instance).map((index) => [index, { ...clampTo(this.size, at(index)), v: 2 }]);
    if (changes.length) this.commit(changePoints(this.doc, instance.id, changes), "complete skeleton");
  }

  /** @param {string} id @param {Partial<Instance>} change @param {string} label @param {string} [merge] */
  change(id, change, label, merge) {
    if (findInstance(this.doc, id)?.locked) return;
    this.commit(changeInstance(this.doc, id, change), label, merge);
  }

  /** @param {boolean} noChanges */
  setNoChanges(noChanges) {
    if (noChanges !== this.doc.noChanges) this.commit({ ...this.doc, noChanges }, noChanges ? "no changes needed" : "changes needed");
  }
}
