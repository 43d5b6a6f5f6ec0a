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
        x, y, weights: by row and point. A point with the weight 0 is none; x and y are 0 there.
        width: by row, in pixels, above 0.
    """
    x, y, weights = (np.ascontiguousarray(values.T) for values in (x, y, weights))
    points = np.count_nonzero(weights, axis=0)
    total = np.maximum(in_order(weights, 0), np.finfo(float).tiny)
    mean_x, mean_y = in_order(x * weights, 0) / total, in_order(y * weights, 0) / total
    single = points == 1  # to the last digit
    mean_x[single], mean_y[single] = in_order(x[:, single], 0), in_order(y[:, single], 0)
    off_x, off_y = x - mean_x, y - mean_y
    spread = np.max(np.where(weights > 0, np.sqrt(off_x * off_x + off_y * off_y), 0), axis=0, initial=0)
    rows = np.flatnonzero((points > 2) & (spread > width))
    x, y, weights = x[:, rows], y[:, rows], weights[:, rows]
    at_x, at_y, close = mean_x[rows], mean_y[rows], CLOSE * spread[rows]
    least = np.maximum(width[rows], close)
    for _ in range(STEPS):
        if not len(rows):
            break
        off_x, off_y = x - at_x, y - at_y
        off_x *= off_x
        off_y *= off_y
        off_x += off_y
        np.sqrt(off_x, out=off_x)
        pull = weights / np.maximum(off_x, least, out=off_x)
        total = in_order(pull, 0)
        next_x, next_y = in_order(pull * x, 0) / total, in_order(pull * y, 0) / total
        moving = np.abs(next_x - at_x) + np.abs(next_y - at_y) >= close
        mean_x[rows], mean_y[rows] = next_x, next_y
        if not moving.all():
            rows, x, y, weights = rows[moving], x[:, moving], y[:, moving], weights[:, moving]
            next_x, next_y, close, least = next_x[moving], next_y[moving], close[moving], least[moving]
        at_x, at_y = next_x, next_y
    return mean_x, mean_y
