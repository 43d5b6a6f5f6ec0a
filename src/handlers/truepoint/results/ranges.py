"""Ranges of a manifest, which can be processed independently.

A manifest is divided at line ends, with small reads around each boundary. Every line is in exactly one range.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec

LARGEST_RANGE = 16 * 1024 * 1024
"""Size of a range in bytes. One core processes it in 5 s with one worker per image, and in 25 s with nine. So retrying
a range loses little time, starting an invocation costs little in comparison, and the output of a range fits into
memory."""
MOST_RANGES = 500
"""Maximum number of ranges; a larger manifest has larger ranges. A Step Functions execution may have 25,000 events. A
range adds 11 events in each of two passes, and a run whose manifest changes starts again."""
NEAR = 64 * 1024
"""Size of the first read after a boundary, in bytes. Most lines are shorter."""
FAR = 8 * 1024 * 1024
"""Maximum size of further reads after a boundary in a longer line, in bytes."""


class Range(msgspec.Struct, frozen=True):
    """Bytes `start` to `end` (exclusive) of a manifest. They are whole lines; a range may be empty."""

    start: int
    end: int


def cut(size: int, largest: int, read: Callable[[int, int], bytes], most: int = MOST_RANGES) -> list[Range]:
    """Return the ranges of a manifest: one, or an even number, so that two processes have the same number.

    Args:
        size: size of the manifest in bytes.
        largest: approximate size of a range in bytes; each range extends to the end of a line.
        read: returns the bytes from one offset to another (exclusive).
        most: maximum number of ranges.
    """
    count = -(-size // largest)
    count = min(count if count == 1 else count + count % 2, most)
    cuts = [0]
    for n in range(1, count):
        wanted = size * n // count
        if wanted > cuts[-1]:  # otherwise a long line reaches beyond it
            cuts.append(_line_start(wanted, size, read))
    if cuts[-1] < size or len(cuts) == 1:
        cuts.append(size)
    return [Range(start, end) for start, end in pairwise(cuts)]


def _line_start(offset: int, size: int, read: Callable[[int, int], bytes]) -> int:
    """Return the offset of the first line that begins at `offset` or later; `size` if there is none."""
    at, length = offset - 1, NEAR
    while at < size:
        piece = read(at, min(at + length, size))
        end = piece.find(b"\n")
        if end >= 0:
            return at + end + 1
        at, length = at + length, min(2 * length, FAR)
    return size
