"""The routes of workers: their jobs, tasks, answers, corrections and skips."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.adapters.control import FunctionError
from truepoint.keys import job_keys, split_s3_uri
from truepoint.task_queue import rows
from truepoint.task_queue.queue import TaskQueue, Verdict
from truepoint.task_queue.rows import Image, Job, Lease, LineLocation, Worker
from truepoint.task_queue.table import Action, Table
from truepoint.tasks.answers import Answers, own_answer
from truepoint.tasks.documents import ManifestLine
from truepoint.tasks.interrupted import has_task_input
from truepoint.tasks.labeling_job import LabelingJobError
from truepoint.tasks.loading import OpenLines, read_line
from truepoint.tasks.worker_page import WorkerPageError, parse_template
from truepoint.web import requests
from truepoint.web.cards import job_card, own_part
from truepoint.web.job_rows import read_jobs, read_workers
from truepoint.web.people import Caller
from truepoint.web.requests import LARGEST_BODY, RefusedError, Request, Response
from truepoint.web.routes import Parameters, Role, Route

LINK_SECONDS = 3600
"""Validity of a link to an image, in seconds. The page gets new links when it renews its leases."""
REASONS = frozenset({"unusable", "too-hard", "nothing", "other"})
LONGEST_NOTE = 500
LONGEST_SECONDS = 86400.0
LARGEST_TEMPLATE = 1024 * 1024
"""Maximum size of a worker template, in bytes. Ground Truth accepts 128,000 characters."""
CACHED_INPUTS = 200
"""Number of task inputs that an instance of the function caches. Several workers request each image several times."""
ANSWER_BYTES = LARGEST_BODY - 10_000
"""Maximum size of an answer that the page may send, in bytes. The difference is room for the body's other members."""

Invoke = Callable[[str, Mapping[str, Any]], Any]
"""A function that invokes a Lambda function, given its ARN and the event, and returns its result."""

_REFUSALS = {
    Verdict.TOO_LATE: ("too-late", "Another worker has this image now, or it already has its label."),
    Verdict.CHANGED: ("changed", "This answer was corrected in another window meanwhile."),
    Verdict.CLOSED: ("closed", "This job accepts no answers at present."),
    Verdict.REFUSED: ("gold", "This image cannot be skipped."),
}


