"""Reliability: each worker's variance, estimated from the distances between pairs of workers, and the weights.

The mean square distance of two independent workers is the sum of their variances, r_a^2 + r_b^2, in (sigma s)^2. So the
variances are the non-negative solution of a least-squares problem over all pairs. Weights are not estimated relative to
a consensus that includes the worker (naive expectation maximisation), because with three workers such weights converge
to a single worker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from truepoint.consensus.stack import Stack
from truepoint.pose.poses import Integers, Poses, grouped
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.histogram import Histogram, bins_of
from truepoint.statistics.statistic import Statistic

LEAST_WORKERS = 3
"""Minimum number of workers for unequal weights."""
LEAST_SHARED = 30
"""Minimum number of instances that at least two workers marked, for unequal weights."""
SHRINKAGE = 10
"""Weight of the average worker's variance in each worker's estimate, in number of shared instances."""
FLOOR = 0.25
"""Share of a pair's mean square distance that is added to each variance. It bounds the weights."""
SWEEPS = 1000
"""Maximum number of sweeps of the coordinate descent."""
MOST_PAIRS = 5000
"""Maximum number of worker pairs kept: all pairs of a hundred workers. More pairs are sampled (statistics.bottom_k)."""


def pair_name(first: str, second: str) -> str:
    """Return the key of a pair of workers, for tables."""
    return msgspec.json.encode((first, second)).decode()


def pair_of(name: str) -> tuple[str, str]:
    """Return the pair of workers of a key that `pair_name` returned."""
    return msgspec.json.decode(name, type=tuple[str, str])


def pairs_of_workers(stack: Stack, poses: Poses) -> Iterator[tuple[tuple[str, str], Integers]]:
    """Yield the pairs of workers that are members of the same clusters, and the rows of each pair.

    The ids of a pair are sorted. Rows are indices into flattened arrays of shape (clusters, pairs of members).
    """
    distinct = poses.distinct_ids
    worker = poses.worker_number[poses.answer_index[stack.member]]
    first, second = np.triu_indices(stack.member.shape[1], 1)
    for key, rows in grouped((worker[:, first] * len(distinct) + worker[:, second]).ravel()):
        yield (distinct[key // len(distinct)], distinct[key % len(distinct)]), rows


def _by_pair(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(-1, values.shape[2])


class PairDistance(Statistic):
    """Statistics of two workers: the number of instances both marked, and their square distances in (sigma s)^2."""

    shared: int
    squares: Histogram


class PairDistances(Statistic):
    """Statistics of the distances between workers.

    Memory: a histogram for every pair of workers with a common subject, up to `MOST_PAIRS`.
    """

    pairs: Table[PairDistance] = msgspec.field(default_factory=lambda: Table(MOST_PAIRS))
    instances: int = 0

    def add(self, stack: Stack, poses: Poses) -> None:
        """Add the subjects of a stack.

        Args:
            stack: poses after swap repair.
            poses: the poses whose instances are members of the stack.
        """
        self.instances += len(stack.cluster) * (stack.member.shape[1] > 1)
        first, second, both, squares = stack.pairs()
        scale = 8 / (
            stack.area[:, first] + stack.area[:, second]
        )  # 4 / s^2, where s^2 is the mean area; the 4 cancels that of (2 sigma)^2
        bins = bins_of(squares * stack.inverse[:, None, :] * scale[:, :, None])
        for (a, b), rows in pairs_of_workers(stack, poses):
            met = self.pairs.at(pair_name(a, b), lambda: PairDistance(0, Histogram()))
            met.shared += len(rows)
            numbers, counts = np.unique(_by_pair(bins)[rows][_by_pair(both)[rows]], return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                met.squares.add_bin(number, count)

    def variances(self) -> dict[str, float]:
        """Return each worker's variance r^2 in (sigma s)^2: 1 for a worker who scatters as sigma says.

        Empty if there are no shared keypoints.
        """
        # The mean is estimated from the median, because one gross error would shift it: the median of an exponential
        # distribution is ln 2 times its mean.
        squares = sorted(
            (pair_of(name), (pair.squares.quantile(0.5) or 0.0) / math.log(2), pair.shared)
            for name, pair in self.pairs.kept().items()
            if pair.squares.count
        )
        if not squares:
            return {}
        usual = math.fsum(square * n for _, square, n in squares) / sum(n for _, _, n in squares) / 2
        links: dict[str, list[tuple[str, float, int]]] = {}
        for (a, b), square, n in squares:
            links.setdefault(a, []).append((b, square, n))
            links.setdefault(b, []).append((a, square, n))
        variances = dict.fromkeys(sorted(links), usual)
        for _ in range(SWEEPS):  # coordinate descent; the problem is convex, so it converges to the minimum
            change = 0.0
            for worker in variances:
                total = sum(n for _, _, n in links[worker])
                wanted = math.fsum(n * (square - variances[other]) for other, square, n in links[worker])
                value = max((wanted + SHRINKAGE * usual) / (total + SHRINKAGE), 0.0)
                change = max(change, abs(value - variances[worker]))
                variances[worker] = value
            if change <= 1e-9 * usual:
                break
        return variances

    def weights(self, variances: Mapping[str, float]) -> dict[str, float]:
        """Return each worker's weight, 1 on average. With too little data, return {}, which means equal weights."""
        if len(variances) < LEAST_WORKERS or self.instances < LEAST_SHARED:
            return {}
        usual = 2 * math.fsum(variances.values()) / len(variances)
        if usual <= 0:
            return {}
        raw = {worker: 1 / (variance + FLOOR * usual) for worker, variance in variances.items()}
        mean = math.fsum(raw.values()) / len(raw)
        return {worker: weight / mean for worker, weight in raw.items()}
