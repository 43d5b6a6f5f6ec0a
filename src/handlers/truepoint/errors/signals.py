"""Signals: how strongly each kind of evidence indicates a label error in an instance, relative to the job's norms.

Strengths of different checks are not comparable: `errors.suspicion` maps each to a probability by a curve that is
calibrated for its check.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import msgspec
import numpy as np

from truepoint.errors.checks import Fix, odd_limbs, outside_image
from truepoint.errors.norms import Norms, expected, log_sizes
from truepoint.errors.point_table import PointTable
from truepoint.errors.shape import Shape, centred
from truepoint.errors.swap_likelihood import Exchanges, whole_body
from truepoint.errors.swap_rules import swapped_sides
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance
from truepoint.pose.similarity import Floats, exponential, symmetric_oks

BORDER = 0.1
"""Distance from the image's border, relative to the subject's larger side, within which parts of the subject may be
outside the image."""

MOST_TOLD = 20
"""Maximum number of unknown keypoints listed. An instance may have any number."""


MOST_FOR_SIDES = 256
"""Maximum number of keypoints of a skeleton to which `swap_rules` is applied. Its time grows with the square."""
MOST_COMPARED = 20_000
"""Maximum number of compared pairs of an image's instances: 200 people at one spot. It bounds the time for hostile
labels."""
CELLS_AT_ONCE = 100_000
"""Sum of keypoints squared over the instances that are processed together. It bounds the memory of their matrices."""


class Signal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One kind of evidence: its strength, its keypoints, a message for people, and a proposed correction."""

    check: str
    strength: float
    keypoints: tuple[str, ...] = ()
    message: str
    fix: Fix


