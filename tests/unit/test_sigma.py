from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import MEASURE, SKELETON, exchanged, person
from subjects import subject

from truepoint.measures.sigma import SigmaMeter, sigmas
from truepoint.pose.instance import Instance
from truepoint.pose.sigma_table import SigmaTable, preset, sigma_table
from truepoint.pose.skeleton import DEFAULT_SIGMA, Skeleton, SkeletonKeypoint
from truepoint.statistics.histogram import Histogram


def meter(seeds: range, loud: float = 1) -> SigmaMeter:
    found = SigmaMeter()
    for seed in seeds:
        add(found, *[person(seed=4 * seed + w, loud=loud) for w in range(3)])
    return found


WITHOUT_PAIRS = msgspec.structs.replace(MEASURE, pairs={})


def add(found: SigmaMeter, *instances: Instance, table: SigmaTable = WITHOUT_PAIRS) -> None:
    poses, agreed = subject(instances, table=table)
    found.add(agreed, poses.labels)


@pytest.mark.parametrize("loud", [0.5, 1, 2])
def test_the_scatter_of_simulated_workers_is_measured(loud: float) -> None:
    found = meter(range(400), loud)
    for name, sigma in zip(SKELETON.keypoint_names, SKELETON.sigmas, strict=True):
        measured = found.measured(name, MEASURE.pairs)
        assert measured
        assert measured.sigma == pytest.approx(sigma * loud, rel=0.12)
        assert measured.low < measured.high
        if loud <= 1:  # a noisy hull is larger than the body, which makes the scatter look smaller
            assert measured.low * 0.97 < sigma * loud < measured.high * 1.03
        assert measured.n == (1600 if MEASURE.pairs.get(name) else 800)


def test_left_and_right_are_one() -> None:
    found = meter(range(10))
    assert found.measured("left_hip", MEASURE.pairs) == found.measured("right_hip", MEASURE.pairs)


def test_few_instances_are_shrunk_and_not_used() -> None:
    few, many = meter(range(3)), meter(range(300))
    nose = few.measured("nose", MEASURE.pairs)
    assert nose
    assert nose.n == 6
    assert nose.sigma > 0.04  # on the way to the pooled sigma: the nose's own is .026
    assert "nose" not in few.usable(["nose"], MEASURE.pairs)
    assert many.usable(["nose", "tail"], MEASURE.pairs).keys() == {"nose"}


def test_the_interval_narrows() -> None:
    few, many = meter(range(30)).measured("nose", MEASURE.pairs), meter(range(300)).measured("nose", MEASURE.pairs)
    assert few
    assert many
    assert few.high - few.low > 2 * (many.high - many.low)


def test_keypoints_without_information_are_left_out() -> None:
    found = SigmaMeter()
    assert found.measured("nose", MEASURE.pairs) is None
    add(found, person())
    assert found.measured("nose", MEASURE.pairs) is None
    add(found, person(), person())
    assert found.measured("nose", MEASURE.pairs) is None  # at the very same place: a copy, no scatter
    hips = SigmaMeter()
    add(hips, person(seed=1), exchanged(person(seed=2), ["hip"]), table=MEASURE)
    assert hips.measured("left_hip", MEASURE.pairs) is None  # exchanged, and so in doubt
    assert hips.measured("left_knee", MEASURE.pairs)


def test_merged_statistics_equal_a_single_one() -> None:
    first = meter(range(20))
    first.merge(meter(range(20, 50)))
    assert first.measured("left_knee", MEASURE.pairs) == meter(range(50)).measured("left_knee", MEASURE.pairs)


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=60), st.sampled_from([0.1, 0.5, 0.9]))
def test_quantiles_are_within_a_bin(values: list[float], share: float) -> None:
    found = Histogram()
    for value in values:
        found.add(value)
    ordered = sorted(values)
    expected = ordered[max(math.ceil(share * len(values)) - 1, 0)]
    assert found.quantile(share) == pytest.approx(expected, rel=0.07)


def test_quantiles_of_zeros_and_of_nothing() -> None:
    found = Histogram()
    assert found.quantile(0.5) is None
    for value in (0.0, 0.0, 5.0):
        found.add(value)
    assert found.quantile(0.5) == 0
    assert found.quantile(1) == pytest.approx(5, rel=0.07)


RIG = Skeleton("rig", (SkeletonKeypoint("Left-Wrist", sigma=0.2), SkeletonKeypoint("nose"), SkeletonKeypoint("bolt")))


@pytest.mark.parametrize(
    ("name", "measured", "sigma", "source"),
    [
        ("Left-Wrist", {"Left-Wrist": 0.5}, 0.2, "skeleton"),
        ("nose", {"nose": 0.5}, 0.5, "measured"),
        ("nose", {}, 0.026, "preset"),
        ("bolt", {"bolt": 0.5}, 0.5, "measured"),
        ("bolt", {}, DEFAULT_SIGMA, "default"),
    ],
)
def test_the_source_of_each_sigma(name: str, measured: dict[str, float], sigma: float, source: str) -> None:
    found = sigma_table(RIG, measured)
    assert (found.sigmas[name], found.sources[name]) == (sigma, source)
    assert [s.source for s in sigmas(found, SigmaMeter()) if s.name == name] == [source]


@pytest.mark.parametrize(
    ("label", "expected"), [("left_wrist", 0.062), ("Left Wrist", 0.062), ("right-hip", 0.107), ("bolt", None)]
)
def test_published_sigmas_are_found_however_spelt(label: str, expected: float | None) -> None:
    assert preset(label) == expected


def test_without_a_skeleton_names_are_all_there_is() -> None:
    found = sigma_table(None)
    assert found == SigmaTable()
    assert (found.sigma("nose"), found.sigma("bolt")) == (0.026, DEFAULT_SIGMA)


def test_a_measured_sigma_does_not_exceed_a_skeletons_maximum() -> None:
    rng = random.Random(1)
    found = SigmaMeter()
    for _ in range(40):
        add(found, *[person(rng.uniform(-900, 900), rng.uniform(-900, 900)) for _ in range(2)])
    assert max(found.usable(SKELETON.keypoint_names, MEASURE.pairs).values()) <= 1
