"""Rates: shares with their numbers of cases and confidence intervals, which show how much may be chance."""

from __future__ import annotations

import math

import msgspec

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
    if not n:
        return Rate(count=count, n=n, share=None, low=None, high=None)
    share, square = count / n, Z_95 * Z_95
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == n else min(1.0, middle + half)
    return Rate(count=count, n=n, share=share, low=low, high=high)
