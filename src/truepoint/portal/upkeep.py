"""What happens beside the workers: consolidation, the job's end, the completion event."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from types import TracebackType

from truepoint.portal.runner import JobRunner

LOOK_SECONDS = 30.0
"""Between looks without a reason: a job's time may be over."""
RETRY_SECONDS = 3.0
RESULTS_SECONDS = 120.0
ANNOUNCE_AGAIN = timedelta(minutes=16)
"""After which the event of an ended job without results is published again: a minute more than the function that makes
them may run."""

_log = logging.getLogger(__name__)


class Upkeep:
    """A thread that brings a job forward whenever it is poked. A context manager: leaving it ends the thread.

    At its start it makes up for whatever the last stop cut off: answers that were not consolidated, an end that was
    not finished, an ended job whose results are not there.
    """

    def __init__(self, runner: JobRunner) -> None:
        self._runner = runner
        self._poked = threading.Event()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def __enter__(self) -> Upkeep:
        self._poked.set()
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._leaving.set()
        self._poked.set()
        self._thread.join()

    def poke(self) -> None:
        """Something happened: look now."""
        self._poked.set()

    def _run(self) -> None:
        while not self._leaving.is_set():
            retry = self._runner.retry_in()
            self._poked.wait(LOOK_SECONDS if retry is None else min(retry, LOOK_SECONDS))
            self._poked.clear()
            if self._leaving.is_set():
                return
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 (the thread's entry)
                # Whatever it is, the thread lives on: a record that cannot be read must not keep the job from ending.
                # Nothing is lost by it: the answers are in the bucket. The class alone: a message may hold a URL.
                _log.warning("%s: trying again in %g s", type(error).__name__, RETRY_SECONDS)
                if not self._leaving.wait(RETRY_SECONDS):
                    self._poked.set()

    def _look(self) -> None:
        runner = self._runner
        if not runner.job.ended:
            runner.consolidate()
            runner.end_if_due()
        elif (runner.announced is None or runner.now() - runner.announced > ANNOUNCE_AGAIN) and not runner.results():
            runner.announce()


def wait_for_results(runner: JobRunner, seconds: float = RESULTS_SECONDS) -> bool:
    """Wait until an ended job's results are complete; says whether they are."""
    deadline = time.monotonic() + seconds
    while runner.results() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
