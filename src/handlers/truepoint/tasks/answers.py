"""Answers, corrections and skips: written to the bucket, then to the queue's table, and then acknowledged.

A file's name consists of the line, the worker and a version, and an existing file is never overwritten. A repeated
request after an interruption finds the file of the first attempt and continues from there, so that the answer counts
once. Files that the table does not name belong to requests that were never acknowledged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from truepoint import keys
from truepoint.adapters.bucket import Bucket, ChangedError
from truepoint.task_queue.queue import TaskQueue, Verdict
from truepoint.task_queue.rows import Done, Image, Job, Lease, Worker
from truepoint.tasks import output_layout
from truepoint.tasks.documents import WorkerAnswer, parse_worker_response, worker_response
from truepoint.tasks.labeling_job import LabelingJobError

LARGEST_FILE = 16 * 1024 * 1024
"""Maximum size of an answer's file that is read, in bytes. A request's body has at most 4 MB, and JSON may escape a
character of two bytes with six."""
MOST_VERSIONS = 50
"""Maximum number of versions of one answer. It stops a faulty program."""


class Answers:
    """The answers, corrections and skips of one job's workers.

    Every method may raise BusyWorkerError, BusyError or UnavailableError. Then nothing was acknowledged, and the same
    request can be made again.
    """

    def __init__(self, store: Bucket, queue: TaskQueue, job: Job) -> None:
        self._store = store
        self._queue = queue
        self._job = job

    def submit(
        self, worker: str, row: Worker, line: int, content: Mapping[str, Any], *, seconds: float, now: float
    ) -> Verdict:
        """Store and count an answer.

        Args:
            worker: the worker's pseudonym.
            row: the worker's row.
            line: the image's line.
            content: the form's fields.
            seconds: the worker's time as the page measured it; limited to the time since the lease began.
            now: seconds since 1970.
        """
        if not self._job.is_open:
            return Verdict.CLOSED
        lease = self._lease(row, line, now)
        if lease is None:
            return Verdict.REPEATED if worker in self._queue.image(line).done else Verdict.TOO_LATE
        done = self._store_answer(worker, line, content, first=0, accepted=lease.since, now=now)
        if done is None:
            return Verdict.TOO_LATE
        return self._queue.submit(worker, row, line, done, min(seconds, max(0.0, now - lease.since)))

    def correct(
        self, worker: str, line: int, content: Mapping[str, Any], now: float, since: float | None = None
    ) -> Verdict:
        """Replace a worker's own answer. It is too late once the image has its label.

        Args:
            worker: the worker's pseudonym.
            line: the image's line.
            content: the form's fields.
            now: seconds since 1970.
            since: the time of the answer that the worker corrects; None replaces the newest answer, whichever it is.
        """
        if not self._job.is_open:
            return Verdict.CLOSED
        image = self._queue.image(line)
        before = own_answer(image, worker)
        if before is None:
            return Verdict.TOO_LATE
        text = self._store.read(before.key, largest=LARGEST_FILE)
        if _content(text, worker) == content:
            return Verdict.ACCEPTED  # a repeated request, or one that changes nothing
        if since not in {None, before.time}:
            return Verdict.CHANGED
        version = output_layout.version_of(before.key) + 1
        done = self._store_answer(worker, line, content, first=version, accepted=_accepted(text), now=now)
        if done is None:
            return Verdict.TOO_LATE
        return self._queue.correct(worker, line, done, None if since is None else before)

    def skip(self, worker: str, row: Worker, line: int, *, reason: str, note: str, now: float) -> Verdict:
        """Give up an image so that it is not offered to the worker again. The leads see the reason and the note."""
        if not self._job.is_open:
            return Verdict.CLOSED
        if line in self._job.gold:
            return Verdict.REFUSED
        if self._lease(row, line, now) is None:
            return Verdict.REPEATED if worker in self._queue.image(line).declined else Verdict.TOO_LATE
        said = {"worker": worker, "reason": reason, "note": note}
        text = json.dumps({"line": line, "time": now} | said).encode()
        self._store.write(keys.skip(self._job.name, line, worker), text, "application/json")
        return self._queue.skip(worker, row, line, said, now)

    def content(self, done: Done, worker: str) -> dict[str, Any]:
        """Return the form's fields of an answer.

        Raises:
            NotReadableError: the file is missing.
            LabelingJobError: the file holds no answer of the worker.
        """
        return read_answer(self._store, done.key, worker)

    def _lease(self, row: Worker, line: int, now: float) -> Lease | None:
        """Return the worker's lease on a line, None if it was lost. Without a lease nothing may be written."""
        lease = row.lease_of(line)
        if lease is None or (lease.until <= now and not self._queue.holds(lease)):
            return None
        return lease

    def _store_answer(
        self, worker: str, line: int, content: Mapping[str, Any], *, first: int, accepted: float, now: float
    ) -> Done | None:
        """Write the file of an answer, unless a file with the same content exists; None if there are too many versions.

        A file with other content belongs to a request that was never acknowledged. Then the next version is written.
        """
        answer = WorkerAnswer(worker, content, datetime.fromtimestamp(accepted, UTC), datetime.fromtimestamp(now, UTC))
        text = json.dumps(worker_response(answer)).encode()
        for version in range(first, MOST_VERSIONS):
            relative = output_layout.portal_answer(line, worker, version)
            key = f"{keys.output_folder(self._job.name)}{relative}"
            try:
                self._store.swap(key, text, None)
                return Done(key=key, size=len(text), time=now)
            except ChangedError:
                stored = self._store.read(key, largest=LARGEST_FILE)
                if _content(stored, worker) == content:
                    return Done(key=key, size=len(stored), time=now)
        return None


def read_answer(store: Bucket, key: str, worker: str) -> dict[str, Any]:
    """Return the form's fields of a stored answer.

    Raises:
        NotReadableError: the file is missing.
        LabelingJobError: the file holds no answer of the worker.
    """
    content = _content(store.read(key, largest=LARGEST_FILE), worker)
    if content is None:
        raise LabelingJobError(f"expected an answer of the worker {worker} in {key}, got none")
    return content


def own_answer(image: Image, worker: str) -> Done | None:
    """Return a worker's answer for an image, None if there is none or it can no longer be corrected."""
    return None if image.is_closed else image.done.get(worker)


def _content(text: bytes, worker: str) -> dict[str, Any] | None:
    try:
        return parse_worker_response(text).get(worker)
    except LabelingJobError:
        return None


def _accepted(text: bytes) -> float:
    """Return the time at which the worker got the task of a stored answer, in seconds since 1970."""
    return datetime.fromisoformat(str(json.loads(text)["answers"][0]["acceptanceTime"])).timestamp()
