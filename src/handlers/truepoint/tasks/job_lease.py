"""The lease of the process that advances a job, in the portal's table, with the job's progress.

The lease only prevents two processes from doing the same work. All writes are idempotent or conditional, so that two
concurrent processes do no harm, for example after a slow process lost its lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from truepoint.task_queue import rows
from truepoint.task_queue.rows import TickState
from truepoint.task_queue.table import Action, ConditionError, Table

JOB_LEASE_SECONDS = 240.0
"""Duration of a lease without renewal, in seconds. It is longer than the longest step, which is one call of a
consolidation function. A process that is killed delays its job by this time."""


class LostJobLeaseError(Exception):
    """A lease that another process has taken over, because this process was too slow."""


class JobLease:
    """The lease of one process on one job."""

    def __init__(self, table: Table, job: str, holder: str, state: TickState, now: Callable[[], float]) -> None:
        self._table = table
        self._key = rows.tick_key(job)
        self._holder = holder
        self._now = now
        self._renewed = now()
        self.state = state

    @classmethod
    def take(cls, table: Table, job: str, holder: str, now: Callable[[], float] = time.time) -> JobLease | None:
        """Take the lease; return None if another process has it."""
        try:
            row = table.write(
                Action.set(
                    rows.tick_key(job),
                    {"holder": holder, "until": now() + JOB_LEASE_SECONDS},
                    "attribute_not_exists(pk) OR #until < :now OR #holder = :holder",
                    {"now": now()},
                )
            )
        except ConditionError:
            return None
        return cls(table, job, holder, rows.read(row, TickState), now)

    def keep(self) -> None:
        """Renew the lease if a quarter of its duration has passed.

        Raises:
            LostJobLeaseError: another process has the lease.
        """
        if self._now() - self._renewed > JOB_LEASE_SECONDS / 4:
            self.save()

    def save(self, **changes: Any) -> None:
        """Change the job's progress, and renew the lease.

        Raises:
            LostJobLeaseError: another process has the lease.
        """
        try:
            self._set({"until": self._now() + JOB_LEASE_SECONDS, **changes})
        except ConditionError as error:
            raise LostJobLeaseError(
                f"expected the lease of {self._key.pk} to be this process's, another has it"
            ) from error
        self.state = msgspec.structs.replace(self.state, **changes)
        self._renewed = self._now()

    def leave(self) -> None:
        """Release the lease, so that the next process can take it at once."""
        with suppress(ConditionError):  # another process has taken it
            self._set({"until": 0})

    def _set(self, fields: Mapping[str, Any]) -> None:
        self._table.write(Action.set(self._key, fields, "#holder = :holder", {"holder": self._holder}))
