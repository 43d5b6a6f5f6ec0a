"""Median: one place from several workers' places, which some of them may have missed by far."""

from __future__ import annotations

import math
from collections.abc import Sequence

STEPS = 1000
CLOSE = 1e-7
"""Of the spread of the points: then the next step is no news."""

Point = tuple[float, float]


def geometric_median(points: Sequence[Point], weights: Sequence[float] | None = None) -> Point:
    """The point with the least weighted sum of distances to `points`, by Weiszfeld's algorithm.

    Of one or two points it is their weighted mean: of two equal ones every point between them is a median. The order of
    points does not matter.
    """
    return robust_place(points, weights or [1.0] * len(points), 0.0)


def robust_place(points: Sequence[Point], weights: Sequence[float], width: float) -> Point:
    """Huber's estimate of location in the plane: a mean of what lies within `width` pixels of it, in which whatever
    lies further pulls no harder than from there. A width of 0 makes it the geometric median, an endless one the mean.

    It is the only minimum of a convex cost, so that neither start nor order of points matters; by Weiszfeld's algorithm
    (P. Huber, "Robust Statistics", 1981, chapter 8). Of one or two points it is their weighted mean.
    """
    if len(points) == 2:  # most calls; the sum of two is the same in any order
        (p, q), (v, w) = points, weights
        return (p[0] * v + q[0] * w) / (v + w), (p[1] * v + q[1] * w) / (v + w)
    ordered = sorted(zip(points, weights, strict=True))
    total = math.fsum(w for _, w in ordered)
    x = math.fsum(p[0] * w for p, w in ordered) / total
    y = math.fsum(p[1] * w for p, w in ordered) / total
    if len(ordered) == 1:
        return ordered[0][0]
    spread = max(math.hypot(p[0] - x, p[1] - y) for p, _ in ordered)
    if spread <= width:
        return x, y
    if held := _held(ordered) if width <= 0 else None:
        return held
    close = CLOSE * spread
    least = max(width, close)
    for _ in range(STEPS):
        sum_w = sum_x = sum_y = 0.0
        for (px, py), w in ordered:
            off = math.hypot(px - x, py - y)
            pull = w / (off if off > least else least)
            sum_w += pull
            sum_x += pull * px
            sum_y += pull * py
        step = abs(sum_x / sum_w - x) + abs(sum_y / sum_w - y)
        x, y = sum_x / sum_w, sum_y / sum_w
        if step < close:
            break
    return x, y


def _held(ordered: Sequence[tuple[Point, float]]) -> Point | None:
    """A point that is the geometric median itself: the others, each pulling with its weight, pull no harder than it
    holds. Towards such a one the algorithm only crawls."""
    holds: dict[Point, float] = {}
    for p, w in ordered:
        holds[p] = holds.get(p, 0.0) + w
    for here, hold in holds.items():
        force_x = force_y = 0.0
        for p, w in ordered:
            if p != here:
                length = math.hypot(p[0] - here[0], p[1] - here[1])
                force_x += w * (p[0] - here[0]) / length
                force_y += w * (p[1] - here[1]) / length
        if math.hypot(force_x, force_y) <= hold:
            return here
    return None
