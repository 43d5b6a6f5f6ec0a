from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from truepoint.consensus.assignment import assign


@given(st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(lambda s: arrays(float, s, elements=st.floats(-1, 1))))
def test_as_good_as_scipys(gains: np.ndarray) -> None:
    pairs = assign(gains.tolist())
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert pairs == sorted(pairs)
    found = sum(gains[row, column] for row, column in pairs)
    useful = np.maximum(gains, 0)
    assert found == pytest.approx(useful[linear_sum_assignment(useful, maximize=True)].sum(), abs=1e-9)


@pytest.mark.parametrize("gains", [[], [[]], [[0.0, -1.0]]])
def test_an_assignment_without_gain_is_empty(gains: list[list[float]]) -> None:
    assert assign(gains) == []


def test_the_assignment_maximises_the_total_not_the_best_pair() -> None:
    assert assign([[0.9, 0.8], [0.8, 0.1]]) == [(0, 1), (1, 0)]
