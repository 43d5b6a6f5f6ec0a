"""The leads' actions on a job: pause, resume, finish, extend, reopen, and who may work on it.

An action first changes the bucket: the job's description, or `settings.json` for settings for which Ground Truth's
description has no member. Then it changes the table. Each action is idempotent. If two leads act at the same time, both
actions take effect, or one lead gets an error with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from truepoint import keys
from truepoint.adapters.bucket import Bucket, ChangedError, NotReadableError
from truepoint.groundtruth.job import LARGEST_DESCRIPTION, JobError, parse_description
from truepoint.json_text import JsonError, decode
from truepoint.keys import job_keys
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, Worker
from truepoint.task_queue.table import Action, ConditionError, Table
from truepoint.tasks.interrupted import REQUEST_SECONDS
from truepoint.tasks.labeling_job import LabelingJobError, parse_labeling_job, reopened, with_status

REOPENED_SECONDS = 960.0
"""Minimum time for which a reopened job stays open, in seconds. An invocation that was ending the job the first time
has finished by then."""
LARGEST_SETTINGS = 1024 * 1024
"""Maximum size of `settings.json`, in bytes."""
MOST_HOURS = 365 * 24.0
"""Maximum number of hours by which a deadline can be moved: one year."""
TRIES = 8
"""Maximum number of tries to change a file that other processes change at the same time."""


class NotPossibleError(Exception):
    """An action that the job's state does not allow, with a code and a message for the lead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class JobSettings:
    """The settings of a job, which leads change, stored in `settings.json`.

    Attributes:
        paused: whether the job hands out no tasks and accepts no answers.
        everyone: whether every worker may work on the job.
        members: pseudonyms of the workers who may work on the job if `everyone` is false.
        paused_workers: pseudonyms of workers who get no tasks.
    """

    paused: bool = False
    everyone: bool = True
    members: frozenset[str] = frozenset()
    paused_workers: frozenset[str] = frozenset()

    def text(self) -> bytes:
        """Return the file's content."""
        document = {
            "version": "1.0",
            "paused": self.paused,
            "everyone": self.everyone,
            "members": sorted(self.members),
            "paused_workers": sorted(self.paused_workers),
        }
        return json.dumps(document).encode()


def parse_settings(text: bytes) -> JobSettings:
    """Parse `settings.json`.

    Raises:
        LabelingJobError: the text does not contain settings.
    """
    try:
        document = decode(text, dict[str, Any])
        return JobSettings(
            paused=bool(document.get("paused")),
            everyone=bool(document.get("everyone", True)),
            members=frozenset(map(str, document.get("members", ()))),
            paused_workers=frozenset(map(str, document.get("paused_workers", ()))),
        )
    except (JsonError, TypeError) as error:
        raise LabelingJobError(f"expected the portal's settings of a job, got something else: {error}") from error


def read_settings(store: Bucket, job: str) -> JobSettings:
    """Return a job's settings; the default ones if leads have changed nothing."""
    text = store.find(keys.portal_settings(job), LARGEST_SETTINGS)
    return JobSettings() if text is None else parse_settings(text)


