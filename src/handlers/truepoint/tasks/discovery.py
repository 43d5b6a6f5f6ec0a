"""Finding new jobs: folders below `jobs/` with the description of a job outside Ground Truth that has not ended."""

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
"""A folder without a job is looked at again after this share of its age: those of Ground Truth's jobs never get one."""
LONGEST_WAIT = 3600.0
LOAD_SECONDS = 400.0
"""Seconds that must be left for a job to be loaded: a million lines take about two minutes."""


class NewJob(NamedTuple):
    """A folder that was looked at: the job that was loaded from it, or why it could not be."""

    folder: str
    job: Job | None
    problem: str


def find_jobs(
    store: Bucket, table: Table, now: Callable[[], float], seconds_left: Callable[[], float]
) -> Iterator[NewJob]:
    """Load each new job into the table. Can be repeated, and interrupted between any two calls.

    Yields:
        NewJob: the jobs that were loaded, and the folders whose description cannot be used.
    """
    listed = {row["sk"] for row in table.query(rows.JOBS)}
    looked = {row["sk"]: row for row in table.query(rows.FOLDERS)}
    for folder in store.folders(JOBS_PREFIX):
        # Our own keys are in lower case; see truepoint.keys.
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
    """Load the job in a folder; return None if there is none, or one that has ended."""
    document = description(store, folder)
    if document is None or parse_labeling_job(document).ended:
        return None
    return load_or_rebuild(store, table, document)


def description(store: Bucket, name: str) -> Mapping[str, Any] | None:
    """Return the description of a job outside Ground Truth, None if there is none.

    Raises:
        JobError: it is no description, or that of another job.
    """
    text = store.find(job_keys(name).labeling_job, LARGEST_DESCRIPTION)
    if text is None:
        return None
    document = parse_description(text)
    if str(document.get("LabelingJobName")).lower() != name.lower():
        raise JobError(f"expected the description of the job {name!r}, got that of {document.get('LabelingJobName')!r}")
    return document
