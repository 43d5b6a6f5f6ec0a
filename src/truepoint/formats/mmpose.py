"""A reader of MMPose predictions: JSON files of its inferencer (`--pred-out-dir`) and demos (`--save-predictions`).

https://mmpose.readthedocs.io/en/latest/user_guides/inference.html

There is one file per image, named after it, with a list of instances, or one file per video, with a list of frames.
Keypoints are in the order of the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from truepoint.formats.labels import (
    Category,
    FormatError,
    Instance,
    LabeledImage,
    Labels,
    Notes,
    Subject,
    box,
    difference,
    keypoint,
    number,
    parse_json,
)

SHAPE = "MMPose predictions"
DEMO_PREFIX = "results_"
"""Prefix of the file names that MMPose's demo scripts write."""


def is_predictions(document: Any) -> bool:
    """Return whether a JSON document is a file of predictions."""
    if isinstance(document, dict) and isinstance(document.get("instance_info"), list):
        return True
    entries = _entries(document)
    return isinstance(entries, list) and bool(entries) and all(_is_instance(e) or _is_frame(e) for e in entries)


def read(files: dict[Path, Any]) -> Labels:
    """Read files of predictions, given as JSON documents by path.

    Raises:
        FormatError: an instance is malformed, or has another number of keypoints than the others.
    """
    notes = Notes()
    images: list[LabeledImage] = []
    names: tuple[str, ...] | None = None
    count: int | None = None
    for path, document in files.items():
        entries = _entries(document)
        if isinstance(document, dict):
            names = _names(document.get("meta_info")) or names
        for image, instances in _images(path, entries):
            images.append(image)
            for instance in instances:
                subject, length = _subject(instance, names, notes, f"{path.name}, {image.name}")
                if count not in (None, length):
                    raise FormatError(f"{path}: expected {count} keypoints in every instance, got {length}")
                count = length
                image.subjects.append(subject)
    count = count or 0
    if names is not None and count and len(names) != count:
        raise FormatError(f"expected {len(names)} keypoints, as meta_info names them, got {count}")
    return Labels(SHAPE, images, [Category("", names or tuple(map(str, range(count))), named=names is not None)], notes)


def find_files(folder: Path) -> list[Path]:
    """Return the JSON files of a folder. The inferencer's output folder contains them in `predictions/`."""
    inner = folder / "predictions"
    return sorted((inner if inner.is_dir() else folder).glob("*.json"))


def read_folder(folder: Path) -> Labels | None:
    """Read a folder of such files; None if it has none.

    Raises:
        FormatError: a file is malformed, or only some of the JSON files are predictions.
    """
    files = {path: parse_json(path.read_bytes(), str(path)) for path in find_files(folder)}
    # The file of an image without subjects holds an empty list.
    others = [path for path, document in files.items() if document != [] and not is_predictions(document)]
    if others and len(others) < len(files):
        raise FormatError(f"{others[0]}: expected MMPose predictions, as the folder's other files, got something else")
    return read(files) if files and not others else None


def _entries(document: Any) -> Any:
    """Return the instances or frames of a document. The inferencer nests the list of one image in another list."""
    if isinstance(document, dict):
        document = document.get("instance_info", document.get("predictions"))
    while isinstance(document, list) and len(document) == 1 and isinstance(document[0], list):
        document = document[0]
    return document


def _images(path: Path, entries: list[Any]) -> Iterator[tuple[LabeledImage, list[Any]]]:
    stem = path.stem.removeprefix(DEMO_PREFIX)
    if any(_is_frame(entry) for entry in entries):
        for entry in entries:
            frame = entry.get("frame_id")
            if type(frame) is not int or not isinstance(entry.get("instances"), list):
                raise FormatError(f"{path}: expected frames with frame_id and instances, got {repr(entry)[:80]}")
            yield LabeledImage(f"{stem}/{frame}", has_ending=False, numbered=frame), entry["instances"]
    else:
        yield LabeledImage(stem, has_ending=False), entries


def _subject(instance: Any, names: tuple[str, ...] | None, notes: Notes, where: str) -> tuple[Subject, int]:
    coordinates = instance.get("keypoints") if isinstance(instance, dict) else None
    scores = instance.get("keypoint_scores") if isinstance(instance, dict) else None
    if not isinstance(coordinates, list) or not all(isinstance(p, list) and len(p) >= 2 for p in coordinates):
        raise FormatError(
            f"{where}: expected an instance with keypoints as a list of [x, y], got {repr(instance)[:80]}"
        )
    if scores is not None and not (isinstance(scores, list) and len(scores) == len(coordinates)):
        raise FormatError(f"{where}: expected {len(coordinates)} keypoint_scores, got {repr(scores)[:80]}")
    points: list[Instance] = []
    for i, (x, y, *_) in enumerate(coordinates):
        point = keypoint(names[i] if names and i < len(names) else str(i), x, y, notes, where)
        score = number(scores[i]) if scores else None
        if scores and score is None:
            notes.add("scores left out, because they are not numbers", where)
        if point is not None:
            points.append(point if score is None else point | {"score": score})
    read: Instance = {"annotations": points}
    if "bbox" in instance and (drawn := _box(instance["bbox"], notes, where)):
        read["box"] = drawn
    score = instance.get("bbox_score")
    score = number(score[0] if isinstance(score, list) and score else score)
    if score is not None:
        read["score"] = score
    return Subject(read), len(coordinates)


def _box(corners: Any, notes: Notes, where: str) -> list[float] | None:
    corners = corners[0] if isinstance(corners, list) and corners and isinstance(corners[0], list) else corners
    values = [number(value) for value in corners] if isinstance(corners, list) and len(corners) == 4 else []
    if not values or None in values:
        return box((), notes, where)
    left, top, right, bottom = (value or 0.0 for value in values)
    return box((left, top, difference(right, left), difference(bottom, top)), notes, where)


def _names(meta: Any) -> tuple[str, ...] | None:
    """Return the keypoint names of a file's meta_info, in order."""
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if isinstance(names, list):
        names = {str(i): name for i, name in enumerate(names)}
    if not isinstance(names, dict) or not all(str(i) in names for i in range(len(names))):
        return None
    return tuple(str(names[str(i)]) for i in range(len(names)))


def _is_instance(entry: Any) -> bool:
    if not isinstance(entry, dict) or "keypoints" not in entry or "image_id" in entry:
        return False
    points = entry["keypoints"]
    return "keypoint_scores" in entry or (isinstance(points, list) and all(isinstance(point, list) for point in points))


def _is_frame(entry: Any) -> bool:
    return isinstance(entry, dict) and "frame_id" in entry and "instances" in entry
