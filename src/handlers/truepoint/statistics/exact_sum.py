"""Exact sums of floats.

Floating addition depends on the order, so sums of parts of a job would add up to another last digit than one sum; these
do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from truepoint.statistics.statistic import Statistic

LARGEST = 2.0**960
"""Numbers further from 0, infinity included, count as this one, so that no sum is infinite."""
_SMALLEST = -LARGEST
_MOST_PARTS = 24


class ExactSum(Statistic):
    """The exact sum and the number of floats.

    `value` equals math.fsum of all of them, for any order and partition. NaN is not counted.

    `parts` are a few floats with exactly that sum. Adding takes .2 microseconds, and up to 24 floats of memory.
    """

    n: int = 0
    parts: list[float] = msgspec.field(default_factory=list)

    def add(self, value: float) -> None:
        """Take one number."""
        if not _SMALLEST <= value <= LARGEST:
            if math.isnan(value):
                return
            value = math.copysign(LARGEST, value)
        self.n += 1
        parts = self.parts
        parts.append(value)
        if len(parts) > _MOST_PARTS:
            self._condense()

    def add_all(self, values: Sequence[float]) -> None:
        """Take many finite numbers, none beyond `LARGEST`."""
        self.n += len(values)
        self.parts += values
        if len(self.parts) > _MOST_PARTS:
            self._condense()

    def merge(self, later: ExactSum) -> None:
        """Take the numbers of another sum too."""
        self.n += later.n
        self.parts += later.parts
        self._condense()

    @property
    def value(self) -> float:
        """The sum, correctly rounded."""
        return math.fsum(self.parts)

    @property
    def mean(self) -> float | None:
        """None of no numbers."""
        return self.value / self.n if self.n else None

    def _condense(self) -> None:
        """Replace the parts by the rounded sum, the rounded rest, the rest of that, until nothing is left (J.

        R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997): at most 41 floats, mostly two.
        """
        rest, parts = self.parts, []
        while part := math.fsum(rest):
            parts.append(part)
            rest.append(-part)
        self.parts = parts
