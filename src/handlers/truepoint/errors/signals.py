"""Signals: how strongly each kind of evidence speaks for a label error in an instance, read against the job's norms.

A strength has no unit of its own: `errors.suspicion` maps it to a probability by a curve calibrated for its check.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, compress

import msgspec

from truepoint.errors.checks import Fix, odd_limbs, outside_image
from truepoint.errors.facing import log_lengths
from truepoint.errors.norms import Norms, expected, log_size
from truepoint.errors.shape import MOST_INVERSES, Shape, labelled_places
from truepoint.errors.swap_likelihood import SwapReader
from truepoint.errors.swap_rules import swapped_sides
from truepoint.pose.anatomy import Anatomy, Points
from truepoint.pose.instance import Instance
from truepoint.pose.similarity import symmetric_oks

BORDER = 0.1
"""Of a subject this share of its larger side or nearer to the image's border, parts may well be beyond it."""

MOST_TOLD = 20
"""Keypoints that the skeleton does not have: an instance may have any number."""


MOST_FOR_SIDES = 256
"""Keypoints of a skeleton up to which the rule of sides is applied: its cost grows with their square."""
MOST_COMPARED = 20_000
"""Pairs of instances of one image: 200 people in one place. A hostile label must not cost minutes."""


class Signal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One kind of evidence: how strong, of which keypoints, in plain words, and what would put it right."""

    check: str
    strength: float
    keypoints: tuple[str, ...] = ()
    message: str
    fix: Fix


class SignalReader:
    """Reads instances against the norms of their job."""

    def __init__(self, anatomy: Anatomy, norms: Norms) -> None:
        self._anatomy = anatomy
        self._norms = norms
        self._shape = Shape.of(norms.shape) if norms.shape else None
        self._swaps = SwapReader(anatomy, norms)
        self._likeliest: dict[tuple[int, ...], tuple[int, float] | None] = {}
        """By the keypoints that are there, which other is likeliest to be there too, and how likely it is."""
        self._turn = Fix("swap", anatomy.label(left for left, _ in anatomy.pairs))
        self._sigmas = dict(zip(anatomy.names, anatomy.sigmas, strict=True))

    def signals(self, instance: Instance, size: tuple[int, int] | None = None) -> list[Signal]:
        """The evidence in one instance by itself, at most one signal a check; `size` is the image's, if known."""
        points = self._anatomy.points(instance)
        there = tuple(compress(range(len(points)), points))
        signals: list[Signal] = []
        if len(there) < len(instance.annotations) or not there:
            signals += self._strays(instance)
        if there:
            signals += self._pose(instance, points)
        if (box := instance.hull) and size and _at_border(box, size):
            signals += self._outside(points, size)  # and the rest of the body may well be beyond it
        elif box:
            signals += self._missing(points, there)
        return signals

    def between(self, instances: Sequence[Instance]) -> dict[int, Signal]:
        """Return the evidence that an instance duplicates another one, by index.

        Of two similar instances, the one with fewer keypoints is the duplicate, otherwise the later one. Only the first
        `MOST_COMPARED` overlapping pairs are compared.
        """
        duplicates: dict[int, Signal] = {}
        boxes = [instance.hull for instance in instances]
        compared = 0
        for (i, a), (j, b) in combinations(enumerate(instances), 2):
            # A crowd has many pairs, and those far apart cannot be alike.
            if not (p := boxes[i]) or not (q := boxes[j]) or not _overlap(p, q):
                continue
            compared += 1
            if compared > MOST_COMPARED:
                break
            if len(a.by_label.keys() & b.by_label.keys() & self._sigmas.keys()) < 2:
                continue
            place = i if len(a.annotations) < len(b.annotations) else j
            oks = symmetric_oks(a, b, self._sigmas)
            if place not in duplicates or oks > duplicates[place].strength:
                text = "Nearly the same as another instance"
                duplicates[place] = Signal(check="duplicate_instance", strength=oks, message=text, fix=Fix("delete"))
        return duplicates

    def _strays(self, instance: Instance) -> Iterator[Signal]:
        unknown = tuple(k.label for k in instance.annotations if k.label not in self._anatomy.index)
        if unknown:
            told = unknown[:MOST_TOLD]
            text = f"The skeleton does not have: {', '.join(told)}{', …' * (len(unknown) > MOST_TOLD)}"
            yield _signal("unknown_keypoints", 1.0, told, text, Fix("rename", told))
        if len(unknown) == len(instance.annotations):
            text = "No keypoint of the skeleton is placed"
            yield _signal("empty_instance", 1.0, (), text, Fix("delete"))

    def _pose(self, instance: Instance, points: Points) -> Iterator[Signal]:
        """Sides and lengths: by the norms where there are any, else by the rules that the labelling element applies."""
        logs = log_lengths(self._anatomy, points)
        size = log_size(logs, self._norms.edges)
        if size is None:
            yield from self._limb_rule(points)
        else:
            yield from self._flip(points, math.exp(size))
            yield from self._long_limb(logs, size)
        if size is None or self._shape is None:
            yield from self._sides_rule(instance)
        else:
            yield from self._shaped(self._shape, points, math.exp(size))

    def _flip(self, points: Points, size: float) -> Iterator[Signal]:
        evidence = self._swaps.whole_body(points, size)
        if evidence is not None:
            text = "Left and right look swapped: the whole body"
            yield _signal("flipped_body", evidence, (), text, self._turn)

    def _shaped(self, shape: Shape, points: Points, size: float) -> Iterator[Signal]:
        places, there = labelled_places(points, size)
        fit = shape.fit(places, there)
        if swap := self._swaps.best_limb(fit, there):
            names = self._anatomy.label(swap[1])
            text = f"Left and right look swapped: {', '.join(names)}"
            yield _signal("swapped_sides", swap[0], names, text, Fix("swap", names))
        misfit, worst = max(zip(fit.misfits(), there, strict=True))
        names = (self._anatomy.names[worst],)
        text = f"Far from its expected position: {names[0]}"
        yield _signal("misplaced_keypoint", misfit, names, text, Fix("move", names))

    def _sides_rule(self, instance: Instance) -> Iterator[Signal]:
        if len(self._anatomy.names) > MOST_FOR_SIDES:
            return
        if swap := swapped_sides(self._anatomy, instance):
            names = self._anatomy.label(swap.indexes)
            text = f"Left and right look swapped: {'the whole body' if swap.whole else ', '.join(names)}"
            yield _signal("sides_rule", 1.0, names, text, self._turn if swap.whole else Fix("swap", names))

    def _limb_rule(self, points: Points) -> Iterator[Signal]:
        long = [edge for edge, is_long in odd_limbs(self._anatomy, points) if is_long]
        if long:
            names = self._anatomy.label(dict.fromkeys(end for edge in long for end in edge))
            yield _signal("limb_rule", 1.0, names, f"Very far apart: {', '.join(names)}", Fix("move", names))

    def _long_limb(self, logs: Sequence[float | None], size: float) -> Iterator[Signal]:
        scored = [
            (norm.z(q - size), edge)
            for edge, q, norm in zip(self._anatomy.edges, logs, self._norms.edges, strict=True)
            if q is not None and norm
        ]
        if scored:
            z, edge = max(scored)
            names = self._anatomy.label(edge)
            text = f"Very far apart for this subject: {names[0]} and {names[1]}"
            yield _signal("long_limb", z, names, text, Fix("move", names))

    def _outside(self, points: Points, size: tuple[int, int]) -> Iterator[Signal]:
        if outside := self._anatomy.label(outside_image(points, size)):
            text = f"Outside the image: {', '.join(outside)}"
            yield _signal("out_of_image", 1.0, outside, text, Fix("move", outside))

    def _missing(self, points: Points, there: tuple[int, ...]) -> Iterator[Signal]:
        if there not in self._likeliest:
            if len(self._likeliest) >= MOST_INVERSES:
                self._likeliest.clear()
            chances = {i: p for i, k in enumerate(points) if k is None and (p := expected(self._norms, points, i))}
            self._likeliest[there] = max(chances.items(), key=lambda chance: chance[1], default=None)
        if likeliest := self._likeliest[there]:
            names = (self._anatomy.names[likeliest[0]],)
            text = f"Not labelled, though mostly labelled beside the others: {names[0]}"
            yield _signal("missing_keypoint", likeliest[1], names, text, Fix("place", names))


def _signal(check: str, strength: float, keypoints: tuple[str, ...], message: str, fix: Fix) -> Signal:
    return Signal(check=check, strength=strength, keypoints=keypoints, message=message, fix=fix)


def _overlap(p: tuple[float, float, float, float], q: tuple[float, float, float, float]) -> bool:
    return p[0] <= q[0] + q[2] and q[0] <= p[0] + p[2] and p[1] <= q[1] + q[3] and q[1] <= p[1] + p[3]


def _at_border(box: tuple[float, float, float, float], size: tuple[int, int]) -> bool:
    near = BORDER * max(box[2], box[3])
    return box[0] < near or box[1] < near or box[0] + box[2] > size[0] - near or box[1] + box[3] > size[1] - near
