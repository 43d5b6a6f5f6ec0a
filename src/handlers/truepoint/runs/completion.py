"""Completion: all steps of a run in sequence, in one invocation.

A job that is too large for one invocation is left to the state machine, which runs the same steps in parallel.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from truepoint.adapters.bucket import Bucket, ChangedError, NotReadableError
from truepoint.adapters.environment import number
from truepoint.adapters.telemetry import logger
from truepoint.groundtruth.job import LabelingJob
from truepoint.keys import job_keys, split_s3_uri
from truepoint.results.ranges import LARGEST_RANGE
from truepoint.results.result_set import ManifestSource, Results, read_results
from truepoint.runs import steps, write_lock
from truepoint.runs.all_ranges import OutOfTimeError, run_over_all
from truepoint.runs.plan import execution_name

LARGEST_AT_ONCE = 128 * 1024 * 1024
"""Maximum manifest size processed in one invocation, in bytes. At nine workers (0.7 MB/s on one core) it takes about
200 s of the 900 s limit; at one worker (2.4 MB/s), about a minute."""
TRIES = 3
"""Maximum number of attempts of a run whose manifest changes during the run. Afterwards Lambda retries later."""


class HandOver(msgspec.Struct, frozen=True):
    """A job that is too large for this invocation, the reason, and the name of the execution that continues it."""

    execution_name: str
    reason: str


def complete(
    job: LabelingJob,
    store: Bucket,
    sleep: Callable[[float], None] = time.sleep,
    seconds_left: Callable[[], float] = lambda: 900.0,
) -> Results | HandOver:
    """Bring `results/<job>/` to its final state from any state, and return the completion marker.

    The marker is written last. A marker of an older manifest is removed before the first file changes. The function is
    idempotent.

    Args:
        job: the job.
        store: the stack's bucket.
        sleep: waits for a number of seconds.
        seconds_left: returns the remaining time of the invocation, in seconds.

    Returns:
        The completion marker, or a `HandOver` if the job is too large for this invocation.

    Raises:
        ChangedError: the manifest changed during each attempt.
    """
    for left in reversed(range(TRIES)):
        manifest = steps.find_manifest(job, store, sleep)
        if results := _made(job, manifest, store):
            logger.info("results are there already")
            return results
        size = store.size(split_s3_uri(manifest.s3_uri)[1]) if manifest else 0
        if size > number("LARGEST_AT_ONCE", LARGEST_AT_ONCE):
            return HandOver(execution_name(job, manifest), f"a manifest of {size} bytes")
        try:
            return _run(job, manifest, store, seconds_left)
        except write_lock.NotYetError as error:
            return HandOver(execution_name(job, manifest), str(error))  # waiting costs nothing in the state machine
        except ChangedError as error:
            if not left:
                raise
            logger.info("begins again", reason=str(error))
    raise AssertionError


def _made(job: LabelingJob, manifest: ManifestSource | None, store: Bucket) -> Results | None:
    """Return the marker of complete results; None if it is missing or belongs to another manifest or status."""
    marker = job_keys(job.name).results_marker
    try:
        results = read_results(store.read(marker)) if store.etag(marker) else None
    except NotReadableError:
        return None  # another run removed it meanwhile
    return results if results and (results.manifest, results.labeling_job_status) == (manifest, job.status) else None


def _run(
    job: LabelingJob, manifest: ManifestSource | None, store: Bucket, seconds_left: Callable[[], float]
) -> Results | HandOver:
    run, ranges = steps.make_plan(job, manifest, store, number("LARGEST_RANGE", LARGEST_RANGE))
    try:
        run_over_all("survey", run, ranges, store, seconds_left)
        steps.join(run, store)
        run_over_all("label", run, ranges, store, seconds_left)
    except OutOfTimeError as error:
        return HandOver(execution_name(job, manifest), f"{error} of {ranges}")
    return steps.merge(run, store)
