"""Shape: where the keypoints of one instance lie to each other, as a multivariate normal distribution of the job's own.

A keypoint's place is a complex number, so that one covariance holds for every turn in the image plane; it is
translation free by a wide common variance, and free of scale by the instance's size. Places that are not labelled are
filled in by expectation and maximisation; outlying instances weigh less, as with Student's t. A mirror image with its
sides exchanged is as likely as the original: each instance counts as both.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from itertools import compress

import msgspec

from truepoint.pose.anatomy import Anatomy, Points

MOST_KEYPOINTS = 40
"""The cost grows with the cube: 17 keypoints take a tenth of a millisecond, 40 one."""
LEAST_INSTANCES_A_KEYPOINT = 6
"""Of fewer instances the covariance would tell of them, not of the job."""
MOST_INSTANCES = 600
"""More cost time and change little."""
ROUNDS = 12
"""Of expectation and maximisation: small parts, like eyes, take their time."""
MOST_INVERSES = 1000
"""Of 17 keypoints each takes 12 kilobytes."""
ANYWHERE = 25.0
"""Variance of the common place, in squared sizes: any instance may be anywhere."""
FLOOR = 0.03**2
"""Variance of a keypoint by itself, in squared sizes: what labels scatter by at least."""
TAIL = 10.0
"""Degrees of freedom of Student's t."""

Vector = list[complex]
Matrix = list[list[complex]]


class ShapeNorm(msgspec.Struct, frozen=True):
    """The covariance of the keypoints' places in sizes; `real` is symmetric, `imaginary` antisymmetric."""

    real: tuple[tuple[float, ...], ...]
    imaginary: tuple[tuple[float, ...], ...]


class Shape:
    """Reads poses against a covariance. Keeps the inverses for the sets of labelled keypoints that it met last."""

    def __init__(self, covariance: Matrix) -> None:
        n = len(covariance)
        # Of all keypoints, wherever the subject is. Those of fewer follow from it, for less than an inversion each.
        self.precision = inverted(
            [[covariance[i][j] + ANYWHERE + (FLOOR if i == j else 0) for j in range(n)] for i in range(n)]
        )
        self._inverses: dict[tuple[int, ...], tuple[Matrix, list[float]]] = {}

    @classmethod
    def of(cls, norm: ShapeNorm) -> Shape:
        """From the norm."""
        return cls(
            [[complex(a, b) for a, b in zip(p, q, strict=True)] for p, q in zip(norm.real, norm.imaginary, strict=True)]
        )

    def missing(self, there: tuple[int, ...]) -> tuple[list[int], Matrix]:
        """The other keypoints, and the covariance of their places given where these are."""
        missing = [m for m in range(len(self.precision)) if m not in there]
        return missing, inverted([[self.precision[m][o] for o in missing] for m in missing])

    def inverse(self, there: tuple[int, ...]) -> tuple[Matrix, list[float]]:
        """Return the inverse covariance of these keypoints for any position of the subject, and their stiffness.

        The stiffness of a keypoint is one over the standard deviation that the other keypoints leave it.
        """
        inverse = self._inverses.get(there)
        if inverse is None:
            missing, unknown = self.missing(there)
            links = [[self.precision[m][j] for j in there] for m in missing]
            matrix = []
            for row in (self.precision[i] for i in there):
                kept = [row[j] for j in there]
                # The Schur complement: a missing keypoint pulls no more.
                pull = [_dot([row[m] for m in missing], column) for column in zip(*unknown, strict=True)]
                for by, link in zip(pull, links, strict=True):
                    kept = [value - by * other for value, other in zip(kept, link, strict=True)]
                matrix.append(kept)
            if len(self._inverses) >= MOST_INVERSES:
                self._inverses.clear()
            inverse = self._inverses[there] = matrix, [math.sqrt(row[i].real) for i, row in enumerate(matrix)]
        return inverse

    def fit(self, places: Sequence[complex], there: tuple[int, ...]) -> Fit:
        """How these places of these keypoints fit."""
        return Fit(*self.inverse(there), places)


class Fit:
    """One pose, read against a shape.

    `pulled` is the inverse covariance times the places, `form` the quadratic form, and `oddness` minus the log
    likelihood of the places, up to a constant, by Student's t.
    """

    def __init__(self, inverse: Matrix, stiffness: Sequence[float], places: Sequence[complex]) -> None:
        self.inverse, self.stiffness, self.places = inverse, stiffness, places
        self.pulled = [_dot(row, places) for row in inverse]
        self.form = _form(places, self.pulled)
        self.oddness = self.odd(self.form)

    def odd(self, form: float) -> float:
        """The oddness of as many places with this form."""
        return (TAIL / 2 + len(self.places)) * math.log(TAIL / 2 + form)

    def misfits(self) -> list[float]:
        """By keypoint, how far it is from where the others tell it to be, in standard deviations of that."""
        return [abs(pull) / stiff for pull, stiff in zip(self.pulled, self.stiffness, strict=True)]


