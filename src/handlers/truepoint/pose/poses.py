"""Poses: the instances that workers marked in many images, as arrays with one entry a keypoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from truepoint.pose.instance import Instance
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import (
    BOX_TO_AREA,
    LEAST_BOX_SIDE,
    LONE_KEYPOINT_SIDE,
    SMALLEST_SIDE,
    THINNEST_BOX,
    Floats,
)

Integers = NDArray[np.intp]
Flags = NDArray[np.bool_]

Answers = Sequence[tuple[str, Sequence[Instance]]]
"""One image's instances, by worker id."""

LARGEST_TABLE = 500_000
"""Cells of a table of all labels and instances: a hostile answer names each keypoint once."""


class Poses:
    """Instances and keypoints of many images, as arrays.

    Instances are in the order of images, worker ids and the workers' own lists. Keypoints are in the order of instances
    and labels. The order is fixed because floating-point sums depend on it.

    Attributes:
        answers: by image what it was made from, in the order of worker ids.
        labels: the names of all keypoints and of their pairs, in rising order; `label` indexes it.
        inverse, mirror: by label 1 / (2 sigma)^2, COCO's k to the power of -2, and the label of the pair, or itself.
        image, worker, area, hull: by instance. `worker` counts within an image, `hull` has left, top, right, bottom.
        starts: where an instance's keypoints begin, and where the last ones end.
        owner, label, x, y, visibility: by keypoint. `position` is its place in the workers' own order.
    """

    def __init__(self, images: Sequence[Answers], table: SigmaTable) -> None:
        self.table = table
        self.answers = [sorted(answers, key=lambda answer: answer[0]) for answers in images]
        given = [instances for answers in self.answers for _, instances in answers]
        self.instances = list(chain.from_iterable(given))
        keypoints = list(chain.from_iterable([instance.annotations for instance in self.instances]))
        names = [k.label for k in keypoints]
        distinct = set(names)
        self.labels = sorted(distinct | {table.pairs[name] for name in distinct & table.pairs.keys()})
        number = {name: n for n, name in enumerate(self.labels)}
        doubled = 2 * np.array([table.sigma(name) for name in self.labels], float)
        self.inverse: Floats = 1 / (doubled * doubled)
        self.mirror: Integers = np.array([number[table.pairs.get(name, name)] for name in self.labels], np.intp)

        answering = [image for image, answers in enumerate(self.answers) for _ in answers]
        places = [worker for answers in self.answers for worker in range(len(answers))]
        marked = [len(instances) for instances in given]
        self.image: Integers = np.repeat(np.array(answering, np.intp), marked)
        self.worker: Integers = np.repeat(np.array(places, np.intp), marked)
        counts = np.array([len(instance.annotations) for instance in self.instances], np.intp)
        self.starts: Integers = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
        self.owner: Integers = np.repeat(np.arange(len(self.instances)), counts)
        unordered = np.array([number[name] for name in names], np.intp)
        self.position: Integers = np.lexsort((unordered, self.owner))
        self.label: Integers = unordered[self.position]
        self.x: Floats = np.array([k.x for k in keypoints], float)[self.position]
        self.y: Floats = np.array([k.y for k in keypoints], float)[self.position]
        self.visibility = np.array([k.visibility for k in keypoints], np.int8)[self.position]
        self.hull = self._hulls()
        self.area = self._areas()

    @cached_property
    def places(self) -> tuple[Floats, Floats] | None:
        """Coordinates by label and instance, NaN where an instance lacks the keypoint.

        None if the arrays would be much larger than the poses.
        """
        shape = len(self.labels), len(self.instances)
        if shape[0] * shape[1] > LARGEST_TABLE:
            return None
        x, y = np.full(shape, np.nan), np.full(shape, np.nan)
        x[self.label, self.owner], y[self.label, self.owner] = self.x, self.y
        return x, y

    def _hulls(self) -> Floats:
        hull = np.zeros((len(self.instances), 4))
        some = np.flatnonzero(np.diff(self.starts))
        if len(some):
            first = self.starts[some]
            for side, (least, values) in enumerate(
                ((np.minimum, self.x), (np.minimum, self.y), (np.maximum, self.x), (np.maximum, self.y))
            ):
                hull[some, side] = least.reduceat(values, first)
        return hull

    def _areas(self) -> Floats:
        """Return the areas of `similarity.area`."""
        box = np.array([instance.box or (0, 0, 0, 0) for instance in self.instances], float).reshape(-1, 4)
        width, height = self.hull[:, 2] - self.hull[:, 0], self.hull[:, 3] - self.hull[:, 1]
        longer = np.maximum(width, height)
        floor = np.maximum(SMALLEST_SIDE, THINNEST_BOX * longer)
        areas = BOX_TO_AREA * np.maximum(width, floor) * np.maximum(height, floor)
        areas[longer == 0] = self.table.lone_area or BOX_TO_AREA * LONE_KEYPOINT_SIDE**2
        boxed = np.minimum(box[:, 2], box[:, 3]) >= LEAST_BOX_SIDE
        areas[boxed] = BOX_TO_AREA * box[boxed, 2] * box[boxed, 3]
        return areas


def in_order(values: Floats, axis: int = -1) -> Floats:
    """Return sums along an axis, added from the first value to the last.

    numpy does not document the order in which its own sum adds.
    """
    axis %= values.ndim
    terms = values.transpose(axis, *range(axis), *range(axis + 1, values.ndim))
    total = np.zeros(terms.shape[1:])
    for term in terms:
        total += term
    return total


def expanded(counts: Integers) -> tuple[Integers, Integers]:
    """Return for groups of these sizes the group of each member, and its place within the group."""
    group = np.repeat(np.arange(len(counts)), counts)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)


def grouped(keys: Integers) -> Iterator[tuple[int, Integers]]:
    """Return each key, in rising order, and where it is."""
    order = np.argsort(keys, kind="stable")
    distinct, starts = np.unique(keys[order], return_index=True)
    for key, start, end in zip(distinct.tolist(), starts, np.append(starts, len(order))[1:], strict=True):
        yield key, order[start:end]


def median(ordered: Floats, counts: Integers | None = None) -> Floats:
    """Return medians along the last axis of values in rising order, of all or of the first `counts`."""
    if counts is None:
        counts = np.full(ordered.shape[:-1], ordered.shape[-1])
    low = np.take_along_axis(ordered, np.maximum((counts - 1) // 2, 0)[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, (counts // 2).clip(max=ordered.shape[-1] - 1)[..., None], axis=-1)[..., 0]
    return np.where(low == high, low, (low + high) / 2)
