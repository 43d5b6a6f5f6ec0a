"""A background thread that consolidates answers, ends the job and publishes its completion event."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from types import TracebackType

from truepoint.portal.runner import JobRunner

LOOK_SECONDS = 30.0
"""Seconds between checks without a notification: a job's time may be over."""
RETRY_SECONDS = 3.0
RESULTS_SECONDS = 120.0
ANNOUNCE_AGAIN = timedelta(minutes=16)
"""Seconds after which the event of an ended job without results is published again: the function's timeout plus a
minute."""

_log = logging.getLogger(__name__)


class Upkeep:
    """A thread that advances a job when it is notified. A context manager that stops the thread at its end.

    At its start it completes what the last stop interrupted: unconsolidated answers, an unfinished end, or missing
    results of an ended job.
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
        """Notify the thread of a change, so that it checks the job now."""
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
                # The thread continues after any error: an unreadable record must not keep the job from ending.
                # No answer is lost, because answers are stored. Log only the class: the message may contain a URL.
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
    """Wait until an ended job's results are complete, and return whether they are."""
    deadline = time.monotonic() + seconds
    while runner.results() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
