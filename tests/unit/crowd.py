"""A crowd for tests of norms and signals: the template pose seen from all sides, its limbs a little bent."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random

from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.skeleton import parse_skeleton

PERSON = Anatomy(parse_skeleton((Path(__file__).parents[2] / "skeletons" / "coco-person.json").read_bytes()))
FACE = PERSON.names[:5]


def person(random: Random, yaw: float | None = None) -> Instance:
    """One who is turned by `yaw` degrees, 0 for a face towards the camera; a face turned away is not labelled."""
    yaw = random.uniform(-180, 180) if yaw is None else yaw
    toward = math.cos(math.radians(yaw))
    scale, x0, y0 = random.uniform(0.5, 2), random.uniform(200, 800), random.uniform(100, 300)
    middle = 62.0  # of the template pose
    found = []
    for name, (x, y) in zip(PERSON.names, PERSON.template, strict=True):
        if name in FACE and toward < 0:
            continue
        ahead = 30 * math.sin(math.radians(yaw)) if name == "nose" else 0.0
        place = ((x - middle) * toward + ahead + random.gauss(0, 4), y + random.gauss(0, 4))
        found.append(Keypoint(name, x0 + scale * place[0], y0 + scale * place[1]))
    return Instance(annotations=tuple(found))


def crowd(seed: int, count: int, yaw: float | None = None) -> list[Instance]:
    """Many of them."""
    random = Random(seed)
    return [person(random, yaw) for _ in range(count)]


def moved(instance: Instance, label: str, dx: float, dy: float) -> Instance:
    """One keypoint elsewhere, by pixels."""
    return Instance(
        annotations=tuple(
            Keypoint(k.label, k.x + dx, k.y + dy, k.visibility) if k.label == label else k for k in instance.annotations
        )
    )


def exchanged(instance: Instance, *labels: str) -> Instance:
    """Left and right exchanged in the pairs of these keypoints; of all pairs without any."""
    points = PERSON.swapped(PERSON.points(instance), [PERSON.index[label] for label in labels or PERSON.names])
    return Instance(
        annotations=tuple(
            Keypoint(name, k.x, k.y, k.visibility) for name, k in zip(PERSON.names, points, strict=True) if k
        )
    )
