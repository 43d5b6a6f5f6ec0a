"""Scenes that the project renders itself: pictures of people and box trucks whose true keypoints are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from truepoint.jobs.scenes import backgrounds
from truepoint.jobs.scenes.canvas import Canvas
from truepoint.jobs.scenes.people import Facing, Person
from truepoint.jobs.scenes.poses import FRONT_POSES, SIDE_POSES, Look
from truepoint.jobs.scenes.trucks import Camera, Truck

SUBJECTS = ("person", "box-truck")
SIZES = {
    "person": ((1280, 853), (960, 960), (1600, 900), (2400, 1600), (853, 1138), (1280, 720)),
    "box-truck": ((1280, 853), (1024, 768), (1600, 900), (2400, 1600), (1200, 900), (1280, 720)),
}

_SKIN = ("#f3cfae", "#e3ad82", "#c98b5e", "#9a6440", "#6e4429", "#f0c39a")
_HAIR = ("#2a1b12", "#5b3a1e", "#8b5a2b", "#c9772b", "#1d1a1a", "#77706a", "#d8b25a")
_SHIRTS = ("#2f9e8f", "#e8a33d", "#c0504d", "#4c6fb1", "#8a5aa8", "#f1f1ec", "#d96c8a", "#3f7d4f")
_TROUSERS = ("#34495e", "#3b4a6b", "#4b5563", "#6b5844", "#25303b", "#7a8791")
_PAINT = ("#2f6fb0", "#b23a3a", "#2f7d5a", "#e0e4e8", "#d98a2b", "#4a4f57")
_BOXES = ("#f4f4f0", "#e9edf0", "#f6e7c1", "#dfe9e4")


@dataclass(frozen=True)
class Scene:
    """A picture and its truth: instances in the shape of docs/formats.md, visibility always given."""

    name: str
    image: Image.Image
    instances: list[dict[str, Any]]


def render_scenes(subject: str, count: int, seed: int) -> Iterator[Scene]:
    """Scenes one after another, six sizes in turn; the same arguments give the same pixels and the same truth.

    Args:
        subject: one of `SUBJECTS`.
        count: how many.
        seed: another seed gives other poses, looks and places.
    """
    draw = _SCENES[subject]
    for index in range(count):
        # A generator of its own per scene: how many are rendered does not change any of them. Not for secrets.
        rng = Random(f"{subject}/{seed}/{index}")  # noqa: S311
        width, height = SIZES[subject][index % 6]
        canvas = Canvas(width, height)
        subjects = draw(canvas, index, rng)
        name = f"{subject}-{index + 1:02d}.{'png' if index % 4 == 1 else 'jpg'}"
        yield Scene(name, canvas.finished(), [_instance(s, canvas) for s in subjects])


def write_scenes(folder: Path, scenes: Iterable[Scene]) -> dict[str, list[dict[str, Any]]]:
    """Write pictures and, last, truth.json, so that a folder cut short has none; returns instances by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for scene in scenes:
        scene.image.save(folder / scene.name, quality=92)
        truth[scene.name] = scene.instances
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return truth


def _instance(subject: Person | Truck, canvas: Canvas) -> dict[str, Any]:
    keypoints = [
        {"label": name, "x": round(x, 2), "y": round(y, 2), "visibility": visibility}
        for name, (x, y), visibility in subject.keypoints(canvas)
    ]
    return {"id": f"n{subject.number}", "name": "", "annotations": keypoints}


