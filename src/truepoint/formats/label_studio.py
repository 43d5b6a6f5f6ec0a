"""A reader of Label Studio's JSON (https://labelstud.io/guide/export and https://labelstud.io/guide/predictions).

Coordinates are percentages of the image's size, which the regions of most files give. A keypoint belongs to the
rectangle to which a relation or `parentID` refers. Keypoints with the same note `bbox-<number>`, which Label Studio's
own YOLO model (label-studio-ml-backend) writes, are one subject. A task's other keypoints are one subject, with each
label at most once. Several annotations of a task are read as several raters.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Container, Iterable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from truepoint.formats.labels import (
    IMAGE_SUFFIXES,
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
)
from truepoint.pose.instance import OCCLUDED, pixels

SHAPE = "Label Studio JSON"
OCCLUDED_TEXT = "occluded"
"""Text in the `meta` of occluded keypoints in our own exports."""
_UPLOADED = re.compile(r"(?:^|/)upload/\d+/(?:[0-9a-f]{8}-)?([^/]+)$")
"""Path of an uploaded file. Label Studio prefixes its name with eight random digits."""
_DETECTED = re.compile(r"bbox-\d+")
"""Note in the `meta` of the keypoints and the rectangle of one detected subject."""


def is_tasks(document: Any) -> bool:
    """Return whether a JSON document is a list of Label Studio's tasks, or one task."""
    tasks = _tasks(document)
    return bool(tasks) and all(isinstance(t, dict) and isinstance(t.get("data"), dict) for t in tasks)


def is_minimal(document: Any) -> bool:
    """Return whether a JSON document is Label Studio's JSON-MIN, which lacks ids and relations."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(task, dict) and "annotation_id" in task and "annotator" in task for task in document)
    )


def read(document: Any, where: str) -> Labels:
    """Read a list of tasks, or one task.

    Raises:
        FormatError: a task has no image.
    """
    notes = Notes()
    images: dict[str, LabeledImage] = {}
    keypoints_of: dict[str, dict[str, None]] = {}
    given: list[tuple[LabeledImage, list[dict[str, Any]]]] = []
    for position, task in enumerate(_tasks(document)):
        name = _image_name(task)
        if name is None:
            data = repr(task["data"])[:80]
            raise FormatError(f"{where}: task {position}: expected data with the path of an image, got {data}")
        if name in images:
            raise FormatError(f"{where}: task {position}: expected every image once, got {name!r} again")
        answers = _answers(task, notes, name)
        width, height = _size(answers, notes, name)
        images[name] = LabeledImage(name, width=width, height=height, in_shares=True)
        given.append((images[name], answers))
    several = any(len(answers) > 1 for _, answers in given)
    for image, answers in given:
        raters = _raters(answers) if several else [""] * len(answers)
        image.raters = tuple(raters) if several else ()
        for answer, rater in zip(answers, raters, strict=True):
            for subject in _subjects(answer, image, keypoints_of, notes):
                subject.rater = rater
                image.subjects.append(subject)
    categories = [Category(name, tuple(keypoints)) for name, keypoints in keypoints_of.items()]
    return Labels(SHAPE, list(images.values()), categories, notes)


def _tasks(document: Any) -> list[Any]:
    return document if isinstance(document, list) else [document]


def _answers(task: dict[str, Any], notes: Notes, name: str) -> list[dict[str, Any]]:
    """Return the annotations of a task or, if it has none, its predictions."""
    annotations = [a for a in _list(task.get("annotations")) if isinstance(a, dict)]
    predictions = [p for p in _list(task.get("predictions")) if isinstance(p, dict)]
    kept = [a for a in annotations if not a.get("was_cancelled")]
    for _ in range(len(annotations) - len(kept)):
        notes.add("annotations left out, because they were cancelled", name)
    for _ in _list(task.get("drafts")):
        notes.add("drafts left out, because nobody submitted them", name)
    if kept and predictions:
        notes.add("predictions left out, because their image has annotations", name)
    return kept or predictions


def _size(answers: list[dict[str, Any]], notes: Notes, name: str) -> tuple[int | None, int | None]:
    """Return the image's width and height, which each region repeats; None if there are none or several."""
    regions = [_object(region) for answer in answers for region in _list(answer.get("result"))]
    sizes = {(pixels(r.get("original_width")), pixels(r.get("original_height"))) for r in regions} - {(None, None)}
    if len(sizes) > 1:
        notes.add("sizes of images left out, because the regions of an image have several", name)
    return sizes.pop() if len(sizes) == 1 else (None, None)


