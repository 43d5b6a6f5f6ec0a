"""A pose: an instance made ready to be compared many times. Plain slots and tuples, because this is the hot path."""

from __future__ import annotations

import math

from truepoint.pose.instance import Instance
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import area

Place = tuple[float, float, int]
"""x, y, visibility."""


class Pose:
    """Keypoints by name in the order of names (floating sums depend on order), area in square pixels, hull corners.

    `widest` is the ruler's: the least 1 / (2 sigma)^2 of its keypoints, once it has been asked for.
    """

    __slots__ = ("area", "hull", "places", "widest")

    def __init__(self, places: dict[str, Place], size: float) -> None:
        self.places = places
        self.area = size
        self.widest: float | None = None
        xs = [p[0] for p in places.values()]
        ys = [p[1] for p in places.values()]
        self.hull = (min(xs), min(ys), max(xs), max(ys)) if xs else (0.0, 0.0, 0.0, 0.0)

    def mirrored(self, pairs: dict[str, str]) -> Pose:
        """The same with left and right exchanged."""
        exchanged = {pairs.get(label, label): place for label, place in self.places.items()}
        return Pose(dict(sorted(exchanged.items())), self.area)


def pose(instance: Instance, yardstick: SigmaTable) -> Pose:
    """The pose of an instance."""
    places = sorted((k.label, (k.x, k.y, k.visibility)) for k in instance.annotations)
    return Pose(dict(places), area(instance, yardstick.lone_area)[0])


class OksComparer:
    """Compares poses with one yardstick; remembers 1 / (2 sigma)^2 of every keypoint it has met."""

    def __init__(self, yardstick: SigmaTable) -> None:
        self.yardstick = yardstick
        self.pairs = yardstick.pairs
        self._inverse: dict[str, float] = {}

    def inverse(self, label: str) -> float:
        """1 / (2 sigma)^2, COCO's k to the power of -2."""
        found = self._inverse.get(label)
        if found is None:
            k = 2 * self.yardstick.sigma(label)
            found = self._inverse[label] = 1 / (k * k)
        return found

    def similarities(self, a: Pose, b: Pose) -> dict[str, float]:
        """Symmetric similarity of each keypoint that both have."""
        scale = a.area + b.area
        theirs = b.places
        found: dict[str, float] = {}
        for label, p in a.places.items():
            q = theirs.get(label)
            if q is not None:
                dx, dy = p[0] - q[0], p[1] - q[1]
                found[label] = math.exp(-(dx * dx + dy * dy) * self.inverse(label) / scale)
        return found

    def oks(self, a: Pose, b: Pose) -> float:
        """Symmetric OKS; 0 if no keypoint is shared."""
        scale = a.area + b.area
        theirs, inverse = b.places, self._inverse
        total, count = 0.0, 0
        for label, p in a.places.items():
            q = theirs.get(label)
            if q is None:
                continue
            count += 1
            dx, dy = p[0] - q[0], p[1] - q[1]
            e = (dx * dx + dy * dy) * (inverse.get(label) or self.inverse(label)) / scale
            if e < 40:  # beyond, exp(-e) is nothing beside the rounding of the sum
                total += math.exp(-e)
        return total / count if count else 0.0

    def bound(self, a: Pose, b: Pose) -> float:
        """No keypoint of `a` is more alike one of `b`, mirrored or not: hulls far apart need no closer look."""
        p, q = a.hull, b.hull
        gap_x = p[0] - q[2] if p[0] > q[2] else q[0] - p[2] if q[0] > p[2] else 0.0
        gap_y = p[1] - q[3] if p[1] > q[3] else q[1] - p[3] if q[1] > p[3] else 0.0
        if not (gap_x or gap_y):
            return 1.0
        if a.widest is None:
            a.widest = min((self.inverse(label) for label in a.places), default=0.0)
        return math.exp(-(gap_x * gap_x + gap_y * gap_y) * a.widest / (a.area + b.area))
