"""The ways from a finished job to its results."""

from __future__ import annotations

from collections.abc import Callable

from made_job import BUCKET

import steps
from adapters.bucket import Bucket, ChangedError
from completion import TRIES, HandOver, complete
from keypoints.job import LabelingJob

Driver = Callable[[LabelingJob], None]
RANGE = 3000
"""Bytes: some lines of the made job."""


def _no_sleep(_seconds: float) -> None:
    pass


def one_lambda(job: LabelingJob) -> None:
    """All of it in one invocation."""
    complete(job, Bucket(BUCKET), _no_sleep)


def state_machine(job: LabelingJob) -> None:
    """An invocation that has no time left, and then what the state machine makes, the last range first."""
    store = Bucket(BUCKET)
    if not isinstance(complete(job, store, _no_sleep, seconds_left=lambda: 0.0), HandOver):
        return
    for left in reversed(range(TRIES)):
        try:
            _execution(job, store)
        except ChangedError:
            if not left:
                raise
        else:
            return


def _execution(job: LabelingJob, store: Bucket) -> None:
    run, ranges = steps.make_plan(job, steps.find_manifest(job, store, _no_sleep), store, RANGE)
    for place in reversed(range(ranges)):
        steps.survey(run, place, store)
    steps.join(run, store)
    for place in reversed(range(ranges)):
        steps.label(run, place, store)
    steps.merge(run, store)


DRIVERS: dict[str, Driver] = {"one Lambda": one_lambda, "state machine": state_machine}
