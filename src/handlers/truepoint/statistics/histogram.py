"""Mergeable histograms of non-negative numbers, for quantiles of any number of values in bounded memory.

The q-quantile is the smallest value v such that at least a share q of the samples is <= v. A histogram returns a value
from the same bin.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import ClassVar

import msgspec
import numpy as np

from truepoint.pose.poses import Integers
from truepoint.pose.similarity import Floats, falloff_of
from truepoint.statistics.statistic import Statistic


def _exp(value: float) -> float:
    """Return exp(value) for |value| < 40, the same on every CPU."""
    return falloff_of(-value) if value <= 0 else 1 / falloff_of(value)


class Histogram(Statistic):
    """Counts of non-negative values in logarithmic bins.

    Quantiles are correct within 6.5 %, the width of a bin. They are interpolated within the bin, so for spread values
    the error is about 1 %. NaN is not counted.
    """

    BINS: ClassVar[int] = 16
    """Number of bins per factor of e."""
    SMALLEST: ClassVar[int] = math.floor(math.log(1e-12) * BINS)
    LARGEST: ClassVar[int] = math.floor(math.log(1e12) * BINS)
    """Numbers of the first and the last bin. Values below 1e-12 (0 included) count in the first bin, values above 1e12
    (infinity included) in the last."""

    bins: dict[int, int] = msgspec.field(default_factory=dict)
    count: int = 0

    def add(self, value: float) -> None:
        """Count one value."""
        if not math.isnan(value):
            self.add_bin(self.SMALLEST + bisect_right(_EDGES, value), 1)

    def add_bin(self, number: int, count: int) -> None:
        """Add `count` values to a bin."""
        self.bins[number] = self.bins.get(number, 0) + count
        self.count += count

    def quantile(self, share: float) -> float | None:
        """Return the `share`-quantile, interpolated within its bin; None if there are no values."""
        wanted, below = min(max(share, 0.0), 1.0) * self.count, 0
        for number in sorted(self.bins):
            here = self.bins[number]
            if below + here >= wanted:
                return _exp((number + (wanted - below) / here) / self.BINS) if number > self.SMALLEST else 0.0
            below += here
        return None


_EDGES = tuple(_exp(number / Histogram.BINS) for number in range(Histogram.SMALLEST + 1, Histogram.LARGEST + 1))
"""Lower edges of all bins except the first."""
_EDGE_TABLE = np.array(_EDGES)


def bins_of(values: Floats) -> Integers:
    """Return the number of each value's bin. No value may be NaN."""
    return Histogram.SMALLEST + np.searchsorted(_EDGE_TABLE, values, side="right")


class TimeHistogram(Statistic):
    """Counts of durations in seconds, each rounded to eight significant binary digits.

    Quantiles are correct within .4 %, and exact for whole seconds up to 256. Durations below a millisecond count as 0,
    those above 2**30 seconds (34 years) as 2**30. NaN is not counted.
    """

    DIGITS: ClassVar[int] = 8
    SMALLEST: ClassVar[float] = 0.001
    LARGEST: ClassVar[float] = 2.0**30

    times: dict[float, int] = msgspec.field(default_factory=dict)
    count: int = 0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        if math.isnan(seconds):
            return
        rounded = 0.0
        if seconds >= self.SMALLEST:
            fraction, exponent = math.frexp(min(seconds, self.LARGEST))
            rounded = math.ldexp(round(math.ldexp(fraction, self.DIGITS)), exponent - self.DIGITS)
        self.times[rounded] = self.times.get(rounded, 0) + 1
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """Return the quantile: the smallest value v with at least `share` of the samples ≤ v; None without samples."""
        wanted, below = min(max(share, 0.0), 1.0) * self.count, 0
        for seconds in sorted(self.times):
            below += self.times[seconds]
            if below >= wanted:
                return seconds
        return None
