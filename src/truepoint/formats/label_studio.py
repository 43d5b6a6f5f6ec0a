"""A reader of Label Studio's JSON.

https://labelstud.io/guide/export and https://labelstud.io/guide/predictions

Places are percent of the image. A keypoint belongs to the rectangle that a relation, or `parentID`, ties it to; a
task's loose keypoints are one subject if no label is there twice. Several annotations of a task are several raters.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from truepoint.formats.labels import (
    Category,
    FormatError,
    Instance,
    LabeledImage,
    Labels,
    Notes,
    Subject,
    box,
    keypoint,
    number,
    scaled,
)
from truepoint.pose.instance import OCCLUDED

SHAPE = "Label Studio JSON"
OCCLUDED_TEXT = "occluded"
"""Our own exports write it into the `meta` of occluded keypoints."""
_UPLOADED = re.compile(r"(?:^|/)upload/\d+/(?:[0-9a-f]{8}-)?([^/]+)$")
"""Label Studio puts eight random digits in front of the name of an uploaded file."""


def is_tasks(document: Any) -> bool:
    """Return whether a JSON document is a list of Label Studio's tasks."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(t, dict) and isinstance(t.get("data"), dict) for t in document)
    )


def read(document: list[dict[str, Any]], where: str) -> Labels:
    """Read a list of tasks.

    Raises:
        FormatError: a task has no image.
    """
    notes = Notes()
    images: dict[str, LabeledImage] = {}
    found: dict[str, dict[str, None]] = {}
    for place, task in enumerate(document):
        name = _image_name(task)
        if name is None:
            found_data = repr(task["data"])[:80]
            raise FormatError(f"{where}: task {place}: expected data with the path of an image, got {found_data}")
        if name in images:
            raise FormatError(f"{where}: task {place}: expected every image once, got {name!r} again")
        image = images[name] = LabeledImage(name)
        answers = [a for a in _list(task.get("annotations")) if isinstance(a, dict)]
        for answer in answers:
            if answer.get("was_cancelled"):
                notes.add("annotations left out, because they were cancelled", name)
        answers = [a for a in answers if not a.get("was_cancelled")]
        predictions = [p for p in _list(task.get("predictions")) if isinstance(p, dict)]
        if answers and predictions:
            notes.add("predictions left out, because their image has annotations", name)
        given = answers or predictions
        raters = _raters(given) if len(given) > 1 else [""]
        image.raters = tuple(raters) if len(given) > 1 else ()
        for answer, rater in zip(given, raters, strict=False):
            for subject in _subjects(answer, image, found, notes):
                subject.rater = rater
                image.subjects.append(subject)
    categories = [Category(name, tuple(keypoints)) for name, keypoints in found.items()]
    return Labels(SHAPE, list(images.values()), categories, notes)


def _subjects(
    answer: dict[str, Any], image: LabeledImage, categories: dict[str, dict[str, None]], notes: Notes
) -> list[Subject]:
    regions = [region for region in _list(answer.get("result")) if isinstance(region, dict)]
    owners = {r.get("from_id"): r.get("to_id") for r in regions if r.get("type") == "relation"}
    subjects: dict[Any, Subject] = {}
    points: list[tuple[Any, Instance]] = []
    for region in regions:
        name = f"{image.name} {region.get('id', '')}"
        size = _size(region, notes, name)
        if size is None:
            continue
        image.width, image.height = int(size[0]), int(size[1])
        if str(region["type"]).startswith("rectangle"):
            subjects[region.get("id")] = _rectangle(region, size, notes, name)
        elif point := _point(region, size, notes, name):
            points.append((owners.get(region.get("id"), region.get("parentID")), point))
    loose = Subject({"annotations": []})
    for owner, point in points:
        subject = subjects.get(owner, loose)
        if any(k["label"] == point["label"] for k in subject.instance["annotations"]):
            notes.add(
                "keypoints left out, because their label is there twice and nothing ties them to a subject",
                f"{image.name} {point['label']}",
            )
            continue
        subject.instance["annotations"].append(point)
    found = [*subjects.values(), *([loose] if loose.instance["annotations"] else [])]
    for subject in found:
        names = categories.setdefault(subject.category, {})
        names.update((point["label"], None) for point in subject.instance["annotations"])
    return [s for s in found if s.instance["annotations"] or "box" in s.instance]


