"""Stacks: clusters with equally many members as arrays by cluster, member and keypoint.

A cluster's columns are the keypoints that its members labelled, and their pairs, in the order of names. Clusters of
about equally many columns are in one stack; columns that a cluster does not have are empty, and add nothing to a sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from truepoint.pose.poses import Flags, Integers, Poses, median
from truepoint.pose.similarity import Floats

MOST_CELLS = 4_000_000
"""Members squared times keypoints of one cluster: 50 workers and 1,600 keypoints. A hostile answer must not take all
memory."""
CELLS_AT_ONCE = 300_000
"""Members squared times keypoints of all clusters of a stack, which bounds the memory of its arrays."""


@dataclass(frozen=True)
class Stack:
    """Some clusters.

    Attributes:
        cluster: by cluster its number in `Clusters`.
        member: by cluster and member the index of the instance.
        area: by cluster and member.
        label, inverse, mirror: by cluster and column the keypoint's label, -1 for an empty column, its 1 / (2 sigma)^2,
            and the column of its pair, or itself.
        mention: by cluster and column where the members first name the keypoint; larger than any such place if only its
            pair is named.
        there, x, y, visibility: by cluster, member and column. Where nothing is labelled, all are 0.
    """

    cluster: Integers
    member: Integers
    area: Floats
    label: Integers
    inverse: Floats
    mirror: Integers
    mention: Integers
    there: Flags
    x: Floats
    y: Floats
    visibility: NDArray[np.int8]

    @cached_property
    def size(self) -> Floats:
        """Return the subject's area by cluster.

        It is the median, because one distant keypoint can enlarge a hull to any size.
        """
        return median(np.sort(self.area, axis=1))

    def pairs(self) -> tuple[Integers, Integers, Flags, Floats]:
        """Return the pairs of members and their squared distances.

        The first two values are the first and second members. By cluster, pair and column follow whether both labelled
        the keypoint, and the squared distance in pixels, 0 if not.
        """
        first, second = np.triu_indices(self.member.shape[1], 1)
        both = self.there[:, first] & self.there[:, second]
        dx, dy = self.x[:, first] - self.x[:, second], self.y[:, first] - self.y[:, second]
        return first, second, both, np.where(both, dx * dx + dy * dy, 0)

    def some(self, clusters: Flags) -> Stack:
        """Return the stack of some of the clusters."""
        return replace(self, **{field.name: getattr(self, field.name)[clusters] for field in fields(self)})

    def exchanged(self, swapped: Flags) -> Stack:
        """Return the stack with these members' keypoints on the other side: `swapped` is true at both of a pair."""
        source = np.where(swapped, self.mirror[:, None, :], np.arange(self.mirror.shape[1]))

        def moved(values: NDArray[Any]) -> NDArray[Any]:
            return np.take_along_axis(values, source, axis=2)

        return replace(
            self,
            there=moved(self.there),
            x=moved(self.x),
            y=moved(self.y),
            visibility=moved(self.visibility),
        )

    def without_each(self) -> Stack:
        """Return a stack with each cluster once for each of its members, without that member."""
        count, members = self.member.shape
        rest = np.array([[i for i in range(members) if i != left_out] for left_out in range(members)], np.intp)
        rest = rest.reshape(members, members - 1)

        def by_member(values: NDArray[Any]) -> NDArray[Any]:
            return values[:, rest].reshape(count * members, members - 1, *values.shape[2:])

        return Stack(
            cluster=np.repeat(self.cluster, members),
            member=by_member(self.member),
            area=by_member(self.area),
            label=np.repeat(self.label, members, axis=0),
            inverse=np.repeat(self.inverse, members, axis=0),
            mirror=np.repeat(self.mirror, members, axis=0),
            mention=np.repeat(self.mention, members, axis=0),
            there=by_member(self.there),
            x=by_member(self.x),
            y=by_member(self.y),
            visibility=by_member(self.visibility),
        )


