/** The labelling element's attributes for one task, as the worker template (worker-task.liquid.html) sets them. */
/** @import {JobPage, Task} from "./types.js" */

/**
 * @param {JobPage} page
 * @param {Task} task
 * @param {Record<string, string>} skipReasons by code, in the worker's language; empty if the image cannot be skipped
 * @returns {Record<string, string>}
 */
export function attributesOf(page, task, skipReasons) {
  const { input } = task;
  return {
    imgSrc: imageOf(task),
    imageSize: task.smallImage ? (input.image_size ?? "") : "",
    expectedSize: input.expected_size ?? "",
    imageS3Uri: input.image_s3_uri ?? "",
    ...page.attributes,
    initialValues: input.initial_values ?? "",
    ...(task.prelabels && { initialValuesSrc: task.prelabels }),
    annotationIssues: input.annotation_issues ?? "",
    labelingJob: input.labeling_job ?? "",
    worker: input.worker ?? "",
    maxAnswerBytes: input.max_answer_bytes ?? "",
    taskError: input.error ?? "",
    ...(Object.keys(skipReasons).length > 0 && { skipReasons: JSON.stringify(skipReasons) }),
  };
}

/** @param {Task} task @returns {string} the link to the shown image: the smaller copy, if there is one */
export const imageOf = ({ image, smallImage }) => smallImage ?? image;
