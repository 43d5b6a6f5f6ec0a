"""Runs one labelling job: hands out tasks, takes answers, has them consolidated, writes the output, says it is over.

The job's whole state is in the bucket and is derived from there at every start. An answer is in the bucket before
`submit` returns; whatever else a stop or a crash interrupts is made up for at the next start.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from portal import documents, layout
from portal.assignments import Assignments, Lease, Verdict
from portal.cloud import Cloud, FunctionFailedError
from portal.documents import Label, WorkerAnswer
from portal.labeling_job import LabelingJob, LabelingJobError, parse_labeling_job, with_status

READERS = 16
BATCH = 50
"""Objects a consolidation request: an annotation of ten people is 10 kB, and a function may answer 6 MB."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker is asked to do."""

    lease: Lease
    task_input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of data objects: all, in need of no more answers, with any answer, with a label, failed."""

    lines: int
    full: int
    started: int
    labelled: int
    failed: int


class JobRunner:
    """One job, shared by the web server's threads.

    Args:
        cloud: AWS as the job's execution role.
        document_uri: where the job's description is.
        now: the time, with a time zone.

    Raises:
        LabelingJobError: the description or the input manifest cannot be used.
    """

    def __init__(
        self, cloud: Cloud, document_uri: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.cloud = cloud
        self.now = now
        self._document_uri = document_uri
        self._document: dict[str, Any] = json.loads(cloud.get(document_uri))
        self.job: LabelingJob = parse_labeling_job(self._document)
        self.lines = {line.object_id: line for line in documents.read_manifest(cloud.get(self.job.manifest_uri))}
        # An object that has this job's label from an earlier job in a chain is not labelled again.
        open_ids = (i for i, line in self.lines.items() if self.job.label_attribute not in line.data_object)
        self._assignments = Assignments(tuple(open_ids), self.job.workers_per_object, self.job.time_limit)
        self._answer_uris: dict[str, dict[str, str]] = {}
        self._labels: dict[str, Label] = {}
        self._failures: dict[str, str] = {}
        self._inputs: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()
        self._quiet = threading.Condition(self._lock)
        self._submitting = 0
        self._taking_answers = not self.job.ended and self.job.status != "Stopping"
        self._worker_locks: dict[str, threading.Lock] = {}
        self._consolidating = threading.RLock()
        self._read_labels()
        self._read_answers()

    # -- tasks and answers

    def next_task(self, worker: str) -> Task | None:
        """The worker's present or next task; None if there is nothing for this worker now."""
        while True:
            with self._lock:
                lease = self._assignments.next_task(worker, self.now()) if self._taking_answers else None
            if lease is None:
                return None
            task_input = self._task_input(lease.object_id)
            if task_input is not None:
                return Task(lease, task_input)

    def current_task(self, worker: str, object_id: str) -> Task | None:
        """The worker's task if it is this object."""
        with self._lock:
            lease = self._assignments.lease_of(worker)
        task_input = self._task_input(object_id) if lease and lease.object_id == object_id else None
        return Task(lease, task_input) if lease and task_input is not None else None

    def submit(
        self, worker: str, object_id: str, content: Mapping[str, Any], started: datetime | None = None
    ) -> Verdict:
        """Take an answer. On `ACCEPT` it is in the bucket; the same worker's second answer is `REPEATED` and not taken.

        Args:
            worker: the worker's id.
            object_id: what was labelled.
            content: the form's values by field name.
            started: when the worker's page was made; counts only if the lease is unknown (after a restart).

        Raises:
            LabelingJobError: the job has no such data object.
        """
        if object_id not in self.lines:
            raise LabelingJobError(f"the job has no data object {object_id!r}")
        with self._lock:
            one_at_a_time = self._worker_locks.setdefault(worker, threading.Lock())
        with one_at_a_time:
            with self._lock:
                if object_id not in self._assignments.object_ids or not self._taking_answers:
                    answered = worker in self._assignments.answered.get(object_id, ())
                    return Verdict.REPEATED if answered else Verdict.CLOSED
                held = self._assignments.lease_of(worker)
                now = self.now()
                verdict = self._assignments.check(object_id, worker, now)
                if verdict is not Verdict.ACCEPT:
                    return verdict
                self._submitting += 1
            known = held.accepted if held and held.object_id == object_id else None
            accepted = known or max(min(started or now, now), now - self.job.time_limit)
            try:
                uri = self._write_answer(object_id, WorkerAnswer(worker, content, accepted, now))
                with self._lock:
                    self._answer_uris.setdefault(object_id, {})[worker] = uri
                    self._assignments.record(object_id, worker)
            finally:
                with self._quiet:
                    self._submitting -= 1
                    self._quiet.notify_all()
        return verdict

    def decline(self, worker: str, object_id: str) -> None:
        """This worker does not want this object; it is not offered to them again until the next start."""
        with self._lock:
            self._assignments.decline(object_id, worker)

    # -- towards the output

    def consolidate(self, *, partial: bool = False) -> None:
        """Have every object that has all its answers (`partial`: any) consolidated.

        A function that fails is asked again for ever smaller parts of the batch, so that one bad object fails alone.
        """
        with self._consolidating:
            with self._lock:
                ready = [i for i in self._assignments.with_answers() if partial or self._assignments.is_full(i)]
                ready = [i for i in ready if i not in self._labels and i not in self._failures]
            for start in range(0, len(ready), BATCH):
                self._consolidate_batch(ready[start : start + BATCH])

    def end_if_due(self) -> bool:
        """End the job if all is done, its time is over, or an earlier stop was cut off; says if it has ended."""
        with self._lock:
            finished = self._assignments.is_finished()
        if self.job.status == "Stopping":
            self._end("Stopped")
        elif not self.job.ended and (finished or self.now() >= self.job.deadline):
            self._end("Completed")
        return self.job.ended

    def stop(self) -> None:
        """End the job before every object is labelled. What was answered is consolidated; the rest stays as it came."""
        with self._consolidating:
            if not self.job.ended:
                self._save(with_status(self._document, "Stopping", self.now()))
                self._end("Stopped")

    def announce(self) -> None:
        """Publish the ended job's event (again): whoever makes its results does nothing twice."""
        self.cloud.announce(self._document, self.job.arn)

    def progress(self) -> Progress:
        """Where the job stands."""
        with self._lock:
            done = self._assignments
            open_ids = done.object_ids
            full = sum(1 for i in open_ids if done.is_full(i) or i in done.closed) + len(self.lines) - len(open_ids)
            return Progress(len(self.lines), full, len(done.answered), len(self._labels), len(self._failures))

    def answered_by(self, worker: str) -> int:
        """How many objects this worker has answered."""
        with self._lock:
            return sum(1 for workers in self._assignments.answered.values() if worker in workers)

    # -- results, which the job-completion function writes

    def results_uri(self, path: str = "") -> str:
        """Where the job's results are."""
        bucket = self.job.output_uri.split("/", 3)[2]
        return f"s3://{bucket}/results/{self.job.name}/{path}"

    def results(self) -> dict[str, Any] | None:
        """`results.json`, which is written last; None as long as there is none."""
        text = self.cloud.find(self.results_uri("results.json"))
        return None if text is None else dict(json.loads(text))

    # -- private

    def _output(self, path: str) -> str:
        return f"{self.job.output_uri}/{path}"

    def _read_all(self, uris: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
            yield from zip(uris, pool.map(self.cloud.get, uris), strict=True)

    def _read_answers(self) -> None:
        uris = list(self.cloud.list(self._output(layout.WORKER_RESPONSES)))
        for uri, text in self._read_all(uris):
            object_id = layout.object_of(uri)
            for worker, _ in documents.parse_worker_response(text):
                self._answer_uris.setdefault(object_id, {}).setdefault(worker, uri)
                self._assignments.record(object_id, worker)

    def _read_labels(self) -> None:
        for uri, text in self._read_all(list(self.cloud.list(self._output(layout.CONSOLIDATION_RESPONSES)))):
            found = documents.parse_consolidation_response(text, self.job.label_attribute, layout.time_of(uri))
            for object_id, label in found.items():
                self._labels.setdefault(object_id, label)
        self._assignments.close(self._labels)

    def _task_input(self, object_id: str) -> Mapping[str, Any] | None:
        """The pre-annotation function's task input; None, and the object closed, if nobody needs to see the object."""
        known = self._inputs.get(object_id)
        if known is not None:
            return known
        line = self.lines[object_id]
        event = {"version": "2018-10-16", "labelingJobArn": self.job.arn, "dataObject": line.data_object}
        try:
            answer = json.loads(self.cloud.invoke(self.job.pre_annotation_arn, event))
            needed, task_input = answer.get("isHumanAnnotationRequired", True), answer["taskInput"]
        except FunctionFailedError as error:
            needed, task_input = False, None
            with self._lock:
                self._failures[object_id] = str(error)
        except (KeyError, TypeError, AttributeError, ValueError):
            needed, task_input = False, None
            with self._lock:
                self._failures[object_id] = "ClientError: the pre-annotation function's response has no taskInput"
        with self._lock:
            if not needed:
                self._assignments.close([object_id])
                return None
            self._inputs[object_id] = task_input
        return dict(task_input)

    def _write_answer(self, object_id: str, answer: WorkerAnswer) -> str:
        body = json.dumps(documents.worker_response(answer)).encode()
        return self._put_new(lambda time: layout.worker_response(object_id, time), body, answer.submitted)[0]

    def _put_new(self, path: Callable[[datetime], str], body: bytes, time: datetime) -> tuple[str, datetime]:
        """Write a file that has its time in its name; two in the same second take two seconds."""
        while not self.cloud.put_new(uri := self._output(path(time)), body):
            time += timedelta(seconds=1)
        return uri, time

    def _consolidate_batch(self, object_ids: Sequence[str]) -> None:
        with self._lock:
            uris = [(i, worker, uri) for i in object_ids for worker, uri in self._answer_uris[i].items()]
        answers: dict[str, dict[str, Any]] = {i: {} for i in object_ids}
        files = dict(self._read_all([uri for _, _, uri in uris]))
        for object_id, worker, uri in uris:
            answers[object_id][worker] = dict(documents.parse_worker_response(files[uri]))[worker]
        request = documents.consolidation_request((self.lines[i], answers[i]) for i in object_ids)
        body = json.dumps(request).encode()
        payload_uri, _ = self._put_new(
            lambda time: layout.CONSOLIDATION_REQUESTS + layout.file_name(time), body, self.now()
        )
        event = documents.consolidation_event(self.job, payload_uri)
        try:
            response = self.cloud.invoke(self.job.consolidation_arn, event)
            labels = self._usable_labels(response, object_ids)
        except (FunctionFailedError, LabelingJobError) as error:
            if len(object_ids) == 1:
                self._fail(object_ids, str(error))
                return
            middle = len(object_ids) // 2
            self._consolidate_batch(object_ids[:middle])
            self._consolidate_batch(object_ids[middle:])
            return
        # Named after its time like the request; the label's creation date is this name, here and after a restart.
        _, time = self._put_new(
            lambda time: layout.CONSOLIDATION_RESPONSES + layout.file_name(time), response, self.now()
        )
        with self._lock:
            for object_id, label in labels.items():
                self._labels[object_id] = Label(label.value, time.replace(microsecond=0))
                self._inputs.pop(object_id, None)
            self._assignments.close(labels)
        self._fail([i for i in object_ids if i not in labels], "ClientError: the consolidation function gave no label")

    def _usable_labels(self, response: bytes, object_ids: Sequence[str]) -> dict[str, Label]:
        return documents.parse_consolidation_response(response, self.job.label_attribute, self.now(), object_ids)

    def _fail(self, object_ids: Sequence[str], reason: str) -> None:
        """Not kept: at the next start of a job that has not ended the answers are tried again."""
        with self._lock:
            self._failures.update(dict.fromkeys(object_ids, reason))

    def _end(self, status: str) -> None:
        with self._consolidating:
            with self._quiet:
                self._taking_answers = False
                self._quiet.wait_for(lambda: self._submitting == 0)
            self.consolidate(partial=True)
            lines = list(self._output_lines(expired=status == "Completed"))
            failed = len(self.lines) - len(self._labels) - sum(line == self.lines[i].text for i, line in lines)
            body = b"".join(line + b"\n" for _, line in lines)
            self.cloud.put(self._output(layout.OUTPUT_MANIFEST), body, "application/jsonl")
            counters = documents.label_counters(len(lines), len(self._labels), failed)
            self._save(with_status(self._document, status, self.now(), counters))
            self.announce()

    def _output_lines(self, *, expired: bool) -> Iterator[tuple[str, bytes]]:
        job, attribute = self.job.name, self.job.label_attribute
        with self._lock:
            done = self._assignments
            unreached = {i for i in done.object_ids if i not in done.closed} if expired else set()
        for object_id, line in self.lines.items():
            label = self._labels.get(object_id)
            failure = self._failures.get(object_id) or (documents.EXPIRED if object_id in unreached else None)
            yield object_id, documents.output_line(line, job, attribute, label, None if label else failure)

    def _save(self, document: dict[str, Any]) -> None:
        self.cloud.put(self._document_uri, json.dumps(document, indent=2).encode())
        self._document = document
        self.job = parse_labeling_job(document)
