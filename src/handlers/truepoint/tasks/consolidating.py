"""Consolidation of images that have all their answers, in batches, by the job's consolidation function.

The function gets the request that Ground Truth would send. Request and response are stored in the bucket under the same
name. A label is recorded only if the image has not changed since its answers were read. So if a worker corrects an
answer in the meantime, the image is consolidated again.

If the function fails for a batch, smaller batches are tried, until a failing image is alone. It is tried again later, a
limited number of times. Then the failure is recorded, and the image counts as failed.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from truepoint import keys
from truepoint.adapters.bucket import ChangedError, NotReadableError
from truepoint.adapters.control import FunctionError
from truepoint.keys import s3_uri
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Image, Job, LineLocation
from truepoint.task_queue.table import Action, ConditionError, Item
from truepoint.tasks import documents, output_layout
from truepoint.tasks.answers import read_answer
from truepoint.tasks.dependencies import Dependencies
from truepoint.tasks.documents import Label, ManifestLine
from truepoint.tasks.gold_scores import GoldScores
from truepoint.tasks.job_lease import JobLease
from truepoint.tasks.labeling_job import JobDescription, LabelingJobError
from truepoint.tasks.loading import read_line
from truepoint.tasks.retries import is_hopeless, wait_after

BATCH = 50
"""Maximum number of images in a request. The annotation of ten people has 10 kB, and a response at most 6 MB."""
BATCH_BYTES = 2_000_000
"""Maximum size of the answers in a request with several images, in bytes. post_annotation takes a second for them."""
LARGEST_RESPONSE = 6_291_556
"""Maximum size of a Lambda function's response, in bytes
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
READERS = 16
"""Number of concurrent reads from S3. A batch of 50 images with three workers has 200 files."""
INVOCATION_SECONDS = 150.0
"""Timeout of the call, in seconds: the function's own timeout of 120 s and a margin."""
CORRECTION_SECONDS = 120
"""Time after an image's last answer in which answers can still be corrected, in seconds, unless the stack sets it."""
CLOSING = 2
"""Number of writes that close an image without gold. Those of fifty images fit into one transaction of 100 writes."""
MOST_IN_A_ROW = 8
"""Number of consecutive failures after which a tick stops calling the function."""
LONGEST_REST = 1800.0
"""Maximum time without a call after a tick in which every call failed, in seconds."""
MOST_STUCK = 10
"""Number of ticks without a success after which the waiting images of a job that is being ended count as failed."""

NO_LABEL = "ClientError: the consolidation function gave no label for this object"


class Outcome(NamedTuple):
    """The result of a run: whether images wait for their label, and the function's last error, empty without one."""

    is_left: bool
    problem: str


_Object = tuple[ManifestLine, dict[str, dict[str, Any]]]
"""A line, and the fields of each worker's answer."""


class _Complete(NamedTuple):
    """An image that waits for its label: its row in the list of complete images, its line, and its own row."""

    row: Item
    line: int
    image: Image

    @property
    def most(self) -> int:
        """The maximum number of images in a request with this image, which decreases after failures."""
        return int(self.row.get("most", BATCH))

    @property
    def size(self) -> int:
        return sum(done.size for done in self.image.done.values())


