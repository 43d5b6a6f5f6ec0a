"""The work of a tick on one job: everything between its creation and its results that no worker's request does."""

from __future__ import annotations

from typing import NamedTuple

from truepoint.adapters.bucket import NotReadableError
from truepoint.groundtruth.job import JobError
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job
from truepoint.task_queue.table import Action, ConditionError, Table
from truepoint.tasks.consolidating import Consolidation
from truepoint.tasks.discovery import description
from truepoint.tasks.ending import Ending
from truepoint.tasks.interrupted import Interrupted
from truepoint.tasks.labeling_job import LabelingJobError, parse_labeling_job
from truepoint.tasks.turn import Turn
from truepoint.tasks.world import World

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


def move(world: World, name: str, holder: str) -> Moved | None:
    """Advance one job as far as possible; return None if another process is doing so, or if the job has ended.

    Raises:
        LostTurnError: another process has taken over the lease, because this one was too slow.
        LabelingJobError, JobError, NotReadableError: the job's files cannot be used.
        UnavailableError: S3 failed.
        BusyError, BusyWorkerError: concurrent writes to some rows made this process give up.
    """
    turn = Turn.take(world.table, name, holder, world.now)
    if turn is None:
        return None
    try:
        job = _job(world.table, name)
        if job is None or job.is_ended:
            return None
        try:
            return _move(world, job, turn)
        except (LabelingJobError, JobError, NotReadableError) as error:
            _say(world.table, job, f"A file of the job cannot be used: {error}")
            raise
    finally:
        turn.leave()


def _move(world: World, job: Job, turn: Turn) -> Moved:
    document = description(world.store, job.name)
    if document is None:
        raise NotReadableError(f"the description of the job {job.name} is missing")
    described = parse_labeling_job(document)
    ending = Ending(world, job, described)
    if not ending.open_again(turn):
        return Moved()
    interrupted = Interrupted(world, job)
    counted, all_handed_out, no_tasks = 0, False, ""
    if job.status == "InProgress":
        all_handed_out = interrupted.offer_lost_lines(turn)
        counted = interrupted.count_answers(turn)
        no_tasks = interrupted.close_troubled(turn)
        job = ending.begin_if_due(turn, all_handed_out=all_handed_out)
    consolidation = Consolidation(world, job, described)
    outcome = consolidation.run(turn)
    problem = NO_CONSOLIDATION if outcome.problem or turn.state.stuck else NO_TASKS if no_tasks else ""
    ended = False
    if job.status == "Stopping":
        ended = Ending(world, job, described).advance(turn, interrupted, consolidation, is_left=outcome.is_left)
    if not ended and problem != job.problem:
        _say(world.table, job, problem)
    return Moved(consolidation.labelled, consolidation.failed, counted, ended, problem)


def _job(table: Table, name: str) -> Job | None:
    key = rows.job_key(name)
    row = table.get([key]).get(key)
    job: Job | None = rows.read(row, Job) if row else None
    return job


def _say(table: Table, job: Job, problem: str) -> None:
    try:
        table.write(
            Action(
                *rows.job_key(job.key),
                update="SET #problem = :problem",
                condition="attribute_exists(pk)",
                names={"problem": "problem"},
                values={"problem": problem},
            )
        )
    except ConditionError:
        return
