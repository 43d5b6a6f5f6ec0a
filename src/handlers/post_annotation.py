"""Entry: the workers' answers to a batch of data objects become one annotation each. Called by Ground Truth."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.adapters.telemetry import MetricUnit, logger, metrics
from truepoint.groundtruth.annotation import Annotation, annotate
from truepoint.groundtruth.answer import AnswerError
from truepoint.groundtruth.batch import (
    AnnotationData,
    AnnotationReference,
    consolidation_response,
    job_of,
    read_batch,
    too_large,
)
from truepoint.keys import job_keys, spelled, split_s3_uri
from truepoint.pose.sigma_table import yardstick
from truepoint.pose.skeleton import Skeleton, SkeletonError, parse_skeleton

bucket = cache(Bucket)


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> list[dict[str, Any]]:
    """Ground Truth's post-annotation contract: one result for every data object, always."""
    bucket_name, key = split_s3_uri(event["payload"]["s3Uri"])
    store = bucket(bucket_name)
    job, folder = job_of(key)
    measure = yardstick(_skeleton(store, job))
    annotations = [
        annotate(
            entry.dataset_object_id,
            entry.data_object.s3_uri,
            [(answer.worker_id, _content(answer.annotation_data)) for answer in entry.annotations],
            measure,
        )
        for entry in read_batch(store.read(key))
    ]
    invalid = sum(not annotation.valid for annotation in annotations)
    metrics.add_metric("ObjectsConsolidated", MetricUnit.Count, len(annotations))
    metrics.add_metric("ObjectsInvalid", MetricUnit.Count, invalid)
    logger.info("batch consolidated", labeling_job=job.lower(), objects=len(annotations), invalid=invalid)
    return consolidation_response(_move_large(annotations, store, folder), event["labelAttributeName"])


def _content(data: AnnotationData | AnswerError) -> Any:
    """The answer itself, fetched if it came by reference; an AnswerError if that cannot be had."""
    if isinstance(data, AnswerError):
        return data
    try:
        content = data.in_place
        if content is not None or data.s3_uri is None:
            return content
        bucket_name, key = split_s3_uri(data.s3_uri)
        return bucket(bucket_name).read(key)
    except AnswerError as error:
        return error
    except (NotReadableError, ValueError) as error:
        return AnswerError(f"the answer could not be fetched: {error}")


def _skeleton(store: Bucket, job: str) -> Skeleton | None:
    """The job's skeleton; None for a job made by other means, which is then compared with default sigmas."""
    key, etag = store.first(spelled(job, job_keys(job).skeleton))
    if etag is None:
        return None
    try:
        return parse_skeleton(store.read(key))
    except SkeletonError as error:
        logger.warning("the job's skeleton cannot be used", labeling_job=job.lower(), error=str(error))
        return None


def _move_large(annotations: list[Annotation], store: Bucket, folder: str) -> list[Annotation | AnnotationReference]:
    labels: list[Annotation | AnnotationReference] = list(annotations)
    for place in too_large(annotations):
        annotation = annotations[place]
        key = f"{folder}annotations/consolidated-annotation/large/{annotation.dataset_object_id}.json"
        store.write(key, msgspec.json.encode(annotation), "application/json")
        labels[place] = AnnotationReference(
            dataset_object_id=annotation.dataset_object_id, annotation_s3_uri=f"s3://{store.name}/{key}"
        )
    return labels