class SignalReader:
    """A reader of the signals in a job's instances, relative to the job's norms."""

    def __init__(self, anatomy: Anatomy, norms: Norms) -> None:
        self._anatomy = anatomy
        self._norms = norms
        self._shape = Shape(norms.shape) if norms.shape else None
        self._exchanges = Exchanges(anatomy)
        self._turn = Fix("swap", anatomy.label(left for left, _ in anatomy.pairs))
        self._sigmas = dict(zip(anatomy.names, anatomy.sigmas, strict=True))
        self._at_once = max(CELLS_AT_ONCE // max(len(anatomy.names), 1) ** 2, 1)

    def signals(
        self, instances: Sequence[Instance], sizes: Sequence[tuple[int, int] | None] | None = None
    ) -> list[list[Signal]]:
        """Return the signals of each instance, at most one per check.

        Args:
            instances: the instances.
            sizes: width and height of each instance's image in pixels, None if unknown.
        """
        sizes = sizes or [None] * len(instances)
        parts = (slice(start, start + self._at_once) for start in range(0, len(instances), self._at_once))
        return [signals for part in parts for signals in self._read(instances[part], sizes[part])]

    def between(self, instances: Sequence[Instance]) -> dict[int, Signal]:
        """Return the signals of instances that may be duplicates of others, by the duplicate's index.

        If two instances are similar, the duplicate is the one with fewer keypoints, or the later one if both have the
        same number. Only the first `MOST_COMPARED` overlapping pairs are compared.
        """
        duplicates: dict[int, Signal] = {}
        boxes = [instance.hull for instance in instances]
        compared = 0
        for (i, a), (j, b) in combinations(enumerate(instances), 2):
            # Instances whose hulls do not overlap cannot be similar.
            if not (p := boxes[i]) or not (q := boxes[j]) or not _overlap(p, q):
                continue
            compared += 1
            if compared > MOST_COMPARED:
                break
            if len(a.by_label.keys() & b.by_label.keys() & self._sigmas.keys()) < 2:
                continue
            index = i if len(a.annotations) < len(b.annotations) else j
            oks = symmetric_oks(a, b, self._sigmas)
            if index not in duplicates or oks > duplicates[index].strength:
                text = "Nearly the same as another instance"
                duplicates[index] = _signal("duplicate_instance", oks, (), text, Fix("delete"))
        return duplicates

    def _read(self, instances: Sequence[Instance], sizes: Sequence[tuple[int, int] | None]) -> Iterator[list[Signal]]:
        points = PointTable(self._anatomy, instances)
        labeled = np.count_nonzero(points.there, axis=1).tolist()
        logs = points.log_lengths()
        log_size = log_sizes(logs, self._norms.edges)
        sized = (~np.isnan(log_size)).tolist()
        size = exponential(log_size)
        flips = self._flips(points, size)
        long_limbs = self._long_limbs(logs - log_size[:, None])
        shaped = self._shaped(self._shape, points, size) if self._shape else None
        missing = self._missing(points)
        for n, instance in enumerate(instances):
            signals: list[Signal] = []
            if labeled[n] < len(instance.annotations) or not labeled[n]:
                signals += self._strays(instance)
            if labeled[n] and sized[n]:
                signals += flips[n] + long_limbs[n]
            elif labeled[n]:
                signals += self._limb_rule(instance)
            if labeled[n]:
                signals += shaped[n] if shaped and sized[n] else self._sides_rule(instance)
            box, image = instance.hull, sizes[n]
            if box and image and _at_border(box, image):
                signals += self._outside(instance, image)  # missing parts may be outside the image: they are no signal
            elif box:
                signals += missing[n]
            yield signals

    def _strays(self, instance: Instance) -> Iterator[Signal]:
        unknown = tuple(k.label for k in instance.annotations if k.label not in self._anatomy.index)
        if unknown:
            told = unknown[:MOST_TOLD]
            text = f"The skeleton does not have: {', '.join(told)}{', …' * (len(unknown) > MOST_TOLD)}"
            yield _signal("unknown_keypoints", 1.0, told, text, Fix("rename", told))
        # A drawn box without keypoints is how COCO labels a subject whose keypoints cannot be seen.
        if len(unknown) == len(instance.annotations) and (unknown or not instance.box):
            text = "No keypoint of the skeleton is placed"
            yield _signal("empty_instance", 1.0, (), text, Fix("delete"))

    def _flips(self, points: PointTable, size: Floats) -> list[list[Signal]]:
        text = "Left and right look swapped: the whole body"
        return [
            [] if math.isnan(evidence) else [_signal("flipped_body", evidence, (), text, self._turn)]
            for evidence in whole_body(points, size, self._norms).tolist()
        ]

    def _long_limbs(self, logs: Floats) -> list[list[Signal]]:
        """Return the signal of each instance's relatively longest edge, if any. `logs` are relative to the log size."""
        edges = [(n, norm) for n, norm in enumerate(self._norms.edges) if norm]
        if not edges:
            return [[] for _ in logs]
        center, above, below = np.array([(norm.center, norm.above, norm.below) for _, norm in edges]).T
        off = logs[:, [n for n, _ in edges]] - center
        z = np.where(np.isnan(off), -np.inf, off / np.where(off > 0, above, below))
        longest = np.argmax(z, axis=1).tolist()
        signals = []
        for strengths, at in zip(z.tolist(), longest, strict=True):
            names = self._anatomy.label(self._anatomy.edges[edges[at][0]])
            text = f"Very far apart for this subject: {names[0]} and {names[1]}"
            signal = _signal("long_limb", strengths[at], names, text, Fix("move", names))
            signals.append([signal] if strengths[at] > -math.inf else [])
        return signals

    def _shaped(self, shape: Shape, points: PointTable, size: Floats) -> list[list[Signal]]:
        fit = shape.fit(centred(points, np.where(np.isnan(size), 1, size)), points.there)
        misfits = fit.misfits()
        worst = misfits.shape[1] - 1 - np.argmax(misfits[:, ::-1], axis=1)
        strengths = misfits[np.arange(len(worst)), worst].tolist()
        signals = []
        for evidence, lefts, misfit, at in zip(*self._exchanges.best(fit), strengths, worst.tolist(), strict=True):
            of_one = []
            if not math.isnan(evidence):
                names = self._anatomy.label(lefts)
                text = f"Left and right look swapped: {', '.join(names)}"
                of_one.append(_signal("swapped_sides", float(evidence), names, text, Fix("swap", names)))
            names = (self._anatomy.names[at],)
            text = f"Far from its expected position: {names[0]}"
            of_one.append(_signal("misplaced_keypoint", misfit, names, text, Fix("move", names)))
            signals.append(of_one)
        return signals

    def _sides_rule(self, instance: Instance) -> Iterator[Signal]:
        if len(self._anatomy.names) > MOST_FOR_SIDES:
            return
        if swap := swapped_sides(self._anatomy, instance):
            names = self._anatomy.label(swap.indexes)
            text = f"Left and right look swapped: {'the whole body' if swap.whole else ', '.join(names)}"
            yield _signal("sides_rule", 1.0, names, text, self._turn if swap.whole else Fix("swap", names))

    def _limb_rule(self, instance: Instance) -> Iterator[Signal]:
        long = [edge for edge, is_long in odd_limbs(self._anatomy, self._anatomy.points(instance)) if is_long]
        if long:
            names = self._anatomy.label(dict.fromkeys(end for edge in long for end in edge))
            yield _signal("limb_rule", 1.0, names, f"Very far apart: {', '.join(names)}", Fix("move", names))

    def _outside(self, instance: Instance, size: tuple[int, int]) -> Iterator[Signal]:
        if outside := self._anatomy.label(outside_image(self._anatomy.points(instance), size)):
            text = f"Outside the image: {', '.join(outside)}"
            yield _signal("out_of_image", 1.0, outside, text, Fix("move", outside))

    def _missing(self, points: PointTable) -> list[list[Signal]]:
        chances = np.nan_to_num(np.where(points.there, 0, expected(self._norms, points.there)))
        likeliest = np.argmax(chances, axis=1)
        signals = []
        for at, chance in zip(likeliest.tolist(), chances[np.arange(len(chances)), likeliest].tolist(), strict=True):
            names = (self._anatomy.names[at],)
            text = f"Not labelled, although usually labelled with the other keypoints: {names[0]}"
            signals.append([_signal("missing_keypoint", chance, names, text, Fix("place", names))] if chance else [])
        return signals


def _signal(check: str, strength: float, keypoints: tuple[str, ...], message: str, fix: Fix) -> Signal:
    return Signal(check=check, strength=strength, keypoints=keypoints, message=message, fix=fix)


def _overlap(p: tuple[float, float, float, float], q: tuple[float, float, float, float]) -> bool:
    return p[0] <= q[0] + q[2] and q[0] <= p[0] + p[2] and p[1] <= q[1] + q[3] and q[1] <= p[1] + p[3]


def _at_border(box: tuple[float, float, float, float], size: tuple[int, int]) -> bool:
    near = BORDER * max(box[2], box[3])
    return box[0] < near or box[1] < near or box[0] + box[2] > size[0] - near or box[1] + box[3] > size[1] - near
