"""Runs a job with scripted workers, one thread per worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from truepoint.portal.assignments import Verdict
from truepoint.portal.runner import JobRunner
from truepoint.portal.scripted import Answers, answer_for, form_fields
from truepoint.portal.workers import worker_id

MOST_AT_ONCE = 16
LOOK_SECONDS = 1.0
"""Seconds between attempts to end a job, if the time of the next attempt is unknown."""


def run_unattended(
    runner: JobRunner,
    answers: Answers,
    secret: bytes,
    on_answer: Callable[[], None] = lambda: None,
    on_problem: Callable[[str], None] = lambda _: None,
) -> int:
    """Let every scripted worker answer the objects that the file has an answer for.

    Args:
        runner: the job.
        answers: answers by worker name and image name; a worker declines objects without an answer.
        secret: the key of the workers' pseudonyms.
        on_answer: called after each stored answer, in the workers' threads.
        on_problem: called with the reason while a function fails.

    Returns:
        The number of stored answers.

    Raises:
        StorageFullError: an answer is not stored, because there is no room for it.
    """

    def work(name: str) -> int:
        return _work(runner, worker_id(name, secret), answers[name], on_answer)

    taken = 0
    with ThreadPoolExecutor(min(len(answers), MOST_AT_ONCE), thread_name_prefix="worker") as pool:
        # An object that one worker declined is free for the others. Repeat until no worker finds an object.
        while (now := sum(pool.map(work, answers))) or _wait(runner.postponed_for(), runner, on_problem):
            taken += now
    return taken


def finish(runner: JobRunner, on_problem: Callable[[str], None] = lambda _: None) -> None:
    """End the job, early if objects lack answers. Wait for a function that fails."""
    runner.consolidate()
    if not runner.is_finished():
        runner.stop()
    while not runner.end_if_due():
        if not _wait(runner.retry_in(), runner, on_problem):
            time.sleep(LOOK_SECONDS)


def _wait(seconds: float | None, runner: JobRunner, on_problem: Callable[[str], None]) -> bool:
    """Wait for the next attempt of a failing function, and return whether there is one."""
    if seconds is None:
        return False
    if problem := runner.problem:
        on_problem(problem)
    time.sleep(seconds)
    return True


def _work(runner: JobRunner, worker: str, answers: Mapping[str, Any], on_answer: Callable[[], None]) -> int:
    taken = 0
    while task := runner.next_task(worker):
        answer = answer_for(answers, task.task_input)
        if answer is None:
            runner.decline(worker, task.lease.object_id)
            continue
        fields = form_fields(answer, task.task_input, runner.cloud.find)
        verdict = runner.submit(worker, task.lease.object_id, fields)
        if verdict is Verdict.ACCEPT:
            taken += 1
            on_answer()
    return taken
