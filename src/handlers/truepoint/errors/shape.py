"""Shape: the relative positions of an instance's keypoints, modelled by a multivariate distribution of the job.

A keypoint's position is a complex number, so that one covariance holds for every rotation in the image plane. A wide
common variance makes the model independent of translation. Division by the instance's size makes it independent of
scale. Positions that are not labelled are filled in by expectation maximisation. Outlying instances have less weight,
as in Student's t distribution. A mirror image with left and right exchanged is as likely as the original, so each
instance counts as both.

Complex arrays are pairs of real arrays, because the last digit of numpy's complex product depends on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from truepoint.errors.point_table import PointTable
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.poses import Flags, in_order
from truepoint.pose.similarity import Floats, logarithm

MOST_KEYPOINTS = 40
"""Maximum number of keypoints of a skeleton that has a shape norm. The time per instance grows with the cube: some 10
microseconds for 17 keypoints, .1 ms for 40."""
LEAST_INSTANCES_A_KEYPOINT = 6
"""Minimum number of instances per keypoint. With fewer, the covariance would overfit."""
MOST_INSTANCES = 600
"""Maximum number of instances used. More take time and change little."""
ROUNDS = 12
"""Number of iterations of expectation maximisation. Small parts such as eyes converge slowly."""
ANYWHERE = 25.0
"""Variance of the common position, in squared sizes. It is so large that the model does not depend on translation."""
FLOOR = 0.03**2
"""Variance of each keypoint by itself, in squared sizes: the minimum scatter of labels."""
TAIL = 10.0
"""Degrees of freedom of Student's t distribution."""

Complex = tuple[Floats, Floats]
"""Complex numbers as (real parts, imaginary parts)."""


class ShapeNorm(msgspec.Struct, frozen=True):
    """The complex covariance of the keypoints' positions, in squared sizes.

    `real` is symmetric and `imaginary` antisymmetric; both have a row and a column per keypoint.
    """

    real: tuple[tuple[float, ...], ...]
    imaginary: tuple[tuple[float, ...], ...]


class Shape:
    """The model of a norm, to which poses are fitted.

    Attributes:
        precision: the inverse covariance of all keypoints, of shape (1, keypoints, keypoints).
    """

    def __init__(self, norm: ShapeNorm) -> None:
        real, imaginary = np.array(norm.real, float), np.array(norm.imaginary, float)
        # The inverse covariance of all keypoints, for any position of the subject. Those of fewer keypoints are derived
        # from it, which takes less time than an inversion each.
        whole = (real + ANYWHERE + FLOOR * np.eye(len(real)))[None], imaginary[None]
        self.precision = swept(whole, np.ones((1, len(real)), bool))

    def fit(self, places: Complex, there: Flags) -> Fit:
        """Return how well poses fit. Each pose takes the memory of a matrix.

        Args:
            places: positions as `centred` returns them, of shape (instances, keypoints).
            there: which keypoints are labelled.
        """
        codes = in_order(there * 2.0 ** np.arange(there.shape[1]))
        _, first, pattern = np.unique(codes, return_index=True, return_inverse=True)
        missing = ~there[first]
        real, imaginary = swept([np.repeat(part, len(first), axis=0) for part in self.precision], missing)
        return Fit(places, there, (real[pattern], imaginary[pattern]))


class Fit:
    """The fit of poses to a shape.

    Attributes:
        places: positions, of shape (instances, keypoints), as `there`, `pulled` and `stiffness`.
        there: which keypoints are labelled.
        matrix: each instance's precision, swept at the keypoints that are not labelled. For labelled keypoints it holds
            the inverse of their covariance, for the others their covariance given the labelled ones.
        pulled: the matrix times the positions.
        stiffness: 1 / (the standard deviation of the keypoint's position given the other keypoints).
        form: each instance's quadratic form of the positions, which is the squared Mahalanobis distance.
        oddness: each instance's negative log likelihood of the positions by Student's t, up to a constant.
    """

    def __init__(self, places: Complex, there: Flags, matrix: Complex) -> None:
        self.places, self.there, self.matrix = places, there, matrix
        (x, y), (real, imaginary) = places, matrix
        self.pulled = (
            in_order(real * x[:, None, :] - imaginary * y[:, None, :]),
            in_order(real * y[:, None, :] + imaginary * x[:, None, :]),
        )
        self.stiffness: Floats = np.sqrt(np.where(there, real.diagonal(axis1=1, axis2=2), 1))
        self.form = in_order(np.where(there, x * self.pulled[0] + y * self.pulled[1], 0))
        self.oddness = self.odd(self.form)

    def odd(self, form: Floats) -> Floats:
        """Return the oddness of the same instances with other quadratic forms."""
        half = TAIL / 2
        return np.asarray((half + np.count_nonzero(self.there, axis=1)) * logarithm(half + np.maximum(form, 0)))

    def misfits(self) -> Floats:
        """Return each keypoint's distance from its position expected from the others, in standard deviations.

        It is -1 for a keypoint that is not labelled.
        """
        pull = np.sqrt(self.pulled[0] * self.pulled[0] + self.pulled[1] * self.pulled[1])
        return np.where(self.there, pull / self.stiffness, -1)


