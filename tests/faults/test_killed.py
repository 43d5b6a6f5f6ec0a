"""The process is killed, by SIGKILL, at every request, reads and writes, and run again."""

from __future__ import annotations

import random
from typing import Any

import pytest
from clients import THOROUGH, some
from drivers import DRIVERS
from made_job import JOB, account, bucket_of_job, results_of
from processes import KILLED, Runner
from s3_endpoint import Endpoint
from seen import always_whole

LINES = 8


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
