"""Poses: the instances that workers marked in many images, as arrays with one entry per keypoint."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

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
"""One image's answers: (worker id, instances)."""

LARGEST_TABLE = 500_000
"""Maximum number of cells of a table of labels by instances. It bounds memory, because in a hostile answer every
keypoint may have another name."""


class Poses:
    """Instances and keypoints of many images, as arrays.

    Instances are in the order of images, worker ids and the workers' own lists. Keypoints are in the order of instances
    and labels. The order is fixed because floating-point sums depend on it.

    Attributes:
        answer_counts: for each image its number of answers.
        first_answer: for each image the index of its first answer.
        worker_ids: for each answer the worker's id. Answers are in the order of images and worker ids.
        distinct_ids: the ids of all workers, sorted.
        worker_number: for each answer the index of its worker in `distinct_ids`.
        labels: the names of all keypoints and of their pairs, sorted; `label` indexes it.
        inverse: for each label 1 / (2 sigma)^2, which is COCO's k to the power of -2.
        mirror: for each label the index of its pair's label, or its own index.
        answer_index: for each instance the index of its answer, among the answers of all images.
        image: for each instance the index of its image.
        worker: for each instance the index of its worker within the image.
        area: for each instance the area in square pixels, by the rules of `similarity.area`.
        hull: for each instance left, top, right and bottom of its keypoints, in pixels.
        starts: for each instance the index of its first keypoint, then the number of keypoints.
        owner: for each keypoint the index of its instance.
        label, x, y, visibility: for each keypoint its label's index, its coordinates in pixels and COCO's v.
        position: for each keypoint its index in the workers' own order.
    """

    def __init__(self, images: Sequence[Answers], table: SigmaTable) -> None:
        self.table = table
        answers = [answer for image in images for answer in sorted(image, key=lambda answer: answer[0])]
        self.worker_ids = [worker_id for worker_id, _ in answers]
        self.distinct_ids = sorted(set(self.worker_ids))
        numbers = {worker_id: n for n, worker_id in enumerate(self.distinct_ids)}
        self.worker_number: Integers = np.array([numbers[worker_id] for worker_id in self.worker_ids], np.intp)
        self.instances = [instance for _, instances in answers for instance in instances]
        keypoints = [keypoint for instance in self.instances for keypoint in instance.annotations]
        names: defaultdict[str, int] = defaultdict(itertools.count().__next__)  # numbered by first occurrence
        name_index = np.fromiter([names[k.label] for k in keypoints], np.intp, len(keypoints))
        self.labels = sorted(names.keys() | {table.pairs[name] for name in names.keys() & table.pairs.keys()})
        number = {name: n for n, name in enumerate(self.labels)}
        doubled = 2 * np.array([table.sigma(name) for name in self.labels], float)
        self.inverse: Floats = 1 / (doubled * doubled)
        self.mirror: Integers = np.array([number[table.pairs.get(name, name)] for name in self.labels], np.intp)

        self.answer_counts: Integers = np.array([len(image) for image in images], np.intp)
        self.first_answer: Integers = np.cumsum(self.answer_counts) - self.answer_counts
        image, worker = expanded(self.answer_counts)
        self.answer_index: Integers = expanded(np.array([len(instances) for _, instances in answers], np.intp))[0]
        self.image: Integers = image[self.answer_index]
        self.worker: Integers = worker[self.answer_index]
        counts = np.array([len(instance.annotations) for instance in self.instances], np.intp)
        self.starts: Integers = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
        self.owner: Integers = np.repeat(np.arange(len(self.instances)), counts)
        count = len(keypoints)
        unordered = np.array([number[name] for name in names], np.intp)[name_index]
        self.position: Integers = np.argsort(self.owner * len(self.labels) + unordered, kind="stable")
        self.label: Integers = unordered[self.position]
        self.x: Floats = np.fromiter([k.x for k in keypoints], float, count)[self.position]
        self.y: Floats = np.fromiter([k.y for k in keypoints], float, count)[self.position]
        self.visibility = np.fromiter([k.visibility for k in keypoints], np.int8, count)[self.position]
        self.hull = self._hulls()
        self.area = self._areas()

    @cached_property
    def scaled(self) -> tuple[NDArray[np.complex128], NDArray[np.complex128]] | None:
        """The coordinates x + iy, divided by 2 sigma, by label and instance; and those of the label's pair.

        A value is NaN where the instance lacks the keypoint. Complex numbers are used because gathering values takes
        most of a comparison's time. None if a table would have more than `LARGEST_TABLE` cells.
        """
        shape = len(self.labels), len(self.instances)
        if shape[0] * shape[1] > LARGEST_TABLE:
            return None
        places = np.full((*shape, 2), np.nan)
        places[self.label, self.owner, 0], places[self.label, self.owner, 1] = self.x, self.y
        unit = np.sqrt(self.inverse)[:, None, None]
        plain, mirrored = (np.ascontiguousarray(table * unit) for table in (places, places[self.mirror]))
        return plain.view(complex)[..., 0], mirrored.view(complex)[..., 0]

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
        """Return the areas that `similarity.area` returns, in square pixels."""
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

    numpy does not document the order of additions in `numpy.sum`, and the last digit depends on it.
    """
    axis %= values.ndim
    terms = values.transpose(axis, *range(axis), *range(axis + 1, values.ndim))
    total = np.zeros(terms.shape[1:])
    for term in terms:
        total += term
    return total


def marked(count: int, indices: Collection[int] | Integers) -> Flags:
    """Return an array of `count` flags that are true at the given indices.

    np.isin is not used, because it imports numpy.ma if `indices` is empty.
    """
    flags = np.zeros(count, bool)
    flags[np.fromiter(indices, np.intp, len(indices))] = True
    return flags


def expanded(counts: Integers) -> tuple[Integers, Integers]:
    """Return, for groups of the given sizes, each member's group and its index within the group."""
    group = np.repeat(np.arange(len(counts)), counts)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)


def grouped(keys: Integers) -> Iterator[tuple[int, Integers]]:
    """Yield each distinct key in ascending order, with the indices at which it occurs."""
    order = np.argsort(keys, kind="stable")
    distinct, starts = np.unique(keys[order], return_index=True)
    for key, start, end in zip(distinct.tolist(), starts, np.append(starts, len(order))[1:], strict=True):
        yield key, order[start:end]


def median(ordered: Floats, counts: Integers | None = None) -> Floats:
    """Return medians along the last axis of sorted values.

    Args:
        ordered: values, sorted along the last axis.
        counts: the number of leading values to use in each row; None for all.
    """
    if counts is None:
        counts = np.full(ordered.shape[:-1], ordered.shape[-1])
    low = np.take_along_axis(ordered, np.maximum((counts - 1) // 2, 0)[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, (counts // 2).clip(max=ordered.shape[-1] - 1)[..., None], axis=-1)[..., 0]
    return np.where(low == high, low, (low + high) / 2)
