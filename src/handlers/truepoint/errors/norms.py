"""Norms: typical values of a job's instances. They are medians, which a few wrong labels do not shift.

Lengths are logarithms of the ratio to the instance's size. Foreshortening makes a limb appear shorter, never longer, so
lengths have one spread above the median and another below it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from truepoint.errors.point_table import PointTable
from truepoint.errors.shape import ShapeNorm, measure_shape
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance
from truepoint.pose.poses import Flags, median
from truepoint.pose.similarity import Floats, exponential

LEAST_SAMPLES = 30
"""Minimum number of values for a norm. With fewer, the fixed limits of `errors.checks` apply."""
LEAST_EDGES = 3
"""Minimum number of labelled edges from which an instance's size is estimated."""
NARROWEST = 0.05
"""Minimum spread, in units of log length or of the size. Labels scatter even if all subjects are alike."""
SIZE_QUANTILE = 0.6
"""Quantile of the edges' ratios to their norms that gives an instance's size. It is above the median to prefer edges
that are less foreshortened, and not so high that one or two wrong edges decide."""
MAD_TO_SD = 1.4826
"""Ratio of the standard deviation to the median absolute deviation of a normal distribution."""
MOST_KEYPOINTS = 64
"""Maximum number of keypoints for which conditional shares are kept; their number grows with the square. For larger
skeletons only each keypoint's overall share is kept."""


class LengthNorm(msgspec.Struct, frozen=True):
    """The norm of a log length: its median, and the standard deviations above and below it."""

    center: float
    above: float
    below: float


class OffsetNorm(msgspec.Struct, frozen=True):
    """The norm of an offset: its median and standard deviation, relative to the instance's size."""

    center: float
    spread: float


class Norms(msgspec.Struct, frozen=True, kw_only=True):
    """The norms of one job, None where there are too few values.

    Attributes:
        samples: number of instances.
        edges: the norm of each edge's log length.
        facing: the norm of `PointTable.facing_offsets`.
        away: the norm of `PointTable.away_offsets`.
        together: `together[k][i]` is the share of the instances with keypoint i that have keypoint k too. For skeletons
            of more than `MOST_KEYPOINTS` there is only one column: the share of all instances that have keypoint k.
        shape: the norm of the keypoints' relative positions.
    """

    samples: int
    edges: tuple[LengthNorm | None, ...]
    facing: OffsetNorm | None
    away: OffsetNorm | None
    together: tuple[tuple[float | None, ...], ...]
    shape: ShapeNorm | None


def measure(anatomy: Anatomy, instances: Sequence[Instance]) -> Norms:
    """Return the norms of a sample of instances."""
    points = PointTable(anatomy, instances)
    logs = points.log_lengths()
    edges = _edge_norms(logs)
    sizes = exponential(log_sizes(logs, edges))
    return Norms(
        samples=len(instances),
        edges=edges,
        facing=_offset_norm(points.facing_offsets() / sizes),
        away=_offset_norm(points.away_offsets() / sizes),
        together=_together(points.there),
        shape=measure_shape(anatomy, points, sizes),
    )


def log_sizes(logs: Floats, edges: Sequence[LengthNorm | None]) -> Floats:
    """Return the instances' log sizes, given their edges' log lengths and norms.

    NaN if fewer than `LEAST_EDGES` edges have both.
    """
    offsets = np.sort(logs - np.array([norm.center if norm else np.nan for norm in edges]), axis=1)  # NaN is last
    counts = np.count_nonzero(~np.isnan(offsets), axis=1)
    if offsets.shape[1] < LEAST_EDGES:
        return np.full(len(offsets), np.nan)
    rank = np.rint(SIZE_QUANTILE * np.maximum(counts - 1, 0)).astype(np.intp)
    sizes = np.take_along_axis(offsets, rank[:, None], axis=1)[:, 0]
    return np.where(counts >= LEAST_EDGES, sizes, np.nan)


def expected(norms: Norms, there: Flags) -> Floats:
    """Return the probability that each instance has each keypoint.

    It is the mean of the conditional shares over the keypoints that the instance has, as in SLEAP's prior.

    Args:
        norms: the job's norms.
        there: which keypoints are labelled, of shape (instances, keypoints).

    Returns:
        Probabilities of shape (instances, keypoints); NaN where the norms have no share.
    """
    shares = np.array(norms.together, float)  # None is NaN
    given = there if shares.shape[1] == there.shape[1] else np.ones((len(there), shares.shape[1]), bool)
    total, count = np.zeros(there.shape), np.zeros(there.shape)
    for condition, column in zip(given.T, shares.T, strict=True):
        tells = condition[:, None] & ~np.isnan(column)
        total += np.where(tells, column, 0)
        count += tells
    return np.where(count, total / np.maximum(count, 1), np.nan)


def _edge_norms(logs: Floats) -> tuple[LengthNorm | None, ...]:
    """Return the norms of the edges' log lengths relative to the instances' sizes.

    Sizes depend on norms and norms on sizes, so both are computed alternately, starting with each instance's median
    edge. Three iterations suffice.
    """
    norms: tuple[LengthNorm | None, ...] = ()
    ordered = np.sort(logs, axis=1) if logs.shape[1] else np.full((len(logs), 1), np.nan)
    sizes = median(ordered, np.count_nonzero(~np.isnan(ordered), axis=1))
    for _ in range(3):
        norms = tuple(map(_length_norm, (logs - sizes[:, None]).T))
        sizes = log_sizes(logs, norms)
    return norms


def _length_norm(values: Floats) -> LengthNorm | None:
    values = values[~np.isnan(values)]
    if len(values) < LEAST_SAMPLES:
        return None
    center = _median(values)
    above, below = _median((values - center)[values >= center]), _median((center - values)[values <= center])
    return LengthNorm(center, max(MAD_TO_SD * above, NARROWEST), max(MAD_TO_SD * below, NARROWEST))


def _offset_norm(values: Floats) -> OffsetNorm | None:
    values = values[~np.isnan(values)]
    if len(values) < LEAST_SAMPLES:
        return None
    center = _median(values)
    return OffsetNorm(center, max(MAD_TO_SD * _median(np.abs(values - center)), NARROWEST))


def _together(there: Flags) -> tuple[tuple[float | None, ...], ...]:
    given = there if there.shape[1] <= MOST_KEYPOINTS else np.ones((len(there), 1), bool)
    counts = np.count_nonzero(given, axis=0)
    both = there.T.astype(float) @ given.astype(float)  # integers, so the result does not depend on the order of sums
    shares = np.where(counts >= LEAST_SAMPLES, both / np.maximum(counts, 1), np.nan).tolist()
    return tuple(tuple(None if share != share else share for share in row) for row in shares)  # noqa: PLR0124


def _median(values: Floats) -> float:
    return float(median(np.sort(values)))