def _people_scene(canvas: Canvas, index: int, rng: Random) -> list[Person]:
    w, h = canvas.width, canvas.height
    places: tuple[Callable[[Canvas, float, Random], None], ...] = (
        backgrounds.park,
        backgrounds.hall,
        backgrounds.street,
        backgrounds.beach,
    )
    horizon = 0.40 * h
    places[index % len(places)](canvas, horizon, rng)
    count = (1, 1, 2, 4, 1, 3)[index % 6]
    people = []
    # Those farther away first: people nearer to the viewer hide them.
    for number, share in enumerate(sorted(rng.uniform(0.76, 0.93) for _ in range(count)), start=1):
        facing = _facing(index, number, rng)
        poses = FRONT_POSES if facing in ("front", "back") else SIDE_POSES
        slot = (number - 0.5) / count if count > 1 else 0.5
        ground = ((slot + rng.uniform(-0.05, 0.05)) * w, share * h)
        tall = min(0.72 * h, 0.95 * w) * (share - 0.40) / 0.50 * rng.uniform(0.92, 1.04) * (0.86 if count > 2 else 1)
        people.append(Person(number, ground, tall, facing, poses[rng.choice(list(poses))], _look(rng)))
    for person in people:
        person.draw(canvas)
    front, back = people[-1], people[0]
    if index % 6 == 2:
        wide = 0.62 * front.height
        backgrounds.bench(canvas, (front.ground[0] - wide / 2, front.ground[1] + 0.02 * h), wide)
    elif index % 6 in (3, 5):
        wide = 0.42 * back.height
        backgrounds.crates(canvas, (back.ground[0] - wide / 4, back.ground[1] + 0.03 * h), wide)
    elif index % 6 == 4:
        backgrounds.bush(canvas, (front.ground[0] + 0.16 * w, front.ground[1] + 0.03 * h), 0.4 * front.height, rng)
    return people


def _facing(index: int, number: int, rng: Random) -> Facing:
    if index % 6 == 4:
        return "back"
    if index % 6 == 1 or number % 3 == 2:
        return rng.choice(("image_left", "image_right"))
    return "front"


def _look(rng: Random) -> Look:
    return Look(
        skin=rng.choice(_SKIN),
        hair=rng.choice(_HAIR),
        shirt=rng.choice(_SHIRTS),
        trousers=rng.choice(_TROUSERS),
        shoes=rng.choice(("#343a40", "#7a4a2b", "#e9ecef")),
        long_hair=rng.random() < 0.35,
        long_sleeves=rng.random() < 0.4,
        shorts=rng.random() < 0.4,
    )


def _truck_scene(canvas: Canvas, index: int, rng: Random) -> list[Truck]:
    w, h = canvas.width, canvas.height
    horizon = 0.42 * h
    (backgrounds.depot, backgrounds.highway, backgrounds.street)[index % 3](canvas, horizon, rng)
    camera = Camera(height=2.3, focal=0.95 * w, center=(w / 2, horizon))
    two = index % 6 in (3, 5)
    turns = (145, 35, -90, 215, -40, 160)
    trucks = []
    for number in (1, 2) if two else (1,):
        yaw = turns[(index + 2 * (number - 1)) % len(turns)] + rng.uniform(-12, 12)
        far = two and number == 1
        # Wide enough for the whole truck, and near enough to fill the picture.
        distance = 19.0 if far else 13.5 if two else 11.5
        aside = (-3.4 if far else 2.6) if two else rng.uniform(-0.4, 0.4)
        paint = {"cab": rng.choice(_PAINT), "box": rng.choice(_BOXES), "stripe": rng.choice(_SHIRTS)}
        trucks.append(Truck(number, distance, aside, yaw, **paint, camera=camera))
    for truck in trucks:
        truck.draw(canvas)
    if index % 6 in (0, 5):
        # Beside the rear wheel, on the side that is seen.
        side = 1 if trucks[-1].faces_camera([(0, 1.25, 1)], (0, 1, 0)) else -1
        foot = trucks[-1].seen((-2.0, 2.1 * side, 0.0))
        backgrounds.crates(canvas, (foot[0] - 0.05 * w, foot[1]), 0.10 * w)
    return trucks


_SCENES: dict[str, Callable[[Canvas, int, Random], Sequence[Person | Truck]]] = {
    "person": _people_scene,
    "box-truck": _truck_scene,
}
