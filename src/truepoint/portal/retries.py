"""Retries of a function: the objects that it failed for, and when to try each again.

Pure: time is an argument. While the function also fails for other objects, a failure says nothing about one object: the
function may lack memory or a permission, or a deployment may be running. An object has failed for good only if the
function failed for it alone `ATTEMPTS` times and worked for another object in the meantime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ATTEMPTS = 5
FIRST_WAIT = timedelta(seconds=3)
LONGEST_WAIT = timedelta(minutes=5)
MOST_IN_A_ROW = 10
"""Number of consecutive failures, for any objects, after which the function counts as down. Bisecting a batch of 50
objects takes six."""


@dataclass(slots=True)
class _Object:
    attempts: int
    not_before: datetime
    reason: str
    successes_before: int
    is_final: bool


@dataclass(slots=True)
class Retries:
    """The failures of one function in one process.

    Attributes:
        reason: the latest failure, until the function works again; empty while it works.
    """

    reason: str = ""
    _objects: dict[str, _Object] = field(default_factory=dict)
    _in_a_row: int = 0
    _successes: int = 0
    _down_until: datetime | None = None

    def fail(self, object_ids: Sequence[str], reason: str, now: datetime) -> None:
        """Record a failed invocation; it counts as an attempt of an object only if it was for that object alone."""
        self.reason = reason
        self._in_a_row += 1
        if self._in_a_row >= MOST_IN_A_ROW:
            self._down_until = now + _wait(self._in_a_row - MOST_IN_A_ROW + 1)
        if len(object_ids) == 1:
            earlier = self._objects.get(object_ids[0])
            if earlier and now < earlier.not_before:
                return  # several workers requested the object at the same time: this counts as one attempt
            attempts = earlier.attempts + 1 if earlier else 1
            before = earlier.successes_before if earlier else self._successes
            is_final = attempts >= ATTEMPTS and self._successes > before
            self._objects[object_ids[0]] = _Object(attempts, now + _wait(attempts), reason, before, is_final)

    def succeed(self, object_ids: Sequence[str]) -> None:
        """Record an invocation that worked."""
        self.reason, self._in_a_row, self._down_until = "", 0, None
        self._successes += 1
        for object_id in object_ids:
            self._objects.pop(object_id, None)

    def is_down(self, now: datetime) -> bool:
        """Return whether the function failed so often in a row that it is not invoked for now."""
        return self._down_until is not None and now < self._down_until

    def has_failed(self, object_id: str) -> bool:
        """Return whether the function failed for this object alone and has not succeeded since."""
        return object_id in self._objects

    def not_before(self, object_id: str) -> datetime | None:
        """Return when this object is tried again; None if it may be tried now."""
        failed = self._objects.get(object_id)
        return failed.not_before if failed else None

    def final_reason(self, object_id: str) -> str | None:
        """Return why this object has failed for good; None if it has not."""
        failed = self._objects.get(object_id)
        return failed.reason if failed and failed.is_final else None

    def next_attempt(self, now: datetime) -> datetime | None:
        """Return the time of the next retry; None if nothing waits."""
        first = min((o.not_before for o in self._objects.values() if not o.is_final), default=None)
        if not self.is_down(now):
            return first
        return max(first, self._down_until) if first and self._down_until else self._down_until


def _wait(attempts: int) -> timedelta:
    return min(FIRST_WAIT * (1 << min(attempts - 1, 10)), LONGEST_WAIT)
