"""The work of a tick on one job: every step from its creation to its results that no worker's request performs."""

from __future__ import annotations

from typing import NamedTuple

from truepoint.adapters.bucket import NotReadableError
from truepoint.groundtruth.job import JobError
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job
from truepoint.task_queue.table import Table
from truepoint.tasks.consolidating import Consolidation
from truepoint.tasks.dependencies import Dependencies
from truepoint.tasks.discovery import description
from truepoint.tasks.ending import Ending
from truepoint.tasks.interrupted import Interrupted
from truepoint.tasks.job_lease import JobLease
from truepoint.tasks.labeling_job import LabelingJobError, parse_labeling_job

NO_CONSOLIDATION = (
    "The function that makes labels of the answers fails. No answer is lost; it is called again by itself. "
    "The function's log says why it fails."
)
NO_TASKS = (
    "The function that prepares tasks fails for some images. It is called again by itself, and images for which it "
    "always fails are left out. The function's log says why it fails."
)


class Moved(NamedTuple):
    """The result of a tick for one job.

    Attributes:
        labelled: number of images that got their label.
        failed: number of images whose failure was recorded.
        counted: number of answers that interrupted requests had stored and that were now counted.
        ended: whether the job has ended.
        problem: what keeps the job from advancing; empty if nothing does.
    """

    labelled: int = 0
    failed: int = 0
    counted: int = 0
    ended: bool = False
    problem: str = ""


def move(dependencies: Dependencies, name: str, holder: str) -> Moved | None:
    """Advance one job as far as possible; return None if another process is doing so, or if the job has ended.

    Raises:
        LostJobLeaseError: another process has taken over the lease, because this one was too slow.
        LabelingJobError, JobError, NotReadableError: the job's files cannot be used.
        UnavailableError: S3 failed.
        BusyError, BusyWorkerError: concurrent writes to some rows made this process give up.
    """
    job_lease = JobLease.take(dependencies.table, name, holder, dependencies.now)
    if job_lease is None:
        return None
    try:
        job = _job(dependencies.table, name)
        if job is None or job.is_ended:
            return None
        try:
            return _move(dependencies, job, job_lease)
        except (LabelingJobError, JobError, NotReadableError) as error:
            problem = f"A file of the job cannot be used: {error}"
            dependencies.table.set_if_exists(rows.job_key(job.key), {"problem": problem})
            raise
    finally:
        job_lease.leave()


def _move(dependencies: Dependencies, job: Job, job_lease: JobLease) -> Moved:
    document = description(dependencies.store, job.name)
    if document is None:
        raise NotReadableError(f"the description of the job {job.name} is missing")
    described = parse_labeling_job(document)
    ending = Ending(dependencies, job, described)
    if not ending.open_again(job_lease):
        return Moved()
    interrupted = Interrupted(dependencies, job)
    counted, all_handed_out, no_tasks = 0, False, ""
    if job.status == "InProgress":
        all_handed_out = interrupted.offer_lost_lines(job_lease)
        counted = interrupted.count_answers(job_lease)
        no_tasks = interrupted.close_troubled(job_lease)
        job = ending.begin_if_due(job_lease, all_handed_out=all_handed_out)
    consolidation = Consolidation(dependencies, job, described)
    outcome = consolidation.run(job_lease)
    problem = NO_CONSOLIDATION if outcome.problem or job_lease.state.stuck else NO_TASKS if no_tasks else ""
    ended = False
    if job.status == "Stopping":
        ended = Ending(dependencies, job, described).advance(
            job_lease, interrupted, consolidation, is_left=outcome.is_left
        )
    if not ended and problem != job.problem:
        dependencies.table.set_if_exists(rows.job_key(job.key), {"problem": problem})
    return Moved(consolidation.labelled, consolidation.failed, counted, ended, problem)


def _job(table: Table, name: str) -> Job | None:
    key = rows.job_key(name)
    row = table.get([key]).get(key)
    job: Job | None = rows.read(row, Job) if row else None
    return job
