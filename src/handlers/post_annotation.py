"""Entry module: consolidates the workers' answers for a batch of data objects. Ground Truth invokes it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from truepoint.adapters.bucket import Bucket, NotReadableError, TooLargeError
from truepoint.adapters.environment import stack_bucket
from truepoint.adapters.telemetry import MetricUnit, logger, metrics
from truepoint.groundtruth.anchoring import (
    LARGEST_RECORD,
    AnchoringError,
    ImageTreatment,
    Settings,
    drawn,
    parse_record,
    parse_settings,
    record_name,
)
from truepoint.groundtruth.annotation import Annotation, Treated, annotate_all
from truepoint.groundtruth.answer import LARGEST_ANSWER, AnswerError
from truepoint.groundtruth.batch import AnnotationData, consolidation_response, fit, job_of, read_batch
from truepoint.json_text import OBJECTS_BETWEEN_COLLECTIONS
from truepoint.keys import below_images, job_keys, job_of_image, s3_uri, spelled, split_s3_uri
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import Skeleton, SkeletonError, parse_skeleton

bucket = cache(Bucket)
if own_bucket := stack_bucket():
    bucket(own_bucket)  # creates the client during the cold start; it would add 5 ms to the first call


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> list[dict[str, Any]]:
    """Return one result for every data object, as Ground Truth's post-annotation contract requires."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    bucket_name, key = split_s3_uri(event["payload"]["s3Uri"])
    store = bucket(bucket_name)
    job, folder = job_of(key)
    invalid = 0

    def objects() -> Iterator[tuple[str, str, list[tuple[str, Any]]]]:
        for entry in read_batch(store.read(key)):
            answers = [(answer.worker_id, partial(_content, answer.annotation_data)) for answer in entry.annotations]
            yield entry.dataset_object_id, entry.data_object.s3_uri, answers

    def annotations() -> Iterator[Annotation]:
        nonlocal invalid
        for annotation in annotate_all(objects(), sigma_table(_skeleton(store, job)), _treated(store, job)):
            invalid += not annotation.valid
            yield annotation

    def move(object_id: str, annotation: bytes) -> str:
        moved = f"{folder}annotations/consolidated-annotation/large/{object_id}.json"
        store.write(moved, annotation, "application/json")
        return s3_uri(store.name, moved)

    labels = fit(annotations(), move)
    metrics.add_metric("ObjectsConsolidated", MetricUnit.Count, len(labels))
    metrics.add_metric("ObjectsInvalid", MetricUnit.Count, invalid)
    logger.info("batch consolidated", labeling_job=job.lower(), objects=len(labels), invalid=invalid)
    return consolidation_response(labels, event["labelAttributeName"])


def _content(data: AnnotationData | AnswerError) -> str | bytes | AnswerError | None:
    """Return the answer's text, fetched if it is a reference; an AnswerError if it cannot be read."""
    if isinstance(data, AnswerError):
        return data
    if data.content is not None or data.s3_uri is None:
        return data.content
    try:
        bucket_name, key = split_s3_uri(data.s3_uri)
        return bucket(bucket_name).read(key, largest=LARGEST_ANSWER)
    except (NotReadableError, ValueError) as error:
        return AnswerError(f"the answer could not be fetched: {error}")


def _skeleton(store: Bucket, job: str) -> Skeleton | None:
    """Return the job's skeleton; None if it is unusable or missing, as it is for a job that other tools created.

    Without a skeleton, consolidation uses the published sigmas by keypoint name.
    """
    key, etag = store.first(spelled(job, job_keys(job).skeleton))
    if etag is None:
        return None
    try:
        return parse_skeleton(store.read(key, largest=LARGEST_ANSWER), stored=True)
    except (SkeletonError, TooLargeError) as error:
        logger.warning("the job's skeleton cannot be used", labeling_job=job.lower(), error=str(error))
        return None


def _treated(store: Bucket, job: str) -> Treated:
    """Return a function that reads how the anchoring experiment treated the pre-labels of an image.

    The experiment is that of the job whose image folder contains the image. For any other image it is this job's.

    Raises:
        NotReadableError: the settings exist, but they cannot be read.
        AnchoringError: the settings are damaged. No label is made, because it might contain a seeded error.
    """
    experiments: dict[str, Settings | None] = {job.lower(): _experiment(store, job)}
    own = experiments[job.lower()] is not None

    def treated(image_s3_uri: str) -> ImageTreatment | None:
        try:
            bucket_name, key = split_s3_uri(image_s3_uri)
        except ValueError as error:
            if own:
                raise AnchoringError(f"a data object of a job that measures anchoring: {error}") from error
            return None
        images_job = (job_of_image(key) if bucket_name == store.name else None) or job.lower()
        if images_job not in experiments:
            experiments[images_job] = _experiment(store, images_job)
        settings, image = experiments[images_job], below_images(images_job, key)
        if settings is None:
            return None
        record = None
        if drawn(settings, images_job, image) != "none":
            name = f"{job_keys(images_job).anchoring_records}{record_name(image)}"
            record = parse_record(store.read(name, largest=LARGEST_RECORD))
        return ImageTreatment(record, images_job == job.lower())

    return treated


def _experiment(store: Bucket, job: str) -> Settings | None:
    """Return the settings of a job's anchoring experiment, None if it has none."""
    key = job_keys(job).anchoring
    return None if store.etag(key) is None else parse_settings(store.read(key, largest=LARGEST_RECORD))