def _size(region: dict[str, Any], notes: Notes, name: str) -> tuple[float, float] | None:
    """Return the image's size as a keypoint or a rectangle says it; None, with a note, of other regions."""
    kind = region.get("type")
    width, height = number(region.get("original_width")), number(region.get("original_height"))
    if kind == "relation":
        return None
    if kind not in ("keypointlabels", "rectanglelabels", "keypoint", "rectangle"):
        notes.add(f"regions left out, because {kind!r} is neither a keypoint nor a rectangle", name)
    elif not width or not height:
        notes.add("regions left out, because they do not say the image's size", name)
    elif number(region.get("image_rotation")) not in (None, 0.0):
        notes.add("regions left out, because the image was turned", name)
    else:
        return width, height
    return None


def _rectangle(region: dict[str, Any], size: tuple[float, float], notes: Notes, name: str) -> Subject:
    value = _object(region.get("value"))
    drawn = None
    if number(value.get("rotation")) not in (None, 0.0):
        notes.add("boxes left out, because they are turned", name)
    else:
        sides = [number(value.get(key)) for key in ("x", "y", "width", "height")]
        drawn = box([None if s is None else scaled(s / 100, size[i % 2]) for i, s in enumerate(sides)], notes, name)
    meta = _object(region.get("meta"))
    instance: Instance = {key: meta[f"instance_{key}"] for key in ("id", "comment") if f"instance_{key}" in meta}
    instance |= {"name": (_meta_texts(region) or [""])[0], "annotations": []} | _score(region)
    if drawn and not meta.get("from_keypoints"):
        instance["box"] = drawn
    labels = _list(value.get("rectanglelabels"))
    return Subject(instance, str(labels[0]) if labels else "")


def _point(region: dict[str, Any], size: tuple[float, float], notes: Notes, name: str) -> Instance | None:
    value = _object(region.get("value"))
    labels = _list(value.get("keypointlabels"))
    if not labels or not isinstance(labels[0], str):
        notes.add("keypoints left out, because they have no label", name)
        return None
    x, y = number(value.get("x")), number(value.get("y"))
    place = (None if x is None else scaled(x / 100, size[0])), (None if y is None else scaled(y / 100, size[1]))
    point = keypoint(labels[0], *place, notes, name)
    if point is None:
        return None
    if OCCLUDED_TEXT in _meta_texts(region):
        point["visibility"] = OCCLUDED
    return point | _score(region)


def _score(region: dict[str, Any]) -> Instance:
    score = number(region.get("score"))
    return {} if score is None else {"score": score}


def _meta_texts(region: dict[str, Any]) -> list[str]:
    return [text for text in _list(_object(region.get("meta")).get("text")) if isinstance(text, str)]


def _raters(answers: list[dict[str, Any]]) -> list[str]:
    names: list[str] = []
    for place, answer in enumerate(answers):
        by = answer.get("completed_by")
        if isinstance(by, dict):
            by = by.get("email") or by.get("id")
        name = str(by or answer.get("model_version") or f"annotation {place + 1}")
        names.append(name if name not in names else f"{name} (annotation {place + 1})")
    return names


def _image_name(task: dict[str, Any]) -> str | None:
    data = task["data"]
    texts = [value for value in (data.get("image"), *data.values()) if isinstance(value, str) and value]
    if not texts:
        return None
    text = texts[0]
    if uploaded := _UPLOADED.search(text):
        return unquote(uploaded[1])
    parts = urlsplit(text)
    if local := parse_qs(parts.query).get("d"):
        return local[0]  # /data/local-files/?d=path
    if parts.scheme == "s3":
        return text.partition("://")[2].partition("/")[2]
    return unquote(parts.path).lstrip("/") if parts.scheme in ("http", "https") else text


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
