"""Entry module: finds ended jobs without results and publishes their lost events again. A schedule invokes it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.adapters.control import describe_labeling_job, list_labeling_jobs, put_event
from truepoint.adapters.environment import bucket_name, uses_ground_truth
from truepoint.adapters.telemetry import MetricUnit, logger, metrics
from truepoint.groundtruth.job import ENDED, LARGEST_DESCRIPTION, SOURCE, JobError, parse_description
from truepoint.groundtruth.lost_events import ENDED_STATUSES, GRACE, WINDOW, announceable, ended_detail, is_lost
from truepoint.keys import JOB_NAME, JOBS_PREFIX, job_keys


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Publish one completion event for each ended job without results.

    The event takes the same path as the lost one: the same rule, retries and dead-letter queue.

    A job whose results are still being written gets a second event only if writing takes longer than the grace period
    (`lost_events.GRACE`). A second run is harmless: it writes the same bytes under the same keys, and the marker last.
    """
    store, now = Bucket(bucket_name()), time.time()
    announced = []
    for name, description in _without_results(store, now):
        try:
            lost = is_lost(description, _ended(description), now)
            job = announceable(description, store.name) if lost else None
        except JobError as error:
            logger.warning("the job's description cannot be used", labeling_job=name.lower(), error=str(error))
            continue
        if job is None:
            continue
        put_event(SOURCE, ENDED, [job.arn], ended_detail(job))
        logger.warning("ended without results: its event is put again", labeling_job=job.name.lower())
        announced.append(job.name)
    metrics.add_metric("JobsFoundWithoutResults", MetricUnit.Count, len(announced))
    return {"announced": announced}


def _without_results(store: Bucket, now: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and description of jobs without a completion marker, jobs outside Ground Truth first."""
    for name in store.folders(JOBS_PREFIX):
        if not JOB_NAME.fullmatch(name):
            logger.warning("a folder that cannot be a job's is left out", folder=name[:100])
            continue
        description = _outside(store, name)
        if description is not None and not _has_results(store, name):
            yield name, description
    if uses_ground_truth():
        for status in ENDED_STATUSES:
            for name in list_labeling_jobs(status, after=now - WINDOW, before=now - GRACE):
                if not _has_results(store, name):
                    yield name, describe_labeling_job(name)


def _has_results(store: Bucket, name: str) -> bool:
    return store.etag(job_keys(name).results_marker) is not None


def _outside(store: Bucket, name: str) -> dict[str, Any] | None:
    """Return the description of a job outside Ground Truth; None if there is no valid one."""
    try:
        text = store.find(f"{JOBS_PREFIX}{name}/labeling_job.json", LARGEST_DESCRIPTION)
        described = {} if text is None else parse_description(text)
    except (NotReadableError, JobError) as error:
        logger.warning("the job's description cannot be read", labeling_job=name.lower(), error=str(error))
        return None
    # A description in another job's folder would lead to results of that other job.
    if text is None or str(described.get("LabelingJobName")).lower() == name.lower():
        return described or None
    logger.warning("the description is another job's", labeling_job=name.lower())
    return None


def _ended(description: dict[str, Any]) -> float:
    """Return the time of the job's last change, in seconds since 1970.

    Raises:
        JobError: the description holds no valid time.
    """
    changed = description.get("LastModifiedTime")
    try:
        return (changed if isinstance(changed, datetime) else datetime.fromisoformat(str(changed))).timestamp()
    except ValueError as error:
        raise JobError(f"expected the time of the job's last change, got {changed!r}") from error
