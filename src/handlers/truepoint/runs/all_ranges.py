"""A step over all ranges of a run, in one process or in two.

Python computes on one processor only, so an invocation with two processors starts a second process, which takes every
second range. Both processes write the step's files to the run's folder. If the second process fails, the first one
repeats the step over the second one's ranges. An error with a cause outside the second process then occurs again in the
first one, which raises it.

The second process never outlives the first one, because it would write after the time that the write lock waits. The
first one holds the writing end of a pipe, which the system closes even if the first one is killed.

The processes share no memory, because Lambda has no /dev/shm, which multiprocessing's pools and queues need
(https://aws.amazon.com/blogs/compute/parallel-processing-in-python-with-aws-lambda/). A fork would copy obstore's locks
without its threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from threading import Thread

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.environment import for_a_child, number
from truepoint.adapters.telemetry import logger
from truepoint.runs import steps
from truepoint.runs.plan import read_step

RESERVE = 120.0
"""Time reserved for merging the results of the largest manifest, in seconds, with a margin for slow responses of S3."""
STEPS = {step.__name__: step for step in (steps.survey, steps.label)}
STANDARD_INPUT, STANDARD_ERROR = 0, 2
"""File descriptors. The second process writes its log to standard error, because an emulator of Lambda may read the
function's response from standard output."""


class OutOfTimeError(Exception):
    """The remaining time is too short for the next range."""


def run_over_all(step: str, run: str, count: int, store: Bucket, seconds_left: Callable[[], float]) -> None:
    """Run a step over all ranges of a run, in two processes if the environment variable PROCESSES is at least 2.

    Args:
        step: "survey" or "label".
        run: the run's folder.
        count: the number of ranges.
        store: the stack's bucket.
        seconds_left: returns the remaining time of the invocation, in seconds.

    Raises:
        OutOfTimeError: ranges are left.
        Exception: an error of the step.
    """
    if count < 2 or number("PROCESSES", 1) < 2:
        _run_over(step, run, range(count), store, seconds_left)
        return
    others = range(1, count, 2)
    process = _second_process(step, run, others, store, seconds_left())
    try:
        _run_over(step, run, range(0, count, 2), store, seconds_left)
        is_done = process is not None and _has_succeeded(process, seconds_left() - RESERVE)
    finally:
        if process:
            process.kill()
            process.communicate()  # closes the pipe and waits
    if not is_done:
        logger.warning("the second process has failed", returncode=process and process.returncode)
        _run_over(step, run, others, store, seconds_left)


def _second_process(
    step: str, run: str, indexes: Iterable[int], store: Bucket, seconds: float
) -> subprocess.Popen[bytes] | None:
    """Start the second process; return None if the system refuses."""
    arguments = [step, run, store.name, str(seconds), *map(str, indexes)]
    try:
        return subprocess.Popen(  # noqa: S603 - this module
            [sys.executable, "-P", "-m", __name__, *arguments],
            env=for_a_child(),
            stdin=subprocess.PIPE,
            stdout=STANDARD_ERROR,
        )
    except (OSError, TypeError) as error:  # sys.executable may be None
        logger.warning("the second process does not start", error=str(error))
        return None


def _has_succeeded(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        return process.wait(max(0.0, seconds)) == 0
    except subprocess.TimeoutExpired:
        return False


def _run_over(step: str, run: str, indexes: Iterable[int], store: Bucket, seconds_left: Callable[[], float]) -> None:
    longest = 0.0
    for index in indexes:
        done = False
        while not done:
            before = seconds_left()
            if before < RESERVE + 2 * longest:
                raise OutOfTimeError(f"{before:.0f} seconds left at range {index}")
            done = STEPS[step](run, index, store, lambda: seconds_left() - RESERVE)
            longest = max(longest, before - seconds_left())


def main() -> None:
    """Run the second process. Its arguments are the step, the run, the bucket, the seconds left, and its ranges."""
    Thread(target=_end_with_first_process, daemon=True).start()
    step, run, bucket, seconds, *indexes = sys.argv[1:]
    end = time.monotonic() + float(seconds)
    logger.append_keys(labeling_job=read_step({"step": step, "run": run}).labeling_job)
    try:
        _run_over(step, run, map(int, indexes), Bucket(bucket), lambda: end - time.monotonic())
    except Exception as error:  # noqa: BLE001 - the first process repeats the step and raises its error
        logger.warning("error in the second process", exc_info=error)
        sys.exit(1)


def _end_with_first_process() -> None:
    os.read(STANDARD_INPUT, 1)  # returns when the first process has ended, because nothing is written to the pipe
    os._exit(1)


if __name__ == "__main__":
    main()
