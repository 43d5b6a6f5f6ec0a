"""The ways from a finished job to its results."""

from __future__ import annotations

from collections.abc import Callable

from made_job import BUCKET

from truepoint.adapters.bucket import Bucket, ChangedError, StoredObject
from truepoint.groundtruth.job import LabelingJob
from truepoint.runs import steps, write_lock
from truepoint.runs.completion import TRIES, HandOver, complete

Driver = Callable[[LabelingJob], None]
RANGE = 3000
"""Bytes: some lines of the made job."""


def _no_sleep(_seconds: float) -> None:
    pass


class Later(Bucket):
    """The bucket as it is seen after some `seconds` more than there were."""

    seconds = 0

    def find_object(self, key: str, largest: int) -> StoredObject | None:
        found = super().find_object(key, largest)
        return found and found._replace(age=found.age + self.seconds)


def one_lambda(job: LabelingJob) -> None:
    """All of it in one invocation, unless it has to wait."""
    store = Later(BUCKET)
    if isinstance(complete(job, store, _no_sleep), HandOver):
        _execution(job, store)


def state_machine(job: LabelingJob) -> None:
    """An invocation that has no time left, and then what the state machine makes, the last range first."""
    store = Later(BUCKET)
    if isinstance(complete(job, store, _no_sleep, seconds_left=lambda: 0.0), HandOver):
        _execution(job, store)


def _execution(job: LabelingJob, store: Later) -> None:
    for left in reversed(range(TRIES)):
        try:
            return _steps(job, store)
        except write_lock.SupersededError:
            return None
        except write_lock.NotYetError as error:
            store.seconds += error.seconds
        except ChangedError:
            if not left:
                raise
    raise AssertionError


def _steps(job: LabelingJob, store: Bucket) -> None:
    run, ranges = steps.make_plan(job, steps.find_manifest(job, store, _no_sleep), store, RANGE)
    for place in reversed(range(ranges)):
        steps.survey(run, place, store)
    steps.join(run, store)
    for place in reversed(range(ranges)):
        steps.label(run, place, store)
    steps.merge(run, store)


DRIVERS: dict[str, Driver] = {"one Lambda": one_lambda, "state machine": state_machine}