class WorkerRoutes:
    """The routes of workers.

    Args:
        store: the stack's bucket.
        table: the portal's table.
        invoke: invokes the function that returns task inputs.
        now: returns the time in seconds since 1970.
    """

    def __init__(self, store: Bucket, table: Table, invoke: Invoke, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._table = table
        self._invoke = invoke
        self._now = now
        self._open_lines: dict[str, OpenLines] = {}
        self._inputs: dict[tuple[str, int], dict[str, Any]] = {}
        self._buckets = {store.name: store}

    def routes(self) -> list[Route]:
        """Return the routes."""
        job = "/api/jobs/{job}"
        return [
            Route("GET", "/api/me", Role.WORKER, self.me),
            Route("GET", job, Role.WORKER, self.page),
            Route("POST", f"{job}/tasks", Role.WORKER, self.tasks),
            Route("GET", f"{job}/answers", Role.WORKER, self.recent),
            Route("GET", f"{job}/answers/{{line}}", Role.WORKER, self.answer),
            Route("POST", f"{job}/answers/{{line}}", Role.WORKER, self.submit),
            Route("PUT", f"{job}/answers/{{line}}", Role.WORKER, self.correct),
            Route("POST", f"{job}/skips/{{line}}", Role.WORKER, self.skip),
        ]

    def me(self, _request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Return the signed-in person, and the jobs on which they may work."""
        jobs = read_jobs(self._table)
        cursors = self._table.get([rows.cursor_key(job.key) for job in jobs if not job.is_ended])
        cards = []
        for job in jobs:
            handed = cursors.get(rows.cursor_key(job.key), {}).get("handed", 0)
            if (card := self._card(job, caller, handed)) is not None:
                cards.append(card)
        person = {"id": caller.id, "name": caller.person.name, "lead": caller.lead}
        return Response(value={"person": person, "jobs": cards, "expires": caller.expires})

    def page(self, _request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Show what the job's tasks have in common: the labelling element's attributes and the instructions."""
        job = caller.member_of()
        try:
            text = self._store.find(job_keys(job.name).template, LARGEST_TEMPLATE) or b""
            template = parse_template(text.decode())
        except (NotReadableError, WorkerPageError, UnicodeDecodeError) as error:
            raise RefusedError(503, "try-again", "The job's worker template cannot be read.", retry_after=30) from error
        value = {
            "name": job.name,
            "title": job.title,
            "description": job.description,
            "attributes": template.attributes,
            "language": template.language,
            "instructions": template.instructions,
        }
        return Response(value=value)

    def tasks(self, _request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Renew the caller's leases, lease more images until the caller holds two, and return the tasks."""
        job = caller.member_of()
        tasks = self._queue(job).next_tasks(caller.id, caller.row, self._now())
        value = {
            "tasks": self._prepared(job, caller, tasks.leases),
            "why": tasks.why.value if tasks.why else None,
            "mine": own_part(tasks.worker),
        }
        return Response(value=value)

    def submit(self, request: Request, caller: Caller, parameters: Parameters) -> Response:
        """Store an answer."""
        job = caller.member_of()
        content, seconds = _answer(request, caller)
        answers = Answers(self._store, self._queue(job), job)
        return _verdict(
            answers.submit(caller.id, caller.row, parameters["line"], content, seconds=seconds, now=self._now())
        )

    def correct(self, request: Request, caller: Caller, parameters: Parameters) -> Response:
        """Replace one of the caller's own answers; with a time (`since`), only the answer of that time."""
        job = caller.member_of()
        fields = _fields(request, caller)
        since = requests.number(fields, "since", math.inf) if "since" in fields else None
        content, _ = _answer(request, caller)
        answers = Answers(self._store, self._queue(job), job)
        return _verdict(answers.correct(caller.id, parameters["line"], content, self._now(), since))

    def skip(self, request: Request, caller: Caller, parameters: Parameters) -> Response:
        """Record that the caller skips an image, which is then not offered to the caller again."""
        job = caller.member_of()
        fields = _fields(request, caller)
        reason, note = requests.text(fields, "reason", 20), requests.text(fields, "note", LONGEST_NOTE)
        if reason not in REASONS:
            raise RefusedError(400, "bad-input", f"Expected one of the reasons {', '.join(sorted(REASONS))}.")
        answers = Answers(self._store, self._queue(job), job)
        return _verdict(
            answers.skip(caller.id, caller.row, parameters["line"], reason=reason, note=note, now=self._now())
        )

    def recent(self, _request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Return the list of the caller's latest answers."""
        job = caller.member_of()
        stored = self._table.get([rows.image_key(job.key, line) for line in caller.row.recent])
        entries = []
        for line in caller.row.recent:
            image: Image = rows.read(stored.get(rows.image_key(job.key, line)), Image)
            if done := image.done.get(caller.id):
                entries.append({"line": line, "time": done.time, "canCorrect": job.is_open and not image.is_closed})
        return Response(value={"answers": entries})

    def answer(self, _request: Request, caller: Caller, parameters: Parameters) -> Response:
        """Return one of the caller's own answers with its task, as long as it can be corrected."""
        job = caller.member_of()
        queue = self._queue(job)
        image = queue.image(parameters["line"])
        if caller.id not in image.done:
            raise RefusedError(404, "not-found", "You have not answered this image.")
        done = own_answer(image, caller.id)
        if done is None:
            raise RefusedError(409, *_REFUSALS[Verdict.TOO_LATE])
        location = LineLocation(parameters["line"], image.offset, image.length)
        task = self._links(self._input(job, location), caller) | {
            "line": location.line,
            "until": job.deadline,
            "since": done.time,
        }
        return Response(value={"task": task, "content": Answers(self._store, queue, job).content(done, caller.id)})

    # -- parts of responses

    def _queue(self, job: Job) -> TaskQueue:
        return TaskQueue(self._table, job, self._open_lines.setdefault(job.key, OpenLines(self._store, job.name)))

    def _card(self, job: Job, caller: Caller, handed: int) -> dict[str, Any] | None:
        workers = read_workers(self._table, job)
        mine: Worker = workers.get(caller.id, Worker())
        if not (job.everyone or mine.member):
            return None
        return job_card(job, workers.values(), mine) | {"hasWork": self._queue(job).has_work(handed)}

    def _prepared(self, job: Job, caller: Caller, leases: list[Lease]) -> list[dict[str, Any]]:
        """Return the tasks of leases, without those that cannot be prepared.

        Raises:
            RefusedError: no task can be prepared.
        """
        prepared, problem = [], None
        for lease in leases:
            try:
                prepared.append(self._task(job, caller, lease))
            except RefusedError as error:
                problem = error
        if problem and not prepared:
            raise problem
        return prepared

    def _task(self, job: Job, caller: Caller, lease: Lease) -> dict[str, Any]:
        task = self._links(self._input(job, lease.location), caller)
        return task | {"line": lease.line, "until": lease.until, "since": lease.since}

    def _input(self, job: Job, location: LineLocation) -> dict[str, Any]:
        """Return the task input of a line, as the job's pre-annotation function returns it.

        Raises:
            RefusedError: the manifest cannot be read, the function fails, or its result is not a task input.
        """
        key = (job.key, location.line)
        if key not in self._inputs:
            try:
                line = read_line(self._store, job.manifest, location)
            except (NotReadableError, LabelingJobError) as error:
                raise RefusedError(503, "try-again", "The job's manifest cannot be read.", retry_after=30) from error
            while len(self._inputs) >= CACHED_INPUTS:
                self._inputs.pop(next(iter(self._inputs)), None)
            try:
                self._inputs[key] = self._made(job, line)
            except RefusedError:
                self._report(job, location)
                raise
        return self._inputs[key]

    def _report(self, job: Job, location: LineLocation) -> None:
        """Record a line for which no task input could be made.

        The tick tries again, and closes the line after repeated failures.
        """
        self._table.write(Action.set(rows.trouble_key(job.key, location.line), location._asdict()))

    def _made(self, job: Job, line: ManifestLine) -> dict[str, Any]:
        event = {"version": "2018-10-16", "labelingJobArn": job.arn, "dataObject": dict(line.data_object)}
        try:
            made = self._invoke(job.pre_annotation, event)
        except FunctionError as error:
            raise RefusedError(503, "try-again", "The pre-annotation function failed.", retry_after=30) from error
        if not has_task_input(made):
            raise RefusedError(503, "try-again", "The pre-annotation function returned no task.", retry_after=30)
        return dict(made["taskInput"])

    def _links(self, task_input: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        shown = dict(task_input) | {"worker": caller.id, "max_answer_bytes": str(ANSWER_BYTES)}
        return {
            "image": self._link(task_input.get("image_s3_uri")),
            "smallImage": self._link(task_input.get("image_copy_s3_uri")),
            "prelabels": self._link(task_input.get("initial_values_s3_uri")),
            "input": shown,
        }

    def _link(self, uri: Any) -> str | None:
        """Return a link to an object; None if `uri` is not an S3 URI that can be linked to."""
        try:
            bucket, key = split_s3_uri(uri if isinstance(uri, str) else "")
            store = self._buckets.get(bucket) or self._buckets.setdefault(bucket, Bucket(bucket))
            return store.link(key, LINK_SECONDS)
        except (ValueError, NotReadableError):
            return None


def _fields(request: Request, caller: Caller) -> dict[str, Any]:
    """Return the body's fields. Its `person`, if it names one, must be the caller.

    The page keeps its open work when somebody else signs in in another window. It must not submit that work under the
    other person's name.
    """
    fields = request.fields()
    if fields.get("person", caller.id) != caller.id:
        raise RefusedError(409, "other-person", "Somebody else is signed in now.")
    return fields


def _answer(request: Request, caller: Caller) -> tuple[dict[str, Any], float]:
    fields = _fields(request, caller)
    content = fields.get("content")
    if not isinstance(content, dict) or not content:
        raise RefusedError(400, "bad-input", "Expected content to be an object of the form's fields.")
    return content, requests.number(fields, "seconds", LONGEST_SECONDS)


def _verdict(verdict: Verdict) -> Response:
    if verdict in _REFUSALS:
        raise RefusedError(409, *_REFUSALS[verdict])
    return Response(value={"verdict": verdict.value})
