"""A ranking of a job's most suspicious images, which does not depend on the order or division of the lines."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

import msgspec

from truepoint.statistics.statistic import Statistic

T = TypeVar("T")


class Ranking(Statistic, Generic[T]):
    """The `most` entries with the highest suspicion. Among entries of equal suspicion, earlier lines rank higher.

    `heap` is a heap of (suspicion, negated line number, entry).
    """

    most: int
    heap: list[tuple[float, int, T]] = msgspec.field(default_factory=list)

    def wants(self, suspicion: float, line: int) -> bool:
        """Return whether an entry would be kept, so that the caller builds only such entries."""
        return len(self.heap) < self.most or (suspicion, -line) > self.heap[0][:2]

    def add(self, suspicion: float, line: int, entry: T) -> None:
        """Keep the entry if it ranks high enough. A line may be added only once."""
        self._offer((suspicion, -line, entry))

    def merge(self, later: Ranking[T]) -> None:
        """Add the entries of a ranking of other lines."""
        for offered in later.heap:
            self._offer(offered)

    def ranked(self) -> list[T]:
        """Return the entries, most suspicious first."""
        return [entry for _, _, entry in sorted(self.heap, key=lambda ranked: ranked[:2], reverse=True)]

    def _offer(self, offered: tuple[float, int, T]) -> None:
        if len(self.heap) < self.most:
            heapq.heappush(self.heap, offered)
        elif offered[:2] > self.heap[0][:2]:
            heapq.heapreplace(self.heap, offered)