def _subjects(
    answer: dict[str, Any], image: LabeledImage, categories: dict[str, dict[str, None]], notes: Notes
) -> list[Subject]:
    regions = [region for region in _list(answer.get("result")) if isinstance(region, dict)]
    # If <Labels> labels the regions of <KeyPoint> and <Rectangle>, each label is a separate entry.
    labels = {_id(r): label for r in regions if r.get("type") == "labels" if (label := _label(r, "labels"))}
    subjects: dict[Any, Subject] = {}
    points: list[tuple[dict[str, Any], Instance]] = []
    for region in regions:
        name = f"{image.name} {region.get('id', '')}"
        if not _is_read(region, notes, name):
            continue
        own_label = labels.get(_id(region), "")
        if str(region["type"]).startswith("rectangle"):
            key = _id(region)  # a model's regions may have no ids, and copied regions the same
            subjects[key if key and key not in subjects else len(subjects)] = _rectangle(region, own_label, notes, name)
        elif point := _point(region, own_label, notes, name):
            points.append((region, point))
        if len(_list(_object(region.get("value")).get(region["type"]))) > 1:
            notes.add("labels left out: only the first label of a region is read", name)
    owners = _owners(regions, subjects)
    loose = Subject({"annotations": []})
    detected: dict[str, Subject] = {}
    for region, point in points:
        subject = subjects.get(owners.get(_id(region), _id(region, "parentID")), loose)
        group = next((text for text in _meta_texts(region) if _DETECTED.fullmatch(text)), None)
        if subject is loose and group is not None:
            subject = detected.setdefault(group, Subject({"annotations": []}))
        if any(k["label"] == point["label"] for k in subject.instance["annotations"]):
            notes.add(
                "keypoints left out, because their label occurs twice and nothing assigns them to an instance",
                f"{image.name} {point['label']}",
            )
            continue
        subject.instance["annotations"].append(point)
    candidates = [*subjects.values(), *detected.values(), *([loose] if loose.instance["annotations"] else [])]
    for subject in candidates:
        names = categories.setdefault(subject.category, {})
        names.update((point["label"], None) for point in subject.instance["annotations"])
    kept = [s for s in candidates if s.instance["annotations"] or "box" in s.instance]
    if number(answer.get("score")) is not None and not any(_scored(subject) for subject in kept):
        notes.add("scores of whole images left out: only scores of regions are kept", image.name)
    return kept


def _owners(regions: Iterable[dict[str, Any]], subjects: Container[Any]) -> dict[str | None, str | None]:
    """Return the rectangle's id for each keypoint's id that a relation connects with one, in either direction."""
    owners: dict[str | None, str | None] = {}
    for region in regions:
        first, second = _id(region, "from_id"), _id(region, "to_id")
        if region.get("type") == "relation" and first and second and (first in subjects) != (second in subjects):
            owners |= {first: second} if second in subjects else {second: first}
    return owners


def _scored(subject: Subject) -> bool:
    return "score" in subject.instance or any("score" in point for point in subject.instance["annotations"])


def _id(region: dict[str, Any], key: str = "id") -> str | None:
    """Return the id of a region as text; None if there is none."""
    value = region.get(key)
    return value if isinstance(value, str) else None if value is None else repr(value)


