"""Rates: shares with how many cases they rest on, and an interval: a share alone invites judgement on chance."""

from __future__ import annotations

import math

import msgspec

Z_95 = 1.959963984540054
"""The normal distribution's 97.5th percentile: intervals are at 95%."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """`count` of `n` cases; `low` and `high` are Wilson's interval at 95%. Null of no cases."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None


def rate(count: int, n: int) -> Rate:
    """Return a rate. The interval is E. Wilson's (JASA 22, 1927): it stays within 0 and 1 and holds for few cases."""
    if not n:
        return Rate(count=count, n=n, share=None, low=None, high=None)
    share, square = count / n, Z_95 * Z_95
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == n else min(1.0, middle + half)
    return Rate(count=count, n=n, share=share, low=low, high=high)
