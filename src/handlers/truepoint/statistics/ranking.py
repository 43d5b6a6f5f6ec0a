"""A ranking: the most suspicious images of a job, the same in whatever order and parts the lines come."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

import msgspec

from truepoint.statistics.statistic import Statistic

T = TypeVar("T")


class Ranking(Statistic, Generic[T]):
    """Keeps the `most` highest; of equals the one of the earlier line goes first.

    `heap` has the suspicion, the line negated and what is kept of it.
    """

    most: int
    heap: list[tuple[float, int, T]] = msgspec.field(default_factory=list)

    def wants(self, suspicion: float, line: int) -> bool:
        """Return whether an entry would be kept, so that others need not be built."""
        return len(self.heap) < self.most or (suspicion, -line) > self.heap[0][:2]

    def add(self, suspicion: float, line: int, entry: T) -> None:
        """Offer one; every line at most once."""
        self._offer((suspicion, -line, entry))

    def merge(self, later: Ranking[T]) -> None:
        """Offer another ranking's, over other lines."""
        for offered in later.heap:
            self._offer(offered)

    def ranked(self) -> list[T]:
        """Return the entries, the most suspicious first."""
        return [entry for _, _, entry in sorted(self.heap, key=lambda ranked: ranked[:2], reverse=True)]

    def _offer(self, offered: tuple[float, int, T]) -> None:
        if len(self.heap) < self.most:
            heapq.heappush(self.heap, offered)
        elif offered[:2] > self.heap[0][:2]:
            heapq.heapreplace(self.heap, offered)
