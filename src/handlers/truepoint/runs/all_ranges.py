"""A step over all ranges of a run, in one process or in two.

Python computes on one processor only, so an invocation with two processors starts a second process, which takes every
second range. Both processes leave their results in the run's folder. If the second one fails, the first one runs the
step over its ranges too: a step can be repeated, and an error that is not the second process's own is met again.

The processes share no memory, because Lambda has no /dev/shm, which multiprocessing's pools and queues need
(https://aws.amazon.com/blogs/compute/parallel-processing-in-python-with-aws-lambda/). A fork would copy obstore's locks
without its threads.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.environment import for_a_child, number
from truepoint.adapters.telemetry import logger
from truepoint.runs import steps

RESERVE = 120.0
"""Time reserved for merging the results of the largest manifest, in seconds, with a margin for slow responses of S3."""
STEPS = {step.__name__: step for step in (steps.survey, steps.label)}
STANDARD_ERROR = 2
"""File descriptor of the second process's output. What runs this process may read standard output as its answer."""


class OutOfTimeError(Exception):
    """Ranges are left, but no time."""


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
            process.wait()
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
            stdin=subprocess.DEVNULL,
            stdout=STANDARD_ERROR,
        )
    except OSError as error:
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
    step, run, bucket, seconds, *indexes = sys.argv[1:]
    end = time.monotonic() + float(seconds)
    _run_over(step, run, map(int, indexes), Bucket(bucket), lambda: end - time.monotonic())


if __name__ == "__main__":
    main()
