"""Actions of operators on the portal's jobs with their own permissions: rebuild the table's rows, and reopen a job."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.groundtruth.job import JobError
from truepoint.jobs.stack import StackError, StackOutputs
from truepoint.keys import JOB_NAME, JOBS_PREFIX
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job
from truepoint.task_queue.table import Table
from truepoint.tasks.discovery import description
from truepoint.tasks.labeling_job import LabelingJobError
from truepoint.tasks.lead_actions import LeadActions, NotPossibleError
from truepoint.tasks.rebuilding import load_or_rebuild

if TYPE_CHECKING:
    from boto3 import Session

_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION")


@contextmanager
def acting_as(session: Session) -> Iterator[None]:
    """Put a session's credentials and Region into the environment during the block.

    The clients of the handlers' code read them only from environment variables.
    """
    before = {name: os.environ.get(name) for name in _VARIABLES}
    credentials = session.get_credentials()
    if credentials is not None:  # otherwise the first call fails with a clear error
        frozen = credentials.get_frozen_credentials()
        given = (frozen.access_key, frozen.secret_key, frozen.token, session.region_name, session.region_name)
        _set(dict(zip(_VARIABLES, given, strict=True)))
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def reopen_in_portal(stack: StackOutputs, name: str, hours: float) -> None:
    """Reopen a job, with the same effect as a lead's action on the portal's page.

    Args:
        stack: the stack.
        name: the job's name.
        hours: minimum time for which the job accepts answers, in hours.

    Raises:
        JobError: the job cannot be reopened.
    """
    try:
        table = Table(stack.portal_table)
        key = rows.job_key(name.lower())
        if key not in table.get([key]):
            Rebuild(stack).job(name.lower(), lambda _images: None)  # the job ended before the stack had a portal
        job: Job = rows.read(table.get([key])[key], Job)
        LeadActions(Bucket(stack.bucket), table).reopen(job, hours, time.time())
    except (LabelingJobError, NotPossibleError, NotReadableError) as error:
        raise JobError(f"{name}: {error}") from error


class Rebuild:
    """The jobs of a stack's portal, which can be rebuilt.

    Args:
        stack: the stack.

    Raises:
        StackError: the stack has no portal.
    """

    def __init__(self, stack: StackOutputs) -> None:
        if not stack.portal_table:
            raise StackError("the stack has no portal; deploy it with the parameter Portal=yes first")
        self._store = Bucket(stack.bucket)
        self._table = Table(stack.portal_table)

    def names(self) -> list[str]:
        """Return the names of all jobs outside Ground Truth, including ended ones."""
        folders = [name for name in self._store.folders(JOBS_PREFIX) if JOB_NAME.fullmatch(name)]
        return [name for name in folders if self._store.etag(f"{JOBS_PREFIX}{name}/labeling_job.json")]

    def job(self, name: str, progress: Callable[[int], object]) -> Job:
        """Rebuild a job's rows unless the job has a row, and return its row.

        Args:
            name: the job's name.
            progress: called with the number of further images that were rebuilt.

        Raises:
            JobError: the job does not exist, or its files cannot be used.
        """
        try:
            document = description(self._store, name)
            if document is None:
                raise JobError(f"there is no job {name!r} outside Ground Truth in s3://{self._store.name}/jobs/")
            return load_or_rebuild(self._store, self._table, document, progress)
        except (LabelingJobError, NotReadableError) as error:
            raise JobError(f"{name}: {error}") from error
