"""The base class of statistics: numbers counted line by line that merge exactly.

Merging the statistics of a job's parts gives the same numbers as counting the whole job at once, for any division of
the lines. So counts are integers, sums of floats are `statistics.exact_sum.ExactSum`, and tables whose number of names
a hostile job controls are `statistics.bottom_k.Table`. All are msgspec structs, which processes exchange as JSON.
"""

from __future__ import annotations

from typing import Any, Self

import msgspec


class Statistic(msgspec.Struct, forbid_unknown_fields=True):
    """The base class of statistics.

    Fields that `merge` adds are counts (int), statistics, and lists and dicts of them; lists have the same length in
    all parts of a job. All other fields describe what is counted and are equal in all parts of a job.
    """

    def merge(self, later: Self) -> None:
        """Add the statistic of later lines, which must not be used afterwards."""
        for name in self.__struct_fields__:
            setattr(self, name, _merged(getattr(self, name), getattr(later, name)))


class Count(Statistic):
    """A count."""

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
