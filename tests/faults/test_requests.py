"""S3 answers badly, or not at all: what passes is outlived, what stays is an error, and no record is lost."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

import pytest
from clients import THOROUGH, aws, some
from drivers import DRIVERS
from made_job import BUCKET, JOB, MARKER, account, bucket_of_job, results_of
from obstore.exceptions import PermissionDeniedError
from s3_endpoint import Endpoint, Fault, How, Request, State
from seen import always_whole

from truepoint.adapters.bucket import Bucket, ChangedError, NotReadableError, UnavailableError

LINES = 8
FOREVER = 1_000_000
STAYING = ["slow_down", "reset", "truncated", "forbidden"] + ["internal_error", "reset_after"] * THOROUGH
"""To a client that gives up, the last two are the first two once more."""
PASSING = [how for how in get_args(How) if how not in ("precondition_failed", "forbidden", "slow", "error_in_body")]


@cache
def before(driver: str) -> State:
    """The bucket with the job as it is now, and the results of the time when it had more lines, of other names."""
    with Endpoint() as endpoint, pytest.MonkeyPatch.context() as patch:
        for name, value in aws(endpoint).items():
            patch.setenv(name, value)
        endpoint.begin(bucket_of_job(LINES + 5, shift=3, names="old"))
        DRIVERS[driver](JOB)
        return bucket_of_job(LINES) | results_of(endpoint.objects)


def undisturbed(endpoint: Endpoint, driver: str) -> tuple[dict[str, bytes], dict[str, int]]:
    """The results of a run without faults, and how many requests of each kind it made."""
    endpoint.begin(before(driver))
    DRIVERS[driver](JOB)
    assert account(endpoint.objects) == (0, 0)
    return results_of(endpoint.objects), dict(endpoint.requests)


def met(how: How, driver: str, made: dict[str, int]) -> list[tuple[Request, int]]:
    """Where a fault can be: every request of a run, as its kind and place. The state machine makes the same requests as
    one Lambda, only more of them."""
    most = 2 if driver == "one Lambda" else 1
    kinds: dict[How, tuple[str, ...]] = {"slow": ("get", "list"), "error_in_body": ("complete",)}
    return [
        (on, place)
        for on in get_args(Request)
        if on in kinds.get(how, made)
        for place in some(range(made.get(on, 0)), most)
    ]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("how", [*PASSING, "slow", "error_in_body"])
def test_a_temporary_fault_at_any_request_changes_nothing(
    endpoint: Endpoint, how: How, driver: str, count: Any
) -> None:
    expected, made = undisturbed(endpoint, driver)
    assert made["get"] and made["list"] and made["put"] and made["create"] and made["part"] and made["complete"]
    for on, place in met(how, driver, made):
        endpoint.begin(before(driver), Fault(how, on, skip=place))
        DRIVERS[driver](JOB)
        assert results_of(endpoint.objects) == expected, (how, on, place)
        count(f"{how} at one request", driver, account(endpoint.objects))


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("how", STAYING)
def test_a_permanent_fault_raises_and_leaves_no_marker(endpoint: Endpoint, how: How, driver: str, count: Any) -> None:
    expected, made = undisturbed(endpoint, driver)
    for on in made:
        if how == "truncated" and on in ("put", "part"):
            continue  # their answers have no body
        place = made[on] // 2
        endpoint.begin(before(driver), Fault(how, on, skip=place, times=FOREVER))
        with pytest.raises((UnavailableError, PermissionDeniedError, NotReadableError), match=BUCKET):
            DRIVERS[driver](JOB)
        old, new = results_of(before(driver)), expected
        always_whole(endpoint, old, new)
        assert endpoint.objects.get(MARKER) in (None, old[MARKER]), (how, on)
        endpoint.faults.clear()
        DRIVERS[driver](JOB)
        assert results_of(endpoint.objects) == expected
        count(f"{how} for good, then mended", driver, account(endpoint.objects))


@pytest.mark.parametrize("driver", DRIVERS)
def test_constant_throttling_of_some_requests_changes_nothing(endpoint: Endpoint, driver: str, count: Any) -> None:
    expected, made = undisturbed(endpoint, driver)
    every_third = [Fault("slow_down", on, skip=skip) for on in made for skip in range(0, 3 * made[on], 3)]
    endpoint.begin(before(driver), *every_third)
    DRIVERS[driver](JOB)
    assert endpoint.requests.total() > 1.2 * sum(made.values())
    assert results_of(endpoint.objects) == expected
    count("slow_down at every third request", driver, account(endpoint.objects))


def test_no_request_stays_open_while_a_stream_is_processed(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truepoint.adapters.bucket.CHUNK", 1000)
    body = bytes(range(256)) * 20
    endpoint.begin({"k": body})
    bucket = Bucket(BUCKET)
    read = b""
    for place, piece in enumerate(bucket.stream("k", 0, len(body), bucket.etag("k")), 1):
        read += piece
        # A client gives a request up after a while, its body included: at most the next one is under way.
        assert endpoint.requests["get"] <= place + 1
    assert read == body
    assert place == 6


@pytest.mark.parametrize("now", [None, b"", b"longer than before", b"BEFORE"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_stream_reads_a_single_object_version(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, now: bytes | None, after: int
) -> None:
    monkeypatch.setattr("truepoint.adapters.bucket.CHUNK", 2)
    endpoint.begin({"k": b"before"})
    bucket = Bucket(BUCKET)
    pieces = bucket.stream("k", 0, 6, bucket.etag("k"))
    read = [next(pieces) for _ in range(after)]
    endpoint.set("k", now)
    try:
        read += pieces
    except (ChangedError, NotReadableError) as error:
        assert "s3://truepoint-faults/k" in str(error)
        read = read[:after]
    else:
        assert after == 2  # the last one was fetched already
    assert read == [b"be", b"fo", b"re"][: len(read)]
