"""A sample of a job's instances: bounded, and the same in whatever order and parts the lines come."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from keypoints.instance import Instance

LARGEST_SAMPLE = 2000
"""Instances. The median of as many is off by about .03 standard deviations; they take some 5 MB."""


class Sampled(msgspec.Struct, frozen=True):
    """One instance of the sample. `rank` is its lot, `line` and `place` say where it is in the manifest."""

    rank: int
    line: int
    place: int
    instance: Instance


class InstanceSample:
    """The instances with the lowest lots (bottom-k sampling). A lot is a hash of where the instance is, so the sample
    is random with regard to the labels, and parts of a job that were read apart merge to the very same sample."""

    def __init__(self, largest: int = LARGEST_SAMPLE) -> None:
        self._largest = largest
        self._heap: list[tuple[int, int, int, Instance]] = []

    def add(self, line: int, place: int, instance: Instance) -> None:
        """Offer one instance."""
        lot = int.from_bytes(blake2b(b"%d/%d" % (line, place), digest_size=7).digest(), "big")
        self._offer((-lot, line, place, instance))

    def merge(self, others: Iterable[Sampled]) -> None:
        """Offer the entries of another sample, over other lines, of the same largest size."""
        for other in others:
            self._offer((-other.rank, other.line, other.place, other.instance))

    @property
    def entries(self) -> list[Sampled]:
        """The sample in the order of the manifest."""
        return [
            Sampled(-lot, line, place, instance)
            for lot, line, place, instance in sorted(self._heap, key=lambda entry: entry[1:3])
        ]

    @property
    def instances(self) -> list[Instance]:
        """The same, instances only."""
        return [entry.instance for entry in self.entries]

    def _offer(self, entry: tuple[int, int, int, Instance]) -> None:
        if len(self._heap) < self._largest:
            heapq.heappush(self._heap, entry)
        elif entry[:3] > self._heap[0][:3]:
            heapq.heapreplace(self._heap, entry)
