"""Standing people with COCO's keypoints, true or as a worker would mark them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import parse_skeleton

SKELETON = parse_skeleton((Path(__file__).parents[2] / "skeletons" / "coco-person.json").read_bytes())
MEASURE = sigma_table(SKELETON)
SIZE = math.sqrt(0.53 * 124 * 378)
"""Pixels: the square root of the template's area."""


def person(x: float = 0, y: float = 0, seed: int | None = None, loud: float = 1, v: int = 2) -> Instance:
    """The template pose at x, y; with a seed scattered as COCO's sigmas say, times `loud`."""
    rng = random.Random(seed)
    keypoints = []
    for k, sigma in zip(SKELETON.keypoints, SKELETON.sigmas, strict=True):
        assert k.template
        spread = sigma * SIZE * loud / math.sqrt(2) if seed is not None else 0
        keypoints.append(
            Keypoint(k.name, x + rng.gauss(k.template[0], spread), y + rng.gauss(k.template[1], spread), v)
        )
    return Instance(annotations=tuple(keypoints))


def exchanged(found: Instance, names: Sequence[str] | None = None) -> Instance:
    """With left and right exchanged, everywhere or in the named parts."""

    def other(label: str) -> str:
        part = label.partition("_")[2]
        return MEASURE.pairs.get(label, label) if names is None or part in names else label

    return Instance(annotations=tuple(Keypoint(other(k.label), k.x, k.y, k.visibility) for k in found.annotations))


def distance(a: Instance, b: Instance) -> float:
    """Mean pixels between both."""
    theirs = b.by_label
    return sum(math.dist((k.x, k.y), (theirs[k.label].x, theirs[k.label].y)) for k in a.annotations) / len(
        a.annotations
    )
