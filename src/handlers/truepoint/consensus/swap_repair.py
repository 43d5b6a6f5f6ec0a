"""Repair of exchanged left and right keypoints among several workers' poses of one subject.

For each pair every worker is either as most are or the other way round. Who is which is what makes the workers agree
best; who is wrong is the minority and, where there is none, who contradicts the rest of their own body, or who has the
whole body turned away from the camera. A repair must at least halve the distance to the others.
"""

from __future__ import annotations

import numpy as np

from truepoint.consensus.stack import Stack
from truepoint.pose.poses import Flags, Integers, in_order
from truepoint.pose.similarity import Floats

LEAST_GAIN = 0.5
"""A repair leaves at most this share of the distance to the others."""
LEAST_SEPARATION = 1.0
"""In 2 sigma s: pairs that the others place closer together than this say nothing about sides."""
CLEARLY = 0.5
"""How far two camps' agreement with their own bodies must differ, of the sum of both, to tell which is wrong."""
EQUAL = 1e-9
"""Votes that differ by less, of the larger, are equal."""


def repair_sides(stack: Stack, weights: Floats) -> tuple[Flags, Flags]:
    """Find what workers have on the wrong side.

    Args:
        stack: clusters of workers' poses.
        weights: by cluster and member how far the worker is to be relied on.

    Returns:
        By cluster, member and column which keypoints to exchange with their pairs, true at both of a pair; and by
        cluster and column the pairs on which the workers are split evenly, so that nobody can say who is right, true
        at the first of a pair.
    """
    first = np.asarray(stack.mirror > np.arange(stack.mirror.shape[1]))
    mirror = np.broadcast_to(stack.mirror[:, None, :], stack.there.shape)
    other_x, other_y = (np.take_along_axis(v, mirror, axis=2) for v in (stack.x, stack.y))
    whole = stack.there & np.take_along_axis(stack.there, mirror, axis=2) & first[:, None, :]
    across_x, across_y = stack.x - other_x, stack.y - other_y
    square = across_x * across_x + across_y * across_y
    separated = whole & (
        square * stack.inverse[:, None, :] > LEAST_SEPARATION * LEAST_SEPARATION * stack.area[:, :, None]
    )
    # Where one worker has both keypoints, there is nothing to compare; where nobody's are apart, no repair counts.
    separated &= (np.count_nonzero(whole, axis=1) > 1)[:, None, :]
    swapped, disputed, kept = np.zeros_like(whole), np.zeros_like(first), separated.copy()
    cluster, column = np.nonzero(separated.any(axis=1))
    having = whole[cluster, :, column]
    points = [values[cluster, :, column] for values in (stack.x, stack.y, other_x, other_y)]
    plain, crossed = _distances(points, having)
    mixed = np.flatnonzero((plain > crossed).any(axis=1))
    if len(mixed):
        cluster, column, having = cluster[mixed], column[mixed], having[mixed]
        plain, crossed = (_square(values[mixed], having.shape[1]) for values in (plain, crossed))
        turned = _other_way(plain - crossed, having)
        directions = _directions(across_x, across_y, square, whole)
        facing = in_order(np.where(whole, across_x, 0))
        wrong, even = _wrong(having, turned, weights[cluster], _at_one(directions, cluster, column), facing[cluster])
        right = having & ~wrong
        apart = separated[cluster, :, column]
        before, after = (in_order(np.where(right.T[:, None], d, 0), 0).T for d in (plain, crossed))
        repaired = wrong & (after <= LEAST_GAIN * before) & np.asarray((apart & right).any(axis=1))[:, None]
        swapped[cluster, :, column] = repaired
        kept[cluster, :, column] = right & apart
        disputed[cluster, column] = even & repaired.any(axis=1)
        # Who has exchanged every pair that can be told apart has turned the whole body: the rest is exchanged too.
        turned_body = (np.count_nonzero(swapped, axis=2) > 1) & ~kept.any(axis=2)
        either = (stack.there | np.take_along_axis(stack.there, mirror, axis=2)) & first[:, None, :]
        swapped |= either & turned_body[:, :, None]
    return swapped | np.take_along_axis(swapped, mirror, axis=2), disputed