class Clusters:
    """The clusters of many images, in the order of their first members.

    Attributes:
        image, size: by cluster, `size` is the number of its members.
        of: by instance its cluster.
        too_large: the clusters that have more than `MOST_CELLS`; they are in no stack.
    """

    def __init__(self, poses: Poses, home: Integers) -> None:
        self.poses = poses
        first, of, self.size = np.unique(home, return_inverse=True, return_counts=True)
        self.of: Integers = of
        self.image: Integers = poses.image[first]
        self._members = np.argsort(self.of, kind="stable")
        self._begin = np.cumsum(self.size) - self.size
        labels = len(poses.labels)
        of_point = self.of[poses.owner] * labels
        keys = np.concatenate([of_point + poses.label, of_point + poses.mirror[poses.label]])
        # Without an option np.unique imports numpy.ma, which takes as long as a whole batch.
        self._keys: Integers = np.unique(keys, return_counts=True)[0]
        owner = self._keys // max(labels, 1)
        self._columns = np.bincount(owner, minlength=len(first))
        self._first_column = np.cumsum(self._columns) - self._columns
        self.too_large: Integers = np.flatnonzero(self.size * self.size * self._columns > MOST_CELLS)

    def members(self, cluster: int) -> list[int]:
        """Return the indices of the cluster's instances."""
        begin = int(self._begin[cluster])
        return self._members[begin : begin + int(self.size[cluster])].tolist()  # type: ignore[no-any-return]

    def stacks(self, wanted: Flags) -> Iterator[Stack]:
        """Return the clusters that are wanted, in stacks."""
        wanted = wanted.copy()
        wanted[self.too_large] = False
        width = np.frexp(np.maximum(self._columns, 1) - 0.5)[1] // 2  # up to 2, 8, 32, 128, ... columns
        kinds = np.where(wanted, self.size * 64 + width, -1)
        for kind in sorted(set(kinds[wanted].tolist())):
            chosen = np.flatnonzero(kinds == kind)
            cells = int(self.size[chosen[0]]) ** 2 * int(self._columns[chosen].max(initial=1))
            for start in range(0, len(chosen), step := max(CELLS_AT_ONCE // max(cells, 1), 1)):
                yield self._stack(chosen[start : start + step])

    def _stack(self, chosen: Integers) -> Stack:
        poses, labels = self.poses, len(self.poses.labels)
        members, columns = int(self.size[chosen[0]]), int(self._columns[chosen].max(initial=0))
        member = self._members[self._begin[chosen][:, None] + np.arange(members)]
        label = np.full((len(chosen), columns), -1)
        mirror = np.broadcast_to(np.arange(columns), label.shape).copy()
        inverse = np.ones(label.shape)
        which, column = np.nonzero(np.arange(columns) < self._columns[chosen][:, None])
        keys = self._keys[self._first_column[chosen][which] + column]
        names = keys % max(labels, 1)
        label[which, column], inverse[which, column] = names, poses.inverse[names]
        mirror[which, column] = self._column(keys - names + poses.mirror[names])

        counts = np.diff(poses.starts)[member]
        cluster, rank, place = _cells(counts)
        points = poses.starts[member[cluster, rank]] + place
        cell = cluster, rank, self._column(chosen[cluster] * labels + poses.label[points])
        mention = np.full(label.shape, len(poses.x))
        np.minimum.at(mention, (cluster, cell[2]), poses.position[points])
        there = np.zeros((*member.shape, columns), bool)
        x, y = np.zeros(there.shape), np.zeros(there.shape)
        visibility = np.zeros(there.shape, np.int8)
        there[cell], x[cell], y[cell] = True, poses.x[points], poses.y[points]
        visibility[cell] = poses.visibility[points]
        area = poses.area[member]
        return Stack(chosen, member, area, label, inverse, mirror, mention, there, x, y, visibility)

    def _column(self, keys: Integers) -> Integers:
        """Return the columns of cluster * number of labels + label."""
        cluster = keys // max(len(self.poses.labels), 1)
        return np.searchsorted(self._keys, keys) - self._first_column[cluster]


def _cells(counts: Integers) -> tuple[Integers, Integers, Integers]:
    """Return cluster, member and place of each keypoint, by how many each member has."""
    flat = counts.ravel()
    group = np.repeat(np.arange(len(flat)), flat)
    place = np.arange(len(group)) - np.repeat(np.cumsum(flat) - flat, flat)
    return group // max(counts.shape[1], 1), group % max(counts.shape[1], 1), place
