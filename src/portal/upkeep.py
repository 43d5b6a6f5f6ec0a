"""What happens beside the workers: consolidation, the job's end, the completion event."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError

from portal.cloud import EventRefusedError
from portal.runner import JobRunner

LOOK_SECONDS = 30.0
"""Between looks without a reason: a job's time may be over."""
RETRY_SECONDS = 3.0
RESULTS_SECONDS = 120.0

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
            self._poked.wait(LOOK_SECONDS)
            self._poked.clear()
            if self._leaving.is_set():
                return
            try:
                if not self._runner.job.ended:
                    self._runner.consolidate()
                    self._runner.end_if_due()
                elif not self._runner.announced and self._runner.results() is None:
                    self._runner.announce()
            except (ClientError, BotoCoreError, EventRefusedError) as error:
                # Nothing is lost by it: the answers are in the bucket. The class alone: a message may hold a URL.
                _log.warning("%s: trying again in %g s", type(error).__name__, RETRY_SECONDS)
                if not self._leaving.wait(RETRY_SECONDS):
                    self._poked.set()


def wait_for_results(runner: JobRunner, seconds: float = RESULTS_SECONDS) -> bool:
    """Wait until an ended job's results are complete; says whether they are."""
    deadline = time.monotonic() + seconds
    while runner.results() is None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
