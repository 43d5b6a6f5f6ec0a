"""Robust mean: one place from several workers' places, which some of them may have missed by far.

Huber's estimate of location in the plane: a mean of what lies within a width of it, in which whatever lies further
pulls no harder than from there. It is the only minimum of a convex cost, so that its start does not matter; by
Weiszfeld's algorithm (P. Huber, "Robust Statistics", 1981, chapter 8).
"""

from __future__ import annotations

import numpy as np

from truepoint.pose.poses import in_order
from truepoint.pose.similarity import Floats

STEPS = 1000
CLOSE = 1e-7
"""Share of the spread of the points below which a step is too small for another."""


def robust_means(x: Floats, y: Floats, weights: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Return the robust mean of each row of points; of one or two points it is their weighted mean.

    Args:
        x: by row and point, in pixels; 0 for a missing point.
        y: as x.
        weights: by row and point; 0 for a missing point.
        width: by row, in pixels, above 0.
    """
    places = np.ascontiguousarray(np.stack([x.T, y.T], axis=1))  # by point, axis and row
    weights = np.ascontiguousarray(weights.T)
    points = np.count_nonzero(weights, axis=0)
    total = np.maximum(in_order(weights, 0), np.finfo(float).tiny)
    means: Floats = in_order(places * weights[:, None], 0) / total
    single = points == 1  # to the last digit
    means[:, single] = in_order(places[:, :, single], 0)
    spread = np.max(np.where(weights > 0, _distances(places, means), 0), axis=0, initial=0)
    rows = np.flatnonzero((points > 2) & (spread > width))
    places, weights, at, close = (values.take(rows, axis=-1) for values in (places, weights, means, CLOSE * spread))
    least = np.maximum(width[rows], close)
    moving = np.ones(len(rows), bool)
    for _ in range(STEPS):
        if not len(rows):
            break
        pulls = np.empty((len(places), 3, len(rows)))  # each point's weight, and its x and y times that
        np.divide(weights, np.maximum(_distances(places, at), least), out=pulls[:, 0])
        np.multiply(places, pulls[:, :1], out=pulls[:, 1:])
        total = in_order(pulls, 0)
        before, at = at, np.where(moving, total[1:] / total[0], at)
        step = np.abs(at - before)
        moving &= step[0] + step[1] >= close
        if 4 * np.count_nonzero(moving) < 3 * len(moving):
            means[:, rows] = at
            kept = np.flatnonzero(moving)
            rows, moving = rows[kept], moving[kept]
            places, weights, at, close, least = (v.take(kept, axis=-1) for v in (places, weights, at, close, least))
    means[:, rows] = at
    return means[0], means[1]


def _distances(places: Floats, at: Floats) -> Floats:
    off = places - at
    off *= off
    return np.asarray(np.sqrt(off[:, 0] + off[:, 1]))