def centred(points: PointTable, size: Floats) -> Complex:
    """Return positions relative to each instance's mean, in units of its size; 0 where nothing is labelled."""
    count = np.maximum(np.count_nonzero(points.there, axis=1), 1)[:, None]
    scaled = points.x / size[:, None], points.y / size[:, None]
    x, y = (np.where(points.there, v - in_order(v)[:, None] / count, 0) for v in scaled)
    return x, y


def measure_shape(anatomy: Anatomy, points: PointTable, size: Floats) -> ShapeNorm | None:
    """Return the shape norm of poses; None if there are too few, or too many keypoints in the skeleton.

    Args:
        anatomy: the skeleton.
        points: the poses.
        size: their sizes in pixels. Poses whose size is NaN do not count.
    """
    n = len(anatomy.names)
    sized = np.flatnonzero(~np.isnan(size))[:MOST_INSTANCES]
    if n > MOST_KEYPOINTS or len(sized) < LEAST_INSTANCES_A_KEYPOINT * n:
        return None
    x, y = (values[sized] for values in centred(points, size))
    covariance = 0.5 * np.eye(n), np.zeros((n, n))
    for _ in range(ROUNDS):
        covariance = _better(anatomy, Shape(_norm(covariance)).fit((x, y), points.there[sized]))
    return _norm(covariance)


def _norm(covariance: Complex) -> ShapeNorm:
    real, imaginary = (tuple(map(tuple, part.tolist())) for part in covariance)
    return ShapeNorm(real, imaginary)


def _better(anatomy: Anatomy, fit: Fit) -> Complex:
    """Return the covariance after one iteration, from poses that the current model completes and weights."""
    there = fit.there
    weight = (TAIL / 2 + np.count_nonzero(there, axis=1)) / (TAIL / 2 + fit.form)
    # Missing keypoints take their conditional mean. The covariance is estimated without FLOOR, so their own scatter is
    # subtracted below.
    filled = [np.where(there, place, -pull) for place, pull in zip(fit.places, fit.pulled, strict=True)]
    x, y = (values - in_order(values)[:, None] / values.shape[1] for values in filled)
    unknown, weights = ~(there[:, :, None] | there[:, None, :]), weight[:, None, None]
    alone = FLOOR * np.eye(there.shape[1])
    along = x[:, :, None] * x[:, None, :] + y[:, :, None] * y[:, None, :]
    across = y[:, :, None] * x[:, None, :] - x[:, :, None] * y[:, None, :]
    real = _total(weights * (along + np.where(unknown, fit.matrix[0] - alone, 0)))
    imaginary = _total(weights * (across + np.where(unknown, fit.matrix[1], 0)))
    mirrored, total = np.ix_(anatomy.other_side, anatomy.other_side), 2 * in_order(weight)
    return (real + real[mirrored]) / total, (imaginary - imaginary[mirrored]) / total


def _total(values: Floats) -> Floats:
    """Return sums along the first axis, added pairwise by halves, so that the order is fixed."""
    while len(values) > 1:
        half = len(values) // 2
        values = np.concatenate([values[:half] + values[half : 2 * half], values[2 * half :]])
    return np.asarray(values[0])


def swept(matrices: Sequence[Floats], which: Flags) -> Complex:
    """Apply the sweep operator to Hermitian positive definite matrices at some of their indices.

    If all indices are swept, the result is the inverse. It is computed by Gauss-Jordan elimination without pivoting.
    Source: A. Dempster, "Elements of Continuous Multivariate Analysis", 1969, section 4.3.

    Args:
        matrices: real and imaginary parts, of shape (matrices, rows, columns).
        which: the indices to sweep, of shape (matrices, rows).
    """
    real, imaginary = (part.copy() for part in matrices)
    for i in range(which.shape[1]):
        chosen = np.flatnonzero(which[:, i])
        if not len(chosen):
            continue
        a, b = real[chosen], imaginary[chosen]
        pivot = a[:, i, i].copy()[:, None, None]  # real, because the matrix is exactly Hermitian
        across, along = (a[:, :, i, None].copy(), b[:, :, i, None].copy()), (a[:, None, i].copy(), b[:, None, i].copy())
        a -= (across[0] * along[0] - across[1] * along[1]) / pivot
        b -= (across[0] * along[1] + across[1] * along[0]) / pivot
        for part, column, row in zip((a, b), across, along, strict=True):
            part[:, :, i], part[:, i] = (-column / pivot)[:, :, 0], (row / pivot)[:, 0]
        a[:, i, i], b[:, i, i] = 1 / pivot[:, 0, 0], 0
        real[chosen], imaginary[chosen] = a, b
    return real, imaginary
