"""Scripted workers: their answers come from a file and are stored in the bucket as the portal stores answers.

The portal's table gets them when the next tick loads the job from the bucket.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from truepoint.demo.answers_file import Answers, answer_for, form_fields
from truepoint.demo.deployed_portal import CORRECTION_SECONDS, Ticks, forget_jobs
from truepoint.demo.stored_job import StoredJob
from truepoint.emulator.emulator import Emulator
from truepoint.groundtruth.task import pre_annotation_response
from truepoint.tasks.documents import WorkerAnswer

MAX_NAME = 80
TICKS_AT_ONCE = 4
"""Number of ticks in a row without a pause. A job whose functions work ends in two."""
WAIT_SECONDS = 2.0
"""Pause between two further ticks, in seconds."""


class WorkerNameError(ValueError):
    """A name that cannot be a worker's name."""


def worker_id(name: str, secret: bytes) -> str:
    """Return the pseudonym `private.local.<hex>` of a scripted worker, ignoring case and surrounding space.

    A name always gives the same id in one installation, and the id does not reveal the name.

    Raises:
        WorkerNameError: the name is empty or too long.
    """
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not 1 <= len(plain) <= MAX_NAME:
        raise WorkerNameError(f"expected a name of 1 to {MAX_NAME} characters, got {len(plain)}")
    return f"private.local.{hmac.new(secret, plain.encode(), hashlib.sha256).hexdigest()[:24]}"


def store_answers(
    job: StoredJob, answers: Answers, secret: bytes, on_answer: Callable[[], object] = lambda: None
) -> tuple[int, bool]:
    """Store the file's answers for images that still need one. The call can be repeated.

    Args:
        job: an open job.
        answers: answers by worker name and image name. Workers without an answer for an image leave it to others.
        secret: the key of the workers' pseudonyms.
        on_answer: called after each stored answer.

    Returns:
        The number of stored answers, and whether every image now has all its answers.

    Raises:
        StorageFullError: an answer is not stored, because the disk is full.
        LabelingJobError: an answer is nested too deep.
        WorkerNameError: a worker's name is empty or too long.
    """
    described, answered = job.described, job.answered()
    workers = {name: worker_id(name, secret) for name in answers}
    names = list(workers)
    # Nobody corrects a scripted answer, so it gets its label at once.
    now = datetime.now(UTC) - timedelta(seconds=CORRECTION_SECONDS)
    stored, complete = 0, True
    for number, line in enumerate(job.open_lines):
        has = answered.get(line.object_id, set())
        task_input = pre_annotation_response(dict(line.data_object), described.arn)["taskInput"]
        first = number % len(names)  # each of several workers gets some images
        for name in names[first:] + names[:first]:
            answer = answer_for(answers[name], task_input)
            if len(has) >= described.workers_per_object or answer is None or workers[name] in has:
                continue
            content = form_fields(answer, task_input, job.find)
            job.write_answer(line, WorkerAnswer(workers[name], content, now, now))
            has.add(workers[name])
            stored += 1
            on_answer()
        complete = complete and len(has) >= described.workers_per_object
    return stored, complete


def reload_job(emulator: Emulator, job: StoredJob, table: str, ticks: Ticks) -> None:
    """Make the portal's table know answers that were written into the bucket."""
    forget_jobs(emulator, table, [job.name])
    ticks.once()


def run_until_ended(job: StoredJob, ticks: Ticks, on_problem: Callable[[str], object] = lambda _: None) -> None:
    """Call ticks until the job has ended.

    Args:
        job: a job that is complete, or whose end was requested.
        ticks: calls a tick.
        on_problem: called with each new problem that keeps the job from ending, such as a failing function.
    """
    problem, number = "", 0
    while not job.described.ended:
        moved = ticks.once().get(job.name.lower(), {})
        if moved.get("problem", problem) != problem:
            problem = str(moved["problem"])
            if problem:
                on_problem(problem)
        number += 1
        if number > TICKS_AT_ONCE and not job.described.ended:
            time.sleep(WAIT_SECONDS)
