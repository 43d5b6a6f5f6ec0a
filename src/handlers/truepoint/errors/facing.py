"""Posture: measures of one instance that norms and signals share. Lengths of edges, which way it faces."""

from __future__ import annotations

import math

from truepoint.errors.swap_rules import FACE, body_axis
from truepoint.pose.anatomy import Anatomy, Points
from truepoint.pose.instance import VISIBLE

XY = tuple[float, float]

_SHORTEST = 1e-3  # pixels: a logarithm needs a positive length
_HEAD = ("eye", "ear")


def log_lengths(anatomy: Anatomy, points: Points) -> list[float | None]:
    """Logarithms of the edges' lengths in pixels; None where an end is not labelled."""
    return [
        math.log(max(math.hypot(p.x - q.x, p.y - q.y), _SHORTEST)) if (p := points[a]) and (q := points[b]) else None
        for a, b in anatomy.edges
    ]


class Posture:
    """Reads which way subjects face. Knows by index the keypoints that tell it, if the skeleton has them."""

    def __init__(self, anatomy: Anatomy) -> None:
        self._anatomy = anatomy
        index = anatomy.index
        self._nose = index.get(FACE[0])
        self._face = [index[name] for name in FACE if name in index]
        self._whole_face = len(self._face) == len(FACE)
        self._shoulders = index.get("left_shoulder"), index.get("right_shoulder")
        sides = (("left", 1), ("right", -1))
        named = [(index.get(f"{side}_{part}"), sign) for part in _HEAD for side, sign in sides]
        self._head = [(i, sign) for i, sign in named if i is not None]

    def facing_offset(self, points: Points) -> float | None:
        """Return how far eyes and ears are on the expected side of a visible nose.

        The value is a mean in pixels of the upright person: left eye and ear to the image's right, right ones to its
        left. It is above zero for every head, frontal or in profile.
        """
        nose = None if self._nose is None else points[self._nose]
        if not nose or nose.visibility != VISIBLE:
            return None
        visible = [(k, sign) for i, sign in self._head if (k := points[i]) and k.visibility == VISIBLE]
        if not visible:
            return None
        rx, ry = self._rightwards(points)
        return sum([sign * ((k.x - nose.x) * rx + (k.y - nose.y) * ry) for k, sign in visible]) / len(visible)

    def away_offset(self, points: Points) -> float | None:
        """Return how far the left shoulder is to the image's left of the right one.

        It applies to people without a visible face, in pixels of the upright person. It is mostly above zero, because
        these people turn their back.
        """
        if not self._whole_face:
            return None
        for i in self._face:
            if (k := points[i]) and k.visibility == VISIBLE:
                return None
        left, right = (None if i is None else points[i] for i in self._shoulders)
        if not left or not right:
            return None
        rx, ry = self._rightwards(points)
        return (right.x - left.x) * rx + (right.y - left.y) * ry

    def _rightwards(self, points: Points) -> XY:
        """Unit vector to the image's right, once the subject is turned upright; without hips it counts as upright."""
        axis = body_axis(self._anatomy, points)
        return (axis[1], -axis[0]) if axis else (1.0, 0.0)
