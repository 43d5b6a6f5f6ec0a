"""Agreement: how similar several workers' labels of the same subjects are. It is no measure of correctness.

Similarities are reported relative to the expected similarity of two careful workers (similarity.HONEST_PAIR).

Krippendorff's alpha, 1 - D_o / D_e, compares the disagreement within subjects with that between labels drawn at random.
For positions, disagreement is the squared distance in coordinates of the consensus's box, so that alpha depends on
where on the body labels are, not on where in the image. For visibility it is 0 or 1. Source: K. Krippendorff,
"Computing Krippendorff's Alpha-Reliability" (2011).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from truepoint.consensus.consolidation import Agreed
from truepoint.measures.reliability import MOST_PAIRS, pair_name, pair_of, pairs_of_workers
from truepoint.pose.instance import NOT_LABELED, OCCLUDED, VISIBLE
from truepoint.pose.poses import Flags, Integers, Poses, grouped, in_order
from truepoint.pose.similarity import HONEST_PAIR, SMALLEST_SIDE, THINNEST_BOX, Floats, falloff
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.exact_sum import ExactSum
from truepoint.statistics.statistic import Statistic


class KeypointAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """The agreement on one keypoint.

    `pairs` is the number of comparisons of two workers who both labelled it. `relative` is `similarity` divided by the
    expected similarity of two careful workers.
    """

    name: str
    pairs: int
    similarity: float | None
    relative: float | None
    alpha_position: float | None
    alpha_visibility: float | None


class PairAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """The agreement of two workers: the mean OKS over the instances that both marked."""

    worker_ids: tuple[str, str]
    instances: int
    oks: float


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A job's agreement.

    `oks` is the mean over all pairs of workers of all subjects. `relative` is `oks` divided by the expected similarity
    of two careful workers. `coverage` is the share of keypoints that both workers of a pair labelled, among those that
    at least one of them labelled. `instances_matched` is the share of instances that the other worker of a pair marked
    too.
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


class PlaceSums(NamedTuple):
    """Sums for Krippendorff's alpha of positions, for each subject.

    Attributes:
        places: number of positions m.
        x, y: sums of the coordinates.
        square: sum of x^2 + y^2.
        within: sum of the squared distances over all ordered pairs, divided by m - 1.
    """

    places: Integers
    x: Floats
    y: Floats
    square: Floats
    within: Floats


def place_sums(x: Floats, y: Floats, there: Flags) -> PlaceSums:
    """Return the sums of each row of positions. Where `there` is false, x and y must be 0."""
    m = np.count_nonzero(there, axis=1)
    count = np.maximum(m, 1)
    sum_x, sum_y = in_order(x), in_order(y)
    # Distances are computed relative to the mean, because squares of large coordinates would lose small differences.
    off_x, off_y = x - (sum_x / count)[:, None], y - (sum_y / count)[:, None]
    within = in_order(np.where(there, off_x * off_x + off_y * off_y, 0))
    return PlaceSums(m, sum_x, sum_y, in_order(x * x + y * y), 2 * m * within / np.maximum(m - 1, 1))


class PositionAlpha(Statistic):
    """Krippendorff's alpha of positions, computed from sums.

    The sum of the squared distances of all pairs is n times the sum of squares minus the square of the sum.
    """

    places: int = 0
    x: ExactSum = msgspec.field(default_factory=ExactSum)
    y: ExactSum = msgspec.field(default_factory=ExactSum)
    square: ExactSum = msgspec.field(default_factory=ExactSum)
    within: ExactSum = msgspec.field(default_factory=ExactSum)

    def add(self, subjects: PlaceSums, rows: Integers) -> None:
        """Add the sums of some subjects."""
        self.places += int(subjects.places[rows].sum())
        for total, values in (
            (self.x, subjects.x),
            (self.y, subjects.y),
            (self.square, subjects.square),
            (self.within, subjects.within),
        ):
            total.add_all(values[rows].tolist())

    @property
    def value(self) -> float | None:
        """Alpha; None if there is nothing to compare, or all positions are equal."""
        between = 2 * (self.places * self.square.value - self.x.value**2 - self.y.value**2)
        return 1 - (self.places - 1) * self.within.value / between if between > 1e-12 else None


class NominalAlpha(Statistic):
    """Krippendorff's alpha of nominal values, which are small integers.

    `subjects` counts the subjects by their sorted values. There are few such combinations, and divisions are made only
    at the end, so that counting is exact.
    """

    subjects: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, values: Sequence[int], subjects: int = 1) -> None:
        """Count subjects with these values. A subject with fewer than two values is ignored."""
        if len(values) > 1:
            name = " ".join(map(str, sorted(values)))
            self.subjects[name] = self.subjects.get(name, 0) + subjects

    @property
    def value(self) -> float | None:
        """Alpha; None if there is nothing to compare, or all values are equal."""
        return alpha([self])


def alpha(parts: Iterable[NominalAlpha]) -> float | None:
    """Return alpha over the subjects of all parts; None if there is nothing to compare, or all values are equal."""
    totals: Counter[int] = Counter()
    different: Counter[int] = Counter()
    for part in parts:
        for name, subjects in part.subjects.items():
            values = Counter(map(int, name.split()))
            m = values.total()
            for value, n in values.items():
                totals[value] += n * subjects
                # Each of m values is paired with m - 1 others, and these pairs have a total weight of 1.
                different[m - 1] += n * (m - n) * subjects
    n = totals.total()
    expected = n * n - sum(t * t for t in totals.values())
    observed = math.fsum(count / others for others, count in different.items())
    return 1 - (n - 1) * observed / expected if expected else None


class KeypointMeter(Statistic):
    """Statistics of several workers' agreement on one keypoint."""

    similar: ExactSum = msgspec.field(default_factory=ExactSum)
    position: PositionAlpha = msgspec.field(default_factory=PositionAlpha)
    visible: NominalAlpha = msgspec.field(default_factory=NominalAlpha)


