"""Runs in processes of their own, which the endpoint kills or stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from clients import aws
from s3_endpoint import Endpoint, Request

KILLED = -signal.SIGKILL
CHANGING = ("put", "complete", "delete", "delete_many")
"""Requests that change what a reader sees."""
PATIENCE = 60.0
"""Seconds, on a busy machine."""


class Stopped:
    """A run that stands still before one of its requests; that one is applied only if it goes on. `ended` is how, once
    it has."""

    ended: int | None = None

    def __init__(self, child: int) -> None:
        self._child = child
        self._stands, self._decided, self._lives = Event(), Event(), True

    def stand(self) -> None:
        """Called with the request at which it is to stand still."""
        os.kill(self._child, signal.SIGSTOP)
        self._stands.set()
        self._decided.wait(PATIENCE)
        if not self._lives:
            raise ConnectionAbortedError

    def wait(self) -> None:
        """Until it stands still."""
        assert self._stands.wait(PATIENCE)

    def go_on(self) -> None:
        """As if nothing had been."""
        self._decided.set()
        os.kill(self._child, signal.SIGCONT)

    def kill(self) -> None:
        """It never goes on; unless it did."""
        if self._decided.is_set():
            return
        self._lives = False
        with suppress(ProcessLookupError):  # it came to its end without that request
            os.kill(self._child, signal.SIGKILL)
        self._decided.set()


class Runner:
    """Runs drivers in processes that the endpoint kills or stops, one at a time."""

    def __init__(self, process: subprocess.Popen[str], endpoint: Endpoint) -> None:
        self._process, self._endpoint = process, endpoint

    def run(self, driver: str, kill_at: int = 0, *, applied: bool = False) -> int:
        """Run a driver and return how it ended. It is killed when its request number `kill_at` arrives: before S3 has
        done anything about it, or once it is `applied`."""
        start = self._endpoint.requests.total()

        def kill(number: int, _kind: Request, _key: str) -> None:
            if number == start + kill_at:
                os.kill(child, signal.SIGKILL)
                if not applied:
                    raise ConnectionAbortedError

        with self._endpoint.lock:  # so that nothing is answered before the child's id is known
            self._endpoint.after = kill if applied else None
            self._endpoint.before = None if applied else kill
            child = self._start(driver)
        return self._ended()

    @contextmanager
    def stop(self, driver: str, stop_at: int) -> Iterator[Stopped]:
        """Run a driver until it stands still before its changing request number `stop_at`; unless it may go on, it is
        killed."""
        changing = 0

        def stand(_number: int, kind: Request, _key: str) -> None:
            nonlocal changing
            changing += kind in CHANGING
            if kind in CHANGING and changing == stop_at:
                stopped.stand()

        with self._endpoint.lock:
            self._endpoint.before = stand
            stopped = Stopped(self._start(driver))
        try:
            stopped.wait()
            self._endpoint.before = None
            yield stopped
        finally:
            stopped.kill()
            stopped.ended = self._ended()

    def _ended(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def _start(self, driver: str) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{driver}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def running(endpoint: Endpoint) -> Iterator[Runner]:
    """A runner, as long as it is needed."""
    environment = os.environ | aws(endpoint) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("runner.py"))],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Runner(process, endpoint)
        assert process.stdin
        process.stdin.close()