def _is_read(region: dict[str, Any], notes: Notes, name: str) -> bool:
    """Return whether a region is a keypoint or a rectangle of an image that is not rotated; otherwise note why not."""
    kind = region.get("type")
    if kind in ("relation", "labels"):
        return False
    if kind not in ("keypointlabels", "rectanglelabels", "keypoint", "rectangle"):
        notes.add(f"regions left out, because {kind!r} is neither a keypoint nor a rectangle", name)
    elif number(region.get("image_rotation")) not in (None, 0.0):
        notes.add("regions left out, because the image was rotated", name)
    else:
        return True
    return False


def _rectangle(region: dict[str, Any], own_label: str, notes: Notes, name: str) -> Subject:
    value = _object(region.get("value"))
    drawn = None
    if number(value.get("rotation")) not in (None, 0.0):
        notes.add("boxes left out, because they are rotated", name)
    else:
        sides = [number(value.get(key)) for key in ("x", "y", "width", "height")]
        drawn = box([None if side is None else side / 100 for side in sides], notes, name)
    meta = _object(region.get("meta"))
    instance: Instance = {
        key: text for key in ("id", "comment") if isinstance(text := meta.get(f"instance_{key}"), str)
    }
    instance |= {"name": (_meta_texts(region) or [""])[0], "annotations": []} | _score(region)
    if drawn and not meta.get("from_keypoints"):
        instance["box"] = drawn
    return Subject(instance, _label(region, "rectanglelabels") or own_label)


def _point(region: dict[str, Any], own_label: str, notes: Notes, name: str) -> Instance | None:
    label = _label(region, "keypointlabels") or own_label
    if not label:
        notes.add("keypoints left out, because they have no label", name)
        return None
    value = _object(region.get("value"))
    x, y = (None if (percent := number(value.get(axis))) is None else percent / 100 for axis in "xy")
    point = keypoint(label, x, y, notes, name)
    if point is None:
        return None
    if OCCLUDED_TEXT in _meta_texts(region):
        point["visibility"] = OCCLUDED
    return point | _score(region)


def _label(region: dict[str, Any], kind: str) -> str:
    labels = _list(_object(region.get("value")).get(kind))
    return labels[0] if labels and isinstance(labels[0], str) else ""


def _score(region: dict[str, Any]) -> Instance:
    score = number(region.get("score"))
    return {} if score is None else {"score": score}


def _meta_texts(region: dict[str, Any]) -> list[str]:
    return [text for text in _list(_object(region.get("meta")).get("text")) if isinstance(text, str)]


def _raters(answers: list[dict[str, Any]]) -> list[str]:
    names: list[str] = []
    for position, answer in enumerate(answers, 1):
        by = answer.get("completed_by")
        if isinstance(by, dict):
            by = by.get("email") or by.get("id")
        name = str(by or answer.get("model_version") or f"annotation {position}")
        names.append(name if name not in names else f"{name} (annotation {position})")
    return names


def _image_name(task: dict[str, Any]) -> str | None:
    data = task["data"]
    texts = [value for value in (data.get("image"), *data.values()) if isinstance(value, str) and value]
    return _first_image(_path(text) for text in texts)


def _first_image(paths: Iterable[str]) -> str | None:
    """Return the first path with the ending of an image, otherwise the first path."""
    listed = list(paths)
    images = (path for path in listed if PurePosixPath(path).suffix.lower() in IMAGE_SUFFIXES)
    return next(images, listed[0] if listed else None)


def _path(text: str) -> str:
    """Return an image's path on the server, given the reference in a task."""
    if uploaded := _UPLOADED.search(text):
        return unquote(uploaded[1])
    try:
        parts = urlsplit(text)
    except ValueError:  # not a URL, such as "http://["
        return text
    queries = parse_qs(parts.query)
    if local := queries.get("d"):
        return local[0]  # /data/local-files/?d=path
    if stored := queries.get("fileuri"):  # /tasks/1/presign/?fileuri=…
        try:
            return base64.urlsafe_b64decode(stored[0] + "==").decode()
        except (binascii.Error, UnicodeDecodeError):
            return text
    if parts.scheme == "s3":
        return text.partition("://")[2].partition("/")[2]
    return unquote(parts.path).lstrip("/") if parts.scheme in ("http", "https") else text


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
