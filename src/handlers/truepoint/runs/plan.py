"""The plan of a run, the events of its steps, and the record of its write lock.

A run writes one job's results from one version of its manifest, in steps. Each step can run on any host, and again
after a failure: it reads and writes objects below the run's folder in the bucket, whose name depends only on the plan.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec

from truepoint.groundtruth.job import LabelingJob
from truepoint.keys import job_keys
from truepoint.pose.skeleton import Skeleton
from truepoint.results.ranges import Range
from truepoint.results.result_set import ManifestSource, SkeletonSource

_FOLDER = re.compile(r"tmp/results/[a-z0-9-]+/[0-9a-f]{32}/")


class StepError(ValueError):
    """An event that is not a step of a run."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs that all steps of a run share.

    `manifest` is null if the job ended without one, `gold_etag` if it has no gold images.
    """

    job: LabelingJob
    manifest: ManifestSource | None
    skeleton: Skeleton | None
    skeleton_source: SkeletonSource
    gold_etag: str | None
    ranges: list[Range]


class Step(msgspec.Struct, frozen=True):
    """The content of an event.

    The step `plan` has the `job`. All other steps have the run's folder in `run`; `survey` and `label` also have the
    index of a `range`.
    """

    step: Literal["plan", "survey", "join", "label", "merge", "announce"]
    job: LabelingJob | None = None
    run: str = ""
    range: Annotated[int, msgspec.Meta(ge=0)] = 0

    @property
    def labeling_job(self) -> str:
        """The job's name in lower case, as in the names of folders."""
        return self.job.name.lower() if self.job else self.run.split("/")[2]


class LockRecord(msgspec.Struct, frozen=True, rename={"content": "of", "released": "over"}):
    """The write lock of a job's results.

    Runs whose inputs have the digest `content` may write, from `wait` seconds after this record was written. `released`
    says that the results are complete. Every record has its own `id`.
    """

    content: str
    id: str
    wait: int = 0
    released: bool = False


def read_step(event: Any) -> Step:
    """Read the state machine's event.

    Raises:
        StepError: the event is not a step of a run.
    """
    try:
        step = msgspec.convert(event, Step)
    except msgspec.ValidationError as error:
        raise StepError(f"expected a step of a run, got something else: {error}") from error
    if step.step == "plan" and step.job is None:
        raise StepError("expected a job to plan, got none")
    if step.step != "plan" and not _FOLDER.fullmatch(step.run):
        raise StepError(f"expected the folder of a run, got {step.run[:200]!r}")
    return step


def run_folder(plan: Plan) -> str:
    """Return the folder of a run's intermediate files, with a trailing slash.

    A lifecycle rule of the bucket empties it.

    Runs with the same plan share the folder and its files; runs with different plans do not.
    """
    return f"{job_keys(plan.job.name).runs}{_digest(plan)}/"


def content_of(plan: Plan) -> str:
    """Return a digest of a run's inputs without ranges. Runs with the same digest write the same bytes."""
    return _digest(msgspec.structs.replace(plan, ranges=[]))


def execution_name(job: LabelingJob, manifest: ManifestSource | None) -> str:
    """Return the base name of a run's executions in Step Functions: at most 72 of the 80 characters allowed."""
    return f"{job.name[:39]}-{_digest((job, manifest))}"


def _digest(value: Any) -> str:
    return blake2b(msgspec.json.encode(value), digest_size=16).hexdigest()
