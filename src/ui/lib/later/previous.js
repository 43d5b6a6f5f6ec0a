/** The previous images' instances, for workers who label a series. They are stored until the tab is closed. */
/** @import {Box, Point, Size} from "../types.js" */

import { newInstance, nextId } from "../document.js";
import { boxOf, mapped, mapping } from "../geometry.js";
import { isRecord } from "../json.js";
import { moved } from "../pose.js";
import { load, PREVIOUS, save } from "../prefs.js";
import { t } from "../texts.js";

/**
 * @typedef {object} Previous one image's labels as they were submitted
 * @property {string} task a key of the job, the worker and the keypoints
 * @property {string} image
 * @property {Size} size
 * @property {{name: string, points: (Point | null)[], box: Box | null}[]} instances
 */

/** @returns {Previous[]} the newest first */
const kept = () => [load(PREVIOUS, [], "sessionStorage")].flat().filter(isRecord);

/**
 * @param {string} task
 * @param {string} image the current one
 * @returns {Previous | undefined} the labels of the image before it
 */
export const previousOf = (task, image) => kept().find((one) => one.task === task && one.image !== image);

/** Store the submitted labels. @param {Omit<Previous, "instances">} of @param {import("../types.js").Doc} doc */
export function keepPrevious(of, { instances }) {
  // Notes and extra fields of pre-labels are omitted: they refer to their own image.
  const bare = (/** @type {Point | null} */ point) =>
    point && { x: point.x, y: point.y, v: point.v, reason: point.reason };
  const labels = instances.map(({ name, points, box }) => ({ name, points: points.map(bare), box }));
  // Two images are stored, because the newest may be the current image itself if it is submitted again.
  const both = [{ ...of, instances: labels }, ...kept().filter(({ image }) => image !== of.image)].slice(0, 2);
  // If the storage is too full, none is stored: an older image would be taken for the previous one.
  if (!save(PREVIOUS, both, "sessionStorage")) save(PREVIOUS, null, "sessionStorage");
}

/**
 * Copy the instances of another image, scaled to this image's size.
 * @param {import("../session.js").Session} session
 * @param {Previous | undefined} previous
 */
export function copyImage(session, previous) {
  if (!session.ready) return;
  if (!previous?.instances.length) {
    session.onSay(t.noPrevious);
    return;
  }
  const whole = (/** @type {Size} */ { width, height }) => boxOf({ x: 0, y: 0 }, { x: width, y: height });
  const place = mapping(whole(previous.size), whole(session.size));
  for (const { points, box, name } of previous.instances) {
    session.active = nextId(session.doc);
    session.add(
      newInstance(session.active, points.length, {
        name,
        points: moved(points, place),
        box: box && mapped(box, place),
      }),
    );
  }
  session.selected = -1;
  session.commit(session.doc, t.commands.previousPose);
}
