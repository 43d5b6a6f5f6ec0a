/** The previous images' instances, for workers who label a series. They are stored until the tab is closed. */
/** @import {Box, Point, Size} from "./types.js" */

import { isRecord } from "./json.js";
import { load, save } from "./prefs.js";

const KEY = "truepoint-previous";

/**
 * @typedef {object} Previous one image's labels as they were submitted
 * @property {string} task a key of the job, the worker and the keypoints
 * @property {string} image
 * @property {Size} size
 * @property {{name: string, points: (Point | null)[], box: Box | null}[]} instances
 */

/** @returns {Previous[]} the newest first */
const kept = () => [load(KEY, [], "sessionStorage")].flat().filter(isRecord);

/**
 * @param {string} task
 * @param {string} image the current one
 * @returns {Previous | undefined} the labels of the image before it
 */
export const previousOf = (task, image) => kept().find((one) => one.task === task && one.image !== image);

/** Store the submitted labels. @param {Omit<Previous, "instances">} of @param {import("./types.js").Doc} doc */
export function keepPrevious(of, { instances }) {
  // Notes and extra fields of pre-labels are omitted: they refer to their own image.
  const bare = (/** @type {Point | null} */ point) =>
    point && { x: point.x, y: point.y, v: point.v, reason: point.reason };
  const labels = instances.map(({ name, points, box }) => ({ name, points: points.map(bare), box }));
  // Two images are stored, because the newest may be the current image itself if it is submitted again.
  save(
    KEY,
    [{ ...of, instances: labels }, ...kept().filter(({ image }) => image !== of.image)].slice(0, 2),
    "sessionStorage",
  );
}
