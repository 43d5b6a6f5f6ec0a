"""The manifest is replaced while a run stands still before one of its writes: nobody is shown a mixture.

An invocation may stand still for as long as it lives. A newer run that did not wait for that would be overwritten.
"""

from __future__ import annotations

from typing import Any

import pytest
from clients import some
from drivers import DRIVERS
from made_job import BUCKET, JOB, MANIFEST, account, bucket_of_job, results_of
from processes import CHANGING, KILLED, Runner
from s3_endpoint import Endpoint, State
from seen import always_whole

from truepoint.adapters.bucket import Bucket
from truepoint.runs.completion import HandOver, complete

MANIFESTS = {"cut short": (12, 8), "grown": (8, 12)}
"""Lines before and afterwards; the labels are others too."""


def undisturbed(endpoint: Endpoint, runner: Runner, driver: str, objects: State) -> tuple[State, int]:
    """The results of a run that nothing disturbs, and how many of its requests change something."""
    endpoint.begin(objects)
    assert runner.run(driver) == 0
    return results_of(endpoint.objects), sum(endpoint.requests[kind] for kind in CHANGING)


def manifests(how: str) -> tuple[State, State]:
    """The bucket before and after the manifest is replaced; nothing else is."""
    before, after = MANIFESTS[how]
    older, newer = bucket_of_job(before), bucket_of_job(after, shift=5, names="newer")
    return older | newer | {MANIFEST: older[MANIFEST]}, older | newer


def places(last: int, most: int) -> list[int]:
    """Numbers of changing requests; the first, which takes the turn, and the last two, the marker and what ends the
    turn, are always among them."""
    return sorted({*some(range(1, last + 1), most), last - 1, last})


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("how", MANIFESTS)
@pytest.mark.parametrize("then", ["goes on", "is killed"])
def test_an_older_run_that_pauses_before_any_write_overwrites_nothing(
    endpoint: Endpoint, runner: Runner, driver: str, *, how: str, then: str, count: Any
) -> None:
    before, after = manifests(how)
    old, last = undisturbed(endpoint, runner, driver, before)
    new, _ = undisturbed(endpoint, runner, driver, after)
    for place in places(last, 4):
        endpoint.begin(before)
        with runner.stop(driver, place) as older:
            endpoint.set(MANIFEST, after[MANIFEST])
            there = results_of(endpoint.objects)
            told = complete(JOB, Bucket(BUCKET))
            if isinstance(told, HandOver):
                assert "may still write" in told.reason
                now = results_of(endpoint.objects)
                # What the older run had sent may still be applied. Nothing is of the newer one, nothing is removed.
                assert all(there.get(key) == body or old[key] == body for key, body in now.items())
                assert there.keys() <= now.keys()
            else:
                assert results_of(endpoint.objects) == new, "the older run had not begun"
                assert place == 1
            if then == "goes on":
                older.go_on()
        assert older.ended == (0 if then == "goes on" else KILLED)
        DRIVERS[driver](JOB)
        assert results_of(endpoint.objects) == new, (how, place)
        always_whole(endpoint, old, new)
        count(f"a run stands still before a write, the manifest is {how}, the run {then}", driver,
              account(endpoint.objects))  # fmt: skip


@pytest.mark.parametrize("driver", DRIVERS)
def test_without_the_wait_an_older_run_overwrites_the_newer_one(
    endpoint: Endpoint, runner: Runner, driver: str
) -> None:
    before, after = manifests("cut short")
    old, last = undisturbed(endpoint, runner, driver, before)
    new, _ = undisturbed(endpoint, runner, driver, after)
    mixed = 0
    for place in places(last, 4):
        endpoint.begin(before)
        with runner.stop(driver, place) as older:
            endpoint.set(MANIFEST, after[MANIFEST])
            DRIVERS[driver](JOB)  # as if the time had passed, but the older run lives
            assert results_of(endpoint.objects) == new
            older.go_on()
        assert older.ended == 0
        try:
            always_whole(endpoint, old, new)
        except AssertionError as error:
            assert "with the marker there" in str(error)
            mixed += 1
    assert mixed, "the test above would find nothing"
