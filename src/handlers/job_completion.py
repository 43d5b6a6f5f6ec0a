"""Entry module: writes the results of a finished job.

EventBridge invokes it. An operator may invoke it with the same event.
"""

from __future__ import annotations

from typing import Any

import msgspec

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.control import describe_labeling_job, start_execution
from truepoint.adapters.environment import bucket_name, state_machine_arn, uses_ground_truth
from truepoint.adapters.telemetry import logger, metrics
from truepoint.groundtruth.job import (
    LARGEST_DESCRIPTION,
    Ended,
    JobError,
    parse_description,
    read_description,
    read_ended,
)
from truepoint.keys import job_keys, spelled, split_s3_uri
from truepoint.runs.announcement import announce
from truepoint.runs.completion import HandOver, complete


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write and announce the results of the event's job, unless they exist.

    A job that is too large for one invocation is handed over to the state machine, which writes the same results.
    """
    ended = read_ended(event)
    logger.append_keys(labeling_job=ended.name.lower())
    store = Bucket(bucket_name())
    job = read_description(_description(ended, store))
    if job.name.lower() != ended.name.lower():
        # Writing this job's results would overwrite those of the job that the event names.
        raise JobError(f"expected the description of the job {ended.name!r}, got that of {job.name!r}")
    if split_s3_uri(job.output_manifest_uri)[0] != store.name:
        logger.info("not a job of this stack: its output is in another bucket")
        return {"labeling_job": job.name, "skipped": "its output is not in this stack's bucket"}
    outcome = complete(job, store, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    if isinstance(outcome, HandOver):
        execution = start_execution(state_machine_arn(), outcome.execution_name, {"job": msgspec.to_builtins(job)})
        logger.info("handed over", reason=outcome.reason, execution=execution)
        return {"labeling_job": job.name, "handed_over": execution}
    return announce(outcome, store)


def _description(ended: Ended, store: Bucket) -> dict[str, Any]:
    """Return the job's description from a trusted source: the bucket, otherwise Ground Truth.

    Any principal of the account with events:PutEvents can forge the description in an event. It is used only if the
    bucket holds no description and the stack does not use Ground Truth.
    """
    for key in spelled(ended.name, job_keys(ended.name).labeling_job) if ended.description else ():
        if (kept := store.find(key, LARGEST_DESCRIPTION)) is not None:
            return parse_description(kept)
    if ended.description and not uses_ground_truth():
        return ended.description
    return describe_labeling_job(ended.name)
