"""When a function that failed is tried again, and when an object has failed for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from truepoint.portal.retries import ATTEMPTS, MOST_IN_A_ROW, Retries

START = datetime(2026, 11, 28, tzinfo=UTC)
WHILE = timedelta(hours=1)
"""Longer than any wait."""


def failed(retries: Retries, names: tuple[str, ...], attempts: int, start: datetime = START) -> datetime:
    """Let the function fail for each object alone, so many times; returns the time after it."""
    for number in range(attempts):
        for name in names:
            retries.fail([name], "it fails", start + number * WHILE)
    return start + attempts * WHILE


def test_permanently_failed_objects_are_not_retried() -> None:
    """Three of them are more failures in a row than make the function count as down."""
    retries = Retries()
    retries.fail(["a"], "it fails", START)
    retries.fail(["b"], "it fails", START)
    retries.fail(["c"], "it fails", START)
    retries.succeed(["d"])
    now = failed(retries, ("a", "b", "c"), ATTEMPTS - 1, START + WHILE)
    assert all(retries.final_reason(name) for name in "abc")
    assert 3 * (ATTEMPTS - 1) >= MOST_IN_A_ROW
    assert not retries.is_down(now)
    assert retries.next_attempt(now) is None


def test_a_success_of_another_object_makes_no_failure_permanent() -> None:
    """Its failures may have been the function's: what counts is another failure once it works for others."""
    retries = Retries()
    now = failed(retries, ("a",), ATTEMPTS)
    retries.succeed(["b"])
    assert retries.final_reason("a") is None
    assert retries.next_attempt(now) is not None
    retries.fail(["a"], "it still fails", now)
    assert retries.final_reason("a") == "it still fails"
    assert retries.next_attempt(now) is None


def test_a_function_that_always_fails_makes_no_failure_permanent() -> None:
    retries = Retries()
    now = failed(retries, ("a", "b"), 3 * ATTEMPTS)
    assert retries.final_reason("a") is retries.final_reason("b") is None
    assert retries.next_attempt(now) is not None


def test_simultaneous_requests_count_as_one_attempt() -> None:
    retries = Retries()
    retries.fail(["a"], "it fails", START)
    first = retries.not_before("a")
    for _ in range(ATTEMPTS):
        retries.fail(["a"], "it fails", START)
    assert retries.not_before("a") == first
    retries.succeed(["b"])
    assert retries.final_reason("a") is None


def test_a_failing_function_is_called_again_only_after_a_pause() -> None:
    retries = Retries()
    for number in range(MOST_IN_A_ROW):
        retries.fail([f"{number}", "other"], "it fails", START)
    assert retries.is_down(START)
    attempt = retries.next_attempt(START)
    assert attempt is not None
    assert attempt > START
    assert not retries.is_down(attempt)
    assert retries.next_attempt(attempt) is None
    retries.succeed(["other"])
    assert not retries.is_down(START)
