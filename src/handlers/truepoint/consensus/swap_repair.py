"""Sides: repair of exchanged left and right keypoints among several workers' poses of one subject.

For each pair every worker is either as most are or the other way round. Who is which is what makes the workers agree
best; who is wrong is the minority and, where there is none, who contradicts the rest of their own body, or who has the
whole body turned away from the camera. A repair must at least halve the distance to the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from truepoint.pose.pose import OksComparer, Pose

LEAST_GAIN = 0.5
"""A repair leaves at most this share of the distance to the others."""
LEAST_SEPARATION = 1.0
"""In 2 sigma s: pairs that the others place closer together than this say nothing about sides."""

CLEARLY = 0.5
"""How far two camps' agreement with their own bodies must differ, of the sum of both, to tell which is wrong."""

Pair = tuple[str, str]


class Repair:
    """What became of the sides: the poses as repaired, (worker's place, pair) of every exchange, and the pairs on which
    the workers are split evenly, so that nobody can say who is right."""

    __slots__ = ("disputed", "poses", "swaps")

    def __init__(self, poses: list[Pose], swaps: list[tuple[int, Pair]], disputed: list[Pair]) -> None:
        self.poses = poses
        self.swaps = swaps
        self.disputed = disputed


def repair_sides(poses: Sequence[Pose], weights: Sequence[float], ruler: OksComparer) -> Repair:
    """Exchange what workers have on the wrong side. Of fewer than two poses nothing is wrong."""
    pairs = sorted({(a, b) for a, b in ruler.pairs.items() if a < b}) if len(poses) > 1 else []
    swapped: list[set[Pair]] = [set() for _ in poses]
    kept: list[set[Pair]] = [set() for _ in poses]
    disputed: list[Pair] = []
    for pair in pairs:
        having = [w for w, found in enumerate(poses) if pair[0] in found.places and pair[1] in found.places]
        if len(having) < 2:
            continue
        others_way = _other_way(pair, having, poses)
        if not others_way:
            for w in having:
                if _separated(pair, poses[w], ruler):
                    kept[w].add(pair)
            continue
        wrong, even = _wrong(pair, having, others_way, poses, weights=weights, pairs=pairs)
        right = [w for w in having if w not in wrong]
        for w in sorted(wrong):
            before = sum(_distance(pair, poses[w], poses[o]) for o in right)
            after = sum(_distance(pair, poses[w], poses[o], crossed=True) for o in right)
            if after <= LEAST_GAIN * before and any(_separated(pair, poses[o], ruler) for o in right):
                swapped[w].add(pair)
                if even and pair not in disputed:
                    disputed.append(pair)
        for w in right:
            if _separated(pair, poses[w], ruler):
                kept[w].add(pair)
    for w, found in enumerate(poses):
        # Who has exchanged every pair that can be told apart has turned the whole body: the rest is exchanged too.
        if len(swapped[w]) > 1 and not kept[w]:
            swapped[w] = {p for p in pairs if p[0] in found.places or p[1] in found.places}
    repaired = [_exchanged(found, swapped[w]) if swapped[w] else found for w, found in enumerate(poses)]
    return Repair(repaired, [(w, p) for w, found in enumerate(swapped) for p in sorted(found)], disputed)


def _distance(pair: Pair, a: Pose, b: Pose, *, crossed: bool = False) -> float:
    """Pixels, both keypoints together; `crossed` compares each with the other side's."""
    p, q = a.places[pair[0]], a.places[pair[1]]
    r, s = b.places[pair[0]], b.places[pair[1]]
    if crossed:
        r, s = s, r
    return math.hypot(p[0] - r[0], p[1] - r[1]) + math.hypot(q[0] - s[0], q[1] - s[1])


def _separated(pair: Pair, found: Pose, ruler: OksComparer) -> bool:
    p, q = found.places[pair[0]], found.places[pair[1]]
    square = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2
    return square * ruler.inverse(pair[0]) > LEAST_SEPARATION * LEAST_SEPARATION * found.area


def _other_way(pair: Pair, having: Sequence[int], poses: Sequence[Pose]) -> set[int]:
    """Who is the other way round than the first of `having`, for the least sum of distances; found by turning, one
    worker at a time, whoever gains most. No more than half are turned."""
    gain: dict[tuple[int, int], float] = {}
    for place, a in enumerate(having):
        for b in having[place + 1 :]:
            plain = _distance(pair, poses[a], poses[b])
            gain[a, b] = gain[b, a] = plain - _distance(pair, poses[a], poses[b], crossed=True)
    if max(gain.values()) <= 0:
        return set()
    turned: set[int] = set()
    while True:
        best, most = -1, 1e-9
        for w in having:
            won = sum(gain[w, o] if (o in turned) == (w in turned) else -gain[w, o] for o in having if o != w)
            if won > most:
                best, most = w, won
        if best < 0:
            break
        turned ^= {best}
    return turned


def _wrong(
    pair: Pair,
    having: Sequence[int],
    turned: set[int],
    poses: Sequence[Pose],
    *,
    weights: Sequence[float],
    pairs: Sequence[Pair],
) -> tuple[set[int], bool]:
    """Who of the two camps is wrong: the lighter, else the one less at one with the rest of the body, else the one
    without the first worker. And whether the camps are equally many."""
    camps = turned, set(having) - turned
    even = len(camps[0]) == len(camps[1])
    votes = [0.0, 0.0] if even else [math.fsum(weights[w] for w in camp) for camp in camps]
    if math.isclose(votes[0], votes[1], rel_tol=1e-9, abs_tol=1e-12):
        votes = [math.fsum(_at_one(pair, poses[w], pairs) * weights[w] for w in camp) for camp in camps]
        if abs(votes[0] - votes[1]) < CLEARLY * (abs(votes[0]) + abs(votes[1])) or not any(votes):
            # Whole bodies are turned, so each camp is at one with itself. The same camp must win at every pair, and who
            # is in it must not matter: most people in pictures face the camera.
            votes = [math.fsum(_facing(poses[w], pairs) for w in camp) / len(camp) for camp in camps]
            if votes[0] == votes[1]:
                return (camps[1] if having[0] in camps[0] else camps[0]), even
    return (camps[0] if votes[0] < votes[1] else camps[1]), even


def _at_one(pair: Pair, found: Pose, pairs: Sequence[Pair]) -> float:
    """How well the direction from right to left of this pair fits the same worker's other pairs: sum of cosines."""
    x, y = _direction(pair, found)
    others = (p for p in pairs if p != pair and p[0] in found.places and p[1] in found.places)
    return math.fsum(x * dx + y * dy for dx, dy in (_direction(p, found) for p in others))


def _facing(found: Pose, pairs: Sequence[Pair]) -> float:
    """How far, in pixels, left keypoints lie to the right of right ones: a pair's first name is the left one's."""
    there = [p for p in pairs if p[0] in found.places and p[1] in found.places]
    return math.fsum(found.places[a][0] - found.places[b][0] for a, b in there)


def _direction(pair: Pair, found: Pose) -> tuple[float, float]:
    """Of length 1, or 0, 0 where both keypoints coincide."""
    p, q = found.places[pair[0]], found.places[pair[1]]
    length = math.hypot(p[0] - q[0], p[1] - q[1])
    return ((p[0] - q[0]) / length, (p[1] - q[1]) / length) if length else (0.0, 0.0)


def _exchanged(found: Pose, pairs: set[Pair]) -> Pose:
    names = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    return Pose(dict(sorted((names.get(label, label), place) for label, place in found.places.items())), found.area)
