"""A bounded sample of a job's instances, which does not depend on the order or division of the lines."""

from __future__ import annotations

import heapq
from collections.abc import Container, Sequence

import msgspec

from truepoint.pose.instance import MOST_KEYPOINTS, Instance
from truepoint.statistics.bottom_k import lot
from truepoint.statistics.statistic import Statistic

LARGEST_SAMPLE = 2000
"""Number of instances of a sample. A median of 2,000 values has a standard error of about .03 standard deviations. The
instances take some 5 MB."""


class LineSample(Statistic):
    """The lines with the lowest hash values (bottom-k sampling): as many as are needed for `largest` instances.

    The hash is computed from the line's number. So the sample is independent of the labels, `wants` can decide before a
    line is parsed, and the samples of a job's parts merge to the sample of the whole job.

    `heap` is a heap of (negated hash, negated line number, instances).
    """

    largest: int = LARGEST_SAMPLE
    size: int = 0
    heap: list[tuple[int, int, list[Instance]]] = msgspec.field(default_factory=list)

    def wants(self, line: int) -> bool:
        """Return whether the line would be in the sample of the lines so far if it had instances."""
        return self.size < self.largest or _rank(line) > self.heap[0][:2]

    def add(self, line: int, instances: Sequence[Instance], names: Container[str] | None = None) -> None:
        """Add a line if it belongs to the sample.

        Only the keypoints of its instances are kept: those in `names`, or, without `names`, the first `MOST_KEYPOINTS`.
        """
        if instances and self.wants(line):
            self._push((*_rank(line), [_bare(instance, names) for instance in instances]))

    def merge(self, later: LineSample) -> None:
        """Add a sample of other lines."""
        for entry in later.heap:
            if self.size < self.largest or entry[:2] > self.heap[0][:2]:
                self._push(entry)

    @property
    def instances(self) -> list[Instance]:
        """The instances of the sample, in the order of the manifest."""
        lines = sorted(self.heap, key=lambda entry: -entry[1])
        return [instance for _, _, instances in lines for instance in instances]

    def _push(self, entry: tuple[int, int, list[Instance]]) -> None:
        heapq.heappush(self.heap, entry)
        self.size += len(entry[2])
        while self.size - len(self.heap[0][2]) >= self.largest:
            self.size -= len(heapq.heappop(self.heap)[2])


def _bare(instance: Instance, names: Container[str] | None) -> Instance:
    keypoints = instance.annotations
    return Instance(keypoints[:MOST_KEYPOINTS] if names is None else tuple(k for k in keypoints if k.label in names))


def _rank(line: int) -> tuple[int, int]:
    return -lot(b"%d" % line), -line
