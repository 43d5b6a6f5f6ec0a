"""The process is killed, by SIGKILL, at every request, reads and writes, and run again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clients import THOROUGH, aws, some
from drivers import DRIVERS
from made_job import JOB, account, bucket_of_job, results_of
from s3_endpoint import Endpoint, Request
from seen import always_whole

LINES = 8
KILLED = -signal.SIGKILL


class Runner:
    """Runs drivers in processes that the endpoint kills."""

    def __init__(self, process: subprocess.Popen[str], endpoint: Endpoint) -> None:
        self._process, self._endpoint = process, endpoint

    def run(self, driver: str, kill_at: int = 0, *, applied: bool = False) -> int:
        """Run a driver and return how it ended. It is killed when its request number `kill_at` arrives: before S3 has
        done anything about it, or once it is `applied`."""
        assert self._process.stdin and self._process.stdout
        start = self._endpoint.requests.total()

        def kill(number: int, _kind: Request, _key: str) -> None:
            if number == start + kill_at:
                os.kill(child, signal.SIGKILL)
                if not applied:
                    raise ConnectionAbortedError

        with self._endpoint.lock:  # so that nothing is answered before the child's id is known
            self._endpoint.after = kill if applied else None
            self._endpoint.before = None if applied else kill
            self._process.stdin.write(f"{driver}\n")
            self._process.stdin.flush()
            child = int(self._process.stdout.readline())
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def runner(one_endpoint: Endpoint) -> Iterator[Runner]:
    environment = os.environ | aws(one_endpoint) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("runner.py"))],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Runner(process, one_endpoint)
        assert process.stdin
        process.stdin.close()


def results(endpoint: Endpoint, driver: str, objects: dict[str, bytes]) -> tuple[dict[str, bytes], int]:
    """The results of an undisturbed run, and the number of its requests."""
    endpoint.begin(objects)
    DRIVERS[driver](JOB)
    return results_of(endpoint.objects), endpoint.requests.total()


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("applied", [False, True])
def test_killed_at_every_request_and_run_again(
    endpoint: Endpoint, runner: Runner, driver: str, applied: bool, count: Any
) -> None:
    old, _ = results(endpoint, driver, bucket_of_job(LINES + 5, shift=3, names="old"))
    objects = bucket_of_job(LINES)
    new, _ = results(endpoint, driver, objects)
    endpoint.begin(objects | old)
    assert runner.run(driver) == 0
    assert results_of(endpoint.objects) == new
    requests = endpoint.requests.total()
    assert requests > len(new)
    for number in some(range(1, requests + 1), 8):
        endpoint.begin(objects | old)
        assert runner.run(driver, number, applied=applied) == KILLED
        assert runner.run(driver) == 0
        assert results_of(endpoint.objects) == new, number
        always_whole(endpoint, old, new)
        where = "once it was applied" if applied else "before it was applied"
        count(f"SIGKILL at a request, {where}; old results there", driver, account(endpoint.objects))


@pytest.mark.parametrize("driver", DRIVERS)
def test_killed_again_and_again(endpoint: Endpoint, runner: Runner, driver: str, count: Any) -> None:
    objects = bucket_of_job(LINES)
    new, requests = results(endpoint, driver, objects)
    for seed in range(40 if THOROUGH else 3):
        chance = random.Random(seed)
        endpoint.begin(objects)
        for _ in range(chance.randint(2, 5)):
            runner.run(driver, chance.randint(1, requests), applied=chance.random() < 0.5)
        assert runner.run(driver) == 0
        assert results_of(endpoint.objects) == new, seed
        always_whole(endpoint, new)
        count("SIGKILL several times over", driver, account(endpoint.objects))
