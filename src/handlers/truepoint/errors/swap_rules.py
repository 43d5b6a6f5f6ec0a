"""Rules that find exchanged left and right keypoints without any reference.

Crossed legs are legitimate, so the rules only warn. src/ui/lib/later/sides.js has the same rules.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from truepoint.pose.anatomy import Anatomy, Points
from truepoint.pose.instance import VISIBLE, Instance, Keypoint, distance
from truepoint.pose.similarity import area

CLEAR_GAIN = 0.25
"""Minimum share by which an exchange must shorten the edges it changes to count without further evidence."""
FACE = ("nose", "left_eye", "right_eye")


class SwappedSides(msgspec.Struct, frozen=True):
    """Keypoints that look exchanged.

    If `whole`, it is the whole body and `indexes` is empty. Otherwise `indexes` are the left keypoints at which the
    exchanged limbs begin.
    """

    whole: bool
    indexes: tuple[int, ...]


def swap_gain(anatomy: Anatomy, points: Points, indexes: Iterable[int]) -> float:
    """Return the share by which an exchange would shorten the edges whose lengths it changes: 1 - after / before."""
    touched = {j for i in indexes if anatomy.other_side[i] != i for j in (i, anatomy.other_side[i])}
    changed = anatomy.swapped(points, touched)
    before = after = 0.0
    for a, b in anatomy.edges:
        if (a in touched) == (b in touched):
            continue
        p, q, r, s = points[a], points[b], changed[a], changed[b]
        if p and q and r and s:
            before += distance(p, q)
            after += distance(r, s)
    return 1 - after / before if before > 0 else 0.0


def body_axis(anatomy: Anatomy, points: Points) -> tuple[float, float] | None:
    """Return the unit vector from the middle of the shoulders to the middle of the hips; None if a pair is missing."""
    middles = [
        ((left.x + right.x) / 2, (left.y + right.y) / 2)
        for i, j in anatomy.trunk
        if (left := points[i]) and (right := points[j])
    ]
    if len(middles) < 2:
        return None
    dx, dy = middles[-1][0] - middles[0][0], middles[-1][1] - middles[0][1]
    length = math.hypot(dx, dy)
    return (dx / length, dy / length) if length > 0 else None


def swapped_sides(anatomy: Anatomy, instance: Instance) -> SwappedSides | None:
    """Return the keypoints that look exchanged, None if there are none.

    The orientation of a person decides on the whole body; sides and edge lengths decide on single limbs.
    """
    points = anatomy.points(instance)
    axis = body_axis(anatomy, points)
    pairs = _whole_pairs(anatomy, points)
    votes = _votes(anatomy, pairs, axis, math.sqrt(area(instance)[0])) if axis else {}
    wrong = _wrong_sign(anatomy, points)
    if len(votes) >= 2 and wrong and all(apart * wrong > 0 for apart in votes.values()):
        return SwappedSides(True, ())
    total = sum(votes.values())
    gaining = []
    for i, _, _ in pairs:
        gain = max(swap_gain(anatomy, points, [i]), swap_gain(anatomy, points, anatomy.chain(i)))
        if gain >= CLEAR_GAIN or (votes.get(i, 0.0) * total < 0 and gain > 0):
            gaining.append(i)
    # A keypoint beyond another one in this list belongs to the same limb.
    roots = tuple(i for i in gaining if not any(i in anatomy.hanging[j] for j in gaining))
    return SwappedSides(False, roots) if roots else None


def _whole_pairs(anatomy: Anatomy, points: Points) -> list[tuple[int, Keypoint, Keypoint]]:
    return [(i, left, right) for i, j in anatomy.pairs if (left := points[i]) and (right := points[j])]


def _votes(
    anatomy: Anatomy, pairs: list[tuple[int, Keypoint, Keypoint]], axis: tuple[float, float], s: float
) -> dict[int, float]:
    """Return each pair's distance of left from right across the body axis, in pixels; negative if facing the camera.

    Pairs closer than 2 sigma s are left out.
    """
    votes = {}
    for i, left, right in pairs:
        apart = axis[0] * (left.y - right.y) - axis[1] * (left.x - right.x)
        if abs(apart) >= 2 * anatomy.sigmas[i] * s:
            votes[i] = apart
    return votes


def _wrong_sign(anatomy: Anatomy, points: Points) -> int:
    """Return the sign of votes that would be wrong, 0 if unknown. It is known only for skeletons with a face.

    A person with a visible face faces the camera. A person without one, but with both ears or both shoulders visible,
    faces away.
    """
    if not all(name in anatomy.index for name in FACE):
        return 0
    face = [points[anatomy.index[name]] for name in FACE]
    if all(k and k.visibility == VISIBLE for k in face):
        return 1
    if any(face):
        return 0

    def seen(part: str) -> bool:
        both = [points[anatomy.index[f"{side}_{part}"]] for side in ("left", "right") if _knows(anatomy, side, part)]
        return len(both) == 2 and all(k and k.visibility == VISIBLE for k in both)

    return -1 if seen("ear") or seen("shoulder") else 0


def _knows(anatomy: Anatomy, side: str, part: str) -> bool:
    return f"{side}_{part}" in anatomy.index
