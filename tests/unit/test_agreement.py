from __future__ import annotations

import random
from typing import Any

import krippendorff
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import SKELETON, person
from subjects import subject

from truepoint.measures.agreement import AgreementMeter, NominalAlpha, PositionAlpha, place_sums
from truepoint.pose.instance import Instance
from truepoint.pose.similarity import HONEST_PAIR


def table(units: list[list[float]]) -> np.ndarray:
    """Workers by units, NaN where a worker gave none, as the package wants it."""
    most = max(map(len, units))
    return np.array([[*unit, *[np.nan] * (most - len(unit))] for unit in units], dtype=float).T


def position_alpha(units: list[Any]) -> float | None:
    """Of subjects' places, taken in two parts."""
    alpha = PositionAlpha()
    for part in (units[:3], units[3:]):
        places = np.zeros((len(part), max(map(len, part), default=0), 2))
        there = np.zeros(places.shape[:2], bool)
        for row, unit in enumerate(part):
            places[row, : len(unit)] = unit
            there[row, : len(unit)] = True
        sums = place_sums(places[:, :, 0], places[:, :, 1], there)
        alpha.add(sums, np.flatnonzero(sums.places > 1))
    return alpha.value


def usable(units: list[Any]) -> bool:
    return len({v for unit in units if len(unit) > 1 for v in unit}) > 1


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=5), min_size=2, max_size=12).filter(usable))
def test_visibility_alpha_is_krippendorffs(units: list[list[int]]) -> None:
    alpha = NominalAlpha()
    for unit in units:
        alpha.add(unit)
    expected = krippendorff.alpha(table(units), level_of_measurement="nominal")
    assert alpha.value == pytest.approx(expected, abs=1e-9)


@given(
    st.lists(
        st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=5), min_size=2, max_size=12
    ).filter(usable)
)
def test_position_alpha_along_one_axis_is_krippendorffs_of_intervals(units: list[list[float]]) -> None:
    expected = krippendorff.alpha(table(units), level_of_measurement="interval")
    for turned in (False, True):
        places = [[(7.0, v) if turned else (v, 7.0) for v in unit] for unit in units]
        assert position_alpha(places) == pytest.approx(expected, abs=1e-6)


def test_position_alpha_in_the_plane_is_krippendorffs_with_the_distance_given() -> None:
    rng = random.Random(4)
    units = [[(rng.random(), rng.random()) for _ in range(rng.randint(2, 4))] for _ in range(10)]
    places = sorted({p for unit in units for p in unit})

    def squared(v1: Any, v2: Any, **_: Any) -> Any:
        spots = np.array(places)
        a, b = spots[v1.astype(int)], spots[v2.astype(int)]
        return ((a - b) ** 2).sum(axis=-1)

    numbered = table([[places.index(p) for p in unit] for unit in units])
    expected = krippendorff.alpha(
        numbered, level_of_measurement=squared, value_domain=np.arange(len(places)), dtype=np.float64
    )
    assert position_alpha(units) == pytest.approx(expected, abs=1e-9)


def test_alpha_of_no_values_is_none() -> None:
    assert position_alpha([]) is None
    visible = NominalAlpha()
    assert visible.value is None
    visible.add([])
    assert visible.value is None


def test_alpha_of_constant_values_is_none() -> None:
    visible = NominalAlpha()
    visible.add([2, 2, 2])
    assert (position_alpha([[(0.5, 0.5)] * 3]), visible.value) == (None, None)


def filled(seeds: range, loud: float = 1) -> AgreementMeter:
    meter = AgreementMeter.of(SKELETON.keypoint_names)
    for seed in seeds:
        meter.add_image([1, 1, 1])
        add(meter, [person(seed=3 * seed + w, loud=loud) for w in range(3)], "abc")
    return meter


def add(meter: AgreementMeter, instances: list[Instance], ids: str) -> list[float]:
    poses, agreed = subject(instances, ids=ids)
    return meter.add(agreed, poses).ravel().tolist()


def test_careful_workers_reach_the_human_ceiling() -> None:
    found = filled(range(200)).agreement()
    assert found.oks == pytest.approx(HONEST_PAIR, abs=0.02)
    assert found.relative == pytest.approx(1, abs=0.025)
    assert found.coverage == found.instances_matched == 1
    assert [p.instances for p in found.worker_pairs] == [200, 200, 200]
    assert {p.worker_ids for p in found.worker_pairs} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert all(k.pairs == 600 and k.similarity == pytest.approx(0.8, abs=0.05) for k in found.keypoints)


def test_careless_workers_do_not() -> None:
    assert (filled(range(50), loud=2).agreement().relative or 1) < 0.7


def test_instances_that_only_one_of_two_workers_marked() -> None:
    whole = person()
    less = msgspec.structs.replace(whole, annotations=whole.annotations[:16])
    meter = AgreementMeter.of(SKELETON.keypoint_names)
    meter.add_image([1, 2])
    assert add(meter, [whole, less], "ab") == [1.0]
    add(meter, [whole], "b")
    found = meter.agreement()
    assert found.coverage == pytest.approx(16 / 17)
    assert found.instances_matched == pytest.approx(2 / 3)
    assert (found.oks, found.instances, found.images) == (1, 2, 1)


def test_merged_statistics_equal_a_single_one() -> None:
    first, second = filled(range(5)), filled(range(5, 9))
    first.merge(second)
    both, whole = first.agreement(), filled(range(9)).agreement()
    assert both == whole


def test_agreement_of_no_images() -> None:
    found = AgreementMeter.of(["nose"]).agreement()
    assert (found.oks, found.relative, found.coverage, found.instances_matched) == (None, None, None, None)
    assert found.keypoints[0].similarity is None
