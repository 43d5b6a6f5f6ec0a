"""Point tables: many instances of a skeleton as arrays, with the measures that norms and signals share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from truepoint.errors.swap_rules import FACE
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import VISIBLE, Instance
from truepoint.pose.poses import Integers, in_order
from truepoint.pose.similarity import Floats, logarithm

_SHORTEST = 1e-3  # pixels; a logarithm needs a positive length
_HEAD = ("eye", "ear")


class PointTable:
    """Instances as arrays of shape (instances, keypoints of the skeleton). Other keypoints are left out.

    Attributes:
        x, y: coordinates in pixels; 0 where the keypoint is not labelled.
        there: whether the keypoint is labelled.
        visible: whether the keypoint is labelled as visible.
    """

    def __init__(self, anatomy: Anatomy, instances: Sequence[Instance]) -> None:
        self._anatomy = anatomy
        shape = len(instances), len(anatomy.names)
        self.x, self.y = np.zeros(shape), np.zeros(shape)
        self.there, self.visible = np.zeros(shape, bool), np.zeros(shape, bool)
        index = anatomy.index
        points = [(row, k) for row, instance in enumerate(instances) for k in instance.annotations if k.label in index]
        cell = [row for row, _ in points], [index[k.label] for _, k in points]
        self.x[cell], self.y[cell] = [k.x for _, k in points], [k.y for _, k in points]
        self.there[cell], self.visible[cell] = True, [k.visibility == VISIBLE for _, k in points]

    def log_lengths(self) -> Floats:
        """Return the natural logarithms of the edges' lengths in pixels, of shape (instances, edges).

        NaN where an end of the edge is not labelled.
        """
        a, b = np.array(self._anatomy.edges, np.intp).reshape(-1, 2).T
        dx, dy = self.x[:, a] - self.x[:, b], self.y[:, a] - self.y[:, b]
        logs = logarithm(np.maximum(np.sqrt(dx * dx + dy * dy), _SHORTEST))
        return np.where(self.there[:, a] & self.there[:, b], logs, np.nan)

    def facing_offsets(self) -> Floats:
        """Return each instance's mean offset of visible eyes and ears from a visible nose towards their expected sides.

        The offset is in pixels, after turning the person upright. The expected side of the left eye and ear is the
        image's right. The offset is positive for every head that is labelled correctly, frontal or in profile.

        Returns:
            The offsets; NaN if the nose is not visible, or if no eye and no ear is.
        """
        index, sides = self._anatomy.index, (("left", 1.0), ("right", -1.0))
        named = [(index.get(f"{side}_{part}"), sign) for part in _HEAD for side, sign in sides]
        head = [(i, sign) for i, sign in named if i is not None]
        nose = index.get(FACE[0])
        if nose is None or not head:
            return np.full(len(self.x), np.nan)
        places, signs = [i for i, _ in head], np.array([sign for _, sign in head])
        visible = self.visible[:, places] & self.visible[:, [nose]]
        right_x, right_y = self._rightwards()
        across = (self.x[:, places] - self.x[:, [nose]]) * right_x + (self.y[:, places] - self.y[:, [nose]]) * right_y
        return _quotient(in_order(np.where(visible, signs * across, 0)), np.count_nonzero(visible, axis=1))

    def away_offsets(self) -> Floats:
        """Return how far each instance's left shoulder is to the left of the right one in the image.

        The offset is in pixels, after turning the person upright. It is mostly positive, because people whose faces are
        not visible usually turn their backs to the camera.

        Returns:
            The offsets; NaN if a part of the face is visible, or a shoulder is not labelled.
        """
        index = self._anatomy.index
        left, right = index.get("left_shoulder"), index.get("right_shoulder")
        if left is None or right is None or not all(name in index for name in FACE):
            return np.full(len(self.x), np.nan)
        faceless = ~self.visible[:, [index[name] for name in FACE]].any(axis=1)
        right_x, right_y = (values[:, 0] for values in self._rightwards())
        across = (self.x[:, right] - self.x[:, left]) * right_x + (self.y[:, right] - self.y[:, left]) * right_y
        return np.where(faceless & self.there[:, left] & self.there[:, right], across, np.nan)

    def _rightwards(self) -> tuple[Floats, Floats]:
        """Return x and y of the unit vectors that point right once the subjects are turned upright, as columns.

        The body's axis leads from the middle of the shoulders to the middle of the hips, as in `swap_rules.body_axis`.
        A subject without an axis counts as upright.
        """
        i, j = np.array(self._anatomy.trunk, np.intp).reshape(-1, 2).T
        if len(i) < 2:
            return np.ones((len(self.x), 1)), np.zeros((len(self.x), 1))
        whole = self.there[:, i] & self.there[:, j]
        ends = np.argmax(whole, axis=1)[:, None], len(i) - 1 - np.argmax(whole[:, ::-1], axis=1)[:, None]
        (x0, x1), (y0, y1) = (
            [np.take_along_axis((v[:, i] + v[:, j]) / 2, end, axis=1) for end in ends] for v in (self.x, self.y)
        )
        dx, dy = x1 - x0, y1 - y0
        length = np.sqrt(dx * dx + dy * dy)
        tells = (np.count_nonzero(whole, axis=1)[:, None] > 1) & (length > 0)
        length = np.where(tells, length, 1)
        return np.where(tells, dy / length, 1), np.where(tells, -dx / length, 0)


def _quotient(sums: Floats, counts: Integers) -> Floats:
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
