"""The ways from a finished job to its results."""

from __future__ import annotations

from collections.abc import Callable

from made_job import BUCKET

from adapters.bucket import Bucket
from completion import complete
from keypoints.job import LabelingJob

Driver = Callable[[LabelingJob], None]


def one_lambda(job: LabelingJob) -> None:
    """All of it in one invocation."""
    complete(job, Bucket(BUCKET), sleep=lambda _: None)


DRIVERS: dict[str, Driver] = {"one Lambda": one_lambda}