class LeadActions:
    """The leads' actions on jobs.

    Every method may raise UnavailableError, BusyError, NotReadableError or LabelingJobError. The caller can then repeat
    the call.
    """

    def __init__(self, store: Bucket, table: Table) -> None:
        self._store = store
        self._table = table

    def pause(self, job: Job, paused: bool) -> Job:
        """Pause or resume a job. A paused job hands out no tasks and accepts no answers."""
        self._change_settings(job, lambda settings: replace(settings, paused=paused))
        return self._update(job, {"paused": paused})

    def set_members(self, job: Job, everyone: bool, members: Iterable[str]) -> Job:
        """Set who may work on a job: everyone who is signed in, or only `members`."""
        wanted = frozenset(members)
        self._change_settings(job, lambda settings: replace(settings, everyone=everyone, members=wanted))
        rows_now = {row["sk"]: row for row in self._table.query(rows.worker_pk(job.key))}
        for worker in sorted(wanted | rows_now.keys()):
            if bool(rows_now.get(worker, {}).get("member")) != (worker in wanted):
                self._update_worker(job, worker, {"member": worker in wanted})
        return self._update(job, {"everyone": everyone})

    def pause_worker(self, job: Job, worker: str, paused: bool) -> Worker:
        """Pause or resume a worker in a job. A paused worker gets no tasks of the job."""

        def change(settings: JobSettings) -> JobSettings:
            others = settings.paused_workers - {worker}
            return replace(settings, paused_workers=others | {worker} if paused else others)

        self._change_settings(job, change)
        return self._update_worker(job, worker, {"paused": paused})

    def finish(self, job: Job, now: float) -> Job:
        """End a job before every image is labelled. Images with answers get labels, the others stay without one.

        Raises:
            NotPossibleError: the job has ended.
        """
        if job.is_ended:
            raise NotPossibleError("ended", "This job has ended already.")

        def change(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
            described = parse_labeling_job(document)
            if described.ended:
                raise NotPossibleError("ended", "This job has ended already.")
            return None if described.status == "Stopping" else with_status(document, "Stopping", _time(now))

        self._change_description(job, change)
        fields = {"status": "Stopping", "ends_as": "Stopped", "drained": max(job.drained, now + REQUEST_SECONDS)}
        try:
            return self._update(job, fields, "#status = :open", {"open": "InProgress"})
        except ConditionError:
            return self._read(job)  # another lead has finished it, or a tick is ending it

    def extend(self, job: Job, hours: float, now: float) -> Job:
        """Move a job's deadline by a number of hours, counted from the deadline or, if it has passed, from now.

        Raises:
            NotPossibleError: the job has ended or is being ended, or `hours` is out of range.
        """
        _check_hours(hours)
        if job.status != "InProgress":
            raise NotPossibleError("ended", "This job has ended. Reopen it instead.")

        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            described = parse_labeling_job(document)
            if described.status != "InProgress":
                raise NotPossibleError("ended", "This job has ended. Reopen it instead.")
            created = datetime.fromisoformat(str(document["CreationTime"]))
            lifetime = max(described.deadline, _time(now)) + timedelta(hours=hours) - created
            task = {**document["HumanTaskConfig"], "TaskAvailabilityLifetimeInSeconds": int(lifetime.total_seconds())}
            return {**with_status(document, described.status, _time(now)), "HumanTaskConfig": task}

        deadline = parse_labeling_job(self._change_description(job, change)).deadline.timestamp()
        try:
            return self._update(job, {"deadline": deadline}, "#status = :open", {"open": "InProgress"})
        except ConditionError as error:
            raise NotPossibleError("ending", "This job is being ended. Reopen it when it has ended.") from error

    def reopen(self, job: Job, hours: float, now: float) -> Job:
        """Accept answers for images without a label again, for at least `hours` hours. Labels and answers stay.

        Raises:
            NotPossibleError: the job has not ended, or `hours` is out of range.
        """
        _check_hours(hours)
        if not job.is_ended:
            raise NotPossibleError("not-ended", "This job has not ended.")

        def change(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
            if not parse_labeling_job(document).ended:
                return None  # an earlier, interrupted request has changed it
            return reopened(document, _time(now), timedelta(hours=hours))

        described = parse_labeling_job(self._change_description(job, change))
        fields = {
            "status": "InProgress",
            "ends_as": "",
            "problem": "",
            "generation": job.generation + 1,
            "deadline": described.deadline.timestamp(),
            "drained": now + REOPENED_SECONDS,
        }
        condition, values = "#status = :before AND #generation = :old", {"before": job.status, "old": job.generation}
        listed = Action(*rows.listed_key(job.key), put={"name": job.name})
        try:
            self._table.transact([Action.set(rows.job_key(job.key), fields, condition, values), listed])
        except ConditionError:
            return self._read(job)  # another lead has reopened it
        return self._read(job)

    # -- the bucket

    def _change_settings(self, job: Job, change: Callable[[JobSettings], JobSettings]) -> None:
        key = keys.portal_settings(job.name)
        for _ in range(TRIES):
            stored = self._store.find_object(key, LARGEST_SETTINGS)
            before = JobSettings() if stored is None else parse_settings(stored.content)
            after = change(before)
            if stored is not None and after == before:
                return
            try:
                self._store.swap(key, after.text(), stored and stored.etag)
            except ChangedError:
                continue
            return
        raise NotPossibleError("changing", "Others are changing this job at the same time. Try again.")

    def _change_description(
        self, job: Job, change: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    ) -> Mapping[str, Any]:
        return change_description(self._store, job.name, change)

    # -- the table

    def _update(
        self,
        job: Job,
        fields: Mapping[str, Any],
        condition: str = "attribute_exists(pk)",
        values: Mapping[str, Any] | None = None,
    ) -> Job:
        row = self._table.write(Action.set(rows.job_key(job.key), fields, condition, values))
        changed: Job = rows.read(row, Job)
        return changed

    def _read(self, job: Job) -> Job:
        key = rows.job_key(job.key)
        row: Job = rows.read(self._table.get([key])[key], Job)
        return row

    def _update_worker(self, job: Job, worker: str, fields: Mapping[str, Any]) -> Worker:
        row = self._table.write(Action.set(rows.worker_key(job.key, worker), fields))
        changed: Worker = rows.read(row, Worker)
        return changed


def change_description(
    store: Bucket, job: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
) -> Mapping[str, Any]:
    """Change a job's description with optimistic locking, and return the new one.

    Args:
        store: the stack's bucket.
        job: the job's name.
        change: returns the new description for the current one, or None for no change. It may be called repeatedly.

    Raises:
        NotReadableError: the description is missing.
        LabelingJobError: the file is not a description.
        NotPossibleError: other processes changed it in each of TRIES tries.
    """
    key = job_keys(job).labeling_job
    for _ in range(TRIES):
        stored = store.find_object(key, LARGEST_DESCRIPTION)
        if stored is None:
            raise NotReadableError(f"s3://{store.name}/{key} is missing")
        try:
            document = parse_description(stored.content)
        except JobError as error:
            raise LabelingJobError(str(error)) from error
        changed = change(document)
        if changed is None:
            return document
        try:
            store.swap(key, json.dumps(changed, indent=2).encode(), stored.etag)
        except ChangedError:
            continue
        return changed
    raise NotPossibleError("changing", "Others are changing this job at the same time. Try again.")


def _check_hours(hours: float) -> None:
    if not 0 < hours <= MOST_HOURS:
        raise NotPossibleError("bad-input", f"Expected more than 0 and at most {MOST_HOURS:g} hours, got {hours:g}.")


def _time(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)
