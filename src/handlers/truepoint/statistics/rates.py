"""Rates: shares with their numbers of cases and confidence intervals, which show how much may be chance."""

from __future__ import annotations

import math

import msgspec

from truepoint.statistics.statistic import Statistic

Z_95 = 1.959963984540054
"""97.5th percentile of the standard normal distribution, for two-sided intervals at 95 %."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share of `count` in `n` cases, with `low` and `high` of Wilson's interval at 95 %; all null if `n` is 0."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None


def rate(count: int, n: int) -> Rate:
    """Return a rate with its 95 % interval.

    The interval is Wilson's (E. Wilson, JASA 22, 1927), which stays within 0 and 1 and is valid for few cases.
    """
    return _wilson(count, n, 1.0)


def _wilson(count: int, n: int, effect: float) -> Rate:
    """Return a rate whose interval is that of `n` over `effect` cases."""
    if not n:
        return Rate(count=count, n=n, share=None, low=None, high=None)
    share, square = count / n, Z_95 * Z_95 * effect
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = math.sqrt(square) / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == n else min(1.0, middle + half)
    return Rate(count=count, n=n, share=share, low=low, high=high)


class ClusteredCount(Statistic):
    """A count of cases that come in clusters, such as the keypoints of an image, which are correlated.

    `squares`, `products` and `sizes` are sums over clusters: of the count squared, of the count times the number of
    cases, and of that number squared.
    """

    clusters: int = 0
    count: int = 0
    n: int = 0
    squares: int = 0
    products: int = 0
    sizes: int = 0

    def add(self, count: int, n: int) -> None:
        """Add one cluster: `count` out of `n` cases."""
        if n:
            self.clusters += 1
            self.count += count
            self.n += n
            self.squares += count * count
            self.products += count * n
            self.sizes += n * n

    @property
    def rate(self) -> Rate:
        """The rate, with an interval that allows for correlated cases within a cluster.

        It is Wilson's interval for `n` divided by the design effect (L. Kish, "Survey Sampling", 1965): the variance of
        the ratio estimator over clusters, relative to that of independent cases. The design effect is at least 1. It is
        1 if it cannot be estimated: with one cluster, or at a share of 0 or 1.
        """
        if not 0 < self.count < self.n or self.clusters < 2:
            return rate(self.count, self.n)
        share = self.count / self.n
        between = self.squares - 2 * share * self.products + share * share * self.sizes
        variance = between / (self.n * self.n) * self.clusters / (self.clusters - 1)
        effect = max(1.0, variance / (share * (1 - share) / self.n))
        return _wilson(self.count, self.n, effect)
