"""Shape: where the keypoints of one instance lie to each other, as a multivariate normal distribution of the job's own.

A keypoint's place is a complex number, so that one covariance holds for every turn in the image plane; it is
translation free by a wide common variance, and free of scale by the instance's size. Places that are not labelled are
filled in by expectation and maximisation; outlying instances weigh less, as with Student's t. A mirror image with its
sides exchanged is as likely as the original: each instance counts as both.

Complex arrays are pairs of real ones here: numpy's product of complex numbers depends on the CPU.
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
"""The cost grows with the cube: 17 keypoints take some 10 microseconds, 40 a tenth of a millisecond."""
LEAST_INSTANCES_A_KEYPOINT = 6
"""Of fewer instances the covariance would tell of them, not of the job."""
MOST_INSTANCES = 600
"""More cost time and change little."""
ROUNDS = 12
"""Of expectation and maximisation: small parts, like eyes, take their time."""
ANYWHERE = 25.0
"""Variance of the common place, in squared sizes: any instance may be anywhere."""
FLOOR = 0.03**2
"""Variance of a keypoint by itself, in squared sizes: what labels scatter by at least."""
TAIL = 10.0
"""Degrees of freedom of Student's t."""

Complex = tuple[Floats, Floats]
"""Complex numbers: their real and their imaginary parts."""


class ShapeNorm(msgspec.Struct, frozen=True):
    """The complex covariance of the keypoints' positions, in squared sizes.

    `real` is symmetric and `imaginary` antisymmetric; both have a row and a column per keypoint.
    """

    real: tuple[tuple[float, ...], ...]
    imaginary: tuple[tuple[float, ...], ...]


class Shape:
    """Reads poses against a covariance."""

    def __init__(self, norm: ShapeNorm) -> None:
        real, imaginary = np.array(norm.real, float), np.array(norm.imaginary, float)
        # The inverse covariance of all keypoints, for any position of the subject. Those of fewer keypoints are derived
        # from it, which takes less time than an inversion each.
        whole = (real + ANYWHERE + FLOOR * np.eye(len(real)))[None], imaginary[None]
        self.precision = swept(whole, np.ones((1, len(real)), bool))

    def fit(self, places: Complex, there: Flags) -> Fit:
        """Return how poses fit, as many as fit into memory together with a matrix each.

        Args:
            places: by instance and keypoint, of `centred`.
            there: which keypoints are labelled.
        """
        codes = in_order(there * 2.0 ** np.arange(there.shape[1]))
        _, first, pattern = np.unique(codes, return_index=True, return_inverse=True)
        missing = ~there[first]
        real, imaginary = swept([np.repeat(part, len(first), axis=0) for part in self.precision], missing)
        return Fit(places, there, (real[pattern], imaginary[pattern]))


class Fit:
    """Poses, read against a shape.

    Attributes:
        matrix: by instance the precision, swept at the keypoints that are not labelled. Of labelled keypoints it has
            the inverse of their covariance, of others that of their precision, which is their covariance given the
            labelled ones.
        pulled: the matrix times the places.
        stiffness: by instance and keypoint one over the standard deviation that the other keypoints leave it.
        form: by instance the quadratic form of the places.
        oddness: by instance minus the log likelihood of the places, up to a constant, by Student's t.
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
        """Return the oddness of as many places with these forms."""
        half = TAIL / 2
        return np.asarray((half + np.count_nonzero(self.there, axis=1)) * logarithm(half + np.maximum(form, 0)))

    def misfits(self) -> Floats:
        """Return how far keypoints are from where the others tell them to be, in standard deviations of that.

        It is -1 for a keypoint that is not labelled.
        """
        pull = np.sqrt(self.pulled[0] * self.pulled[0] + self.pulled[1] * self.pulled[1])
        return np.where(self.there, pull / self.stiffness, -1)


def centred(points: PointTable, size: Floats) -> Complex:
    """Return places in sizes around the mean of each instance; 0 where nothing is labelled."""
    count = np.maximum(np.count_nonzero(points.there, axis=1), 1)[:, None]
    scaled = points.x / size[:, None], points.y / size[:, None]
    x, y = (np.where(points.there, v - in_order(v)[:, None] / count, 0) for v in scaled)
    return x, y


def measure_shape(anatomy: Anatomy, points: PointTable, size: Floats) -> ShapeNorm | None:
    """Return the norm of poses; None of too few, or of a skeleton with too many keypoints.

    Poses whose `size` is NaN do not count.
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
    """Return the covariance of poses that a shape has filled in and weighed."""
    there = fit.there
    weight = (TAIL / 2 + np.count_nonzero(there, axis=1)) / (TAIL / 2 + fit.form)
    # What is missing yields to the pull of the others. It has no scatter of its own: the sought covariance has none.
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
    """Return sums along the first axis, by halves, so that their order is fixed."""
    while len(values) > 1:
        half = len(values) // 2
        values = np.concatenate([values[:half] + values[half : 2 * half], values[2 * half :]])
    return np.asarray(values[0])


def swept(matrices: Sequence[Floats], which: Flags) -> Complex:
    """Sweep Hermitian positive definite matrices at some of their indices, by Gauss and Jordan without pivoting.

    Where all indices are swept, the result is the inverse (A. Dempster, "Elements of Continuous Multivariate Analysis",
    1969, section 4.3).

    Args:
        matrices: by matrix, row and column, real and imaginary parts.
        which: by matrix and index.
    """
    real, imaginary = (part.copy() for part in matrices)
    for i in range(which.shape[1]):
        chosen = np.flatnonzero(which[:, i])
        if not len(chosen):
            continue
        a, b = real[chosen], imaginary[chosen]
        pivot = a[:, i, i].copy()[:, None, None]  # real, because the matrix is Hermitian to the last digit
        across, along = (a[:, :, i, None].copy(), b[:, :, i, None].copy()), (a[:, None, i].copy(), b[:, None, i].copy())
        a -= (across[0] * along[0] - across[1] * along[1]) / pivot
        b -= (across[0] * along[1] + across[1] * along[0]) / pivot
        for part, column, row in zip((a, b), across, along, strict=True):
            part[:, :, i], part[:, i] = (-column / pivot)[:, :, 0], (row / pivot)[:, 0]
        a[:, i, i], b[:, i, i] = 1 / pivot[:, 0, 0], 0
        real[chosen], imaginary[chosen] = a, b
    return real, imaginary
