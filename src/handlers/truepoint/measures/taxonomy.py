"""Taxonomy: what kind of error a label is, against a reference.

Families and thresholds of Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation" (ICCV
2017) and of their coco-analyze; missing, extra and visibility are ours.
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
"""Share of the reference's longer side, as MMPose has it: what is nearer counts as correct (PCK)."""
GOOD = 0.85
NEAR = 0.5
AT_ONCE = 200_000
"""Comparisons with keypoints of other bodies in memory at a time."""

Kind = Literal["good", "jitter", "inversion", "swap", "miss", "missing", "extra", "visibility"]
"""Where a labelled keypoint of the reference is: near enough (good), near (jitter), on the other side of the same body
(inversion), on another body (swap), nowhere (miss) or not labelled (missing). Beside these: labelled where the
reference has nothing (extra), and labelled as visible or occluded against the reference (visibility)."""
KINDS: tuple[Kind, ...] = ("good", "jitter", "inversion", "swap", "miss", "missing", "extra", "visibility")


class Bodies(NamedTuple):
    """The references of answers, with one entry per keypoint.

    An entry has the answer that it is a reference for, the body that it belongs to, the label and the position.
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
        answer, body: by subject the answer that it is part of, and which body of `Bodies` its reference is.
        area: by subject that of the reference.
        label, inverse, mirror: by subject and column, as in `consensus.stack.Stack`.
        there, x, y, visibility: of the answer, by subject and column.
        reference_there, reference_x, reference_y, reference_visibility: of the reference.
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
        """By subject and column whether answer and reference have the keypoint."""
        return self.there & self.reference_there

    @cached_property
    def offsets(self) -> tuple[Floats, Floats]:
        """By subject and column how far the answer's keypoint is from the reference's, in pixels; 0 if it has none."""
        both = self.both
        return np.where(both, self.x - self.reference_x, 0), np.where(both, self.y - self.reference_y, 0)

    @cached_property
    def distances(self) -> Floats:
        """The length of `offsets`."""
        dx, dy = self.offsets
        return np.asarray(np.sqrt(dx * dx + dy * dy))

    @property
    def close(self) -> Flags:
        """By subject and column whether the distance is below PCK's limit."""
        there = self.reference_there
        longer = np.full(len(self.area), SMALLEST_SIDE)
        for values in (self.reference_x, self.reference_y):
            least = np.min(np.where(there, values, np.inf), axis=1, initial=np.inf)
            longer = np.maximum(longer, np.max(np.where(there, values, -np.inf), axis=1, initial=-np.inf) - least)
        return self.distances < (PCK_SHARE * longer)[:, None]

    @cached_property
    def similarities(self) -> Floats:
        """By subject and column COCO's similarity, with the area of the reference; 0 where the answer has no keypoint.

        Their mean over the keypoints of the reference is COCO's OKS.
        """
        dx, dy = self.offsets
        return np.where(self.both, falloff((dx * dx + dy * dy) * self._scale), 0)

    @property
    def _scale(self) -> Floats:
        return np.asarray(self.inverse / (2 * self.area)[:, None])

    def kinds(self, bodies: Bodies, pair_of: Integers) -> dict[Kind, Flags]:
        """Return by kind the subjects and columns that have it; a visibility error comes beside the place's kind.

        Args:
            bodies: of all answers in the comparison, in the order of answers, bodies and labels.
            pair_of: by label the label of its pair, or itself.
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
        """Return the similarity of keypoints with the other side of their references."""
        other = self.mirror[subject, column]
        dx = self.x[subject, column] - self.reference_x[subject, other]
        dy = self.y[subject, column] - self.reference_y[subject, other]
        there = self.reference_there[subject, other] & (other != column)
        return np.where(there, falloff((dx * dx + dy * dy) * self._scale[subject, column]), 0)

    def _elsewhere(self, subject: Integers, column: Integers, bodies: Bodies, pair_of: Integers) -> Floats:
        """Return the largest similarity of keypoints with the same keypoint, or the other side's, of other bodies."""
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
                which, place = expanded((end - begin)[part])
                which += start
                point = order[begin[which] + place]
                other = bodies.body[point] != self.body[subject[which]]
                which, point = which[other], point[other]
                dx, dy = x[which] - bodies.x[point], y[which] - bodies.y[point]
                np.maximum.at(best, which, falloff((dx * dx + dy * dy) * scale[which]))
        return best
