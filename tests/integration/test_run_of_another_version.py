"""Results that were being made while the stack was updated from commit c574846: the execution of the state machine
goes on with today's function. tests/upgrade/c574846/run.json holds what that commit's steps had left in the bucket.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sample_events import BUCKET, event
from truepoint.adapters.bucket import Bucket
from truepoint.runs import steps
from truepoint.runs.plan import read_step

LEFT: dict[str, str] = json.loads((Path(__file__).parents[1] / "upgrade" / "c574846" / "run.json").read_text("utf-8"))
[PLAN] = [key for key in LEFT if key.endswith("/plan.json")]
RUN = PLAN.removesuffix("plan.json")
JOB = read_step(event("results_step/plan.json")).job
RANGES = 3
LARGEST = 2_000
"""Bytes of a range, as in the run that was recorded (which had three; today's function makes four)."""


def put(s3: Any, objects: dict[str, str]) -> Bucket:
    for key, body in objects.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())
    return Bucket(BUCKET)


def all_steps(run: str, ranges: int, store: Bucket) -> None:
    for place in range(ranges):
        assert steps.survey(run, place, store)
    steps.join(run, store)
    for place in range(ranges):
        assert steps.label(run, place, store)
    steps.merge(run, store)


def plan(store: Bucket) -> tuple[str, int]:
    assert JOB is not None
    return steps.make_plan(JOB, steps.find_manifest(JOB, store), store, LARGEST)


def results(s3: Any) -> dict[str, bytes]:
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="results/").get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in listed}


@pytest.fixture
def expected(s3: Any) -> dict[str, bytes]:
    """What a run of today's version alone makes."""
    inputs = {key: body for key, body in LEFT.items() if not key.startswith("tmp/")}
    store = put(s3, inputs)
    all_steps(*plan(store), store)
    made = results(s3)
    assert len(made) == 15
    for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        if item["Key"].startswith(("tmp/", "results/")):
            s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    return made


def test_a_run_of_the_earlier_version_continues_after_the_first_pass(s3: Any, expected: dict[str, bytes]) -> None:
    done = ("plan.json", "turn.json", "joined.json", *(f"survey-{place}.json" for place in range(RANGES)))
    store = put(s3, {key: body for key, body in LEFT.items() if not key.startswith("tmp/") or key.endswith(done)})
    for place in range(RANGES):
        assert steps.label(RUN, place, store)
    steps.merge(RUN, store)
    assert results(s3) == expected


def test_a_run_that_cannot_continue_fails_and_the_next_one_starts_over(s3: Any, expected: dict[str, bytes]) -> None:
    """The files of the second pass have another format now, so the merge fails and the results stay unmarked.

    The sweep then starts a new run, here in the same folder, as for a manifest that is cut into the same ranges.
    """
    store = put(s3, LEFT)
    with pytest.raises(msgspec.ValidationError):
        steps.merge(RUN, store)
    assert "results/people/results.json" not in results(s3)
    plan(store)
    all_steps(RUN, RANGES, store)
    assert results(s3) == expected
