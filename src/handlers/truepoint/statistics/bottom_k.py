"""A table of statistics by name that keeps a bounded number of names, and counts those exactly.

Names come from labels, so a hostile job may hold a million of them. The table keeps the names with the lowest hash
values (bottom-k sampling). So it keeps the same names for any order of lines and any division of a job into parts, and
each kept name has been counted from its first line on.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Generic, TypeVar

import msgspec

from truepoint.statistics.statistic import Statistic

LONGEST_NAME = 512
"""Maximum number of characters of a name; a longer name is not kept."""
_END = 1 << 56

V = TypeVar("V", bound=Statistic)


def lot(name: bytes) -> int:
    """Return a hash of the name, uniformly distributed below 2**56."""
    return int.from_bytes(blake2b(name, digest_size=7).digest(), "big")


class Table(Statistic, Generic[V]):
    """A table of statistics by name, in the order in which the names first occurred.

    It holds up to twice `most` entries while it counts; `kept` and `merge` reduce them to `most`.
    """

    most: int
    entries: dict[str, V] = msgspec.field(default_factory=dict)
    limit: int = _END

    def at(self, name: str, make: Callable[[], V]) -> V:
        """Return the entry of a name, to count in; for a name that is not kept, a new entry that is discarded."""
        entry = self.entries.get(name)
        if entry is None:
            entry = make()
            if len(name) <= LONGEST_NAME and _lot(name) < self.limit:
                self.entries[name] = entry
                if len(self.entries) > 2 * self.most:
                    self._trim()
        return entry

    def merge(self, later: Table[V]) -> None:
        """Add the table of later lines."""
        self._cut(later.limit)
        for name, entry in later.entries.items():
            if name in self.entries:
                self.entries[name].merge(entry)
            elif _lot(name) < self.limit:
                self.entries[name] = entry
        self._trim()

    def kept(self) -> dict[str, V]:
        """Return the entries of the names that are kept."""
        self._trim()
        return self.entries

    def _trim(self) -> None:
        if len(self.entries) > self.most:
            self._cut(sorted(map(_lot, self.entries))[self.most])

    def _cut(self, limit: int) -> None:
        if limit < self.limit:
            self.limit = limit
            self.entries = {name: entry for name, entry in self.entries.items() if _lot(name) < limit}


def _lot(name: str) -> int:
    return lot(name.encode(errors="surrogatepass"))