class AgreementMeter(Statistic):
    """Statistics of a job's agreement.

    Memory: sums for every keypoint and pair of workers. If there are more than `MOST_PAIRS` pairs, a sample
    is kept.
    """

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
        """Return empty statistics for these keypoints."""
        return cls({name: KeypointMeter() for name in names})

    def add_image(self, instances_by_worker: Sequence[int]) -> None:
        """Count an image, given the number of instances of each of its workers."""
        self.images += 1
        self.marked += (len(instances_by_worker) - 1) * sum(instances_by_worker)

    def add(self, agreed: Agreed, poses: Poses) -> Floats:
        """Add the subjects of a stack, before swap repair.

        Returns:
            The OKS of each pair of members, of shape (subjects, pairs).
        """
        stack = agreed.stack
        first, second, both, squares = stack.pairs()
        self.instances += len(stack.cluster)
        if not len(first):
            return np.zeros((len(stack.cluster), 0))
        scale = (stack.area[:, first] + stack.area[:, second])[:, :, None]
        similar = np.where(both, falloff(squares * stack.inverse[:, None, :] / scale), 0)
        shared = np.count_nonzero(both, axis=2)
        oks: Floats = in_order(similar) / np.maximum(shared, 1)
        self.oks.add_all(oks.ravel().tolist())
        for (a, b), rows in pairs_of_workers(stack, poses):
            self.pairs.at(pair_name(a, b), ExactSum).add_all(oks.ravel()[rows].tolist())
        self.matched += 2 * shared.size
        self.both += int(shared.sum())
        self.either += int(np.count_nonzero(stack.there[:, first] | stack.there[:, second]))
        labels = np.broadcast_to(stack.label[:, None, :], both.shape)[both]
        values = similar[both]
        for label, rows in grouped(labels):
            if meter := self.keypoints.get(poses.labels[label]):
                meter.similar.add_all(values[rows].tolist())
        self._add_alphas(agreed, poses)
        return oks

    def _add_alphas(self, agreed: Agreed, poses: Poses) -> None:
        stack = agreed.stack
        subjects, members = stack.member.shape
        left, top, width, height = (side[:, None] for side in _boxes(agreed, poses))
        there = np.moveaxis(stack.there, 1, 2).reshape(-1, members)
        x = np.moveaxis((stack.x - left[:, :, None]) / width[:, :, None], 1, 2).reshape(-1, members)
        y = np.moveaxis((stack.y - top[:, :, None]) / height[:, :, None], 1, 2).reshape(-1, members)
        sums = place_sums(np.where(there, x, 0), np.where(there, y, 0), there)
        visible = np.count_nonzero(stack.visibility == VISIBLE, axis=1).ravel()
        label = stack.label.ravel()
        rest = {name: int(subjects) for name in self.keypoints}
        for number, rows in grouped(label):
            name = poses.labels[number]
            if number < 0 or name not in self.keypoints:
                continue
            meter = self.keypoints[name]
            meter.position.add(sums, rows[sums.places[rows] > 1])
            kinds, counts = np.unique(sums.places[rows] * (members + 1) + visible[rows], return_counts=True)
            for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
                marked, clear = divmod(kind, members + 1)
                values = [NOT_LABELED] * (members - marked) + [OCCLUDED] * (marked - clear) + [VISIBLE] * clear
                meter.visible.add(values, count)
            rest[name] -= len(rows)
        for name, count in rest.items():
            if count:
                self.keypoints[name].visible.add([NOT_LABELED] * members, count)

    def agreement(self) -> Agreement:
        """Return the agreement so far."""
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


def _boxes(agreed: Agreed, poses: Poses) -> tuple[Floats, Floats, Floats, Floats]:
    """Return left, top, width and height of each subject's consensus, or of its first member if it has no keypoints."""
    places = agreed.places
    left, top, right, bottom = poses.hull[agreed.stack.member[:, 0]].T
    some = places.there.any(axis=1)
    x0, y0 = (np.min(np.where(places.there, v, np.inf), axis=1, initial=np.inf) for v in (places.x, places.y))
    x1, y1 = (np.max(np.where(places.there, v, -np.inf), axis=1, initial=-np.inf) for v in (places.x, places.y))
    left, top = np.where(some, x0, left), np.where(some, y0, top)
    width, height = np.where(some, x1, right) - left, np.where(some, y1, bottom) - top
    least = THINNEST_BOX * np.maximum(np.maximum(width, height), SMALLEST_SIDE)
    return left, top, np.maximum(width, least), np.maximum(height, least)


def _relative(similarity: float | None) -> float | None:
    return None if similarity is None else similarity / HONEST_PAIR
