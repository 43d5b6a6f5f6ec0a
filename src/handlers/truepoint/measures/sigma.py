"""Sigmas measured from redundant labels: how far this job's workers scatter at each keypoint.

COCO defines sigma_i^2 = E[d^2 / s^2], where d is the distance of a label from the truth. The mean square distance of
two independent labels a and b is twice as large. The median of an exponential distribution is ln 2 times its mean. So
sigma_i^2 = median(d_ab^2 / s^2) / (2 ln 2), an estimate that a few gross errors do not shift.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from truepoint.consensus.consolidation import Agreed
from truepoint.pose.instance import MOST_KEYPOINTS
from truepoint.pose.sigma_table import SigmaSource, SigmaTable
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.histogram import Histogram, bins_of
from truepoint.statistics.rates import Z_95
from truepoint.statistics.statistic import Statistic

SHRINKAGE = 20
"""Weight of the sigma pooled over all keypoints in each keypoint's estimate, in number of instances."""
LEAST_INSTANCES = 20
"""Minimum number of comparisons for using a measured sigma. With fewer it is only reported."""


class MeasuredSigma(msgspec.Struct, frozen=True, kw_only=True):
    """The measured sigma of a keypoint, from left and right together, shrunk towards the pooled sigma.

    `low` and `high` are the 95 % interval of the value before shrinkage. `n` is the number of independent comparisons.
    """

    sigma: float
    low: float
    high: float
    n: int


class KeypointSigma(msgspec.Struct, frozen=True, kw_only=True):
    """The sigma used for a keypoint, its source (pose.sigma_table), and the measured sigma, if any."""

    name: str
    sigma: float
    source: SigmaSource
    measured: MeasuredSigma | None


class Scatter(Statistic):
    """Statistics of the square distances between labels of one keypoint, and the number of independent comparisons."""

    squares: Histogram
    independent: int = 0


def _scatter() -> Scatter:
    return Scatter(Histogram())


class SigmaMeter(Statistic):
    """Statistics for measuring sigmas. Memory: a histogram per keypoint, up to `MOST_KEYPOINTS`."""

    keypoints: Table[Scatter] = msgspec.field(default_factory=lambda: Table(MOST_KEYPOINTS))
    pooled: Scatter = msgspec.field(default_factory=_scatter)

    def add(self, agreed: Agreed, labels: Sequence[str]) -> None:
        """Add the subjects of a stack after swap repair, without the repaired keypoints.

        Args:
            agreed: the consensus of the stack.
            labels: the names of the labels.
        """
        stack = agreed.repaired
        first, second, both, squares = stack.pairs()
        both &= ~(agreed.swapped[:, first] | agreed.swapped[:, second])
        cluster, pair, column = np.nonzero(both)
        scale = 2 / (stack.area[cluster, first[pair]] + stack.area[cluster, second[pair]])
        bins = bins_of(squares[both] * scale) - Histogram.SMALLEST
        many = Histogram.LARGEST - Histogram.SMALLEST + 1
        for number, count in enumerate(np.bincount(bins).tolist()):
            if count:
                self.pooled.squares.add_bin(Histogram.SMALLEST + number, count)
        numbers, counts = np.unique(stack.label[cluster, column] * many + bins, return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            scatter = self.keypoints.at(labels[number // many], _scatter)
            scatter.squares.add_bin(Histogram.SMALLEST + number % many, count)
        having = np.count_nonzero(stack.there & ~agreed.swapped, axis=1)
        compared = having > 1
        independent = np.bincount(stack.label[compared], having[compared] - 1.0)
        for label in np.flatnonzero(independent).tolist():
            for scatter in (self.keypoints.at(labels[label], _scatter), self.pooled):
                scatter.independent += int(independent[label])

    def measured(self, label: str, pairs: Mapping[str, str]) -> MeasuredSigma | None:
        """Return the measured sigma of a keypoint and its pair.

        None if no two workers labelled either, or if all labels are at the same position.
        """
        scatter = _scatter()
        for name in sorted({label, pairs.get(label, label)} & self.keypoints.kept().keys()):
            scatter.merge(self.keypoints.entries[name])
        n, squares = scatter.independent, scatter.squares
        own, all_together = _sigma(squares, 0.5), _sigma(self.pooled.squares, 0.5)
        if not own or not all_together:
            return None
        # The standard error of the median's rank is half the square root of the number of independent values.
        reach = Z_95 * 0.5 / math.sqrt(n)
        return MeasuredSigma(
            sigma=math.sqrt((n * own**2 + SHRINKAGE * all_together**2) / (n + SHRINKAGE)),
            low=_sigma(squares, 0.5 - reach),
            high=_sigma(squares, 0.5 + reach),
            n=n,
        )

    def usable(self, labels: Sequence[str], pairs: Mapping[str, str]) -> dict[str, float]:
        """Return the measured sigmas that rest on at least `LEAST_INSTANCES` comparisons."""
        measured = {label: self.measured(label, pairs) for label in labels}
        return {label: min(m.sigma, 1.0) for label, m in measured.items() if m and m.n >= LEAST_INSTANCES}


def sigmas(used: SigmaTable, meter: SigmaMeter) -> list[KeypointSigma]:
    """Return for each keypoint of the skeleton the sigma that is used and the measured one."""
    return [
        KeypointSigma(name=name, sigma=sigma, source=used.sources[name], measured=meter.measured(name, used.pairs))
        for name, sigma in used.sigmas.items()
    ]


def _sigma(squares: Histogram, share: float) -> float:
    return math.sqrt((squares.quantile(share) or 0.0) / (2 * math.log(2)))
