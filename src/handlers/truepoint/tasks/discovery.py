"""Discovery of new jobs: folders below `jobs/` with the description of an open job outside Ground Truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.groundtruth.job import LARGEST_DESCRIPTION, JobError, parse_description
from truepoint.keys import JOB_NAME, JOBS_PREFIX, job_keys
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job
from truepoint.task_queue.table import Action, Table
from truepoint.tasks.labeling_job import LabelingJobError, parse_labeling_job
from truepoint.tasks.rebuilding import load_or_rebuild

AGE_SHARE = 1 / 48
"""Time until a folder without a description is checked again, as a share of the time since its first check. Folders of
Ground Truth's jobs never get a description, so they are checked less and less often."""
LONGEST_WAIT = 3600.0
"""Maximum time between two checks of a folder, in seconds."""
LOAD_SECONDS = 400.0
"""Minimum remaining time of the invocation to load a job, in seconds. A million lines take about two minutes."""


class NewJob(NamedTuple):
    """A new job that was loaded from a folder, or the reason why it could not be loaded."""

    folder: str
    job: Job | None
    problem: str


def find_jobs(
    store: Bucket, table: Table, now: Callable[[], float], seconds_left: Callable[[], float]
) -> Iterator[NewJob]:
    """Load each new job into the table. The call is idempotent, also after an interruption.

    Yields:
        NewJob: each job that was loaded, and each folder whose description cannot be used.
    """
    listed = {row["sk"] for row in table.query(rows.JOBS)}
    looked = {row["sk"]: row for row in table.query(rows.FOLDERS)}
    for folder in store.folders(JOBS_PREFIX):
        # Truepoint's keys contain the job's name in lower case; see truepoint.keys.
        if folder in listed or folder != folder.lower() or not JOB_NAME.fullmatch(folder):
            continue
        before = looked.get(folder, {})
        if now() < float(before.get("next", 0)):
            if before.get("problem"):
                yield NewJob(folder, None, str(before["problem"]))
            continue
        if seconds_left() < LOAD_SECONDS:
            return
        try:
            job, problem = _load(store, table, folder), ""
        except (JobError, LabelingJobError, NotReadableError) as error:
            job, problem = None, str(error)
        if job is None:
            since = float(before.get("seen", now()))
            wait = min(LONGEST_WAIT, (now() - since) * AGE_SHARE)
            table.write(Action(*rows.folder_key(folder), put={"seen": since, "next": now() + wait, "problem": problem}))
        elif before:
            table.write(Action(*rows.folder_key(folder)))
        if job or problem:
            yield NewJob(folder, job, problem)


def _load(store: Bucket, table: Table, folder: str) -> Job | None:
    """Load the job in a folder; return None if the folder has no description or the job has ended."""
    document = description(store, folder)
    if document is None or parse_labeling_job(document).ended:
        return None
    return load_or_rebuild(store, table, document)


def description(store: Bucket, name: str) -> Mapping[str, Any] | None:
    """Return the description of a job outside Ground Truth; None if it does not exist.

    Raises:
        JobError: the file is not a description of this job.
    """
    text = store.find(job_keys(name).labeling_job, LARGEST_DESCRIPTION)
    if text is None:
        return None
    document = parse_description(text)
    if str(document.get("LabelingJobName")).lower() != name.lower():
        raise JobError(f"expected the description of the job {name!r}, got that of {document.get('LabelingJobName')!r}")
    return document
