"""Events that come twice, late or in another order, runs at the same time, and a manifest that changes under a run."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from clients import THOROUGH, some
from drivers import DRIVERS
from made_job import JOB, MANIFEST, MARKER, account, bucket_of_job, results_of
from s3_endpoint import Endpoint, Request, State
from seen import always_whole

from truepoint.adapters.bucket import ChangedError, NotReadableError
from truepoint.groundtruth.job import LabelingJob
from truepoint.runs.steps import ManifestMissingError

LINES = 8
SEEDS = range(60 if THOROUGH else 2)
STOPPED = msgspec.structs.replace(JOB, status="Stopped")


def made_of(endpoint: Endpoint, driver: str, objects: State, job: LabelingJob = JOB) -> State:
    """The results of a run that nothing disturbs."""
    endpoint.begin(objects)
    DRIVERS[driver](job)
    return results_of(endpoint.objects)


@pytest.mark.parametrize("driver", DRIVERS)
def test_repeated_late_and_reordered_events(endpoint: Endpoint, driver: str, count: Any) -> None:
    objects = bucket_of_job(LINES)
    completed, stopped = made_of(endpoint, driver, objects), made_of(endpoint, driver, objects, STOPPED)
    for order in ([JOB, JOB, JOB], [STOPPED, JOB], [JOB, STOPPED, JOB], [STOPPED, JOB, STOPPED, JOB, JOB]):
        endpoint.begin(objects)
        for job in order:
            DRIVERS[driver](job)
        assert results_of(endpoint.objects) == completed
        always_whole(endpoint, completed, stopped)
        count("events twice, late, out of order", driver, account(endpoint.objects))


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_repeated_event_changes_nothing(endpoint: Endpoint, driver: str) -> None:
    made = made_of(endpoint, driver, bucket_of_job(LINES))
    before = len(endpoint.changes)
    DRIVERS[driver](JOB)
    assert results_of(endpoint.objects) == made
    assert len(endpoint.changes) == before


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("runs", [2, 3])
def test_concurrent_runs_write_the_same_results(endpoint: Endpoint, driver: str, runs: int, count: Any) -> None:
    old = made_of(endpoint, driver, bucket_of_job(LINES + 5, shift=3, names="old"))
    objects = bucket_of_job(LINES)
    new = made_of(endpoint, driver, objects)
    for seed in SEEDS:
        chance = random.Random(seed)
        endpoint.begin(objects | (old if seed % 2 else {}))
        endpoint.before = lambda *_, chance=chance: time.sleep(chance.choice((0, 0, 0.001, 0.005)))
        with ThreadPoolExecutor(runs) as pool:
            for run in [pool.submit(DRIVERS[driver], JOB) for _ in range(runs)]:
                run.result()
        assert results_of(endpoint.objects) == new, seed
        always_whole(endpoint, old, new)
        count(f"{runs} runs at once", driver, account(endpoint.objects))


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("how", ["replaced", "grown", "cut short", "taken away for a while"])
def test_a_manifest_that_changes_at_any_request(endpoint: Endpoint, driver: str, how: str, count: Any) -> None:
    objects, replaced = bucket_of_job(LINES), bucket_of_job(LINES, shift=5)
    manifest = objects[MANIFEST]
    now = {
        "replaced": replaced[MANIFEST],
        "grown": manifest + manifest.splitlines(keepends=True)[0],
        "cut short": b"".join(manifest.splitlines(keepends=True)[:-2]),
        "taken away for a while": None,
    }[how]
    final = objects | replaced | {MANIFEST: now or manifest}
    old, new = made_of(endpoint, driver, final | {MANIFEST: manifest}), made_of(endpoint, driver, final)
    requests = endpoint.requests.total()
    for place in some(range(1, requests + 1), 6):
        endpoint.begin(final | {MANIFEST: manifest})

        def change(number: int, _kind: Request, _key: str, place: int = place) -> None:
            if number == place:
                endpoint.set(MANIFEST, now)

        endpoint.before = change
        with suppress(ChangedError, NotReadableError, ManifestMissingError):
            DRIVERS[driver](JOB)
        always_whole(endpoint, old, new)
        endpoint.before = None
        endpoint.set(MANIFEST, final[MANIFEST])
        DRIVERS[driver](JOB)  # the event of the change, or Lambda's second try
        assert results_of(endpoint.objects) == new, (how, place)
        always_whole(endpoint, old, new)
        count(f"manifest {how} under a run", driver, account(endpoint.objects))


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_completed_job_without_a_manifest_is_an_error_and_has_no_results(endpoint: Endpoint, driver: str) -> None:
    objects = bucket_of_job(LINES)
    del objects[MANIFEST]
    endpoint.begin(objects)
    with pytest.raises(ManifestMissingError, match="expected the manifest of a completed job"):
        DRIVERS[driver](JOB)
    assert MARKER not in endpoint.objects
