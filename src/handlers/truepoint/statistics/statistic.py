"""A statistic: numbers gathered line by line, which merge with those of other lines to the very same as of all at once.

Whatever is a sum in a job's results is gathered this way, so that it does not matter how the lines are shared out:
counts are integers, sums of floats are `statistics.exact_sum.ExactSum`, tables that hostile labels could swell are
`statistics.bottom_k.Table`. All are msgspec structs, so what one process gathered is sent to another as JSON.
"""

from __future__ import annotations

from typing import Any, Self

import msgspec


class Statistic(msgspec.Struct, forbid_unknown_fields=True):
    """Fields are counts, statistics, and lists (of one length) and dicts of them.

    All else says what is counted and is the same in all parts of a job.
    """

    def merge(self, later: Self) -> None:
        """Take what was gathered from later lines too; it must not be used any more."""
        for name in self.__struct_fields__:
            setattr(self, name, _merged(getattr(self, name), getattr(later, name)))


class Count(Statistic):
    """A number of things."""

    n: int = 0


def _merged(mine: Any, theirs: Any) -> Any:
    if isinstance(mine, Statistic):
        mine.merge(theirs)
    elif isinstance(mine, int) and not isinstance(mine, bool):
        return mine + theirs
    elif isinstance(mine, list):
        return [_merged(a, b) for a, b in zip(mine, theirs, strict=True)]
    elif isinstance(mine, dict):
        for key, value in theirs.items():
            mine[key] = _merged(mine[key], value) if key in mine else value
    return mine
