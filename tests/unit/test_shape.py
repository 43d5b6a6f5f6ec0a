from __future__ import annotations

import cmath
from random import Random

import numpy as np
import pytest
from crowd import PERSON, crowd
from hypothesis import given, settings
from hypothesis import strategies as st

from truepoint.errors.norms import measure
from truepoint.errors.point_table import PointTable
from truepoint.errors.shape import ANYWHERE, FLOOR, Complex, Fit, Shape, centred, measure_shape, swept
from truepoint.errors.swap_likelihood import Exchanges
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.poses import Flags
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

NORMS = measure(PERSON, crowd(1, 300))
assert NORMS.shape is not None
SHAPE = Shape(NORMS.shape)
COVARIANCE = np.array(NORMS.shape.real) + 1j * np.array(NORMS.shape.imaginary) + ANYWHERE + FLOOR * np.eye(17)


def flags(n: int, some: set[int]) -> Flags:
    return np.isin(np.arange(n), list(some))[None]


def parts(values: np.ndarray) -> Complex:
    return values.real.copy(), values.imag.copy()


def fit_of(instance: Instance, size: float = 80.0, shape: Shape = SHAPE) -> Fit:
    points = PointTable(PERSON, [instance])
    return shape.fit(centred(points, np.array([size])), points.there)


@given(st.integers(1, 8), st.sets(st.integers(0, 7)), st.integers(0, 10**6))
def test_sweeping_some_indices_equals_numpys_inverse(n: int, some: set[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    matrix = factor @ factor.conj().T + np.eye(n)
    which = flags(n, some)
    real, imaginary = swept([part[None] for part in parts(matrix)], which)
    found = real[0] + 1j * imaginary[0]
    yes, no = np.flatnonzero(which[0]), np.flatnonzero(~which[0])
    inverse = np.linalg.inv(matrix[np.ix_(yes, yes)])
    assert np.allclose(found[np.ix_(yes, yes)], inverse)
    assert np.allclose(found[np.ix_(yes, no)], inverse @ matrix[np.ix_(yes, no)])
    rest = matrix[np.ix_(no, no)] - matrix[np.ix_(no, yes)] @ inverse @ matrix[np.ix_(yes, no)]
    assert np.allclose(found[np.ix_(no, no)], rest)


@given(st.sets(st.integers(0, 16), min_size=2))
def test_the_inverse_of_some_keypoints_is_that_of_their_covariance(some: set[int]) -> None:
    there = flags(17, some)
    real, imaginary = SHAPE.fit((np.zeros((1, 17)), np.zeros((1, 17))), there).matrix
    chosen = np.ix_(*[sorted(some)] * 2)
    assert np.allclose((real + 1j * imaginary)[0][chosen], np.linalg.inv(COVARIANCE[chosen]), rtol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sets(st.integers(0, 16)))
def test_the_best_swap_gives_the_most_probable_pose(seed: int, some: set[int]) -> None:
    rng = np.random.default_rng(seed)
    there = flags(17, some)
    places = np.where(there, rng.normal(size=17) + 1j * rng.normal(size=17), 0)
    before = SHAPE.fit(parts(places), there)
    after = {}
    for limb in PERSON.limbs:
        whole = [(i, j) for i, j in limb if i in some and j in some]
        if whole and (len(whole) > 1 or len(limb) == 1):
            changed = places.copy()
            for i, j in whole:
                changed[0, [i, j]] = places[0, [j, i]]
            after[tuple(i for i, _ in whole)] = float(SHAPE.fit(parts(changed), there).oddness[0])
    [evidence], [lefts] = Exchanges(PERSON).best(before)
    if not after:
        assert np.isnan(evidence)
    else:
        assert evidence == pytest.approx(before.oddness[0] - min(after.values()))
        assert after[lefts] == pytest.approx(min(after.values()))


@settings(deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(0.2, 5), st.floats(-1000, 1000))
def test_rotation_scale_and_shift_do_not_change_a_poses_distance(turn: float, scale: float, shift: float) -> None:
    [instance] = crowd(2, 1)
    turned = [
        (k.label, complex(k.x, k.y) * cmath.rect(scale, turn) + complex(shift, -shift)) for k in instance.annotations
    ]
    other = Instance(annotations=tuple(Keypoint(label, z.real, z.imag) for label, z in turned))
    before, after = fit_of(instance), fit_of(other, 80.0 * scale)
    assert after.oddness == pytest.approx(before.oddness)
    assert after.misfits() == pytest.approx(before.misfits())


def test_mirroring_with_swapped_sides_does_not_change_a_poses_distance() -> None:
    fit = fit_of(crowd(3, 1, yaw=20)[0])
    assert fit.there.all()
    x, y = (values[:, PERSON.other_side] for values in fit.places)
    assert SHAPE.fit((x, -y), fit.there).oddness == pytest.approx(fit.oddness)


def test_few_instances_or_too_many_keypoints_give_no_shape_norms() -> None:
    points, sizes = PointTable(PERSON, crowd(4, 102)), np.full(102, 80.0)
    assert measure_shape(PERSON, points, sizes) is not None
    sizes[7] = np.nan
    assert measure_shape(PERSON, points, sizes) is None
    large = Anatomy(Skeleton("mesh", tuple(SkeletonKeypoint(f"k{i}") for i in range(41))))
    assert measure_shape(large, PointTable(large, [Instance(())] * 1000), np.ones(1000)) is None


def test_never_labelled_keypoints_do_not_break_the_shape_norms() -> None:
    people = [Instance(tuple(k for k in i.annotations if k.label != PERSON.names[16])) for i in crowd(5, 150)]
    norm = measure_shape(PERSON, PointTable(PERSON, people), np.full(150, 80.0))
    assert norm is not None
    [whole] = crowd(6, 1, yaw=Random(1).uniform(-20, 20))
    assert (fit_of(whole, shape=Shape(norm)).misfits() >= 0).all()
