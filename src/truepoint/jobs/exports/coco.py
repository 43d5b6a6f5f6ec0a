"""COCO keypoints, one file for each part of the set: `annotations/person_keypoints_<part>.json`, `images/<part>/`.

https://cocodataset.org/#format-data. The layout is COCO's own, which Datumaro reads too. Image names are those of the
exports, so that pictures can be beside them; everything else is as in the results' own coco.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from truepoint.jobs.exports.finished import DataSet, ExportImage, Notes
from truepoint.results.coco import annotation_entry, attributes_of, coco_file, image_entry

WHOLE = "default"
"""The only part of a set that is not split; Datumaro's word."""


def write(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write the files, and copy the pictures."""
    notes: Notes = Notes()
    (out / "annotations").mkdir()
    for part, pieces in parts(data, images, notes, WHOLE, lambda part: out / "images" / part).items():
        (out / "annotations" / f"person_keypoints_{part}.json").write_bytes(pieces)
    return notes


def parts(
    data: DataSet, images: Iterable[ExportImage], notes: Notes, whole: str, folder_of: Callable[[str], Path]
) -> dict[str, bytes]:
    """Return the COCO file of each part of a set, and copy each picture to the folder of its part.

    A set that is not split has the one part `whole`.
    """
    names = data.skeleton.keypoint_names
    written: dict[str, tuple[list[bytes], list[bytes]]] = {part: ([], []) for part in data.split_names or (whole,)}
    for number, image in enumerate(images, 1):
        part = image.split or whole
        listed, annotations = written[part]
        size = image.width, image.height
        listed.append(msgspec.json.encode(image_entry(number, image.path, size, image.s3_uri)) + b"\n")
        for instance, raw in zip(image.instances, image.raw, strict=True):
            entry = annotation_entry(names, number, instance)
            if entry is None:
                notes["instances left out: they have neither a keypoint nor a box"] += 1
                continue
            annotations.append(msgspec.json.encode(entry | attributes_of(instance, raw)) + b"\n")
            notes["keypoints left out: the skeleton does not have them"] += len(instance.by_label.keys() - set(names))
        data.copy_picture(image, folder_of(part) / image.path)
    return {part: b"".join(coco_file(data.skeleton, data.name, *lines)) for part, lines in written.items()}
