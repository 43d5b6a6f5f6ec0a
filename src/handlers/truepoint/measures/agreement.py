"""Agreement: how alike several workers' labels of the same subjects are. There is no truth in it.

Similarities are read against what two honest workers reach (similarity.HONEST_PAIR), not against 1. Krippendorff's
alpha, 1 - D_o / D_e, compares the disagreement within subjects with that between labels drawn at random: for position
the squared distance in the consensus's box, so that it matters where on a body labels are and not where in the image;
for visibility 0 or 1. K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from truepoint.measures.reliability import MOST_PAIRS, pair_name, pair_of
from truepoint.pose.pose import OksComparer, Place, Pose
from truepoint.pose.similarity import HONEST_PAIR
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.exact_sum import ExactSum
from truepoint.statistics.statistic import Statistic

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


class PositionAlpha(Statistic):
    """Krippendorff's alpha of places, from sums: all pairs' squared distances are n times the sum of squares less the
    square of the sum."""

    places: int = 0
    x: ExactSum = msgspec.field(default_factory=ExactSum)
    y: ExactSum = msgspec.field(default_factory=ExactSum)
    square: ExactSum = msgspec.field(default_factory=ExactSum)
    within: ExactSum = msgspec.field(default_factory=ExactSum)

    def add(self, places: Sequence[tuple[float, float]]) -> None:
        """One subject's places; fewer than two compare with nothing."""
        m = len(places)
        if m < 2:
            return
        x, y = sum(p[0] for p in places), sum(p[1] for p in places)
        self.places += m
        self.x.add(x)
        self.y.add(y)
        self.square.add(sum(p[0] ** 2 + p[1] ** 2 for p in places))
        # About their own middle: places far from the origin would lose their differences to rounding.
        self.within.add(2 * m * sum((p[0] - x / m) ** 2 + (p[1] - y / m) ** 2 for p in places) / (m - 1))

    @property
    def value(self) -> float | None:
        """Null of nothing to compare, or of one place only."""
        between = 2 * (self.places * self.square.value - self.x.value**2 - self.y.value**2)
        return 1 - (self.places - 1) * self.within.value / between if between > 1e-12 else None


class NominalAlpha(Statistic):
    """Krippendorff's alpha of names, which are small integers. `subjects` counts them by their values in rising order:
    of a few values and workers there are few such, and the divisions come last."""

    subjects: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, values: Sequence[int]) -> None:
        """One subject's values; fewer than two compare with nothing."""
        if len(values) > 1:
            name = " ".join(map(str, sorted(values)))
            self.subjects[name] = self.subjects.get(name, 0) + 1

    @property
    def value(self) -> float | None:
        """Null of nothing to compare, or of one value only."""
        return alpha([self])


def alpha(parts: Iterable[NominalAlpha]) -> float | None:
    """The alpha of all subjects together."""
    totals: Counter[int] = Counter()
    different: Counter[int] = Counter()
    for part in parts:
        for name, subjects in part.subjects.items():
            values = Counter(map(int, name.split()))
            m = values.total()
            for value, n in values.items():
                totals[value] += n * subjects
                # Of m workers' values each is paired with the m - 1 others, and counts as one altogether.
                different[m - 1] += n * (m - n) * subjects
    n = totals.total()
    expected = n * n - sum(t * t for t in totals.values())
    observed = math.fsum(count / others for others, count in different.items())
    return 1 - (n - 1) * observed / expected if expected else None


class KeypointMeter(Statistic):
    """One keypoint of several workers."""

    similar: ExactSum = msgspec.field(default_factory=ExactSum)
    position: PositionAlpha = msgspec.field(default_factory=PositionAlpha)
    visible: NominalAlpha = msgspec.field(default_factory=NominalAlpha)


class AgreementMeter(Statistic):
    """Takes the subjects of a job's images. Memory: sums for every keypoint and pair of workers; of more than
    `MOST_PAIRS` pairs so many are told of."""

    keypoints: dict[str, KeypointMeter]
    images: int = 0
    instances: int = 0
    matched: int = 0
    marked: int = 0
    both: int = 0
    either: int = 0
    oks: ExactSum = msgspec.field(default_factory=ExactSum)
    pairs: Table[ExactSum] = msgspec.field(default_factory=lambda: Table(MOST_PAIRS))

    @classmethod
    def of(cls, names: Iterable[str]) -> AgreementMeter:
        """A meter of these keypoints."""
        return cls({name: KeypointMeter() for name in names})

    def add_image(self, instances_by_worker: Sequence[int]) -> None:
        """Count an image that several workers answered for, and how many instances each of them marked."""
        self.images += 1
        self.marked += (len(instances_by_worker) - 1) * sum(instances_by_worker)

    def add(self, worker_ids: Sequence[str], poses: Sequence[Pose], box: Box, ruler: OksComparer) -> list[float]:
        """Take one subject as its workers left it, and the consensus's box; gives the OKS of every pair."""
        found: list[float] = []
        self.instances += 1
        for i, (a, p) in enumerate(zip(worker_ids, poses, strict=True)):
            for b, q in zip(worker_ids[i + 1 :], poses[i + 1 :], strict=True):
                similar = ruler.similarities(p, q)
                oks = sum(similar.values()) / len(similar) if similar else 0.0
                found.append(oks)
                self.oks.add(oks)
                self.pairs.at(pair_name(a, b), ExactSum).add(oks)
                self.matched += 2
                self.both += len(similar)
                self.either += len(p.places.keys() | q.places.keys())
                for label, value in similar.items():
                    if label in self.keypoints:
                        self.keypoints[label].similar.add(value)
        if len(poses) > 1:
            self._add_alphas(poses, box)
        return found

    def _add_alphas(self, poses: Sequence[Pose], box: Box) -> None:
        for name, meter in self.keypoints.items():
            places: list[Place] = [p.places[name] for p in poses if name in p.places]
            meter.position.add([((x - box[0]) / box[2], (y - box[1]) / box[3]) for x, y, _ in places])
            meter.visible.add([v for _, _, v in places] + [0] * (len(poses) - len(places)))

    def agreement(self) -> Agreement:
        """The agreement so far."""
        return Agreement(
            images=self.images,
            instances=self.instances,
            oks=self.oks.mean,
            relative=_relative(self.oks.mean),
            coverage=self.both / self.either if self.either else None,
            instances_matched=self.matched / self.marked if self.marked else None,
            alpha_visibility=alpha(meter.visible for meter in self.keypoints.values()),
            keypoints=[
                KeypointAgreement(
                    name=name,
                    pairs=meter.similar.n,
                    similarity=meter.similar.mean,
                    relative=_relative(meter.similar.mean),
                    alpha_position=meter.position.value,
                    alpha_visibility=meter.visible.value,
                )
                for name, meter in self.keypoints.items()
            ],
            worker_pairs=[
                PairAgreement(worker_ids=pair, instances=n, oks=mean)
                for pair, n, mean in sorted((pair_of(key), s.n, s.mean or 0.0) for key, s in self.pairs.kept().items())
            ],
        )


def _relative(similarity: float | None) -> float | None:
    return None if similarity is None else similarity / HONEST_PAIR
