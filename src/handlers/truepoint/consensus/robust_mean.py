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
    points = np.count_nonzero(weights, axis=1)
    total = np.maximum(in_order(weights), np.finfo(float).tiny)
    mean_x, mean_y = in_order(x * weights) / total, in_order(y * weights) / total
    single = points == 1  # to the last digit
    mean_x[single], mean_y[single] = in_order(x[single]), in_order(y[single])
    off_x, off_y = x - mean_x[:, None], y - mean_y[:, None]
    spread = np.max(np.where(weights > 0, np.sqrt(off_x * off_x + off_y * off_y), 0), axis=1, initial=0)
    rows = np.flatnonzero((points > 2) & (spread > width))
    x, y, weights = x[rows], y[rows], weights[rows]
    at_x, at_y, close = mean_x[rows], mean_y[rows], CLOSE * spread[rows]
    least = np.maximum(width[rows], close)
    for _ in range(STEPS):
        if not len(rows):
            break
        off_x, off_y = x - at_x[:, None], y - at_y[:, None]
        pull = weights / np.maximum(np.sqrt(off_x * off_x + off_y * off_y), least[:, None])
        total = in_order(pull)
        next_x, next_y = in_order(pull * x) / total, in_order(pull * y) / total
        moving = np.abs(next_x - at_x) + np.abs(next_y - at_y) >= close
        mean_x[rows], mean_y[rows] = next_x, next_y
        rows, x, y, weights = rows[moving], x[moving], y[moving], weights[moving]
        at_x, at_y, close, least = next_x[moving], next_y[moving], close[moving], least[moving]
    return mean_x, mean_y
