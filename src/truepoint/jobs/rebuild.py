"""What operators do to the portal's jobs with their own permissions: rebuild the table's rows, and reopen a job."""

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
    """Let the functions' own clients, which know only variables, have a session's credentials and Region."""
    before = {name: os.environ.get(name) for name in _VARIABLES}
    credentials = session.get_credentials()
    if credentials is not None:  # else AWS says so with the first call
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
    """Reopen a job as a lead does on the portal's page.

    Raises:
        JobError: it cannot be reopened; says why.
    """
    try:
        table = Table(stack.portal_table)
        key = rows.job_key(name.lower())
        if key not in table.get([key]):
            Rebuild(stack).job(name.lower(), lambda _images: None)  # it was ended before the stack had a portal
        job: Job = rows.read(table.get([key])[key], Job)
        LeadActions(Bucket(stack.bucket), table).reopen(job, hours, time.time())
    except (LabelingJobError, NotPossibleError, NotReadableError) as error:
        raise JobError(f"{name}: {error}") from error


class Rebuild:
    """Rebuilds jobs of a stack's portal.

    Args:
        stack: the stack.

    Raises:
        StackError: it has no portal.
    """

    def __init__(self, stack: StackOutputs) -> None:
        if not stack.portal_table:
            raise StackError("the stack has no portal; deploy it with the parameter Portal=yes first")
        self._store = Bucket(stack.bucket)
        self._table = Table(stack.portal_table)

    def names(self) -> list[str]:
        """Return the names of the jobs outside Ground Truth, ended ones too."""
        folders = [name for name in self._store.folders(JOBS_PREFIX) if JOB_NAME.fullmatch(name)]
        return [name for name in folders if self._store.etag(f"{JOBS_PREFIX}{name}/labeling_job.json")]

    def job(self, name: str, progress: Callable[[int], object]) -> Job:
        """Make a job's rows unless it has its row, and return that.

        Raises:
            JobError: the job's files cannot be used; says why.
        """
        try:
            document = description(self._store, name)
            if document is None:
                raise JobError(f"there is no job {name!r} outside Ground Truth in s3://{self._store.name}/jobs/")
            return load_or_rebuild(self._store, self._table, document, progress)
        except (LabelingJobError, NotReadableError) as error:
            raise JobError(f"{name}: {error}") from error
