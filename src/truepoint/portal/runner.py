"""Runs one labelling job: hands out tasks, stores and consolidates answers, writes the output, announces the end.

The job's whole state is derived from the bucket at every start. An answer is stored before `submit` returns. The next
start completes everything else that a stop or a crash interrupts.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.keys import job_keys, s3_uri
from truepoint.portal.assignments import Lease, Verdict
from truepoint.portal.cloud import Cloud, FunctionFailedError
from truepoint.portal.retries import Retries
from truepoint.portal.state import NO_LABEL, File, JobState, Progress, batch_request, derive_state
from truepoint.pose.instance import pixels
from truepoint.tasks import documents, output_layout
from truepoint.tasks.documents import WorkerAnswer
from truepoint.tasks.labeling_job import LabelingJob, LabelingJobError, parse_labeling_job, with_status

READERS = 16
DISK_FULL = (
    "The disk of this computer is full, so nothing more can be saved. Nothing that was saved is lost. "
    "Free some space and send your answer again."
)
MOST_FAILURES = 3
"""Maximum number of objects that the pre-annotation function may fail for while one worker waits for a task."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task for one worker."""

    lease: Lease
    task_input: Mapping[str, Any]


class JobRunner:
    """One job, shared by the threads of the web server.

    Args:
        cloud: AWS as the job's execution role.
        document_uri: where the job's description is.
        now: the time, with a time zone.

    Raises:
        LabelingJobError: the description cannot be used.
    """

    def __init__(
        self, cloud: Cloud, document_uri: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.cloud = cloud
        self.now = now
        self._document_uri = document_uri
        self._document: dict[str, Any] = _description(cloud.get(document_uri))
        self.job: LabelingJob = parse_labeling_job(self._document)
        self._state: JobState = derive_state(
            self.job,
            cloud.get(self.job.manifest_uri),
            self._read_below(output_layout.WORKER_RESPONSES),
            self._read_below(output_layout.CONSOLIDATION_RESPONSES),
        )
        self._task_inputs: dict[str, Mapping[str, Any]] = {}
        self._pre_annotation = Retries()
        self._consolidation = Retries()
        self._lock = threading.Lock()
        self._submitted = threading.Condition(self._lock)
        self._submitting = 0
        self._taking_answers = not self.job.ended and self.job.status != "Stopping"
        self._worker_locks: dict[str, threading.Lock] = {}
        self._towards_output = threading.RLock()
        self.announced: datetime | None = None
        """The time when this process last published the ended job's event."""

    # -- tasks and answers

    def next_task(self, worker: str) -> Task | None:
        """Return the worker's current or next task; None if there is none now."""
        failures = 0
        while failures < MOST_FAILURES:
            with self._lock:
                lease = self._state.assignments.next_task(worker, self.now()) if self._taking_answers else None
            if lease is None:
                return None
            task_input = self._task_input(lease.object_id)
            if task_input is not None:
                return Task(lease, task_input)
            failures += lease.object_id in self._state.assignments.postponed
        return None

    def upcoming(self, worker: str) -> Mapping[str, Any] | None:
        """Return the input of the task that this worker will probably get next. It is not leased yet."""
        failures = 0
        while failures < MOST_FAILURES:
            with self._lock:
                object_id = self._state.assignments.upcoming(worker, self.now()) if self._taking_answers else None
            if object_id is None:
                return None
            task_input = self._task_input(object_id)
            if task_input is not None:
                return task_input
            failures += object_id in self._state.assignments.postponed
        return None

    def current_task(self, worker: str, object_id: str) -> Task | None:
        """Return the worker's task if it is for this object."""
        with self._lock:
            lease = self._state.assignments.lease_of(worker)
        task_input = self._task_input(object_id) if lease and lease.object_id == object_id else None
        return Task(lease, task_input) if lease and task_input is not None else None

    def submit(
        self, worker: str, object_id: str, content: Mapping[str, Any], started: datetime | None = None
    ) -> Verdict:
        """Store an answer.

        `ACCEPT` means that it is stored; a second answer of the same worker is `REPEATED` and not stored.

        Args:
            worker: the worker's id.
            object_id: what was labelled.
            content: the form's values by field name.
            started: when the worker's page was rendered; used only if the lease is unknown (after a restart).

        Raises:
            LabelingJobError: the job has no such data object, or the answer is nested too deep.
            StorageFullError: the answer is not stored, because there is no room for it.
        """
        if object_id not in self._state.lines:
            raise LabelingJobError(f"expected the id of a data object of the job, got {object_id!r}")
        documents.parse_content(json.dumps(content).encode())
        with self._lock:
            one_at_a_time = self._worker_locks.setdefault(worker, threading.Lock())
        with one_at_a_time:
            with self._lock:
                assignments, now = self._state.assignments, self.now()
                held = assignments.lease_of(worker)
                verdict = assignments.check(object_id, worker, now)
                if verdict is Verdict.ACCEPT and not self._taking_answers:
                    verdict = Verdict.CLOSED
                if verdict is not Verdict.ACCEPT:
                    return verdict
                self._submitting += 1
            handed_out = held.accepted if held and held.object_id == object_id else None
            accepted = handed_out or max(min(started or now, now), now - self.job.time_limit)
            try:
                uri, size = self._write_answer(object_id, WorkerAnswer(worker, content, accepted, now))
                with self._lock:
                    self._state.record_answer(object_id, worker, uri, size)
            finally:
                with self._submitted:
                    self._submitting -= 1
                    self._submitted.notify_all()
        return verdict

    def decline(self, worker: str, object_id: str) -> None:
        """Decline an object: it is not offered to this worker again until the next start."""
        with self._lock:
            self._state.assignments.decline(object_id, worker)

    def progress(self) -> Progress:
        """Return the job's progress."""
        with self._lock:
            return self._state.progress()

    def answered_of(self, worker: str) -> tuple[int, int]:
        """Return how many objects this worker has answered, and how many there are for this worker in all."""
        with self._lock:
            answered = sum(1 for workers in self._state.answers.values() if worker in workers)
            return answered, answered + self._state.assignments.open_for(worker)

    def sources(self) -> tuple[str, ...]:
        """Return the S3 URI, or the inline text, of every data object in the order of the manifest."""
        return tuple(line.source for line in self._state.lines.values())

    def image_sizes(self) -> dict[str, tuple[int | None, int | None]]:
        """Return width and height that the manifest gives for each data object, by its S3 URI."""
        objects = {line.source: line.data_object for line in self._state.lines.values()}
        return {
            source: (pixels(data_object.get("image_width")), pixels(data_object.get("image_height")))
            for source, data_object in objects.items()
        }

    def labels(self) -> dict[str, dict[str, Any]]:
        """Return the consolidated labels so far, by their data object's S3 URI."""
        with self._lock:
            labels = {
                self._state.lines[object_id].source: label.value for object_id, label in self._state.labels.items()
            }
        return {source: self._label(json.loads(bytes(value))) for source, value in labels.items()}

    def is_finished(self) -> bool:
        """Return whether no object needs another answer."""
        with self._lock:
            return self._state.assignments.is_finished()

    # -- towards the output

    @property
    def problem(self) -> str | None:
        """Return why the job is stuck: a full disk, or the failing function and its reason; None if it is not."""
        if self.cloud.is_full:
            return DISK_FULL
        with self._lock:
            for name, retries in (("pre-annotation", self._pre_annotation), ("consolidation", self._consolidation)):
                if retries.reason and (attempt := retries.next_attempt(self.now())):
                    seconds = (attempt - self.now()).total_seconds()
                    soon = f"{seconds:.0f} s" if seconds >= 1 else "a moment"
                    failure = f"The {name} function failed: {retries.reason}"
                    return f"{failure} No answer is lost. The portal tries again in {soon}."
        return None

    def retry_in(self) -> float | None:
        """Return the seconds until a failed consolidation is tried again; None if none waits."""
        return self._seconds_until(self._consolidation)

    def postponed_for(self) -> float | None:
        """Return the seconds until an object that pre-annotation failed for is handed out again; None if none waits."""
        return self._seconds_until(self._pre_annotation) if self._taking_answers else None

    def _seconds_until(self, retries: Retries) -> float | None:
        with self._lock:
            attempt = retries.next_attempt(self.now())
        return max(0.0, (attempt - self.now()).total_seconds()) if attempt else None

    def consolidate(self, *, partial: bool = False) -> None:
        """Consolidate every object that has all its answers (with `partial`: any answer).

        If the function fails, it is invoked again with smaller parts of the batch, so that a bad object fails alone and
        is tried again later. A function that fails for everything is not invoked for a while.
        """
        with self._towards_output:
            with self._lock:
                ready = self._state.to_consolidate(partial=partial)
                new = self._state.batches([o for o in ready if not self._consolidation.has_failed(o)])
            again = [[object_id] for object_id in ready if self._may_retry(object_id)]
            for batch in new + again:
                self._consolidate_batch(batch)

    def end_if_due(self) -> bool:
        """End the job if it is finished, its time is over, or an earlier stop was interrupted.

        Return whether it has ended.

        It does not end while an answered object waits for a function that fails.
        """
        with self._towards_output:  # a concurrent stop decides how the job ended
            if self.job.status == "Stopping":
                self._end("Stopped")
            elif not self.job.ended and (self.is_finished() or self.now() >= self.job.deadline):
                self._end("Completed")
        return self.job.ended

    def stop(self) -> bool:
        """End the job before every object is labelled. Answered objects are consolidated; the others stay unchanged.

        Returns:
            Whether it has ended. If not, an answered object waits for a function that fails: `end_if_due` ends the job
            once the function works.
        """
        with self._towards_output:
            if not self.job.ended:
                self._save(with_status(self._document, "Stopping", self.now()))
                self._end("Stopped")
        return self.job.ended

    def announce(self) -> None:
        """Publish the ended job's event, perhaps again: making the results is idempotent."""
        self.cloud.announce(self._document, self.job.arn)
        self.announced = self.now()

    def results_uri(self, path: str = "") -> str:
        """Return the S3 URI of the job's results, which the job-completion function writes."""
        bucket = self.job.output_uri.split("/", 3)[2]
        return s3_uri(bucket, job_keys(self.job.name).results + path)

    def results(self) -> dict[str, Any] | None:
        """Return `results.json`, which is written last; None while there is none for this output manifest."""
        text = self.cloud.find(self.results_uri("results.json"))
        if text is None:
            return None
        try:
            results = dict(decode(text, dict[str, Any], DEEPEST_DOCUMENT))
        except JsonError:
            return None  # job_completion did not write this: it will be written again
        made_of = results.get("manifest") or {}
        # A job that was reopened and has ended again still has the results of its first end for a while.
        return results if made_of.get("etag") == self.cloud.etag(self._output_uri) else None

    # -- private

    def _label(self, label: dict[str, Any]) -> dict[str, Any]:
        uri = label.get("annotation_s3_uri")  # for an annotation that is too large for the consolidation response
        return dict(json.loads(self.cloud.get(uri))) if uri else label

    @property
    def _output_uri(self) -> str:
        return f"{self.job.output_uri}/{output_layout.OUTPUT_MANIFEST}"

    def _may_retry(self, object_id: str) -> bool:
        not_before = self._consolidation.not_before(object_id)
        return not_before is not None and self.now() >= not_before

    def _read(self, uris: Sequence[str]) -> Iterator[File]:
        with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
            yield from zip(uris, pool.map(self.cloud.get, uris), strict=True)

    def _read_below(self, prefix: str) -> Iterator[File]:
        return self._read(list(self.cloud.list(f"{self.job.output_uri}/{prefix}")))

    def _put_new(self, path: Callable[[datetime], str], body: bytes, time: datetime) -> str:
        """Write a file with its time in its name. A second file in the same second waits for the next second."""
        while not self.cloud.put_new(uri := f"{self.job.output_uri}/{path(time)}", body):
            time += timedelta(seconds=1)
        return uri

    def _write_answer(self, object_id: str, answer: WorkerAnswer) -> tuple[str, int]:
        body = json.dumps(documents.worker_response(answer)).encode()
        uri = self._put_new(lambda time: output_layout.worker_response(object_id, time), body, answer.submitted)
        return uri, len(body)

    def _task_input(self, object_id: str) -> Mapping[str, Any] | None:
        """Return the pre-annotation function's task input.

        Return None if the object needs no worker (it is then closed) or if the function fails (it is then postponed).
        """
        earlier = self._task_inputs.get(object_id)
        if earlier is not None:
            return earlier
        data_object = self._state.lines[object_id].data_object
        event = {"version": "2018-10-16", "labelingJobArn": self.job.arn, "dataObject": data_object}
        needed, task_input, failure = False, {}, None
        try:
            answer = decode(self.cloud.invoke(self.job.pre_annotation_arn, event), deepest=DEEPEST_DOCUMENT)
            needed, task_input = bool(answer.get("isHumanAnnotationRequired", True)), dict(answer["taskInput"])
        except FunctionFailedError as error:
            failure = str(error)
        except (KeyError, TypeError, AttributeError, ValueError):
            failure = "ClientError: the pre-annotation function's response has no taskInput."
        with self._lock:
            if failure is not None:
                self._postpone(object_id, failure)
                return None
            self._pre_annotation.succeed([object_id])
            if not needed:
                self._state.skip(object_id)
                return None
            self._task_inputs[object_id] = task_input
        return task_input

    def _postpone(self, object_id: str, failure: str) -> None:
        self._pre_annotation.fail([object_id], failure, self.now())
        if reason := self._pre_annotation.final_reason(object_id):
            self._state.skip(object_id, reason)
        elif until := self._pre_annotation.not_before(object_id):
            self._state.assignments.postponed[object_id] = until

    def _consolidate_batch(self, object_ids: Sequence[str]) -> None:
        if self._consolidation.is_down(self.now()):
            return
        with self._lock:
            uris = [uri for object_id in object_ids for uri in self._state.answers[object_id].values()]
        files = dict(self._read(uris))
        with self._lock:
            body = json.dumps(batch_request(self._state, object_ids, files)).encode()
        payload_uri = self._put_new(output_layout.consolidation_request, body, self.now())
        try:
            response = self.cloud.invoke(
                self.job.consolidation_arn, documents.consolidation_event(self.job, payload_uri)
            )
            documents.parse_consolidation_response(response, self.job.label_attribute, self.now())
        except (FunctionFailedError, LabelingJobError) as error:
            with self._lock:
                self._consolidation.fail(object_ids, str(error), self.now())
            if len(object_ids) > 1:
                middle = len(object_ids) // 2
                self._consolidate_batch(object_ids[:middle])
                self._consolidate_batch(object_ids[middle:])
            else:
                self._give_up_if_final(object_ids[0])
            return
        # The label's creation date is the time in this file's name, both here and after a restart.
        uri = self._put_new(output_layout.consolidation_response, response, self.now())
        with self._lock:
            self._consolidation.succeed(object_ids)
            labelled = self._state.record_labels((uri, response), object_ids)
            self._state.fail([object_id for object_id in object_ids if object_id not in labelled], NO_LABEL)
            for object_id in object_ids:
                self._task_inputs.pop(object_id, None)

    def _give_up_if_final(self, object_id: str) -> None:
        with self._lock:
            if reason := self._consolidation.final_reason(object_id):
                self._state.fail([object_id], reason)

    def _end(self, status: str) -> None:
        with self._towards_output:
            with self._submitted:
                self._taking_answers = False
                self._submitted.wait_for(lambda: self._submitting == 0)
            self.consolidate(partial=True)
            with self._lock:
                if self._state.to_consolidate(partial=True):
                    return  # answers wait for a failing function and are not lost
                manifest, counters = self._state.output(expired=status == "Completed")
            self.cloud.put(self._output_uri, manifest, "application/jsonl")
            self._save(with_status(self._document, status, self.now(), counters))
            self.announce()

    def _save(self, document: dict[str, Any]) -> None:
        self.cloud.put(self._document_uri, json.dumps(document, indent=2).encode())
        self._document = document
        self.job = parse_labeling_job(document)


def _description(text: bytes) -> dict[str, Any]:
    try:
        return dict(decode(text, dict[str, Any], DEEPEST_DOCUMENT))
    except JsonError as error:
        raise LabelingJobError(f"the job's description cannot be read: {error}") from error
