"""A table by names that come out of labels: of a million names in a hostile job it keeps some, and those exactly.

Kept are the names with the lowest lots (bottom-k sampling), and a lot is a hash of the name: so whatever the order of
lines and however they are shared out, the same names are kept, and what is kept was counted from its first line on.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Generic, TypeVar

import msgspec

from truepoint.statistics.statistic import Statistic

LONGEST_NAME = 512
"""Characters; a longer name is not kept."""
_END = 1 << 56

V = TypeVar("V", bound=Statistic)


def lot(name: bytes) -> int:
    """Return a number below 2**56 that looks random, and is always the same for the same name."""
    return int.from_bytes(blake2b(name, digest_size=7).digest(), "big")


class Table(Statistic, Generic[V]):
    """At most `most` entries once it is read, twice as many in between. Names keep the order of their first mention."""

    most: int
    entries: dict[str, V] = msgspec.field(default_factory=dict)
    limit: int = _END

    def at(self, name: str, make: Callable[[], V]) -> V:
        """Return the entry to count in; for a name that is not kept, one that is forgotten."""
        entry = self.entries.get(name)
        if entry is None:
            entry = make()
            if len(name) <= LONGEST_NAME and _lot(name) < self.limit:
                self.entries[name] = entry
                if len(self.entries) > 2 * self.most:
                    self._trim()
        return entry

    def merge(self, later: Table[V]) -> None:
        """Take a table of later lines too."""
        self._cut(later.limit)
        for name, entry in later.entries.items():
            if name in self.entries:
                self.entries[name].merge(entry)
            elif _lot(name) < self.limit:
                self.entries[name] = entry
        self._trim()

    def kept(self) -> dict[str, V]:
        """Return the entries kept of all names so far."""
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
