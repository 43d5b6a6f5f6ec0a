"""Histograms of positive numbers: quantiles of any many values in bounded memory, mergeable.

A quantile is in the bin of the exact one, which is the least value that at least so large a share of all are not above.
"""

from __future__ import annotations

import math
from typing import ClassVar

import msgspec

from truepoint.statistics.statistic import Statistic


class Histogram(Statistic):
    """Counts of values from 0 up, by the logarithm: quantiles are right to 6.5%, and as they are read between a bin's
    edges, to about 1% where values are spread. NaN is not counted."""

    BINS: ClassVar[int] = 16
    """For each factor of e."""
    SMALLEST: ClassVar[int] = math.floor(math.log(1e-12) * BINS)
    LARGEST: ClassVar[int] = math.floor(math.log(1e12) * BINS)
    """What is smaller, 0 included, or larger, infinity included, is in these bins."""

    bins: dict[int, int] = msgspec.field(default_factory=dict)
    count: int = 0

    def add(self, value: float) -> None:
        """Count one value."""
        if math.isnan(value):
            return
        place = self.SMALLEST
        if value > 0:
            place = self.LARGEST if math.isinf(value) else math.floor(math.log(value) * self.BINS)
            place = max(min(place, self.LARGEST), self.SMALLEST)
        self.bins[place] = self.bins.get(place, 0) + 1
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """The value that `share` of all are below; None of no values."""
        wanted, below = min(max(share, 0.0), 1.0) * self.count, 0
        for place in sorted(self.bins):
            here = self.bins[place]
            if below + here >= wanted:
                return math.exp((place + (wanted - below) / here) / self.BINS) if place > self.SMALLEST else 0.0
            below += here
        return None


class TimeHistogram(Statistic):
    """Counts of seconds, rounded to eight binary digits: quantiles are right to .4%, and exact in whole seconds up to
    256. Times below a millisecond count as 0, those above 2**30 seconds, which are 34 years, as that. NaN is not
    counted."""

    DIGITS: ClassVar[int] = 8
    SMALLEST: ClassVar[float] = 0.001
    LARGEST: ClassVar[float] = 2.0**30

    times: dict[float, int] = msgspec.field(default_factory=dict)
    count: int = 0

    def add(self, seconds: float) -> None:
        """Count one time."""
        if math.isnan(seconds):
            return
        rounded = 0.0
        if seconds >= self.SMALLEST:
            fraction, exponent = math.frexp(min(seconds, self.LARGEST))
            rounded = math.ldexp(round(math.ldexp(fraction, self.DIGITS)), exponent - self.DIGITS)
        self.times[rounded] = self.times.get(rounded, 0) + 1
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """The least time that `share` of all are not above; None of no times."""
        wanted, below = min(max(share, 0.0), 1.0) * self.count, 0
        for seconds in sorted(self.times):
            below += self.times[seconds]
            if below >= wanted:
                return seconds
        return None
