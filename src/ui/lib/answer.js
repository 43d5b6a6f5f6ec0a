/** The answer: the form's fields, exactly as docs/formats.md says. */
/** @import {Doc, Instance, Skeleton} from "./types.js" */
import { isPlaced } from "./document.js";
import { isNumber } from "./skeleton.js";

export const FIELDS = /** @type {const} */ ([
  "updated_annotations",
  "original_annotations",
  "image_s3_uri",
  "image_name",
  "no_changes_needed",
  "total_time_in_seconds",
  "answer_details",
]);

/**
 * What a reader of keypoints can take: one bad entry among them would cost the whole answer.
 * @param {any} stray
 */
const isSound = (stray) =>
  typeof stray?.label === "string" && stray.label !== "" && stray.label.length <= 128 &&
  [stray.x, stray.y].every((value) => isNumber(value) && Math.abs(value) <= 1e6) && [undefined, 1, 2].includes(stray.visibility);

/**
 * @param {Instance} instance
 * @param {Skeleton} skeleton
 */
export function instanceToJson(instance, skeleton) {
  const annotations = instance.points.flatMap((point, i) =>
    isPlaced(point)
      ? [
          {
            label: skeleton.keypoints[i].label,
            x: point.x,
            y: point.y,
            visibility: point.v,
            ...(point.comment ? { comment: point.comment } : {}),
            ...point.extra,
          },
        ]
      : [],
  );
  const { box } = instance;
  const labels = new Set(annotations.map(({ label }) => label));
  const sound = instance.strays.filter((stray) => isSound(stray) && !labels.has(String(stray.label)) && labels.add(String(stray.label)));
  const unusable = instance.strays.filter((stray) => !sound.includes(stray));
  return {
    id: instance.id,
    name: instance.name,
    annotations: [...annotations, ...sound],
    ...(unusable.length ? { unusable_annotations: unusable } : {}),
    ...(box ? { box: [box.left, box.top, box.right - box.left, box.bottom - box.top] } : {}),
    ...(instance.comment ? { comment: instance.comment } : {}),
    ...instance.extra,
  };
}

/**
 * Why a keypoint has no place, for those of which the worker said so.
 * @param {Doc} doc
 * @param {Skeleton} skeleton
 */
export function notLabeled(doc, skeleton) {
  return doc.instances.flatMap((instance) =>
    instance.points.flatMap((point, i) =>
      point && point.v === 0
        ? [
            {
              id: instance.id,
              label: skeleton.keypoints[i].label,
              reason: point.reason ?? "not_visible",
              ...(point.comment ? { comment: point.comment } : {}),
            },
          ]
        : [],
    ),
  );
}

/**
 * Never a signature: a presigned URL lets its holder read the image.
 * @param {string | null} s3Uri
 * @param {string | null} src
 */
export function imageUri(s3Uri, src) {
  if (s3Uri) return s3Uri;
  if (!src) return "";
  return src.startsWith("data:") ? "data:" : src.split(/[?#]/, 1)[0];
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
 * @param {object} parts
 * @param {Doc} parts.doc
 * @param {Skeleton} parts.skeleton
 * @param {string | null} parts.initialValues
 * @param {string | null} parts.imageS3Uri
 * @param {string | null} parts.imgSrc
 * @param {number} parts.totalSeconds
 * @param {Record<string, unknown>} parts.details
 * @returns {Record<typeof FIELDS[number], string>}
 */
export function answerFields({ doc, skeleton, initialValues, imageS3Uri, imgSrc, totalSeconds, details }) {
  const uri = imageUri(imageS3Uri, imgSrc);
  return {
    updated_annotations: JSON.stringify(doc.instances.map((instance) => instanceToJson(instance, skeleton))),
    original_annotations: initialValues?.trim() ? initialValues : "[]",
    image_s3_uri: uri,
    image_name: imageName(uri),
    no_changes_needed: String(doc.noChanges),
    total_time_in_seconds: String(Math.max(0, Math.round(totalSeconds))),
    answer_details: JSON.stringify({ version: "1.0", ...details, not_labeled: notLabeled(doc, skeleton) }),
  };
}
