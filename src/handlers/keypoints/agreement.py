"""Agreement: how alike several workers' labels of the same subjects are. There is no truth in it.

Similarities are read against what two honest workers reach (similarity.HONEST_PAIR), not against 1. Krippendorff's
alpha, 1 - D_o / D_e, compares the disagreement within subjects with that between labels drawn at random: for position
the squared distance in the consensus's box, so that it matters where on a body labels are and not where in the image;
for visibility 0 or 1. K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from keypoints.pose import Place, Pose, Ruler
from keypoints.similarity import HONEST_PAIR

Box = tuple[float, float, float, float]


class KeypointAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """One keypoint. `pairs` counts comparisons of two workers who both labelled it; `relative` is to honest workers."""

    name: str
    pairs: int
    similarity: float | None
    relative: float | None
    alpha_position: float | None
    alpha_visibility: float | None


class PairAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Two workers: mean OKS over the instances that both marked."""

    worker_ids: tuple[str, str]
    instances: int
    oks: float


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A job's agreement.

    `oks` is the mean over pairs of workers of the same subject, `relative` the same over what honest workers reach.
    `coverage` is the share of keypoints that both of a pair labelled, of those that either did. `instances_matched` is
    the share of instances that the other of two workers marked too.
    """

    images: int
    instances: int
    oks: float | None
    relative: float | None
    coverage: float | None
    instances_matched: float | None
    alpha_visibility: float | None
    keypoints: list[KeypointAgreement]
    worker_pairs: list[PairAgreement]


class _Mean:
    """A sum and how many are in it."""

    __slots__ = ("n", "total")

    def __init__(self) -> None:
        self.n = 0
        self.total = 0.0

    def add(self, value: float) -> None:
        self.n += 1
        self.total += value

    def merge(self, other: _Mean) -> None:
        self.n += other.n
        self.total += other.total

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None


class PositionAlpha:
    """Krippendorff's alpha of places, from sums: all pairs' squared distances are n times the sum of squares less the
    square of the sum."""

    __slots__ = ("_n", "_square", "_within", "_x", "_y")

    def __init__(self) -> None:
        self._n = 0
        self._x = self._y = self._square = self._within = 0.0

    def add(self, places: Sequence[tuple[float, float]]) -> None:
        """One subject's places; fewer than two compare with nothing."""
        m = len(places)
        if m < 2:
            return
        x, y = sum(p[0] for p in places), sum(p[1] for p in places)
        square = sum(p[0] ** 2 + p[1] ** 2 for p in places)
        # About their own middle: places far from the origin would lose their differences to rounding.
        within = sum((p[0] - x / m) ** 2 + (p[1] - y / m) ** 2 for p in places)
        self._n += m
        self._x, self._y, self._square = self._x + x, self._y + y, self._square + square
        self._within += 2 * m * within / (m - 1)

    def merge(self, other: PositionAlpha) -> None:
        """Take what the other has taken too."""
        self._n += other._n
        self._x, self._y, self._square = self._x + other._x, self._y + other._y, self._square + other._square
        self._within += other._within

    @property
    def value(self) -> float | None:
        """Null of nothing to compare, or of one place only."""
        between = 2 * (self._n * self._square - self._x**2 - self._y**2)
        return 1 - (self._n - 1) * self._within / between if between > 1e-12 else None


class NominalAlpha:
    """Krippendorff's alpha of names, from the coincidences of pairs of values."""

    __slots__ = ("_coincidences",)

    def __init__(self) -> None:
        self._coincidences: Counter[tuple[int, int]] = Counter()

    def add(self, values: Sequence[int]) -> None:
        """One subject's values; fewer than two compare with nothing."""
        counts = Counter(values)
        m = len(values)
        for a, n in counts.items() if m > 1 else ():
            for b, k in counts.items():
                self._coincidences[a, b] += n * (k - (a == b)) / (m - 1)  # type: ignore[assignment]

    def merge(self, other: NominalAlpha) -> None:
        """Take what the other has taken too."""
        self._coincidences.update(other._coincidences)

    @property
    def value(self) -> float | None:
        """Null of nothing to compare, or of one value only."""
        totals: Counter[int] = Counter()
        for (a, _), share in self._coincidences.items():
            totals[a] += share
        n = sum(totals.values())
        expected = n * n - sum(t * t for t in totals.values())
        observed = sum(share for (a, b), share in self._coincidences.items() if a != b)
        return 1 - (n - 1) * observed / expected if expected > 1e-9 else None


