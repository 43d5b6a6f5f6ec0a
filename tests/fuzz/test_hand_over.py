"""A step that runs out of time within a range goes on at the next line; the results are the same to the byte."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from targets import InMemory

from truepoint.results.result_set import Results
from truepoint.runs import steps
from truepoint.runs.completion import HandOver, complete

sys.path.append(str(Path(__file__).parents[1] / "faults"))

from made_job import JOB, bucket_of_job, results_of

STATE = bucket_of_job(16)


def bucket(more: dict[str, bytes] | None = None) -> InMemory:
    store = InMemory(STATE | (more or {}))
    store.name = JOB.output_manifest_uri.split("/")[2]
    return store


def until_done(step: Callable[[], bool]) -> int:
    calls = 1
    while not step():
        calls += 1
    return calls


@pytest.fixture(autouse=True)
def one_line_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step hands over between batches of lines; the job of these tests is smaller than one."""
    monkeypatch.setattr("truepoint.groundtruth.manifest.LINES_AT_ONCE", 1)


@pytest.fixture(scope="module")
def expected() -> dict[str, bytes]:
    store = bucket()
    assert isinstance(complete(JOB, store), Results)
    return results_of(store.objects())


@pytest.mark.parametrize("limit", ["time", "memory"])
@pytest.mark.parametrize("older", [False, True])
def test_one_line_a_call_makes_the_same_results(
    expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, limit: str, *, older: bool
) -> None:
    stale = {f"results/people/annotations/{n:07d}-old.json": b"{}" for n in (0, 5, 15, 40)} if older else {}
    store = bucket(stale)
    if limit == "memory":
        monkeypatch.setattr(steps, "LARGEST_PART", 0)
    left = (lambda: 0.0) if limit == "time" else (lambda: 900.0)
    run, ranges = steps.make_plan(JOB, steps.find_manifest(JOB, store), store, 5000)
    assert ranges > 1
    calls = [until_done(lambda place=place: steps.survey(run, place, store, left)) for place in range(ranges)]
    if limit == "time":
        assert sum(calls) == 16
    steps.join(run, store)
    calls = [until_done(lambda place=place: steps.label(run, place, store, left)) for place in range(ranges)]
    assert sum(calls) > ranges
    steps.merge(run, store)
    assert results_of(store.objects()) == expected


def test_a_range_started_under_another_lock_starts_again(expected: dict[str, bytes]) -> None:
    store = bucket()
    run, _ = steps.make_plan(JOB, steps.find_manifest(JOB, store), store)
    steps.survey(run, 0, store)
    steps.join(run, store)
    assert not steps.label(run, 0, store, lambda: 0.0)
    begun = store.read(f"{run}labels-0.json")
    assert b'"turn":"' in begun
    store.write(f"{run}labels-0.json", begun.replace(b'"turn":"', b'"turn":"0'), "application/json")
    assert steps.label(run, 0, store)
    steps.merge(run, store)
    assert results_of(store.objects()) == expected


def test_one_invocation_hands_over_within_a_range(expected: dict[str, bytes]) -> None:
    store, clock = bucket(), iter(range(300, -10_000, -15))
    found = complete(JOB, store, seconds_left=lambda: float(next(clock)))
    assert isinstance(found, HandOver)
    assert "seconds left at range 0 of 1" in found.reason
    assert isinstance(complete(JOB, store), Results)
    assert results_of(store.objects()) == expected
