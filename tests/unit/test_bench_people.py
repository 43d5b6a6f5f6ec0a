"""The people of the error bench: honest labels scatter as COCO defines sigma."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCH = Path(__file__).parents[2] / "bench" / "people.py"


@pytest.fixture(scope="module")
def people() -> ModuleType:
    """bench/people.py, whose name the people of these tests have too."""
    spec = importlib.util.spec_from_file_location("bench_people", BENCH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_mean_square_distance_of_honest_labels_is_sigma_squared(people: ModuleType) -> None:
    """COCO: sigma_i^2 = E[d_i^2 / s^2], d the distance (https://cocodataset.org/#keypoints-eval)."""
    rng = np.random.default_rng(3)
    squares = []
    for _ in range(4000):
        subject = people.person(rng)
        off = people.labelled(rng, subject) - subject.places
        seen = (subject.visibility == 2) & (people.SIGMAS * subject.s > 2 * people.LEAST_NOISE)
        squares.append(np.where(seen, (off**2).sum(axis=1) / (people.SIGMAS * subject.s) ** 2, np.nan))
    assert np.nanmean(squares, axis=0) == pytest.approx(np.ones(17), abs=0.12)
    assert np.nanmean(squares) == pytest.approx(1, abs=0.02)
