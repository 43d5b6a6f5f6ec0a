"""Workers whose answers are in a file do their part of a job, each in a thread of their own."""

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
"""Between attempts to end a job, where no time for the next one is known."""


def run_unattended(
    runner: JobRunner,
    answers: Answers,
    secret: bytes,
    on_answer: Callable[[], None] = lambda: None,
    on_problem: Callable[[str], None] = lambda _: None,
) -> int:
    """Every scripted worker answers every object that the job gives them and the file has an answer for.

    Args:
        runner: the job.
        answers: by worker name and image name; an object without an answer is declined.
        secret: of the workers' pseudonyms.
        on_answer: called after each answer that was taken, in the workers' threads.
        on_problem: called while a function fails, which is waited for.

    Returns:
        How many answers were taken.

    Raises:
        StorageFullError: an answer is not stored, because there is no room for it.
    """

    def work(name: str) -> int:
        return _work(runner, worker_id(name, secret), answers[name], on_answer)

    taken = 0
    with ThreadPoolExecutor(min(len(answers), MOST_AT_ONCE), thread_name_prefix="worker") as pool:
        # A place that one worker held and then declined is free for the others: again, until nobody finds anything.
        while (now := sum(pool.map(work, answers))) or _wait(runner.postponed_for(), runner, on_problem):
            taken += now
    return taken


def finish(runner: JobRunner, on_problem: Callable[[str], None] = lambda _: None) -> None:
    """End the job: by itself if every object has its answers, else early. Waits for a function that fails."""
    runner.consolidate()
    if not runner.is_finished():
        runner.stop()
    while not runner.end_if_due():
        if not _wait(runner.retry_in(), runner, on_problem):
            time.sleep(LOOK_SECONDS)


def _wait(seconds: float | None, runner: JobRunner, on_problem: Callable[[str], None]) -> bool:
    """Wait so long for the next attempt of a function that fails; says whether there is one."""
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
