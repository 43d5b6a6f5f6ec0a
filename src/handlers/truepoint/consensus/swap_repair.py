"""Repair of exchanged left and right keypoints among several workers' poses of one subject.

For each left/right pair the workers are divided into two groups, such that exchanging the pair of one group makes all
workers agree best. The group with the smaller weight is wrong. If both have the same size or weight, the wrong group is
the one whose pair agrees less in direction with the other pairs of the same poses. If that is unclear, it is the one
whose poses are turned away from the camera. A repair must at least halve the distance to the other workers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from truepoint.consensus.stack import Stack
from truepoint.pose.poses import Flags, in_order
from truepoint.pose.similarity import Floats

LEAST_GAIN = 0.5
"""Maximum share of the distance to the other workers that a repair may leave."""
LEAST_SEPARATION = 1.0
"""Minimum distance between left and right, in units of 2 sigma s. In a closer pair, left and right cannot be
distinguished."""
CLEARLY = 0.5
"""Minimum difference for deciding which of two groups is wrong by how well a pair agrees in direction with the other
pairs of the same poses. It is relative to the sum of both groups' agreements."""
EQUAL = 1e-9
"""Relative difference below which two sums of votes count as equal. It covers rounding errors."""


def repair_sides(stack: Stack, weights: Floats) -> tuple[Flags, Flags]:
    """Find keypoints that workers have on the wrong side.

    Args:
        stack: clusters of workers' poses.
        weights: the workers' weights, of shape (clusters, members).

    Returns:
        Which keypoints to exchange with their pairs, of shape (clusters, members, columns), true for both keypoints of
        a pair. The second array says on which of the exchanged pairs the workers are split evenly, of shape (clusters,
        columns), true for the first keypoint of a pair.
    """
    swapped, disputed = np.zeros_like(stack.there), np.zeros(stack.mirror.shape, bool)
    cluster, column = np.nonzero(stack.mirror > np.arange(stack.mirror.shape[1]))  # a row for each left/right pair
    other = stack.mirror[cluster, column]
    there, other_there = stack.there[cluster, :, column], stack.there[cluster, :, other]
    points = [values[cluster, :, at] for at in (column, other) for values in (stack.x, stack.y)]
    having = there & other_there
    across_x, across_y = points[0] - points[2], points[1] - points[3]
    square = across_x * across_x + across_y * across_y
    separated = having & (
        square * stack.inverse[cluster, column][:, None] > LEAST_SEPARATION * LEAST_SEPARATION * stack.area[cluster]
    )
    # A pair that only one worker has cannot be compared, and one that no worker separates cannot be repaired.
    separated &= (np.count_nonzero(having, axis=1) > 1)[:, None]
    rows = np.flatnonzero(separated.any(axis=1))
    plain, crossed = _distances([values[rows] for values in points], having[rows])
    mixed = np.flatnonzero((plain > crossed).any(axis=1))
    if len(mixed):
        rows = rows[mixed]
        members = having.shape[1]
        plain, crossed = (_square(values[mixed], members) for values in (plain, crossed))
        turned = _other_way(plain - crossed, having[rows])

        def sum_by_cluster(values: NDArray[Any]) -> Floats:
            """Return the sums of rows of the same cluster, added in the order of rows."""
            cells = cluster[:, None] * members + np.arange(members)
            sums = np.bincount(cells.ravel(), values.ravel(), minlength=stack.member.size)
            return np.asarray(sums.reshape(stack.member.shape), float)

        fits = [
            unit[rows] * (sum_by_cluster(unit)[cluster] - unit)[rows]
            for unit in _directions(across_x, across_y, having)
        ]
        facing = sum_by_cluster(np.where(having, across_x, 0))
        wrong, even = _wrong(having[rows], turned, weights[cluster[rows]], fits[0] + fits[1], facing[cluster[rows]])
        right = having[rows] & ~wrong
        apart = separated[rows]
        before, after = (in_order(np.where(right.T[:, None], d, 0), 0).T for d in (plain, crossed))
        repaired = np.zeros_like(having)
        repaired[rows] = wrong & (after <= LEAST_GAIN * before) & np.asarray((apart & right).any(axis=1))[:, None]
        separated[rows] = right & apart  # the pairs that their worker did not exchange
        disputed[cluster[rows], column[rows]] = even & repaired[rows].any(axis=1)
        # A worker who exchanged every separated pair has turned the whole body, so all other pairs are exchanged too.
        turned_body = (sum_by_cluster(repaired) > 1) & (sum_by_cluster(separated) == 0)
        repaired |= (there | other_there) & turned_body[cluster]
        swapped[cluster, :, column] = swapped[cluster, :, other] = repaired
    return swapped, disputed


