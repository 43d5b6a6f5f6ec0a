"""Taxonomy: the kinds of errors of labels compared with a reference.

Kinds and thresholds are those of Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose
Estimation" (ICCV 2017) and of their tool coco-analyze. We added the kinds missing, extra and visibility.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from truepoint.pose.poses import Flags, Integers, expanded
from truepoint.pose.similarity import SMALLEST_SIDE, Floats, falloff

PCK_SHARE = 0.1
"""Distance within which a keypoint counts as correct (PCK), relative to the longer side of the reference, as in
MMPose."""
GOOD = 0.85
"""Similarity above which a keypoint is good (Ronchi and Perona)."""
NEAR = 0.5
"""Minimum similarity for the kinds jitter, inversion and swap (Ronchi and Perona)."""
AT_ONCE = 200_000
"""Number of comparisons with keypoints of other bodies in memory at a time."""

Kind = Literal["good", "jitter", "inversion", "swap", "miss", "missing", "extra", "visibility"]
"""The kind of a keypoint.

For a keypoint of the reference, the answer's keypoint is

- `good`: near enough,
- `jitter`: near,
- `inversion`: at the other side of the same body,
- `swap`: at a keypoint of another body,
- `miss`: at none of these, or
- `missing`: not labelled.

`extra` is a keypoint that the reference lacks. `visibility` is a keypoint whose visibility differs from the
reference's; it occurs beside the other kinds.
"""
KINDS: tuple[Kind, ...] = ("good", "jitter", "inversion", "swap", "miss", "missing", "extra", "visibility")


class Bodies(NamedTuple):
    """The references of answers, as arrays with one entry per keypoint.

    Attributes:
        answer: the answer for which the keypoint is a reference.
        body: the body of the keypoint.
        label: the keypoint's label.
        x, y: coordinates in pixels.
    """

    answer: Integers
    body: Integers
    label: Integers
    x: Floats
    y: Floats


@dataclass(frozen=True)
class Comparisons:
    """Subjects of answers, each compared with its reference.

    Attributes:
        answer: each subject's answer.
        body: each subject's reference, as the number of a body in `Bodies`.
        area: the area of each subject's reference, in square pixels.
        label, inverse, mirror: as in `consensus.stack.Stack`, of shape (subjects, columns), as all of the following.
        there, x, y, visibility: the answer's keypoints.
        reference_there, reference_x, reference_y, reference_visibility: the reference's keypoints.
    """

    answer: Integers
    body: Integers
    area: Floats
    label: Integers
    inverse: Floats
    mirror: Integers
    there: Flags
    x: Floats
    y: Floats
    visibility: NDArray[np.int8]
    reference_there: Flags
    reference_x: Floats
    reference_y: Floats
    reference_visibility: NDArray[np.int8]

    @cached_property
    def both(self) -> Flags:
        """Whether both answer and reference have the keypoint; shape (subjects, columns)."""
        return self.there & self.reference_there

    @cached_property
    def offsets(self) -> tuple[Floats, Floats]:
        """The differences in x and y of the answer's keypoint from the reference's, in pixels; 0 if one is missing.

        Both have shape (subjects, columns).
        """
        both = self.both
        return np.where(both, self.x - self.reference_x, 0), np.where(both, self.y - self.reference_y, 0)

    @cached_property
    def distances(self) -> Floats:
        """The lengths of `offsets`, in pixels."""
        dx, dy = self.offsets
        return np.asarray(np.sqrt(dx * dx + dy * dy))

    @property
    def close(self) -> Flags:
        """Whether the distance is below the limit of PCK; shape (subjects, columns)."""
        there = self.reference_there
        longer = np.full(len(self.area), SMALLEST_SIDE)
        for values in (self.reference_x, self.reference_y):
            least = np.min(np.where(there, values, np.inf), axis=1, initial=np.inf)
            longer = np.maximum(longer, np.max(np.where(there, values, -np.inf), axis=1, initial=-np.inf) - least)
        return self.distances < (PCK_SHARE * longer)[:, None]

    @cached_property
    def similarities(self) -> Floats:
        """COCO's similarity of each keypoint, with the reference's area, of shape (subjects, columns).

        It is 0 if the answer lacks the keypoint. The mean over the keypoints of the reference is COCO's OKS.
        """
        dx, dy = self.offsets
        return np.where(self.both, falloff((dx * dx + dy * dy) * self._scale), 0)

    @property
    def _scale(self) -> Floats:
        return np.asarray(self.inverse / (2 * self.area)[:, None])

    def kinds(self, bodies: Bodies, pair_of: Integers) -> dict[Kind, Flags]:
        """Return for each kind which keypoints have it, of shape (subjects, columns).

        Args:
            bodies: the references of all compared answers.
            pair_of: for each label the label of its pair, or the label itself.
        """
        both, same = self.both, self.similarities
        open_ = both & (same <= GOOD)
        subject, column = np.nonzero(open_)
        inverted, best = np.zeros(same.shape), same.copy()
        inverted[open_] = self._inverted(subject, column)
        best[open_] = np.maximum(best[open_], inverted[open_])
        best[open_] = np.maximum(best[open_], self._elsewhere(subject, column, bodies, pair_of))
        near = open_ & (best >= NEAR)
        other_side = near & (same < best) & (inverted == best)
        return {
            "good": both & ~open_,
            "jitter": near & (same == best),
            "inversion": other_side,
            "swap": near & (same < best) & ~other_side,
            "miss": open_ & ~near,
            "missing": self.reference_there & ~self.there,
            "extra": self.there & ~self.reference_there,
            "visibility": both & (self.visibility != self.reference_visibility),
        }

    def _inverted(self, subject: Integers, column: Integers) -> Floats:
        """Return the similarity of keypoints with the opposite side of their references."""
        other = self.mirror[subject, column]
        dx = self.x[subject, column] - self.reference_x[subject, other]
        dy = self.y[subject, column] - self.reference_y[subject, other]
        there = self.reference_there[subject, other] & (other != column)
        return np.where(there, falloff((dx * dx + dy * dy) * self._scale[subject, column]), 0)

    def _elsewhere(self, subject: Integers, column: Integers, bodies: Bodies, pair_of: Integers) -> Floats:
        """Return the largest similarity of keypoints with the same keypoint, or its pair, of another body."""
        best = np.zeros(len(subject))
        if not len(bodies.x):
            return best
        keys = bodies.answer * len(pair_of) + bodies.label
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        label = self.label[subject, column]
        scale, x, y = self._scale[subject, column], self.x[subject, column], self.y[subject, column]
        for side in (label, np.where(pair_of[label] == label, -1, pair_of[label])):
            wanted = np.where(side < 0, -1, self.answer[subject] * len(pair_of) + side)
            begin, end = np.searchsorted(ordered, wanted), np.searchsorted(ordered, wanted, side="right")
            step = max(AT_ONCE // max(int((end - begin).max(initial=1)), 1), 1)
            for start in range(0, len(subject), step):
                part = slice(start, start + step)
                which, index = expanded((end - begin)[part])
                which += start
                point = order[begin[which] + index]
                other = bodies.body[point] != self.body[subject[which]]
                which, point = which[other], point[other]
                dx, dy = x[which] - bodies.x[point], y[which] - bodies.y[point]
                np.maximum.at(best, which, falloff((dx * dx + dy * dy) * scale[which]))
        return best
