"""Export to COCO keypoints, with one file per part of the set.

Format: https://cocodataset.org/#format-data. Files are `annotations/person_keypoints_<part>.json` and `images/<part>/`,
the layout of COCO itself, which Datumaro also reads. `file_name` is the image's path in the export; all other values
are those of the results' coco.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from truepoint.jobs.exports.finished import DataSet, ExportImage, Notes
from truepoint.results.coco import annotation_entry, attributes_of, coco_file, image_entry

WHOLE = "default"
"""Name of the only part of a set that is not split, as in Datumaro."""


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
    """Copy each picture to the folder of its part, and return the bytes of one COCO file per part.

    Args:
        data: the set.
        images: its images.
        notes: counts what COCO cannot represent.
        whole: name of the only part of a set that is not split.
        folder_of: returns the picture folder of a part.
    """
    index = data.skeleton.keypoint_index
    written: dict[str, tuple[list[bytes], list[bytes]]] = {part: ([], []) for part in data.split_names or (whole,)}
    for number, image in enumerate(images, 1):
        part = image.split or whole
        listed, annotations = written[part]
        size = image.width, image.height
        listed.append(msgspec.json.encode(image_entry(number, image.path, size, image.s3_uri)) + b"\n")
        for instance, raw in zip(image.instances, image.raw, strict=True):
            entry = annotation_entry(index, number, instance)
            if entry is None:
                notes["instances left out: they have neither a keypoint nor a box"] += 1
                continue
            annotations.append(msgspec.json.encode(entry | attributes_of(instance, raw)) + b"\n")
            notes["keypoints left out: the skeleton does not have them"] += len(instance.by_label.keys() - index.keys())
        data.copy_picture(image, folder_of(part) / image.path)
    return {part: b"".join(coco_file(data.skeleton, data.name, *lines)) for part, lines in written.items()}
