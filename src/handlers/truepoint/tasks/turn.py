"""Whose turn it is to bring a job forward: a lease in the table, with how far the job is.

The lease only avoids that two processes do the same work. What they write is the same or has conditions, so that two at
once, or one that was taken for dead, do no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from truepoint.task_queue import rows
from truepoint.task_queue.rows import TickState
from truepoint.task_queue.table import Action, ConditionError, Table

TURN_SECONDS = 240.0
"""How long a lease lasts without renewal: longer than the longest step, which is one call of a consolidation function.
A process that is killed delays its job by as much."""


class LostTurnError(Exception):
    """Another process has taken the turn over, because this one was too slow."""


class Turn:
    """The turn of one process at one job."""

    def __init__(self, table: Table, job: str, holder: str, state: TickState, now: Callable[[], float]) -> None:
        self._table = table
        self._key = rows.tick_key(job)
        self._holder = holder
        self._now = now
        self._renewed = now()
        self.state = state

    @classmethod
    def take(cls, table: Table, job: str, holder: str, now: Callable[[], float] = time.time) -> Turn | None:
        """Take the turn; return None if another process has it."""
        try:
            row = table.write(
                Action(
                    *rows.tick_key(job),
                    update="SET holder = :holder, #until = :until",
                    condition="attribute_not_exists(pk) OR #until < :now OR holder = :holder",
                    names={"until": "until"},
                    values={"holder": holder, "until": now() + TURN_SECONDS, "now": now()},
                )
            )
        except ConditionError:
            return None
        return cls(table, job, holder, rows.read(row, TickState), now)

    def keep(self) -> None:
        """Renew the lease if a quarter of it is over.

        Raises:
            LostTurnError: another process has the turn.
        """
        if self._now() - self._renewed > TURN_SECONDS / 4:
            self.save()

    def save(self, **changes: Any) -> None:
        """Change the state, and renew the lease.

        Raises:
            LostTurnError: another process has the turn.
        """
        until = self._now() + TURN_SECONDS
        fields = {"until": until, **changes}
        try:
            self._table.write(
                Action(
                    *self._key,
                    update="SET " + ", ".join(f"#{name} = :{name}" for name in fields),
                    condition="#holder = :holder",
                    names={name: name for name in (*fields, "holder")},
                    values={**fields, "holder": self._holder},
                )
            )
        except ConditionError as error:
            raise LostTurnError(f"expected the turn of {self._key.pk} to be this process's, another has it") from error
        self.state = msgspec.structs.replace(self.state, **changes)
        self._renewed = self._now()

    def leave(self) -> None:
        """Let the next process take the turn at once."""
        try:
            self._table.write(
                Action(
                    *self._key,
                    update="SET #until = :zero",
                    condition="#holder = :holder",
                    names={"until": "until", "holder": "holder"},
                    values={"zero": 0, "holder": self._holder},
                )
            )
        except ConditionError:
            return  # it has another holder already
