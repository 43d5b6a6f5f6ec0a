"""A reader of SLEAP projects (`.slp`), using sleap-io of SLEAP's authors (https://io.sleap.ai).

A point with coordinates that is not visible is occluded (visibility 1). The instance's name is its track's name.
Predictions that a person's labels replaced are left out.
"""

from __future__ import annotations

import importlib
import math
import struct
from pathlib import Path, PurePosixPath
from typing import Any

from truepoint.formats.labels import (
    Category,
    FormatError,
    Instance,
    LabeledImage,
    Labels,
    Notes,
    Subject,
    keypoint,
    number,
)
from truepoint.pose.instance import OCCLUDED, VISIBLE

SHAPE = "SLEAP project"
SINGLE_DIGITS = 9
"""Number of significant decimal digits that distinguish all 32-bit floats."""
NEEDED = "SLEAP's format needs sleap-io, which is not installed: pip install sleap-io"


def read(path: Path) -> Labels:
    """Read a project.

    Raises:
        FormatError: sleap-io is not installed or cannot read the file.
    """
    try:
        sleap_io = importlib.import_module("sleap_io")
    except ImportError as error:
        raise FormatError(f"{path}: {NEEDED}") from error
    try:
        project = sleap_io.load_slp(str(path), open_videos=False)
    except Exception as error:
        raise FormatError(f"{path}: expected a SLEAP project, got something else: {error}") from error
    notes = Notes()
    images: dict[str, LabeledImage] = {}
    for frame in project.labeled_frames:
        image = _image(frame)
        image = images.setdefault(image.name, image)
        replaced = {id(i.from_predicted) for i in frame.instances if getattr(i, "from_predicted", None) is not None}
        for instance in frame.instances:
            if id(instance) in replaced:
                notes.add("predictions left out, because a person replaced them", image.name)
                continue
            image.subjects.append(_subject(instance, notes, image.name))
    categories = [
        Category(s.name or "", tuple(s.node_names), edges=tuple((int(a), int(b)) for a, b in s.edge_inds))
        for s in project.skeletons
    ]
    return Labels(SHAPE, list(images.values()), categories, notes)


def _subject(instance: Any, notes: Notes, where: str) -> Subject:
    predicted = type(instance).__name__ == "PredictedInstance"
    points: list[Instance] = []
    for row in instance.points:
        x, y = (float(value) for value in row["xy"])
        if math.isnan(x) or math.isnan(y):
            continue
        point = keypoint(str(row["name"]), x, y, notes, where)
        if point is None:
            continue
        if predicted:
            points.append(point | _score(row["score"], notes, where))
        else:
            points.append(point | {"visibility": VISIBLE if row["visible"] else OCCLUDED})
    name = instance.track.name if instance.track is not None else ""
    entry: Instance = {"name": name or "", "annotations": points}
    if predicted:
        entry |= _score(instance.score, notes, where)
    return Subject(entry, instance.skeleton.name or "")


def _score(value: Any, notes: Notes, where: str) -> Instance:
    """Return a score as the shortest decimal number with the same value in 32 bits, as SLEAP stores it."""
    score = number(float(value))
    if score is None:
        notes.add("scores left out, because they are not numbers", where)
        return {}
    bits = struct.pack("f", score)
    texts = (f"{score:.{digits}g}" for digits in range(1, SINGLE_DIGITS + 1))
    return {"score": next((float(text) for text in texts if struct.pack("f", float(text)) == bits), score)}


def _image(frame: Any) -> LabeledImage:
    """Return the image of a frame. It has its own name in a list of images, and the frame's number in a video.

    A package (`.pkg.slp`) contains copies of the frames, so the name comes from the package's source video.
    """
    video = getattr(frame.video, "source_video", None) or frame.video
    files, index = video.filename, int(frame.frame_idx)
    shape = frame.video.shape
    height, width = (int(shape[1]), int(shape[2])) if shape else (None, None)
    if isinstance(files, list) and index < len(files):
        return LabeledImage(str(files[index]).replace("\\", "/"), width=width, height=height)
    path = PurePosixPath(str(files).replace("\\", "/"))
    if index == 0 and path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"):
        return LabeledImage(str(path), width=width, height=height)
    return LabeledImage(f"{path.stem}/{index}", width=width, height=height, has_ending=False, numbered=index)