class Consolidation:
    """The consolidation of one job.

    Args:
        dependencies: the stack, its functions, and the time.
        job: the job's row.
        described: the job's description.

    Attributes:
        labelled: number of images that got their label.
        failed: number of images whose failure was recorded.
    """

    def __init__(self, dependencies: Dependencies, job: Job, described: JobDescription) -> None:
        self._store, self._table = dependencies.store, dependencies.table
        self._invoke, self._now, self._seconds_left = (
            dependencies.invoke_text,
            dependencies.now,
            dependencies.seconds_left,
        )
        self._correction_seconds = dependencies.correction_seconds
        self._job = job
        self._described = described
        self._folder = keys.output_folder(job.name)
        self._gold = GoldScores(dependencies.store, job)
        self.labelled = self.failed = self._in_a_row = 0
        self._worked = ""  # the last request that the function answered
        self._problem = ""

    def run(self, job_lease: JobLease) -> Outcome:
        """Consolidate complete images until none is left, the function fails repeatedly, or little time remains.

        Raises:
            LostJobLeaseError: another process has the lease.
            UnavailableError: S3 failed. Labels until then are recorded.
        """
        self._in_a_row, self._worked, self._problem = 0, "", ""
        if self._now() >= job_lease.state.rest or self._is_ending:
            while self._pass(job_lease):
                pass
            self._judge(job_lease)
        is_left = bool(self._table.query(rows.complete_pk(self._job.key), limit=1))
        return Outcome(is_left, self._problem)

    @property
    def _is_ending(self) -> bool:
        return self._job.status == "Stopping"

    def _pass(self, job_lease: JobLease) -> bool:
        """Try each image that is due once, and return whether some should be tried again in smaller batches."""
        again = False
        for batch in self._batches():
            if not self._can_go_on():
                return False
            job_lease.keep()
            again = self._consolidate(batch, job_lease) or again
        return again

    def _can_go_on(self) -> bool:
        return self._in_a_row < MOST_IN_A_ROW and self._seconds_left() > INVOCATION_SECONDS + 30

    def _batches(self) -> Iterator[list[_Complete]]:
        """Yield batches in the order in which images were completed."""
        batch: list[_Complete] = []
        size = 0
        for complete in self._due():
            most = min(complete.most, batch[0].most if batch else BATCH)
            if batch and (len(batch) >= most or size + complete.size > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(complete)
            size += complete.size
        if batch:
            yield batch

    def _due(self) -> Iterator[_Complete]:
        pk = rows.complete_pk(self._job.key)
        settled = f"{rows.milliseconds(self._now() - self._correction_seconds)}#{rows.LAST}"
        low, high = "", "" if self._is_ending else settled
        while page := self._table.query(pk, low, high, BATCH):
            low = page[-1]["sk"]
            images = self._table.get([rows.image_key(self._job.key, row["line"]) for row in page])
            for row in page:
                image: Image = rows.read(images.get(rows.image_key(self._job.key, row["line"])), Image)
                if image.is_closed or not image.done:
                    self._table.write(Action(row["pk"], row["sk"]))  # another process was faster
                elif self._is_ending or row.get("not_before", 0) <= self._now():
                    yield _Complete(row, row["line"], image)

    # -- one batch

    def _consolidate(self, batch: Sequence[_Complete], job_lease: JobLease) -> bool:
        """Consolidate a batch; return whether its images should be tried again at once, in smaller batches."""
        try:
            objects = self._objects(batch)
        except (NotReadableError, LabelingJobError) as error:
            return self._fail(batch, f"ClientError: an answer or its line cannot be read: {error}", job_lease)
        text = json.dumps(documents.consolidation_request(objects)).encode()
        now = datetime.fromtimestamp(int(self._now()), UTC)
        name = output_layout.portal_batch(now, batch[0].line)
        while not self._write_new(f"{self._folder}{output_layout.CONSOLIDATION_REQUESTS}{name}", text):
            now += timedelta(seconds=1)  # another request of this second starts with the same image
            name = output_layout.portal_batch(now, batch[0].line)
        request = f"{self._folder}{output_layout.CONSOLIDATION_REQUESTS}{name}"
        response = f"{self._folder}{output_layout.CONSOLIDATION_RESPONSES}{name}"
        event = documents.consolidation_event(self._described, s3_uri(self._store.name, request))
        try:
            answer = self._invoke(self._described.consolidation_arn, event, INVOCATION_SECONDS)
            self._labels(answer, now, batch)
        except FunctionError as error:
            return self._fail(batch, f"ClientError: the consolidation function failed: {error}", job_lease)
        except LabelingJobError as error:
            return self._fail(batch, f"ClientError: {error}", job_lease)
        self._in_a_row, self._worked = 0, request
        if not self._write_new(response, answer):
            answer = self._store.read(response, largest=LARGEST_RESPONSE)  # another process was faster
        self._record(batch, self._labels(answer, now, batch), response, objects)
        return False

    def _labels(self, answer: bytes, now: datetime, batch: Sequence[_Complete]) -> dict[str, Label]:
        wanted = [str(complete.line) for complete in batch]
        return documents.parse_consolidation_response(answer, self._described.label_attribute, now, wanted)

    def _objects(self, batch: Sequence[_Complete]) -> list[_Object]:
        with ThreadPoolExecutor(READERS) as pool:
            lines = [pool.submit(self._line, complete) for complete in batch]
            answers = [
                {
                    worker: pool.submit(read_answer, self._store, done.key, worker)
                    for worker, done in complete.image.done.items()
                }
                for complete in batch
            ]
            return [
                (line.result(), {worker: content.result() for worker, content in contents.items()})
                for line, contents in zip(lines, answers, strict=True)
            ]

    def _line(self, complete: _Complete) -> ManifestLine:
        location = LineLocation(complete.line, complete.image.offset, complete.image.length)
        return dataclasses.replace(read_line(self._store, self._job.manifest, location), object_id=str(complete.line))

    def _write_new(self, key: str, text: bytes) -> bool:
        try:
            self._store.swap(key, text, None)
        except (ChangedError, NotReadableError):  # NotReadableError: the existing file is too large to be the portal's
            return False
        return True

    def _record(
        self, batch: Sequence[_Complete], labels: Mapping[str, Label], response: str, objects: Sequence[_Object]
    ) -> None:
        """Record the labels of a batch in one transaction, or one by one if an image has changed."""
        changes = []
        for complete, (line, answers) in zip(batch, objects, strict=True):
            field, value = ("label", response) if str(complete.line) in labels else ("failure", NO_LABEL)
            scores = self._gold.of(complete.line, line.source, answers)
            changes.append([*self._close(complete, field, value), *self._scored(scores)])
        done = []
        together = [action for actions in changes for action in actions if len(actions) == CLOSING]
        if together and self._try(together):
            done = [complete for complete, actions in zip(batch, changes, strict=True) if len(actions) == CLOSING]
        for complete, actions in zip(batch, changes, strict=True):
            if complete not in done and self._try(actions):
                done.append(complete)
        labelled = sum(str(complete.line) in labels for complete in done)
        self.labelled += labelled
        self.failed += len(done) - labelled

    def _scored(self, scores: Mapping[str, float]) -> list[Action]:
        """Return writes that add a gold image's scores to its workers' rows.

        They are in the transaction of the label, so that each score is added once.
        """
        return [
            Action(
                *rows.worker_key(self._job.key, worker),
                update="ADD gold_answers :one, gold_sum :score",
                values={"one": 1, "score": score},
            )
            for worker, score in scores.items()
        ]

    def _try(self, pair: Sequence[Action]) -> bool:
        try:
            self._table.transact(pair)
        except ConditionError:
            return False  # an answer was corrected, so the image is tried again; or another process closed it
        return True

    def _close(self, complete: _Complete, field: str, value: str) -> list[Action]:
        changes = complete.image.changes
        image = Action.set(
            rows.image_key(self._job.key, complete.line),
            {field: value, "changes": changes + 1},
            "#changes = :before AND #label = :none AND #failure = :none",
            {"before": changes, "none": ""},
        )
        return [image, Action(complete.row["pk"], complete.row["sk"])]

    # -- failures

    def _fail(self, batch: Sequence[_Complete], reason: str, job_lease: JobLease) -> bool:
        self._in_a_row += 1
        self._problem = reason
        if len(batch) > 1:
            half = len(batch) // 2
            for complete in batch:
                self._note(complete, {"most": half})
            return True
        (complete,) = batch
        tries = int(complete.row.get("tries", 0)) + 1
        first = float(complete.row.get("first", 0)) or self._now()
        if is_hopeless(tries, lambda: self._works_for_others(job_lease, first)):
            self._give_up(complete, reason)
            return False
        again = self._now() + wait_after(tries)
        self._note(complete, {"most": 1, "tries": tries, "first": first, "not_before": again})
        return False

    def _works_for_others(self, job_lease: JobLease, since: float) -> bool:
        """Return whether the function works for other images. If unknown, repeat an earlier successful request.

        If it does not, the function is at fault and not the image.
        """
        if self._worked or job_lease.state.worked > since:
            return True
        if not job_lease.state.proof:
            return False
        event = documents.consolidation_event(self._described, s3_uri(self._store.name, job_lease.state.proof))
        try:
            answer = self._invoke(self._described.consolidation_arn, event, INVOCATION_SECONDS)
            documents.parse_consolidation_response(answer, self._described.label_attribute, datetime.now(UTC))
        except (FunctionError, LabelingJobError):
            return False
        return True

    def _give_up(self, complete: _Complete, reason: str) -> None:
        if self._try(self._close(complete, "failure", reason)):
            self.failed += 1

    def _note(self, complete: _Complete, fields: Mapping[str, Any]) -> None:
        self._table.set_if_exists((complete.row["pk"], complete.row["sk"]), fields)

    def _judge(self, job_lease: JobLease) -> None:
        """Record whether the function works.

        If the job is being ended and the function failed in `MOST_STUCK` ticks, record a failure for each waiting
        image.
        """
        if self._worked:
            job_lease.save(worked=self._now(), proof=self._worked, stuck=0, rest=0.0)
            return
        if not self._in_a_row:
            return
        stuck = job_lease.state.stuck + 1
        job_lease.save(stuck=stuck, rest=self._now() + min(wait_after(stuck), LONGEST_REST))
        if self._is_ending and stuck >= MOST_STUCK:
            for complete in self._due():
                job_lease.keep()
                self._give_up(complete, self._problem)
