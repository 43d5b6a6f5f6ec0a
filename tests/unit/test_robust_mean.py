from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.consensus.robust_mean import robust_means

POINT = st.tuples(st.floats(-1000, 1000), st.floats(-1000, 1000))
POINTS = st.lists(POINT, min_size=1, max_size=9)


def cost(points: Any, weights: Any, width: float, x: float, y: float) -> float:
    """Huber's: half the square within the width, linear beyond."""
    total = 0.0
    for (px, py), w in zip(points, weights, strict=True):
        d = math.hypot(px - x, py - y)
        total += w * (d * d / 2 if d <= width else width * (d - width / 2))
    return total


def robust_mean(points: Any, weights: Any, width: float, beside: int = 1) -> tuple[float, float]:
    """Of the first of some rows, each with some empty points at its end."""
    x, y = (np.array([[p[axis] for p in points] + [0.0] * beside] * beside) for axis in (0, 1))
    trust = np.array([[*weights] + [0.0] * beside] * beside, float)
    x[1:, : len(points)] += 7
    found_x, found_y = robust_means(x, y, trust, np.full(beside, float(width)))
    return float(found_x[0]), float(found_y[0])


@given(POINTS, st.floats(0.5, 500), st.data())
def test_the_robust_mean_minimises_the_huber_loss(points: list[Any], width: float, data: Any) -> None:
    weights = data.draw(st.lists(st.floats(0.1, 5), min_size=len(points), max_size=len(points)))
    x, y = robust_mean(points, weights, width)
    if len(points) > 2:
        here = cost(points, weights, width, x, y)
        for p in points:
            assert here <= cost(points, weights, width, *p) * (1 + 1e-3) + 1e-3
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            assert here <= cost(points, weights, width, x + dx, y + dy) * (1 + 1e-3) + 1e-3


@given(st.lists(POINT, min_size=3, max_size=4), st.floats(0.1, 100))
def test_the_robust_mean_ignores_other_rows_and_missing_points(points: list[Any], width: float) -> None:
    weights = [1.0 + i for i in range(len(points))]
    assert len({robust_mean(points, weights, width, beside) for beside in (1, 2, 5)}) == 1


@pytest.mark.parametrize(
    ("points", "weights", "width", "expected"),
    [
        ([(1.1, 2.2)], [3.0], 1, (1.1, 2.2)),  # one answer, to the last digit
        ([(0, 0), (10, 4)], [1, 1], 1, (5, 2)),
        ([(0, 0), (10, 4)], [3, 1], 5, (2.5, 1)),
        ([(0, 0), (1, 0), (2, 3)], [1, 1, 1], 100, (1, 1)),  # wide: the mean
        ([(0, 0), (0, 0), (90, 0)], [1, 1, 1], 1e-9, (0, 0)),  # the geometric median
        ([(0, 0), (0, 0), (90, 0)], [1, 1, 1], 1, (0.5, 0)),  # pulls as if it were 1 away
        ([(5, 5)] * 4, [1, 1, 1, 1], 1, (5, 5)),
    ],
)
def test_the_robust_mean_of_known_positions(
    points: list[Any], weights: list[float], width: float, expected: tuple[float, float]
) -> None:
    assert robust_mean(points, weights, width) == pytest.approx(expected, abs=1e-3)
