"""Ranges of a manifest.

A manifest is divided at line ends, with small reads around each boundary. The ranges can be processed independently and
together contain every line once.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec

LARGEST_RANGE = 16 * 1024 * 1024
"""Bytes. On one core 5 seconds with one worker an image, and 25 with nine: little is lost where a range is made again,
starting an invocation costs little beside it, and what it makes fits into memory several times."""
MOST_RANGES = 500
"""A Step Functions execution may have 25,000 events; a range makes 11 in each of two passes, and a run that finds the
manifest changed starts again. A larger manifest has larger ranges."""
NEAR = 64 * 1024
"""Bytes first read behind a cut: longer than most lines."""
FAR = 8 * 1024 * 1024
"""Bytes read at a time at most, behind a cut in a longer one."""


class Range(msgspec.Struct, frozen=True):
    """Bytes `start` to `end`, not included, of a manifest; whole lines, and none if both are the same."""

    start: int
    end: int


def cut(size: int, largest: int, read: Callable[[int, int], bytes], most: int = MOST_RANGES) -> list[Range]:
    """Return the ranges of a manifest of `size` bytes, at most `most` and at least one.

    Each has about `largest` bytes, up to the end of a line. `read` gives the bytes from one offset up to, but not
    including, another.
    """
    count = min(-(-size // largest), most)
    cuts = [0]
    for n in range(1, count):
        wanted = size * n // count
        if wanted > cuts[-1]:  # else it is in a line that reaches beyond it
            cuts.append(_line_start(wanted, size, read))
    if cuts[-1] < size or len(cuts) == 1:
        cuts.append(size)
    return [Range(start, end) for start, end in pairwise(cuts)]


def _line_start(offset: int, size: int, read: Callable[[int, int], bytes]) -> int:
    """Return where the first line begins that begins at `offset` or later; `size` if none does."""
    at, length = offset - 1, NEAR
    while at < size:
        piece = read(at, min(at + length, size))
        end = piece.find(b"\n")
        if end >= 0:
            return at + end + 1
        at, length = at + length, min(2 * length, FAR)
    return size
