"""Retries: the objects that a function failed for, and when each is tried again. Pure: time is an argument.

A failure says nothing about the object as long as the function fails for others too: it may be out of memory, without a
right, or in the middle of a deployment. An object has failed for good only if the function failed for it alone
`ATTEMPTS` times and worked for another object in the meantime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ATTEMPTS = 5
FIRST_WAIT = timedelta(seconds=3)
LONGEST_WAIT = timedelta(minutes=5)
MOST_IN_A_ROW = 10
"""Failures in a row, of whatever objects, after which the function counts as down. Bisecting a batch of 50 down to the
one object that it fails for takes six."""


@dataclass(slots=True)
class _Object:
    attempts: int
    not_before: datetime
    reason: str
    successes_before: int


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
            known = self._objects.get(object_ids[0])
            attempts = known.attempts + 1 if known else 1
            before = known.successes_before if known else self._successes
            self._objects[object_ids[0]] = _Object(attempts, now + _wait(attempts), reason, before)

    def succeed(self, object_ids: Sequence[str]) -> None:
        """Record an invocation that worked."""
        self.reason, self._in_a_row, self._down_until = "", 0, None
        self._successes += 1
        for object_id in object_ids:
            self._objects.pop(object_id, None)

    def is_down(self, now: datetime) -> bool:
        """Whether the function failed so often in a row that it is left alone for now."""
        return self._down_until is not None and now < self._down_until

    def has_failed(self, object_id: str) -> bool:
        """Whether the function failed for this object alone, and has not worked for it since."""
        return object_id in self._objects

    def not_before(self, object_id: str) -> datetime | None:
        """When this object is tried again; None if it may be tried at once."""
        known = self._objects.get(object_id)
        return known.not_before if known else None

    def final_reason(self, object_id: str) -> str | None:
        """Why this object has failed for good; None if it has not."""
        known = self._objects.get(object_id)
        final = known and known.attempts >= ATTEMPTS and self._successes > known.successes_before
        return known.reason if known and final else None

    def next_attempt(self) -> datetime | None:
        """When something is tried again; None if nothing waits."""
        times = [known.not_before for name, known in self._objects.items() if self.final_reason(name) is None]
        if self._down_until:
            return max([self._down_until, *([min(times)] if times else [])])
        return min(times, default=None)


def _wait(attempts: int) -> timedelta:
    return min(FIRST_WAIT * (1 << min(attempts - 1, 10)), LONGEST_WAIT)
