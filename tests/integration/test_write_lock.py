"""Turns: who may write a job's results, who waits and for how long, and who has lost it."""

from __future__ import annotations

from typing import Any

import pytest
from test_runs import let_pass

from sample_events import BUCKET
from truepoint.adapters.bucket import Bucket, ChangedError
from truepoint.runs import write_lock
from truepoint.runs.write_lock import SECONDS_BETWEEN_RUNS, NotYetError, SupersededError

JOB = "People-1"
KEY = "tmp/results/people-1/turn.json"


@pytest.fixture
def store(s3: Any) -> Bucket:
    return Bucket(BUCKET)


def take(of: str, store: Bucket) -> write_lock.LockState:
    return write_lock.acquire(write_lock.look(JOB, store), of, store)


def waits(of: str, store: Bucket) -> int:
    """For how long who comes now with this content has to wait."""
    with pytest.raises(NotYetError) as caught:
        take(of, store)
    return caught.value.seconds


def test_the_first_run_and_runs_with_the_same_inputs_write_at_once(store: Bucket) -> None:
    first, second = take("a", store), take("a", store)
    assert first.record == second.record
    assert write_lock.check(JOB, "a", store).record == first.record


def test_a_run_with_other_inputs_waits_until_the_first_can_no_longer_write(store: Bucket) -> None:
    take("a", store)
    assert waits("b", store) == SECONDS_BETWEEN_RUNS
    let_pass(SECONDS_BETWEEN_RUNS - 60)
    assert 0 < waits("b", store) <= 60
    with pytest.raises(SupersededError, match="expected the write lock of People-1 to be held for a, got b"):
        write_lock.check(JOB, "a", store)
    with pytest.raises(ChangedError, match="got one acquired again"):
        write_lock.check(JOB, "b", store)
    let_pass(60)
    take("b", store)
    write_lock.check(JOB, "b", store)
    with pytest.raises(SupersededError):
        write_lock.check(JOB, "a", store)


def test_a_run_that_takes_the_lock_back_waits_too(store: Bucket) -> None:
    take("a", store)
    assert waits("b", store)
    let_pass(SECONDS_BETWEEN_RUNS)
    take("b", store)
    assert waits("a", store) == SECONDS_BETWEEN_RUNS
    with pytest.raises(ChangedError, match="may still write"):
        write_lock.check(JOB, "a", store)


@pytest.mark.parametrize(("passed", "left"), [(0, 960), (900, 60), (940, 20)])
def test_after_complete_results_the_wait_starts_at_their_completion(store: Bucket, passed: int, left: int) -> None:
    first = take("a", store)
    let_pass(5000)
    write_lock.release(first, store)
    let_pass(passed)
    assert abs(waits("b", store) - left) <= 10  # S3 counts whole seconds, and a busy machine takes some


def test_no_run_waits_long_after_the_results_were_completed(store: Bucket) -> None:
    write_lock.release(take("a", store), store)
    let_pass(SECONDS_BETWEEN_RUNS + 1)
    seen = take("b", store)
    assert seen.record
    assert (seen.record.content, seen.record.wait, seen.record.released) == ("b", 0, False)


def test_the_same_results_again_take_a_lock_that_was_released(store: Bucket) -> None:
    write_lock.release(take("a", store), store)
    for again in (take("a", store), write_lock.check(JOB, "a", store)):
        assert again.record
        assert not again.record.released
    assert waits("b", store) == SECONDS_BETWEEN_RUNS


@pytest.mark.parametrize("already", [False, True])
def test_only_one_of_two_concurrent_runs_acquires_the_lock(store: Bucket, *, already: bool) -> None:
    if already:
        write_lock.release(take("a", store), store)
        let_pass(SECONDS_BETWEEN_RUNS + 1)
    seen = write_lock.look(JOB, store)
    write_lock.acquire(seen, "b", store)
    with pytest.raises(ChangedError, match=f"s3://{BUCKET}/{KEY} no longer has the ETag"):
        write_lock.acquire(seen, "c", store)
    write_lock.check(JOB, "b", store)


def test_releasing_a_lock_that_another_run_acquired_changes_nothing(store: Bucket) -> None:
    first = take("a", store)
    assert waits("b", store)
    write_lock.release(first, store)
    seen = write_lock.look(JOB, store)
    assert seen.record
    assert (seen.record.content, seen.record.released) == ("b", False)


def test_a_step_without_a_lock_is_planned_again(store: Bucket) -> None:
    with pytest.raises(ChangedError, match=f"expected a write lock at s3://{BUCKET}/{KEY}, got none") as caught:
        write_lock.check(JOB, "a", store)
    assert not isinstance(caught.value, SupersededError)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"of": 1}', b"\xff", b"null"])
def test_an_unreadable_lock_is_waited_for(s3: Any, store: Bucket, body: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
    assert waits("a", store) == SECONDS_BETWEEN_RUNS


def test_the_wait_is_set_by_the_environment(store: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDS_BETWEEN_RUNS", "7")
    take("a", store)
    assert waits("b", store) == 7
