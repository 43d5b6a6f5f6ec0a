"""Norms: what is usual among a job's instances, by medians, which a few wrong labels do not shift.

Lengths are logarithms of shares of the instance's own size. A limb seen from its end is short, but none is ever longer
than it is: hence one spread above the median and another below it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from truepoint.errors.facing import Posture, log_lengths
from truepoint.errors.shape import ShapeNorm, measure_shape
from truepoint.pose.anatomy import Anatomy, Points
from truepoint.pose.instance import Instance

LEAST_SAMPLES = 30
"""Of fewer there is no norm; the checks' hard bounds hold instead."""
LEAST_EDGES = 3
"""Labelled edges that an instance must have for its size to be told."""
NARROWEST = 0.05
"""A spread is at least this: labels scatter by some pixels, however alike the subjects are."""
SIZE_QUANTILE = 0.6
"""An instance's size is told by its less foreshortened edges, and by more than the one or two that are wrong."""
MAD_TO_SD = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""
MOST_KEYPOINTS = 64
"""Of larger skeletons only each keypoint's own share is kept: shares given any other grow with the square."""


class LengthNorm(msgspec.Struct, frozen=True):
    """A usual log length: the median, and standard deviations above and below it."""

    center: float
    above: float
    below: float

    def z(self, value: float) -> float:
        """Robust z of a value."""
        off = value - self.center
        return off / (self.above if off > 0 else self.below)


class OffsetNorm(msgspec.Struct, frozen=True):
    """A distance's median and standard deviation, as shares of the size."""

    center: float
    spread: float


class Norms(msgspec.Struct, frozen=True, kw_only=True):
    """What is usual in one job, by place of the skeleton's edges and keypoints; None where too few instances tell.

    `facing` and `away` are of the offsets of those names in posture.py. `together[k][i]` is the share of the instances
    with keypoint i that have k too; for skeletons of more than `MOST_KEYPOINTS` there is one column, the share of all.
    """

    samples: int
    edges: tuple[LengthNorm | None, ...]
    facing: OffsetNorm | None
    away: OffsetNorm | None
    together: tuple[tuple[float | None, ...], ...]
    shape: ShapeNorm | None


def measure(anatomy: Anatomy, instances: Sequence[Instance]) -> Norms:
    """The norms of a sample of instances."""
    poses = [anatomy.points(instance) for instance in instances]
    logs = [log_lengths(anatomy, points) for points in poses]
    edges = _edge_norms(anatomy, logs)
    scaled = [
        (points, math.exp(size))
        for points, lengths in zip(poses, logs, strict=True)
        if (size := log_size(lengths, edges)) is not None
    ]
    posture = Posture(anatomy)
    return Norms(
        samples=len(poses),
        edges=edges,
        facing=_offset_norm([v / s for points, s in scaled if (v := posture.facing_offset(points)) is not None]),
        away=_offset_norm([v / s for points, s in scaled if (v := posture.away_offset(points)) is not None]),
        together=_together(anatomy, poses),
        shape=measure_shape(anatomy, scaled),
    )


def log_size(logs: Sequence[float | None], edges: Sequence[LengthNorm | None]) -> float | None:
    """An instance's log size, from its edges' log lengths and their norms; None if too few have both."""
    offsets = sorted(q - norm.center for q, norm in zip(logs, edges, strict=True) if q is not None and norm)
    return offsets[round(SIZE_QUANTILE * (len(offsets) - 1))] if len(offsets) >= LEAST_EDGES else None


def expected(norms: Norms, points: Points, keypoint: int) -> float | None:
    """How probably an instance with these keypoints has `keypoint` too: the mean over those it has (SLEAP's prior)."""
    row = norms.together[keypoint]
    shares = (
        [share for k, share in zip(points, row, strict=True) if k and share is not None]
        if len(row) == len(points)
        else [share for share in row if share is not None]
    )
    return sum(shares) / len(shares) if shares else None


def _edge_norms(anatomy: Anatomy, logs: Sequence[Sequence[float | None]]) -> tuple[LengthNorm | None, ...]:
    """Norms of log length over size.

    The size is told by the norms and they by the sizes, so both are computed by turns, from each instance's median edge
    on; three turns settle it.
    """
    norms: tuple[LengthNorm | None, ...] = ()
    sizes = [_median(sorted(q for q in lengths if q is not None)) for lengths in logs]
    for _ in range(3):
        norms = tuple(
            _length_norm(
                [
                    q - size
                    for lengths, size in zip(logs, sizes, strict=True)
                    if size is not None and (q := lengths[edge]) is not None
                ]
            )
            for edge in range(len(anatomy.edges))
        )
        sizes = [log_size(lengths, norms) for lengths in logs]
    return norms


def _length_norm(values: list[float]) -> LengthNorm | None:
    if len(values) < LEAST_SAMPLES:
        return None
    values.sort()
    center = _middle(values)
    above = _middle(sorted(v - center for v in values if v >= center))
    below = _middle(sorted(center - v for v in values if v <= center))
    return LengthNorm(center, max(MAD_TO_SD * above, NARROWEST), max(MAD_TO_SD * below, NARROWEST))


def _offset_norm(values: list[float]) -> OffsetNorm | None:
    if len(values) < LEAST_SAMPLES:
        return None
    center = _middle(sorted(values))
    return OffsetNorm(center, max(MAD_TO_SD * _middle(sorted(abs(v - center) for v in values)), NARROWEST))


def _together(anatomy: Anatomy, poses: Sequence[Points]) -> tuple[tuple[float | None, ...], ...]:
    # One long integer a keypoint, one bit an instance: to count both is to count the bits of their conjunction.
    masks = [sum(1 << i for i, points in enumerate(poses) if points[k]) for k in range(len(anatomy.names))]
    whole = (1 << len(poses)) - 1
    given = masks if len(masks) <= MOST_KEYPOINTS else [whole]

    def share(k: int, condition: int) -> float | None:
        count = condition.bit_count()
        return (k & condition).bit_count() / count if count >= LEAST_SAMPLES else None

    return tuple(tuple(share(mask, condition) for condition in given) for mask in masks)


def _median(ordered: Sequence[float]) -> float | None:
    return _middle(ordered) if ordered else None


def _middle(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
