"""Robust mean of points, some of which may be far off.

It is Huber's estimate of location in the plane. Points within a width of the estimate count as in a mean; points
farther away pull no harder than a point at the width. The estimate is the unique minimum of a convex cost, so it does
not depend on the starting point. It is computed by Weiszfeld's algorithm. Source: P. Huber, "Robust Statistics", 1981,
chapter 8.
"""

from __future__ import annotations

import numpy as np

from truepoint.pose.poses import in_order
from truepoint.pose.similarity import Floats

STEPS = 1000
"""Maximum number of iterations."""
CLOSE = 1e-7
"""Step length at which iteration stops, relative to the spread of the points."""
RELAXATION = 1.4
"""Factor of each step. Weiszfeld's algorithm converges for factors between 0 and 2, because each step minimises a
quadratic function that is nowhere below the cost. This factor needs a fifth fewer iterations than 1. Source:
L. Ostresh, "On the convergence of a class of iterative methods for solving the Weber location problem", 1978."""


def robust_means(x: Floats, y: Floats, weights: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Return the robust mean of each row of points. For one or two points it is their weighted mean.

    Args:
        x: coordinates in pixels, of shape (rows, points); 0 for a missing point.
        y: the same for y.
        weights: weights of the points, of shape (rows, points); 0 for a missing point.
        width: width of each row in pixels, above 0.

    Returns:
        x and y of each row's robust mean, in pixels.
    """
    places = np.ascontiguousarray(np.stack([x.T, y.T], axis=1))  # by point, axis and row
    weights = np.ascontiguousarray(weights.T)
    points = np.count_nonzero(weights, axis=0)
    total = np.maximum(in_order(weights, 0), np.finfo(float).tiny)
    means: Floats = in_order(places * weights[:, None], 0) / total
    single = points == 1  # a single point is returned exactly
    means[:, single] = in_order(places[:, :, single], 0)
    spread = np.max(np.where(weights > 0, _distances(places, means), 0), axis=0, initial=0)
    rows = np.flatnonzero((points > 2) & (spread > width))
    places, weights, at, close = (values.take(rows, axis=-1) for values in (places, weights, means, CLOSE * spread))
    least = np.maximum(width[rows], close)
    moving = np.ones(len(rows), bool)
    for _ in range(STEPS):
        if not len(rows):
            break
        pulls = np.empty((len(places), 3, len(rows)))  # each point's weight, and its x and y times the weight
        np.divide(weights, np.maximum(_distances(places, at), least), out=pulls[:, 0])
        np.multiply(places, pulls[:, :1], out=pulls[:, 1:])
        total = in_order(pulls, 0)
        before, at = at, np.where(moving, at + RELAXATION * (total[1:] / total[0] - at), at)
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
