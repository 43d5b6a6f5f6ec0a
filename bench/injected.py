"""Typical labelling errors of workers, each injected into one instance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from people import Person, Vector

PAIRS = [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)]
LIMBS = [[2, 3, 4], [3, 4], [5, 6, 7], [6, 7]]
"""Indices into PAIRS: an arm from the shoulder or from the elbow, a leg from the hip or from the knee."""
FLIP = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
HALF = 1.1774 * 2
"""Distance at which a keypoint's similarity is 0.5, in units of sigma s: sqrt(-2 ln 0.5) * 2."""
GOOD = 0.5701 * 2
"""Distance at which a keypoint's similarity is 0.85, in units of sigma s. A lower similarity, down to 0.5, is jitter
(Ronchi and Perona, ICCV 2017)."""

Labels = tuple[Vector, NDArray[np.int64]]
"""Points (17, 2) and visibility (17,)."""
Error = Callable[[np.random.Generator, Person, Vector, Vector], Labels | None]
"""Returns wrong labels for a person, labelled points and sigmas; None if the error is impossible for this person."""


def _exchange(subject: Person, places: Vector, pairs: list[int], sigmas: Vector) -> Labels | None:
    """Swap the sides of pairs; return None if no swapped keypoint would have a similarity below 0.5.

    Ronchi and Perona count a swap only as an inversion if the similarity with the right position is below 0.5.
    """
    v = subject.visibility.copy()
    moved = places.copy()
    matters = False
    for a, b in (PAIRS[i] for i in pairs):
        matters |= bool(
            v[a] and v[b] and np.linalg.norm(subject.places[a] - subject.places[b]) > HALF * sigmas[a] * subject.s
        )
        moved[[a, b]], v[[a, b]] = moved[[b, a]], v[[b, a]]
    return (moved, v) if matters else None


def pair_swap(rng: np.random.Generator, subject: Person, places: Vector, sigmas: Vector) -> Labels | None:
    """Swap left and right of one pair."""
    return _exchange(subject, places, [int(rng.integers(len(PAIRS)))], sigmas)


def limb_swap(rng: np.random.Generator, subject: Person, places: Vector, sigmas: Vector) -> Labels | None:
    """Swap both arms or both legs, from the shoulder, elbow, hip or knee on."""
    return _exchange(subject, places, LIMBS[int(rng.integers(len(LIMBS)))], sigmas)


def flip_facing(_rng: np.random.Generator, subject: Person, places: Vector, sigmas: Vector) -> Labels | None:
    """Swap every pair of a person whose face is visible."""
    return _exchange(subject, places, list(range(len(PAIRS))), sigmas) if subject.face else None


def flip_away(_rng: np.random.Generator, subject: Person, places: Vector, sigmas: Vector) -> Labels | None:
    """Swap every pair of a person whose face is not visible."""
    return None if subject.face else _exchange(subject, places, list(range(len(PAIRS))), sigmas)


def gross_miss(rng: np.random.Generator, subject: Person, places: Vector, _sigmas: Vector) -> Labels | None:
    """Move one keypoint by 0.5 to 1.5 times the square root of the area, in any direction."""
    return _moved(rng, subject, places, rng.uniform(0.5, 1.5) * subject.s)


def jitter(rng: np.random.Generator, subject: Person, places: Vector, sigmas: Vector) -> Labels | None:
    """Move one keypoint to a similarity of 0.5 to 0.85, which Ronchi and Perona call jitter."""
    at = _labelled(rng, subject)
    return _moved(rng, subject, places, rng.uniform(GOOD, HALF) * sigmas[at] * subject.s, at)


def wrong_keypoint(rng: np.random.Generator, subject: Person, places: Vector, sigmas: Vector) -> Labels | None:
    """Put one keypoint at the position of another in the other half of the body, such as a shoulder at a foot."""
    v = subject.visibility
    upper, lower = [i for i in range(9) if v[i]], [i for i in range(11, 17) if v[i]]
    if not upper or not lower:
        return None
    a, b = int(rng.choice(upper)), int(rng.choice(lower))
    moved, kept = places.copy(), v.copy()
    if rng.random() < 0.5:
        moved[[a, b]] = moved[[b, a]]
    else:
        moved[a] = places[b] + rng.normal(0, 1, 2) * sigmas[b] * subject.s
    return moved, kept


def missing(rng: np.random.Generator, subject: Person, places: Vector, _sigmas: Vector) -> Labels | None:
    """Leave out one visible keypoint."""
    v = subject.visibility.copy()
    seen = np.flatnonzero(v == 2)
    if len(seen) < 3:
        return None
    v[rng.choice(seen)] = 0
    return places, v


def _labelled(rng: np.random.Generator, subject: Person) -> int:
    return int(rng.choice(np.flatnonzero(subject.visibility)))


def _moved(
    rng: np.random.Generator, subject: Person, places: Vector, by: float, at: int | None = None
) -> Labels | None:
    at = _labelled(rng, subject) if at is None else at
    angle = rng.uniform(0, 2 * np.pi)
    moved = places.copy()
    moved[at] = subject.places[at] + by * np.array([np.cos(angle), np.sin(angle)])
    return moved, subject.visibility.copy()


ERRORS: dict[str, Error] = {
    "pair swap": pair_swap,
    "limb swap": limb_swap,
    "whole flip, face visible": flip_facing,
    "whole flip, no face": flip_away,
    "gross miss": gross_miss,
    "wrong keypoint": wrong_keypoint,
    "missing": missing,
    "jitter": jitter,
}
