"""Stacks: clusters with the same number of members, as arrays of shape (clusters, members, columns).

A cluster's columns are the keypoints that its members labelled, and their pairs, in the order of names. A stack
contains clusters with similar numbers of columns. Columns that a cluster lacks are empty, and add 0 to sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from truepoint.pose.poses import Flags, Integers, Poses, expanded, median
from truepoint.pose.similarity import Floats

MOST_CELLS = 4_000_000
"""Maximum of members squared times columns of a cluster: 50 workers and 1,600 keypoints. It bounds the memory that a
hostile answer takes."""
CELLS_AT_ONCE = 300_000
"""Maximum sum of members squared times columns over the clusters of a stack, except for a stack of one larger cluster.
It bounds the memory of the stack's arrays."""


@dataclass(frozen=True)
class Stack:
    """Clusters with the same number of members.

    Attributes:
        cluster: each cluster's number in `Clusters`; shape (clusters,).
        member: indices of the instances; shape (clusters, members), as `area`.
        area: areas of the instances, in square pixels.
        label: the columns' labels, -1 for an empty column; shape (clusters, columns), as `inverse`, `mirror` and
            `mention`.
        inverse: 1 / (2 sigma)^2.
        mirror: the column of the keypoint's pair, or the column itself.
        mention: the first position at which a member's answer names the keypoint; larger than all positions if only
            the keypoint's pair is named.
        there: whether the member labelled the keypoint; shape (clusters, members, columns), as x, y and visibility,
            which are 0 where it did not.
        x, y: coordinates in pixels.
        visibility: COCO's v.
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
        """The area of each cluster's subject, in square pixels.

        It is the median of the members' areas, because one distant keypoint can enlarge a hull to any size.
        """
        return median(np.sort(self.area, axis=1))

    def pairs(self) -> tuple[Integers, Integers, Flags, Floats]:
        """Return the pairs of members and their squared distances.

        Returns:
            The first and the second member of each pair. Then, of shape (clusters, pairs, columns), whether both
            labelled the keypoint, and their squared distance in square pixels, 0 if they did not.
        """
        first, second = np.triu_indices(self.member.shape[1], 1)
        both = self.there[:, first] & self.there[:, second]
        dx, dy = self.x[:, first] - self.x[:, second], self.y[:, first] - self.y[:, second]
        return first, second, both, np.where(both, dx * dx + dy * dy, 0)

    def some(self, clusters: Flags) -> Stack:
        """Return the stack reduced to some of its clusters."""
        return replace(self, **{field.name: getattr(self, field.name)[clusters] for field in fields(self)})

    def exchanged(self, swapped: Flags) -> Stack:
        """Return the stack with left and right exchanged where `swapped`, which is true for both members of a pair."""
        source = np.where(swapped, self.mirror[:, None, :], np.arange(self.mirror.shape[1]))
        names = "there", "x", "y", "visibility"
        return replace(self, **{name: np.take_along_axis(getattr(self, name), source, axis=2) for name in names})

    def without_each(self) -> Stack:
        """Return a stack that contains each cluster once for each member, without that member."""
        count, members = self.member.shape
        rest = np.array([[i for i in range(members) if i != left_out] for left_out in range(members)], np.intp)
        rest = rest.reshape(members, members - 1)

        def by_member(values: NDArray[Any]) -> NDArray[Any]:
            return values[:, rest].reshape(count * members, members - 1, *values.shape[2:])

        of_members = "member", "area", "there", "x", "y", "visibility"
        of_clusters = "cluster", "label", "inverse", "mirror", "mention"
        return Stack(
            **{name: by_member(getattr(self, name)) for name in of_members},
            **{name: np.repeat(getattr(self, name), members, axis=0) for name in of_clusters},
        )


class Clusters:
    """The clusters of many images, in the order of their first members.

    Attributes:
        image: each cluster's image.
        size: each cluster's number of members.
        of: each instance's cluster.
        too_large: the clusters that exceed `MOST_CELLS`, which are in no stack.
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
        # Without return_counts, np.unique imports numpy.ma, which takes as long as a whole batch.
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
        """Yield the wanted clusters in stacks."""
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

        index, place = expanded(np.diff(poses.starts)[member].ravel())
        points = poses.starts[member.ravel()[index]] + place
        cluster = index // members
        column = self._column(chosen[cluster] * labels + poses.label[points])
        mention = np.full(label.shape, len(poses.x))
        np.minimum.at(mention.reshape(-1), cluster * columns + column, poses.position[points])
        cell = index * columns + column

        def fill_cells(values: NDArray[Any]) -> NDArray[Any]:
            table = np.zeros((*member.shape, columns), values.dtype)
            table.reshape(-1)[cell] = values
            return table

        keypoints = (fill_cells(values[points]) for values in (poses.x, poses.y, poses.visibility))
        there = fill_cells(np.ones(len(points), bool))
        return Stack(chosen, member, poses.area[member], label, inverse, mirror, mention, there, *keypoints)

    def _column(self, keys: Integers) -> Integers:
        """Return the columns of keys, which are cluster * number of labels + label."""
        cluster = keys // max(len(self.poses.labels), 1)
        return np.searchsorted(self._keys, keys) - self._first_column[cluster]
