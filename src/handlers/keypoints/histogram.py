"""A histogram of positive numbers on a logarithmic scale: quantiles of any many values in bounded memory, mergeable."""

from __future__ import annotations

import math
from collections import Counter

BINS = 16
"""For each factor of e: a bin is 6% wide, and a quantile, read between its edges, is right to about 1%."""
SMALLEST = math.floor(math.log(1e-12) * BINS)
"""What is smaller, 0 included, is in this bin."""


class Histogram:
    """Counts of values from 0 up."""

    __slots__ = ("bins", "count")

    def __init__(self) -> None:
        self.bins: Counter[int] = Counter()
        self.count = 0

    def add(self, value: float) -> None:
        """Count one value."""
        self.bins[max(math.floor(math.log(value) * BINS), SMALLEST) if value > 0 else SMALLEST] += 1
        self.count += 1

    def merge(self, other: Histogram) -> None:
        """Count what the other has counted too."""
        self.bins.update(other.bins)
        self.count += other.count

    def quantile(self, share: float) -> float | None:
        """The value that `share` of all are below; None of no values."""
        wanted, below = min(max(share, 0.0), 1.0) * self.count, 0
        for place in sorted(self.bins):
            here = self.bins[place]
            if below + here >= wanted:
                return math.exp((place + (wanted - below) / here) / BINS) if place > SMALLEST else 0.0
            below += here
        return None
