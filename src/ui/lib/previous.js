/** The previous images' instances, for workers who label a series. They are kept in this tab, and end with it. */
/** @import {Box, Point, Size} from "./types.js" */

import { load, save } from "./prefs.js";

const KEY = "truepoint-previous";

/**
 * @typedef {object} Previous one image's labels as they were submitted
 * @property {string} task whose keypoints, job and worker they are of
 * @property {string} image
 * @property {Size} size
 * @property {{name: string, points: (Point | null)[], box: Box | null}[]} instances
 */

/** @returns {Previous[]} the newest first */
const kept = () => load(KEY, [], "sessionStorage");

/** @param {string} task @param {string} image that is labelled now @returns {Previous | undefined} of the image before it */
export const previousOf = (task, image) => kept().find((one) => one.task === task && one.image !== image);

/** Keep what was submitted. @param {Omit<Previous, "instances">} of @param {import("./types.js").Doc} doc */
export function keepPrevious(of, { instances }) {
  // Notes are about their own image; fields that came with pre-labels belong to those.
  const bare = (/** @type {Point | null} */ point) =>
    point && { x: point.x, y: point.y, v: point.v, reason: point.reason };
  const labels = instances.map(({ name, points, box }) => ({ name, points: points.map(bare), box }));
  // Two are enough: an image that is submitted again is not the one before itself.
  save(
    KEY,
    [{ ...of, instances: labels }, ...kept().filter(({ image }) => image !== of.image)].slice(0, 2),
    "sessionStorage",
  );
}
