/** The answer: the form's fields, as specified in docs/formats.md. */
/** @import {Attributes, Doc, Instance, Skeleton} from "./types.js" */
import { isPlaced, memo } from "./document.js";
import { isCoordinate, withoutSignature } from "./prelabels.js";

/**
 * Return whether readers of answers accept this annotation. One invalid annotation would invalidate the whole answer.
 * @param {any} stray
 */
const isSound = (stray) =>
  typeof stray?.label === "string" &&
  stray.label !== "" &&
  stray.label.length <= 128 &&
  [stray.x, stray.y].every(isCoordinate) &&
  [undefined, 1, 2].includes(stray.visibility);

/** @param {Instance} instance @param {Skeleton} skeleton */
export function instanceToJson({ id, name, points, strays, box, comment, extra }, skeleton) {
  const placed = points.flatMap((point, i) =>
    isPlaced(point)
      ? [
          {
            label: skeleton.keypoints[i].label,
            x: point.x,
            y: point.y,
            visibility: point.v,
            comment: point.comment,
            ...point.extra,
          },
        ]
      : [],
  );
  const labels = new Set(placed.map(({ label }) => label));
  /** @param {any} stray */
  const isUsable = (stray) => isSound(stray) && !labels.has(stray.label) && labels.add(stray.label);
  const usable = strays.filter(isUsable);
  const unusable = strays.filter((stray) => !usable.includes(stray));
  return {
    id,
    name,
    annotations: [...placed, ...usable],
    unusable_annotations: unusable.length ? unusable : undefined,
    box: box ? [box.left, box.top, box.right - box.left, box.bottom - box.top] : undefined,
    comment: comment || undefined,
    ...extra,
  };
}

/**
 * List the keypoints that the worker skipped, each with the reason.
 * @param {Instance} instance
 * @param {Skeleton} skeleton
 */
const notLabeled = ({ id, points }, skeleton) =>
  points.flatMap((point, i) =>
    point?.v === 0
      ? [{ id, label: skeleton.keypoints[i].label, reason: point.reason ?? "not_visible", comment: point.comment }]
      : [],
  );

/** Return how many bytes a field's text takes inside the request's JSON. @param {string} text */
export const sentBytes = (text) => new TextEncoder().encode(JSON.stringify(text)).length;

/** Make a memoised function that returns how many bytes an instance takes in the answer. @param {Skeleton} skeleton */
export const bytesOf = (skeleton) =>
  memo((/** @type {Instance} */ instance) =>
    sentBytes(JSON.stringify([instanceToJson(instance, skeleton), notLabeled(instance, skeleton)])),
  );

/**
 * Return the image's URI without a signature: a presigned URL lets its holder read the image.
 * @param {Attributes} attributes
 */
export function imageUri(attributes) {
  const src = attributes("imgSrc") ?? "";
  return attributes("imageS3Uri") || (src.startsWith("data:") ? "data:" : withoutSignature(src));
}

/** @param {string} uri */
export function imageName(uri) {
  const segment = uri.slice(uri.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * Return the form's fields. The JSON omits undefined values.
 * @param {object} parts
 * @param {Doc} parts.doc
 * @param {Skeleton} parts.skeleton
 * @param {Attributes} parts.attributes
 * @param {string} parts.original the unchanged pre-labels, in JSON
 * @param {number} parts.totalSeconds
 * @param {Record<string, unknown>} parts.details
 * @returns {Record<string, string>}
 */
export function answerFields({ doc: { instances, noChanges }, skeleton, attributes, original, totalSeconds, details }) {
  const uri = imageUri(attributes);
  return {
    updated_annotations: JSON.stringify(instances.map((instance) => instanceToJson(instance, skeleton))),
    original_annotations: original.trim() ? original : "[]",
    image_s3_uri: uri,
    image_name: imageName(uri),
    no_changes_needed: String(noChanges),
    total_time_in_seconds: String(Math.max(0, Math.round(totalSeconds))),
    answer_details: JSON.stringify({
      version: "1.0",
      ...details,
      not_labeled: instances.flatMap((instance) => notLabeled(instance, skeleton)),
    }),
  };
}
