"""post_annotation while S3 misbehaves: a batch is answered as a whole and the same, or not at all."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from made_job import BUCKET, SKELETON, answer
from s3_endpoint import Endpoint, Fault, How

import post_annotation
from truepoint.adapters import bucket
from truepoint.adapters.bucket import Bucket, UnavailableError

FOLDER = "output/people/annotations/"
REQUEST = f"{FOLDER}consolidated-annotation/consolidation-request/iteration-1/batch.json"
EVENT = {"labelAttributeName": "keypoints", "payload": {"s3Uri": f"s3://{BUCKET}/{REQUEST}"}}
OBJECTS = 6
PASSING = [how for how in get_args(How) if how not in ("precondition_failed", "forbidden", "error_in_body")]


def key_of(number: int, worker: str) -> str:
    return f"{FOLDER}worker-response/iteration-1/{number}/{worker}.json"


def batch_by_reference() -> dict[str, bytes]:
    """A batch of objects that two workers answered, every answer in an object of its own; and the job's skeleton."""
    objects = {"jobs/people/skeleton.json": SKELETON}
    entries = []
    for number in range(OBJECTS):
        given = []
        for place, worker in enumerate("ab"):
            objects[key_of(number, worker)] = answer(float(place)).encode()
            reference = {"s3Uri": f"s3://{BUCKET}/{key_of(number, worker)}"}
            given.append({"workerId": worker, "annotationData": reference})
        source = {"s3Uri": f"s3://{BUCKET}/jobs/people/images/{number}.jpg"}
        entries.append({"datasetObjectId": str(number), "dataObject": source, "annotations": given})
    return objects | {REQUEST: json.dumps(entries).encode()}


@pytest.fixture
def respond(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The handler on the endpoint, whose buckets are not those of another test."""
    monkeypatch.setattr(post_annotation, "bucket", Bucket)
    return lambda: post_annotation.handler(EVENT, SimpleNamespace(function_name="function"))


def labels(response: Any) -> dict[str, Any]:
    return {r["datasetObjectId"]: r["consolidatedAnnotation"]["content"]["keypoints"] for r in response}


def accounted(response: Any) -> tuple[int, int]:
    """How many objects have no annotation, and how many annotations are too many."""
    ids = [r["datasetObjectId"] for r in response]
    return OBJECTS - len(set(ids)), len(ids) - len(set(ids))


@pytest.mark.parametrize("how", PASSING)
def test_a_temporary_fault_changes_nothing(endpoint: Endpoint, respond: Any, how: How, count: Any) -> None:
    endpoint.begin(batch_by_reference())
    expected = respond()
    made = dict(endpoint.requests)
    for on in ("list", "get"):
        for place in range(0, made[on], 4):
            endpoint.begin(batch_by_reference(), Fault(how, on, skip=place))
            response = respond()
            assert response == expected
            count(f"{how} at one request", "post_annotation", accounted(response))


@pytest.mark.parametrize("how", ["slow_down", "internal_error", "reset", "truncated"])
def test_a_permanent_fault_fails_the_batch_so_that_ground_truth_retries(
    endpoint: Endpoint, respond: Any, how: How, count: Any
) -> None:
    endpoint.begin(batch_by_reference())
    expected = respond()
    for place in (0, 1, 7):
        endpoint.begin(batch_by_reference(), Fault(how, "get", skip=place, times=1_000_000))
        with pytest.raises(UnavailableError, match=BUCKET):
            respond()
        endpoint.faults.clear()
        response = respond()
        assert response == expected
        count(f"{how} for good, then mended", "post_annotation", accounted(response))


def test_unreadable_answers_are_reported_and_the_others_count(endpoint: Endpoint, respond: Any) -> None:
    objects = batch_by_reference()
    del objects[key_of(0, "a")], objects[key_of(1, "a")], objects[key_of(1, "b")]
    forbidden = [Fault("forbidden", "get", key=key_of(number, "b"), times=1_000_000) for number in (2, 3)]
    endpoint.begin(objects, *forbidden)
    found = labels(respond())
    assert sorted(found) == [str(number) for number in range(OBJECTS)]
    usable = {number: [w["usable"] for w in label["workers"]] for number, label in found.items()}
    both, neither = [True, True], [False, False]
    assert usable == {"0": [False, True], "1": neither, "2": [True, False], "3": [True, False], "4": both, "5": both}
    assert [label["valid"] for label in found.values()] == [True, False, True, True, True, True]
    assert "could not be fetched" in found["1"]["reason"]


def test_a_large_annotation_is_stored_once_despite_faults(
    endpoint: Endpoint, respond: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = bucket.CLIENT | {"timeout": timedelta(seconds=10)}
    monkeypatch.setattr(bucket, "CLIENT", patient)
    monkeypatch.setattr(bucket, "PART", 8_000_000)
    objects = batch_by_reference()
    fields = json.loads(answer(0))
    [instance] = json.loads(fields["updated_annotations"])
    fields["updated_annotations"] = json.dumps([instance | {"note": "x" * 6_000_000}])
    objects[key_of(0, "a")] = json.dumps(fields).encode()
    for how in ("slow_down", "reset", "reset_after"):
        endpoint.begin(objects, Fault(how, "put"))
        stored = labels(respond())["0"]["annotation_s3_uri"].removeprefix(f"s3://{BUCKET}/")
        assert json.loads(endpoint.objects[stored])["workers"][0]["annotations"][0]["note"] == "x" * 6_000_000
