"""Reliability: how far each worker of a job scatters, from how far pairs of workers are apart, and the weights that
follow.

Of two independent workers the mean square distance is the sum of both variances, r_a^2 + r_b^2, in (sigma s)^2,
so the variances solve a least-squares problem over all pairs, none below 0. Weights estimated against a consensus that
includes the worker himself (expectation maximisation, done naively) collapse on one worker of three: not done here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from truepoint.pose.pose import OksComparer, Pose
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.histogram import Histogram
from truepoint.statistics.statistic import Statistic

LEAST_WORKERS = 3
LEAST_SHARED = 30
"""Instances that at least two workers marked; with fewer, or with fewer workers, all weights are equal."""
SHRINKAGE = 10
"""A worker's variance counts as much as this many shared instances of the average worker's."""
FLOOR = 0.25
"""Of the typical square distance of a pair, added to a variance: nobody weighs endlessly, bodies differ too."""
SWEEPS = 1000
MOST_PAIRS = 5000
"""Of workers: all that a hundred workers can be. Of more, so many are kept (statistics.bottom_k)."""


def pair_name(first: str, second: str) -> str:
    """A pair of workers as a name."""
    return msgspec.json.encode((first, second)).decode()


def pair_of(name: str) -> tuple[str, str]:
    """The pair of workers that a name is of."""
    return msgspec.json.decode(name, type=tuple[str, str])


class PairDistance(Statistic):
    """Two workers: how many instances both marked, and how far apart they are in the square, in (sigma s)^2."""

    shared: int
    squares: Histogram


class PairDistances(Statistic):
    """Takes subjects that several workers marked. Memory: a histogram for every pair of workers that met; see
    `MOST_PAIRS`."""

    pairs: Table[PairDistance] = msgspec.field(default_factory=lambda: Table(MOST_PAIRS))
    instances: int = 0

    def add(self, worker_ids: Sequence[str], poses: Sequence[Pose], ruler: OksComparer) -> None:
        """Take one subject: its workers in rising order, and their poses with sides repaired."""
        self.instances += len(poses) > 1
        for i, (a, p) in enumerate(zip(worker_ids, poses, strict=True)):
            for b, q in zip(worker_ids[i + 1 :], poses[i + 1 :], strict=True):
                found = self.pairs.at(pair_name(a, b), lambda: PairDistance(0, Histogram()))
                found.shared += 1
                scale = 8 / (p.area + q.area)  # 1/s^2 with s^2 the mean, times the 4 of (2 sigma)^2
                for label in p.places.keys() & q.places.keys():
                    (px, py, _), (qx, qy, _) = p.places[label], q.places[label]
                    found.squares.add(((px - qx) ** 2 + (py - qy) ** 2) * ruler.inverse(label) * scale)

    def variances(self) -> dict[str, float]:
        """r^2 by worker: 1 for one who scatters as sigma says. Empty without shared keypoints."""
        # The median of an exponential distribution is ln 2 of its mean; the mean itself is at the mercy of one miss.
        squares = sorted(
            (pair_of(name), (found.squares.quantile(0.5) or 0.0) / math.log(2), found.shared)
            for name, found in self.pairs.kept().items()
            if found.squares.count
        )
        if not squares:
            return {}
        usual = math.fsum(square * n for _, square, n in squares) / sum(n for _, _, n in squares) / 2
        links: dict[str, list[tuple[str, float, int]]] = {}
        for (a, b), square, n in squares:
            links.setdefault(a, []).append((b, square, n))
            links.setdefault(b, []).append((a, square, n))
        found = dict.fromkeys(sorted(links), usual)
        for _ in range(SWEEPS):  # coordinate descent: the problem is convex, so it ends at the least squares
            change = 0.0
            for worker in found:
                total = sum(n for _, _, n in links[worker])
                wanted = math.fsum(n * (square - found[other]) for other, square, n in links[worker])
                value = max((wanted + SHRINKAGE * usual) / (total + SHRINKAGE), 0.0)
                change = max(change, abs(value - found[worker]))
                found[worker] = value
            if change <= 1e-9 * usual:
                break
        return found

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
