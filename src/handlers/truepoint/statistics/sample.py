"""A sample of a job's instances: bounded, and the same in whatever order and parts the lines come."""

from __future__ import annotations

import heapq
from collections.abc import Container, Sequence

import msgspec

from truepoint.pose.instance import MOST_KEYPOINTS, Instance
from truepoint.statistics.bottom_k import lot
from truepoint.statistics.statistic import Statistic

LARGEST_SAMPLE = 2000
"""Instances. The median of as many is off by about .03 standard deviations; they take some 5 MB."""


class LineSample(Statistic):
    """Whole lines in the order of their lots (bottom-k sampling), as many as it takes to have `largest` instances.

    A lot is a hash of the line's number: so the sample is random with regard to the labels, whether a line is in it can
    be told before it is parsed, and parts of a job that were read apart merge to the very same sample.

    `heap` has the lot and the line, both negated, and the line's instances.
    """

    largest: int = LARGEST_SAMPLE
    size: int = 0
    heap: list[tuple[int, int, list[Instance]]] = msgspec.field(default_factory=list)

    def wants(self, line: int) -> bool:
        """Return whether the line is in the sample of all lines so far, if it has instances."""
        return self.size < self.largest or _rank(line) > self.heap[0][:2]

    def add(self, line: int, instances: Sequence[Instance], names: Container[str] | None = None) -> None:
        """Offer one line.

        Only keypoints of instances are kept: those in `names`, or without `names` the first ones, up to a skeleton's
        maximum.
        """
        if instances and self.wants(line):
            self._push((*_rank(line), [_bare(instance, names) for instance in instances]))

    def merge(self, later: LineSample) -> None:
        """Offer the lines of another sample, over other lines."""
        for entry in later.heap:
            if self.size < self.largest or entry[:2] > self.heap[0][:2]:
                self._push(entry)

    @property
    def instances(self) -> list[Instance]:
        """The sample in the order of the manifest."""
        lines = sorted(self.heap, key=lambda entry: -entry[1])
        return [instance for _, _, instances in lines for instance in instances]

    def _push(self, entry: tuple[int, int, list[Instance]]) -> None:
        heapq.heappush(self.heap, entry)
        self.size += len(entry[2])
        while self.size - len(self.heap[0][2]) >= self.largest:
            self.size -= len(heapq.heappop(self.heap)[2])


def _bare(instance: Instance, names: Container[str] | None) -> Instance:
    there = instance.annotations
    return Instance(there[:MOST_KEYPOINTS] if names is None else tuple(k for k in there if k.label in names))


def _rank(line: int) -> tuple[int, int]:
    return -lot(b"%d" % line), -line
