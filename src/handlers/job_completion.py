"""Entry: a finished job's output manifest becomes results. Called by EventBridge, or by hand with the same event."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.bucket import Bucket
from adapters.control import describe_labeling_job, put_event
from adapters.environment import bucket_name
from adapters.telemetry import count_results, logger, metrics
from completion import complete
from keypoints.job import RESULTS_READY, SOURCE, read_description, read_ended
from keypoints.manifest import split_s3_uri
from keypoints.results import folder


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write the results of the job that the event names, unless they are there, and announce them."""
    ended = read_ended(event)
    job = read_description(ended.description or describe_labeling_job(ended.name))
    store = Bucket(bucket_name())
    logger.append_keys(labeling_job=job.name)
    if split_s3_uri(job.output_manifest_uri)[0] != store.name:
        logger.info("not a job of this stack: its output is in another bucket")
        return {"labeling_job": job.name, "skipped": "its output is not in this stack's bucket"}
    found = complete(job, store)
    detail: dict[str, Any] = msgspec.to_builtins(found)
    detail["results_s3_uri"] = f"s3://{store.name}/{folder(job.name)}results.json"
    put_event(SOURCE, RESULTS_READY, [job.arn], detail)
    count_results(found)
    return detail