class AgreementMeter:
    """Takes the subjects of a job's images. Memory: sums for every keypoint and pair of workers."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._images = self._instances = self._matched = self._marked = self._both = self._either = 0
        self._oks = _Mean()
        self._similar = {name: _Mean() for name in names}
        self._position = {name: PositionAlpha() for name in names}
        self._visible = {name: NominalAlpha() for name in names}
        self._all_visible = NominalAlpha()
        self._pairs: dict[tuple[str, str], _Mean] = {}

    def add_image(self, instances_by_worker: Sequence[int]) -> None:
        """Count an image that several workers answered for, and how many instances each of them marked."""
        self._images += 1
        self._marked += (len(instances_by_worker) - 1) * sum(instances_by_worker)

    def add(self, worker_ids: Sequence[str], poses: Sequence[Pose], box: Box, ruler: Ruler) -> list[float]:
        """Take one subject as its workers left it, and the consensus's box; gives the OKS of every pair."""
        found: list[float] = []
        self._instances += 1
        for i, (a, p) in enumerate(zip(worker_ids, poses, strict=True)):
            for b, q in zip(worker_ids[i + 1 :], poses[i + 1 :], strict=True):
                similar = ruler.similarities(p, q)
                oks = sum(similar.values()) / len(similar) if similar else 0.0
                found.append(oks)
                self._oks.add(oks)
                self._pairs.setdefault((a, b), _Mean()).add(oks)
                self._matched += 2
                self._both += len(similar)
                self._either += len(p.places.keys() | q.places.keys())
                for label, value in similar.items():
                    if label in self._similar:
                        self._similar[label].add(value)
        if len(poses) > 1:
            self._add_alphas(poses, box)
        return found

    def _add_alphas(self, poses: Sequence[Pose], box: Box) -> None:
        for name in self._names:
            places: list[Place] = [p.places[name] for p in poses if name in p.places]
            self._position[name].add([((x - box[0]) / box[2], (y - box[1]) / box[3]) for x, y, _ in places])
            values = [v for _, _, v in places] + [0] * (len(poses) - len(places))
            self._visible[name].add(values)
            self._all_visible.add(values)

    def merge(self, other: AgreementMeter) -> None:
        """Take what a meter of the same keypoints has taken too."""
        for count in ("_images", "_instances", "_matched", "_marked", "_both", "_either"):
            setattr(self, count, getattr(self, count) + getattr(other, count))
        self._oks.merge(other._oks)
        self._all_visible.merge(other._all_visible)
        for name in self._names:
            self._similar[name].merge(other._similar[name])
            self._position[name].merge(other._position[name])
            self._visible[name].merge(other._visible[name])
        for pair, mean in other._pairs.items():
            self._pairs.setdefault(pair, _Mean()).merge(mean)

    def agreement(self) -> Agreement:
        """The agreement so far."""
        return Agreement(
            images=self._images,
            instances=self._instances,
            oks=self._oks.mean,
            relative=_relative(self._oks.mean),
            coverage=self._both / self._either if self._either else None,
            instances_matched=self._matched / self._marked if self._marked else None,
            alpha_visibility=self._all_visible.value,
            keypoints=[
                KeypointAgreement(
                    name=name,
                    pairs=self._similar[name].n,
                    similarity=self._similar[name].mean,
                    relative=_relative(self._similar[name].mean),
                    alpha_position=self._position[name].value,
                    alpha_visibility=self._visible[name].value,
                )
                for name in self._names
            ],
            worker_pairs=[
                PairAgreement(worker_ids=pair, instances=found.n, oks=found.total / found.n)
                for pair, found in sorted(self._pairs.items())
            ],
        )


def _relative(similarity: float | None) -> float | None:
    return None if similarity is None else similarity / HONEST_PAIR
