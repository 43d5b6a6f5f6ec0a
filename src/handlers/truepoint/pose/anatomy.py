"""The anatomy of a skeleton: sides, pairs, edges by index, and the keypoints beyond each keypoint.

src/ui/lib/skeleton.js derives the same from the element's attributes. The cases in tests/cases test both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.names import is_left_of
from truepoint.pose.skeleton import Skeleton

Points = Sequence[Keypoint | None]
"""One entry per keypoint of the skeleton, in the skeleton's order; None for a keypoint that is not labelled."""

_TRUNK = re.compile("shoulder|hip", re.IGNORECASE)


class Anatomy:
    """A skeleton whose keypoints are given by index.

    Attributes:
        pairs: (left, right) indices, in the order of the left members.
        trunk: the pairs of shoulders and hips.
        edges: pairs of indices.
        other_side: for each keypoint the index of its left/right counterpart, or its own.
        hanging: for each keypoint the keypoints that would be disconnected from the body without it: elbow and wrist
            for a shoulder.
        limbs: the sets of pairs whose sides may be exchanged together, smaller ones first.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.names = skeleton.keypoint_names
        self.sigmas = skeleton.sigmas
        self.index = skeleton.keypoint_index
        self.edges = tuple((self.index[a], self.index[b]) for a, b, *_ in skeleton.edges if a != b)
        self.template = tuple(k.template or (0.0, 0.0) for k in skeleton.keypoints)
        self.other_side = skeleton.flip_indices
        # If the names of a pair do not indicate sides, the first one counts as left.
        pairs = [
            (i, j) if is_left_of(self.names[i], self.names[j]) else (j, i)
            for i, j in enumerate(self.other_side)
            if i < j
        ]
        self.pairs = tuple(sorted(pairs))
        self.trunk = tuple(pair for pair in self.pairs if _TRUNK.search(self.names[pair[0]]))
        self.hanging = tuple(_hanging(i, len(self.names), self.edges) for i in range(len(self.names)))
        pair_of = {i: pair for pair in self.pairs for i in pair}
        limbs = {frozenset(pair_of[i] for i in self.chain(left) if i in pair_of) for left, _ in self.pairs}
        limbs |= {frozenset([pair]) for pair in self.pairs}
        self.limbs = sorted((sorted(limb) for limb in limbs), key=lambda limb: (len(limb), limb))

    def points(self, instance: Instance) -> list[Keypoint | None]:
        """Return the instance's keypoints in the skeleton's order, without keypoints that the skeleton lacks."""
        by_label = instance.by_label
        return [by_label.get(name) for name in self.names]

    def chain(self, index: int) -> tuple[int, ...]:
        """Return the keypoints of a limb and of its counterpart, from the given keypoint outwards.

        Exchanging left and right of these keypoints exchanges whole arms or legs.
        """
        other = self.other_side[index]
        starts = (index,) if other == index else (index, other)
        members = [i for start in starts for i in (start, *self.hanging[start])]
        return tuple(dict.fromkeys(members))

    def swapped(self, points: Points, indexes: Iterable[int]) -> list[Keypoint | None]:
        """Return the points with left and right exchanged in every pair that contains one of `indexes`."""
        changed = list(points)
        for i in {min(i, self.other_side[i]) for i in indexes}:
            j = self.other_side[i]
            changed[i], changed[j] = points[j], points[i]
        return changed

    def label(self, indexes: Iterable[int]) -> tuple[str, ...]:
        """Return the names of keypoints."""
        return tuple([self.names[i] for i in indexes])


def _hanging(start: int, count: int, edges: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return the keypoints that are disconnected from the largest remaining part of the graph without `start`."""
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        neighbours[a].append(b)
        neighbours[b].append(a)
    visited = {start}
    pieces: list[list[int]] = []
    for first in neighbours[start]:
        if first in visited:
            continue
        piece = [first]
        visited.add(first)
        for at in piece:
            for following in neighbours[at]:
                if following not in visited:
                    visited.add(following)
                    piece.append(following)
        pieces.append(piece)
    pieces.sort(key=len, reverse=True)
    return tuple(i for piece in pieces[1:] for i in piece)
