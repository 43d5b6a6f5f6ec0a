"""The assignment of objects to workers, with leases and exactly one answer per worker and object.

Pure: time is an argument. The bucket stores the answers, and this state is derived from them at every start. Leases are
not stored: after a restart, a worker's page can still submit its answer while the object needs one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum


class Verdict(Enum):
    """The decision about an answer."""

    ACCEPT = "accept"
    REPEATED = "repeated"
    """This worker answered this object before: the first answer counts."""
    TOO_LATE = "too late"
    """The worker's lease expired, and other workers hold or filled all assignments of the object."""
    CLOSED = "closed"
    """The object needs no answers: it was skipped, or it has a label."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A time-limited assignment of one object to one worker."""

    object_id: str
    accepted: datetime
    expires: datetime


@dataclass(slots=True)
class Assignments:
    """The answers so far and the leases of one job.

    Attributes:
        object_ids: every data object that needs labelling, in the order in which it is handed out.
        workers_per_object: how many different workers answer each object.
        time_limit: how long a lease lasts.
        answered: for each object, the workers whose answers are stored.
        closed: objects that accept no answers.
        postponed: objects that cannot be shown now, and the time until which they are not handed out.
    """

    object_ids: tuple[str, ...]
    workers_per_object: int
    time_limit: timedelta
    answered: dict[str, set[str]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    postponed: dict[str, datetime] = field(default_factory=dict)
    _leases: dict[str, Lease] = field(default_factory=dict)
    _declined: set[tuple[str, str]] = field(default_factory=set)
    _first_open: int = 0

    def next_task(self, worker: str, now: datetime) -> Lease | None:
        """Return the worker's lease, or lease the next object that needs this worker; None if there is none."""
        held = self._leases.get(worker)
        if held and held.expires > now and self._wants(held.object_id, worker, now):
            return held
        self._leases.pop(worker, None)
        self._skip_done()
        for object_id in self.object_ids[self._first_open :]:
            if self._wants(object_id, worker, now):
                lease = Lease(object_id, now, now + self.time_limit)
                self._leases[worker] = lease
                return lease
        return None

    def upcoming(self, worker: str, now: datetime) -> str | None:
        """Return the object that this worker would get next. It is not leased, so another worker may get it first."""
        held = self._leases.get(worker)
        for object_id in self.object_ids[self._first_open :]:
            if not (held and held.object_id == object_id) and self._wants(object_id, worker, now):
                return object_id
        return None

    def lease_of(self, worker: str) -> Lease | None:
        """Return the worker's latest lease, even if it expired."""
        return self._leases.get(worker)

    def check(self, object_id: str, worker: str, now: datetime) -> Verdict:
        """Decide whether to accept an answer, which then keeps its assignment until `record` or the lease's end."""
        answered = self.answered.get(object_id, set())
        if worker in answered:
            return Verdict.REPEATED
        if object_id in self.closed:
            return Verdict.CLOSED
        if len(answered) + self._held_by_others(object_id, worker, now) >= self.workers_per_object:
            return Verdict.TOO_LATE
        held = self._leases.get(worker)
        accepted = held.accepted if held and held.object_id == object_id else now
        self._leases[worker] = Lease(object_id, accepted, now + self.time_limit)
        return Verdict.ACCEPT

    def record(self, object_id: str, worker: str) -> None:
        """Record that the answer is stored."""
        self.answered.setdefault(object_id, set()).add(worker)
        held = self._leases.get(worker)
        if held and held.object_id == object_id:
            del self._leases[worker]

    def decline(self, object_id: str, worker: str) -> None:
        """Release the worker's lease, and do not offer this object to the worker again."""
        self._declined.add((object_id, worker))
        held = self._leases.get(worker)
        if held and held.object_id == object_id:
            del self._leases[worker]

    def close(self, object_ids: Iterable[str]) -> None:
        """Accept no more answers for these objects."""
        self.closed.update(object_ids)

    def open_for(self, worker: str) -> int:
        """Return how many objects need an answer that this worker may give, ignoring other workers' leases."""
        self._skip_done()
        return sum(
            1
            for object_id in self.object_ids[self._first_open :]
            if not self._is_done(object_id)
            and worker not in self.answered.get(object_id, ())
            and (object_id, worker) not in self._declined
        )

    def is_full(self, object_id: str) -> bool:
        """Return whether the object has all the answers that it needs."""
        return len(self.answered.get(object_id, ())) >= self.workers_per_object

    def is_finished(self) -> bool:
        """Return whether no object needs another answer."""
        self._skip_done()
        return all(self._is_done(object_id) for object_id in self.object_ids[self._first_open :])

    def with_answers(self) -> Iterator[str]:
        """Return the objects with at least one answer, in order."""
        return (object_id for object_id in self.object_ids if self.answered.get(object_id))

    def _is_done(self, object_id: str) -> bool:
        return object_id in self.closed or self.is_full(object_id)

    def _skip_done(self) -> None:
        # Objects are handed out in order, so finished ones are mostly at the front. Skipping them once is enough.
        while self._first_open < len(self.object_ids) and self._is_done(self.object_ids[self._first_open]):
            self._first_open += 1

    def _wants(self, object_id: str, worker: str, now: datetime) -> bool:
        answered = self.answered.get(object_id, set())
        if object_id in self.closed or worker in answered or (object_id, worker) in self._declined:
            return False
        if object_id in self.postponed and now < self.postponed[object_id]:
            return False
        return len(answered) + self._held_by_others(object_id, worker, now) < self.workers_per_object

    def _held_by_others(self, object_id: str, worker: str, now: datetime) -> int:
        return sum(
            1
            for other, lease in self._leases.items()
            if other != worker and lease.object_id == object_id and lease.expires > now
        )
