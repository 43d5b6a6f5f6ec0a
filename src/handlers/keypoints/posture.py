"""Posture: measures of one instance that norms and signals share. Lengths of edges, which way it faces."""

from __future__ import annotations

import math

from keypoints.anatomy import Anatomy, Points
from keypoints.exchanged import FACE, body_axis, distance
from keypoints.instance import VISIBLE, Keypoint

XY = tuple[float, float]

_SHORTEST = 1e-3  # pixels: a logarithm needs a positive length
_HEAD = ("eye", "ear")


def log_lengths(anatomy: Anatomy, points: Points) -> list[float | None]:
    """Logarithms of the edges' lengths in pixels; None where an end is not labelled."""
    return [
        math.log(max(distance(p, q), _SHORTEST)) if (p := points[a]) and (q := points[b]) else None
        for a, b in anatomy.edges
    ]


def facing_offset(anatomy: Anatomy, points: Points) -> float | None:
    """People with a visible nose: how far, in pixels and upright, their visible left eye and ear lie to the image's
    right of it, and the right ones to its left, in the mean. Above zero for every head, frontal or in profile."""
    nose = _named(anatomy, points, FACE[0])
    if not nose or nose.visibility != VISIBLE:
        return None
    rx, ry = _rightwards(anatomy, points)
    offsets = [
        sign * ((k.x - nose.x) * rx + (k.y - nose.y) * ry)
        for part in _HEAD
        for side, sign in (("left", 1), ("right", -1))
        if (k := _named(anatomy, points, f"{side}_{part}")) and k.visibility == VISIBLE
    ]
    return sum(offsets) / len(offsets) if offsets else None


def away_offset(anatomy: Anatomy, points: Points) -> float | None:
    """People of whose face nothing is visible: how far, in pixels and upright, the left shoulder lies to the image's
    left of the right one. Mostly above zero: they turn their back."""
    if not all(name in anatomy.index for name in FACE):
        return None
    if any(k and k.visibility == VISIBLE for k in (_named(anatomy, points, name) for name in FACE)):
        return None
    left, right = (_named(anatomy, points, f"{side}_shoulder") for side in ("left", "right"))
    if not left or not right:
        return None
    rx, ry = _rightwards(anatomy, points)
    return (right.x - left.x) * rx + (right.y - left.y) * ry


def _named(anatomy: Anatomy, points: Points, name: str) -> Keypoint | None:
    place = anatomy.index.get(name)
    return None if place is None else points[place]


def _rightwards(anatomy: Anatomy, points: Points) -> XY:
    """Unit vector to the image's right, once the subject is turned upright; without hips it counts as upright."""
    axis = body_axis(anatomy, points)
    return (axis[1], -axis[0]) if axis else (1.0, 0.0)