def _distances(points: list[Floats], having: Flags) -> tuple[Floats, Floats]:
    """Return the distances between two members' left/right pairs, in pixels, of shape (rows, pairs of members).

    The first array compares left with left and right with right, the second one left with right. Both are the sum of
    two distances, and 0 if a member lacks the pair.
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
    """Return values of pairs of members as an array of shape (members, members, rows), with 0 on the diagonal."""
    table = np.zeros((members, members, len(values)))
    first, second = np.triu_indices(members, 1)
    table[first, second] = table[second, first] = values.T
    return table


def _other_way(gain: Floats, having: Flags) -> Flags:
    """Return the workers whose pair to exchange so that the sum of distances is smallest, by greedy search.

    Each step exchanges the pair of the worker with the largest gain.

    Args:
        gain: how much the distance of two members shrinks if the pair of one is exchanged, of shape (members, members,
            rows).
        having: which members have the pair, of shape (rows, members).
    """
    turned = np.zeros_like(having)
    rows = np.arange(len(having))
    for _ in range(4 * having.shape[1]):  # without rounding errors, half of this would suffice
        if not len(rows):
            break
        sign = np.where(turned[rows].T, -1.0, 1.0)
        won = in_order(gain * sign[:, None], 0) * sign
        best = np.argmax(won, axis=0)
        better = np.flatnonzero(won[best, np.arange(len(rows))] > EQUAL)
        rows, gain = rows[better], gain.take(better, axis=2)
        turned[rows, best[better]] ^= True
    return turned


def _wrong(having: Flags, turned: Flags, weights: Floats, at_one: Floats, facing: Floats) -> tuple[Flags, Flags]:
    """Return which workers are wrong, and in which rows the two groups have the same size.

    The group with the smaller weight is wrong. If the sizes or the weights are equal, it is the group whose pair
    agrees less in direction with the other pairs of the same poses. If that is unclear, it is the group that faces the
    camera less. If both face it equally, it is the group without the first worker.
    """
    camps = having & turned, having & ~turned
    sizes = [np.count_nonzero(camp, axis=1) for camp in camps]
    even = sizes[0] == sizes[1]

    def votes(values: Floats) -> tuple[Floats, Floats]:
        return in_order(np.where(camps[0], values, 0)), in_order(np.where(camps[1], values, 0))

    by_weight = votes(weights)
    by_body = votes(at_one * weights)
    # If whole poses are exchanged, the pair fits the other pairs in both groups. Then orientation decides, because most
    # people in pictures face the camera. It is the same for all pairs, so the same group wins at every pair.
    by_camera = [sums / np.maximum(size, 1) for sums, size in zip(votes(facing), sizes, strict=True)]
    undecided = even | (np.abs(by_weight[0] - by_weight[1]) <= EQUAL * np.maximum(*by_weight))
    unclear = np.abs(by_body[0] - by_body[1]) < CLEARLY * (np.abs(by_body[0]) + np.abs(by_body[1]))
    unclear |= (by_body[0] == 0) & (by_body[1] == 0)
    first_turned = np.take_along_axis(turned, np.argmax(having, axis=1)[:, None], axis=1)[:, 0]
    camera = np.where(by_camera[0] == by_camera[1], ~first_turned, by_camera[0] < by_camera[1])
    body = np.where(unclear, camera, by_body[0] < by_body[1])
    turned_is_wrong = np.where(undecided, body, by_weight[0] < by_weight[1])
    return np.where(turned_is_wrong[:, None], camps[0], camps[1]), even


def _directions(across_x: Floats, across_y: Floats, having: Flags) -> tuple[Floats, Floats]:
    """Return unit vectors from the second to the first keypoint of each pair; 0 if one is missing or they coincide."""
    length = np.sqrt(across_x * across_x + across_y * across_y)
    some = having & (length > 0)
    length = np.where(some, length, 1)
    return np.where(some, across_x / length, 0), np.where(some, across_y / length, 0)
