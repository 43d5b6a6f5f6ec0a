"""Shape: where the keypoints of one instance lie to each other, as a multivariate normal distribution of the job's own.

A keypoint's place is a complex number, so that one covariance holds for every turn in the image plane; it is
translation free by a wide common variance, and free of scale by the instance's size. Places that are not labelled are
filled in by expectation and maximisation; outlying instances weigh less, as with Student's t. A mirror image with its
sides exchanged is as likely as the original: each instance counts as both.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import msgspec

from keypoints.anatomy import Anatomy, Points

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
        self.covariance = covariance
        self._inverses: dict[tuple[int, ...], Matrix] = {}

    @classmethod
    def of(cls, norm: ShapeNorm) -> Shape:
        """From the norm."""
        return cls(
            [[complex(a, b) for a, b in zip(p, q, strict=True)] for p, q in zip(norm.real, norm.imaginary, strict=True)]
        )

    def inverse(self, there: tuple[int, ...]) -> Matrix:
        """Of the covariance of these keypoints, wherever the subject is."""
        found = self._inverses.get(there)
        if found is None:
            c = self.covariance
            found = inverted([[c[i][j] + ANYWHERE + (FLOOR if i == j else 0) for j in there] for i in there])
            if len(self._inverses) >= MOST_INVERSES:
                self._inverses.clear()
            self._inverses[there] = found
        return found

    def oddness(self, places: Sequence[complex], there: tuple[int, ...]) -> float:
        """Minus log likelihood of these places, up to a constant, by Student's t."""
        inverse = self.inverse(there)
        return (TAIL / 2 + len(there)) * math.log(TAIL / 2 + _form(inverse, places))

    def misfits(self, places: Sequence[complex], there: tuple[int, ...]) -> list[float]:
        """By keypoint, how far it is from where the others tell it to be, in standard deviations of that."""
        inverse = self.inverse(there)
        return [abs(_dot(row, places)) / math.sqrt(row[i].real) for i, row in enumerate(inverse)]


def labelled_places(points: Points, size: float) -> tuple[Vector, tuple[int, ...]]:
    """Places in sizes around their mean, and which keypoints they are of."""
    there = tuple(i for i, k in enumerate(points) if k)
    places = [complex(k.x, k.y) / size for k in points if k]
    middle = sum(places) / len(places) if places else 0
    return [p - middle for p in places], there


def measure_shape(anatomy: Anatomy, scaled: Sequence[tuple[Points, float]]) -> ShapeNorm | None:
    """The norm of poses and their sizes; None of too few, or of a skeleton with too many keypoints."""
    n = len(anatomy.names)
    poses = [labelled_places(points, size) for points, size in scaled[:MOST_INSTANCES]]
    if n > MOST_KEYPOINTS or len(poses) < LEAST_INSTANCES_A_KEYPOINT * n:
        return None
    covariance = [[complex(0.5 * (i == j)) for j in range(n)] for i in range(n)]
    for _ in range(ROUNDS):
        covariance = _better(anatomy, poses, Shape(covariance))
    return ShapeNorm(
        tuple(tuple(value.real for value in row) for row in covariance),
        tuple(tuple(value.imag for value in row) for row in covariance),
    )


def _better(anatomy: Anatomy, poses: Sequence[tuple[Vector, tuple[int, ...]]], shape: Shape) -> Matrix:
    n = len(anatomy.names)
    sums: Matrix = [[0j] * n for _ in range(n)]
    total = 0.0
    weights: dict[tuple[int, ...], float] = {}
    for places, there in poses:
        inverse = shape.inverse(there)
        pulled = [_dot(row, places) for row in inverse]
        weight = (TAIL / 2 + len(there)) / (TAIL / 2 + _form(inverse, places))
        whole: Vector = [0j] * n
        for i, p in zip(there, places, strict=True):
            whole[i] = p
        missing = [i for i in range(n) if i not in there]
        for m in missing:
            row = shape.covariance[m]
            whole[m] = sum((row[i] + ANYWHERE) * p for i, p in zip(there, pulled, strict=True))
        middle = sum(whole) / n
        whole = [p - middle for p in whole]
        for i in range(n):
            scaled = weight * whole[i]
            row = sums[i]
            for j in range(i + 1):
                row[j] += scaled * whole[j].conjugate()
        weights[there] = weights.get(there, 0.0) + weight
        total += weight
    for there, weight in weights.items():
        _add_unknown(sums, shape, there, weight)
    mirror = anatomy.other_side
    whole_sums = [[sums[i][j] if j <= i else sums[j][i].conjugate() for j in range(n)] for i in range(n)]
    return [
        [(whole_sums[i][j] + whole_sums[mirror[i]][mirror[j]].conjugate()) / (2 * total) for j in range(n)]
        for i in range(n)
    ]


def _add_unknown(sums: Matrix, shape: Shape, there: tuple[int, ...], weight: float) -> None:
    """Add what is not known of the keypoints that are not there: their covariance, given those that are."""
    n, c, inverse = len(sums), shape.covariance, shape.inverse(there)
    missing = [i for i in range(n) if i not in there]
    given = [[c[m][i] + ANYWHERE for i in there] for m in missing]
    told = [
        [sum(a * row[j] for a, row in zip(known, inverse, strict=True)) for j in range(len(there))] for known in given
    ]
    for k, m in enumerate(missing):
        for other, o in enumerate(missing[: k + 1]):
            explained = sum(t * g.conjugate() for t, g in zip(told[k], given[other], strict=True))
            sums[m][o] += weight * (c[m][o] + ANYWHERE - explained)


def _form(inverse: Matrix, places: Sequence[complex]) -> float:
    return _dot([p.conjugate() for p in places], [_dot(row, places) for row in inverse]).real


def _dot(row: Sequence[complex], column: Sequence[complex]) -> complex:
    # A generator would take three times as long, and a job's suspicion is mostly this.
    return sum(map(operator.mul, row, column), 0j)


def inverted(matrix: Matrix) -> Matrix:
    """Of a Hermitian positive definite matrix, by Gauss and Jordan: no pivoting is needed."""
    n = len(matrix)
    rows = [[*row, *(complex(i == j) for j in range(n))] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = rows[i][i]
        rows[i] = [value / pivot for value in rows[i]]
        for j in range(n):
            factor = rows[j][i]
            if j != i and factor:
                rows[j] = [value - factor * other for value, other in zip(rows[j], rows[i], strict=True)]
    return [row[n:] for row in rows]
