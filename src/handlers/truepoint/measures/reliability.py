"""Reliability: each worker's scatter, from the distances between pairs of workers, and the weights.

The mean square distance of two independent workers is the sum of their variances, r_a^2 + r_b^2, in (sigma s)^2.
The variances therefore solve a least-squares problem over all pairs, none below 0. Weights are not
estimated against a consensus that includes the worker (naive expectation maximisation), because such weights collapse
on one worker of three.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from truepoint.consensus.stack import Stack
from truepoint.pose.poses import Integers, grouped
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.histogram import Histogram, bins_of
from truepoint.statistics.statistic import Statistic

LEAST_WORKERS = 3
LEAST_SHARED = 30
"""Instances that at least two workers marked; with fewer, or with fewer workers, all weights are equal."""
SHRINKAGE = 10
"""A worker's variance counts as much as this many shared instances of the average worker's."""
FLOOR = 0.25
"""Share of a pair's typical square distance that is added to each variance, so that weights are bounded."""
SWEEPS = 1000
MOST_PAIRS = 5000
"""Maximum number of worker pairs kept: all pairs of a hundred workers. More pairs are sampled (statistics.bottom_k)."""


def pair_name(first: str, second: str) -> str:
    """Return a pair of workers as a name."""
    return msgspec.json.encode((first, second)).decode()


def pair_of(name: str) -> tuple[str, str]:
    """Return the pair of workers that a name is of."""
    return msgspec.json.decode(name, type=tuple[str, str])


def pairs_of_workers(stack: Stack, worker_ids: Sequence[str]) -> Iterator[tuple[tuple[str, str], Integers]]:
    """Return the pairs of workers that are members of the same clusters, and their rows.

    Ids are in rising order. Rows are indices of flattened arrays by cluster and pair of members.
    """
    distinct = sorted({worker_ids[i] for i in stack.member.ravel().tolist()})
    number = {worker_id: n for n, worker_id in enumerate(distinct)}
    worker = np.array([number[worker_ids[i]] for i in stack.member.ravel().tolist()], np.intp)
    worker = worker.reshape(stack.member.shape)
    first, second = np.triu_indices(stack.member.shape[1], 1)
    for key, rows in grouped((worker[:, first] * len(distinct) + worker[:, second]).ravel()):
        yield (distinct[key // len(distinct)], distinct[key % len(distinct)]), rows


def _by_pair(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(-1, values.shape[2])


class PairDistance(Statistic):
    """Two workers: how many instances both marked, and how far apart they are in the square, in (sigma s)^2."""

    shared: int
    squares: Histogram


class PairDistances(Statistic):
    """Takes subjects that several workers marked.

    Memory: a histogram for every pair of workers that met; see `MOST_PAIRS`.
    """

    pairs: Table[PairDistance] = msgspec.field(default_factory=lambda: Table(MOST_PAIRS))
    instances: int = 0

    def add(self, stack: Stack, worker_ids: Sequence[str]) -> None:
        """Take the subjects of a stack: poses with sides repaired. `worker_ids` are by instance."""
        self.instances += len(stack.cluster) * (stack.member.shape[1] > 1)
        first, second, both, squares = stack.pairs()
        scale = 8 / (
            stack.area[:, first] + stack.area[:, second]
        )  # 1/s^2 with s^2 the mean, times the 4 of (2 sigma)^2
        bins = bins_of(squares * stack.inverse[:, None, :] * scale[:, :, None])
        for (a, b), rows in pairs_of_workers(stack, worker_ids):
            met = self.pairs.at(pair_name(a, b), lambda: PairDistance(0, Histogram()))
            met.shared += len(rows)
            numbers, counts = np.unique(_by_pair(bins)[rows][_by_pair(both)[rows]], return_counts=True)
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                met.squares.add_bin(number, count)

    def variances(self) -> dict[str, float]:
        """r^2 by worker: 1 for one who scatters as sigma says. Empty without shared keypoints."""
        # The median of an exponential distribution is ln 2 of its mean; the mean itself is at the mercy of one miss.
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
        for _ in range(SWEEPS):  # coordinate descent: the problem is convex, so it ends at the least squares
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
        """Weight by worker, 1 on average; empty, which means equal weights, where there is too little to tell."""
        if len(variances) < LEAST_WORKERS or self.instances < LEAST_SHARED:
            return {}
        usual = 2 * math.fsum(variances.values()) / len(variances)
        if usual <= 0:
            return {}
        raw = {worker: 1 / (variance + FLOOR * usual) for worker, variance in variances.items()}
        mean = math.fsum(raw.values()) / len(raw)
        return {worker: weight / mean for worker, weight in raw.items()}
