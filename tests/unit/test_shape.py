from __future__ import annotations

import cmath
from random import Random

import numpy as np
import pytest
from crowd import PERSON, crowd
from hypothesis import given, settings
from hypothesis import strategies as st

from truepoint.errors.norms import measure
from truepoint.errors.shape import ANYWHERE, FLOOR, Shape, inverted, labelled_places, measure_shape
from truepoint.errors.swap_likelihood import Exchanges
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

NORMS = measure(PERSON, crowd(1, 300))


@given(st.integers(1, 8), st.integers(0, 10**6))
def test_the_inverse_is_numpys(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    matrix = factor @ factor.conj().T + np.eye(n)
    assert np.allclose(inverted(matrix.tolist()), np.linalg.inv(matrix))


@given(st.sets(st.integers(0, 16), min_size=2))
def test_the_inverse_of_some_keypoints_is_that_of_their_covariance(some: set[int]) -> None:
    assert NORMS.shape is not None
    there = tuple(sorted(some))
    covariance = np.array(NORMS.shape.real) + 1j * np.array(NORMS.shape.imaginary) + ANYWHERE + FLOOR * np.eye(17)
    expected = np.linalg.inv(covariance[np.ix_(there, there)])
    assert np.allclose(Shape.of(NORMS.shape).inverse(there)[0], expected, rtol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sets(st.integers(0, 16)))
def test_the_best_exchange_is_the_one_after_which_the_pose_is_least_odd(seed: int, some: set[int]) -> None:
    assert NORMS.shape is not None
    shape, there = Shape.of(NORMS.shape), tuple(sorted(some))
    rng = np.random.default_rng(seed)
    places = dict(zip(there, rng.normal(size=len(there)) + 1j * rng.normal(size=len(there)), strict=True))
    limbs = [[pair] for pair in PERSON.pairs] + [[(7, 8), (9, 10)], [(5, 6), (7, 8), (9, 10)]]
    before = shape.fit(list(places.values()), there)
    after = {}
    for limb in limbs:
        whole = [(i, j) for i, j in limb if i in places and j in places]
        if whole and (len(whole) > 1 or len(limb) == 1):
            changed = places | {i: places[j] for i, j in whole} | {j: places[i] for i, j in whole}
            after[tuple(i for i, _ in whole)] = shape.fit(list(changed.values()), there).oddness
    best = Exchanges(limbs, there, shape.inverse(there)[0]).best(before)
    if best is None:
        assert not after
    else:
        assert best[0] == pytest.approx(before.oddness - min(after.values()))
        assert after[best[1]] == pytest.approx(min(after.values()))


@settings(deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(0.2, 5), st.floats(-1000, 1000))
def test_turned_scaled_and_shifted_a_pose_is_as_odd_as_it_was(turn: float, scale: float, shift: float) -> None:
    assert NORMS.shape is not None
    shape = Shape.of(NORMS.shape)
    [instance] = crowd(2, 1)
    places, there = labelled_places(PERSON.points(instance), 80.0)
    turned = [
        (k.label, complex(k.x, k.y) * cmath.rect(scale, turn) + complex(shift, -shift)) for k in instance.annotations
    ]
    other = Instance(annotations=tuple(Keypoint(label, z.real, z.imag) for label, z in turned))
    changed, _ = labelled_places(PERSON.points(other), 80.0 * scale)
    assert shape.fit(changed, there).oddness == pytest.approx(shape.fit(places, there).oddness)
    assert shape.fit(changed, there).misfits() == pytest.approx(shape.fit(places, there).misfits())


def test_a_mirror_image_with_its_sides_exchanged_is_as_odd() -> None:
    assert NORMS.shape is not None
    shape = Shape.of(NORMS.shape)
    places, there = labelled_places(PERSON.points(crowd(3, 1, yaw=20)[0]), 80.0)
    assert len(there) == 17
    mirrored = [places[PERSON.other_side[i]].conjugate() for i in there]
    assert shape.fit(mirrored, there).oddness == pytest.approx(shape.fit(places, there).oddness)


def test_few_instances_or_too_many_keypoints_tell_no_shape() -> None:
    scaled = [(PERSON.points(instance), 80.0) for instance in crowd(4, 102)]
    assert measure_shape(PERSON, scaled[:101]) is None
    assert measure_shape(PERSON, scaled) is not None
    large = Anatomy(Skeleton("mesh", tuple(SkeletonKeypoint(f"k{i}") for i in range(41))))
    assert measure_shape(large, [([None] * 41, 1.0)] * 1000) is None


def test_keypoints_that_nobody_labels_do_not_break_it() -> None:
    scaled = []
    for instance in crowd(5, 150):
        points = PERSON.points(instance)
        points[16] = None
        scaled.append((points, 80.0))
    norm = measure_shape(PERSON, scaled)
    assert norm is not None
    whole = PERSON.points(crowd(6, 1, yaw=Random(1).uniform(-20, 20))[0])
    assert all(value >= 0 for value in Shape.of(norm).fit(*labelled_places(whole, 80.0)).misfits())