def _distances(points: list[Floats], having: Flags) -> tuple[Floats, Floats]:
    """Return the distances between two members' pairs, by row and pair of members.

    The first value compares each keypoint with the same one, the second with the other side's. Both add the two
    keypoints, in pixels, and are 0 if a member lacks the pair.
    """
    first, second = np.triu_indices(having.shape[1], 1)
    both = having[:, first] & having[:, second]
    x, y, other_x, other_y = ((values[:, first], values[:, second]) for values in points)

    def apart(across: tuple[Floats, Floats], along: tuple[Floats, Floats]) -> Floats:
        dx, dy = across[0] - across[1], along[0] - along[1]
        return np.where(both, np.sqrt(dx * dx + dy * dy), 0)

    plain = apart(x, y) + apart(other_x, other_y)
    crossed = apart((x[0], other_x[1]), (y[0], other_y[1])) + apart((other_x[0], x[1]), (other_y[0], y[1]))
    return plain, crossed


def _square(values: Floats, members: int) -> Floats:
    """Return values of pairs of members by both members and row; 0 for a member with itself."""
    table = np.zeros((members, members, len(values)))
    first, second = np.triu_indices(members, 1)
    table[first, second] = table[second, first] = values.T
    return table


def _other_way(gain: Floats, having: Flags) -> Flags:
    """Return which workers exchanged left and right, so that the sum of distances is smallest.

    A greedy search exchanges the worker with the largest gain, one at a time. `gain` is by both members and row the
    gain if one of them is exchanged.
    """
    turned = np.zeros_like(having)
    rows = np.arange(len(having))
    for _ in range(4 * having.shape[1]):  # half of that is enough but for rounding
        sign = np.where(turned[rows].T, -1.0, 1.0)
        won = in_order(gain * sign[:, None], 0) * sign
        best = np.argmax(won, axis=0)
        better = np.flatnonzero(won[best, np.arange(len(rows))] > EQUAL)
        rows, gain = rows[better], gain.take(better, axis=2)
        turned[rows, best[better]] ^= True
    return turned


def _wrong(having: Flags, turned: Flags, weights: Floats, at_one: Floats, facing: Floats) -> tuple[Flags, Flags]:
    """Return which of two groups of workers is wrong, and whether the groups have the same size.

    The smaller group is wrong; otherwise the one that agrees less with the rest of the body; otherwise the one without
    the first worker.
    """
    camps = having & turned, having & ~turned
    sizes = [np.count_nonzero(camp, axis=1) for camp in camps]
    even = sizes[0] == sizes[1]

    def votes(values: Floats) -> tuple[Floats, Floats]:
        return in_order(np.where(camps[0], values, 0)), in_order(np.where(camps[1], values, 0))

    by_weight = votes(weights)
    by_body = votes(at_one * weights)
    # Whole bodies may be turned, so that each camp is at one with itself. The same camp must win at every pair, and
    # who is in it must not matter: most people in pictures face the camera.
    by_camera = [sums / np.maximum(size, 1) for sums, size in zip(votes(facing), sizes, strict=True)]
    undecided = even | (np.abs(by_weight[0] - by_weight[1]) <= EQUAL * np.maximum(*by_weight))
    unclear = np.abs(by_body[0] - by_body[1]) < CLEARLY * (np.abs(by_body[0]) + np.abs(by_body[1]))
    unclear |= (by_body[0] == 0) & (by_body[1] == 0)
    first_turned = np.take_along_axis(turned, np.argmax(having, axis=1)[:, None], axis=1)[:, 0]
    camera = np.where(by_camera[0] == by_camera[1], ~first_turned, by_camera[0] < by_camera[1])
    body = np.where(unclear, camera, by_body[0] < by_body[1])
    turned_is_wrong = np.where(undecided, body, by_weight[0] < by_weight[1])
    return np.where(turned_is_wrong[:, None], camps[0], camps[1]), even


def _directions(across_x: Floats, across_y: Floats, square: Floats, whole: Flags) -> tuple[Floats, Floats]:
    """Return the unit vectors from right to left of each pair; 0, 0 where both keypoints coincide or one is missing."""
    length = np.sqrt(square)
    some = whole & (length > 0)
    length = np.where(some, length, 1)
    return np.where(some, across_x / length, 0), np.where(some, across_y / length, 0)


def _at_one(directions: tuple[Floats, Floats], cluster: Integers, column: Integers) -> Floats:
    """Return by pair and member how well the pair's direction fits the member's other pairs: the sum of cosines."""
    fits = []
    for values in directions:
        own = values[cluster, :, column]
        fits.append(own * (in_order(values)[cluster] - own))
    return fits[0] + fits[1]