def labelled_places(points: Points, size: float) -> tuple[Vector, tuple[int, ...]]:
    """Places in sizes around their mean, and which keypoints they are of."""
    places = [complex(k.x / size, k.y / size) for k in points if k]
    middle = sum(places) / len(places) if places else 0
    return [p - middle for p in places], tuple(compress(range(len(points)), points))


def measure_shape(anatomy: Anatomy, scaled: Sequence[tuple[Points, float]]) -> ShapeNorm | None:
    """The norm of poses and their sizes; None of too few, or of a skeleton with too many keypoints."""
    n = len(anatomy.names)
    if n > MOST_KEYPOINTS or len(scaled[:MOST_INSTANCES]) < LEAST_INSTANCES_A_KEYPOINT * n:
        return None
    poses: dict[tuple[int, ...], list[Vector]] = {}
    for points, size in scaled[:MOST_INSTANCES]:
        places, there = labelled_places(points, size)
        poses.setdefault(there, []).append(places)
    covariance = [[complex(0.5 * (i == j)) for j in range(n)] for i in range(n)]
    for _ in range(ROUNDS):
        covariance = _better(anatomy, poses, Shape(covariance))
    return ShapeNorm(
        tuple(tuple(value.real for value in row) for row in covariance),
        tuple(tuple(value.imag for value in row) for row in covariance),
    )


def _better(anatomy: Anatomy, poses: Mapping[tuple[int, ...], Sequence[Vector]], shape: Shape) -> Matrix:
    """The covariance of poses that `shape` has filled in and weighed."""
    n = len(anatomy.names)
    filled: list[Vector] = []
    weights: list[float] = []
    unknown: Matrix = [[0j] * n for _ in range(n)]
    for there, alike in poses.items():
        missing, uncertain = shape.missing(there)
        before = len(weights)
        for places in alike:
            whole: Vector = [0j] * n
            for i, p in zip(there, places, strict=True):
                whole[i] = p
            pulled = [_dot(row, whole) for row in shape.precision]
            pulls = [pulled[m] for m in missing]
            for m, row in zip(missing, uncertain, strict=True):
                whole[m] = -_dot(row, pulls)
            # What is missing yields to the pull of the others, and takes its share off the form.
            form = _form(places, [pulled[i] for i in there]) + _form([whole[m] for m in missing], pulls)
            weights.append((TAIL / 2 + len(there)) / (TAIL / 2 + form))
            middle = sum(whole) / n
            filled.append([p - middle for p in whole])
        weight = sum(weights[before:])
        for row, m in zip(uncertain, missing, strict=True):
            for value, o in zip(row, missing, strict=True):
                # What is missing has no scatter of its own here: the covariance that is sought has none.
                unknown[m][o] += weight * (value - (FLOOR if m == o else 0))
    columns = [list(column) for column in zip(*filled, strict=True)]
    weighed = [list(map(operator.mul, weights, column)) for column in columns]
    turned = [[p.conjugate() for p in column] for column in columns]
    sums: Matrix = [[0j] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            sums[i][j] = _dot(weighed[i], turned[j]) + unknown[i][j]
            sums[j][i] = sums[i][j].conjugate()
    mirror, total = anatomy.other_side, sum(weights)
    return [[(sums[i][j] + sums[mirror[i]][mirror[j]].conjugate()) / (2 * total) for j in range(n)] for i in range(n)]


def _form(places: Sequence[complex], pulled: Sequence[complex]) -> float:
    return _dot([p.conjugate() for p in places], pulled).real


def _dot(row: Sequence[complex], column: Sequence[complex]) -> complex:
    # A generator would take three times as long, and suspicion is mostly this.
    return sum(map(operator.mul, row, column), 0j)


def inverted(matrix: Matrix) -> Matrix:
    """Of a Hermitian positive definite matrix, by Gauss and Jordan in place: no pivoting is needed."""
    rows = [list(row) for row in matrix]
    for i in range(len(rows)):
        pivoting, pivot = rows[i], rows[i][i]
        pivoting[i] = 1 + 0j
        rows[i] = scaled = [value / pivot for value in pivoting]
        for j, row in enumerate(rows):
            factor = row[i]
            if j != i and factor:
                row[i] = 0j
                rows[j] = [value - factor * other for value, other in zip(row, scaled, strict=True)]
    return rows
