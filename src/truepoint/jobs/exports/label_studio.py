"""Export to Label Studio: `tasks.json` to import, and `config.xml`, the labelling interface for it.

Format: https://labelstud.io/guide/predictions. Coordinates are percent of the image's size. A relation connects each
keypoint to its subject's rectangle. Label Studio has no visibility, so `meta` of a keypoint says that it is occluded.
`meta` of a rectangle contains the subject's name, id and comment, and whether the rectangle was computed from the
keypoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from truepoint.jobs.exports.cvat import clean as xml_text
from truepoint.jobs.exports.finished import COMMENTS, DataSet, ExportImage, Notes
from truepoint.pose.instance import OCCLUDED, Instance
from truepoint.pose.similarity import extent
from truepoint.pose.skeleton import Skeleton


def write(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write config.xml, and tasks.json one image at a time, so that memory does not grow with the set."""
    notes: Notes = Notes()
    with (out / "tasks.json").open("w", encoding="utf-8") as file:
        separator = "[\n"
        for number, image in enumerate(images):
            if image.size is None:
                notes["images left out: their size is unknown"] += 1
                continue
            file.write(separator + json.dumps(_task(number, image, image.size, data.skeleton, notes)))
            separator = ",\n"
        file.write("\n]\n" if separator.startswith(",") else "[]\n")
    (out / "config.xml").write_text(config(data.skeleton), encoding="utf-8")
    return notes


def config(skeleton: Skeleton) -> str:
    """Return the labelling interface as XML.

    `model_index` is the keypoint's index in the skeleton; Label Studio's own COCO and YOLO exports sort by it.
    """
    view = ET.Element("View")
    ET.SubElement(view, "Image", {"name": "image", "value": "$image"})
    boxes = ET.SubElement(view, "RectangleLabels", {"name": "subject", "toName": "image"})
    ET.SubElement(boxes, "Label", {"value": xml_text(skeleton.name), "model_index": "0"})
    labels = ET.SubElement(view, "KeyPointLabels", {"name": "keypoint", "toName": "image"})
    for i, k in enumerate(skeleton.keypoints):
        color = {"background": k.color} if k.color else {}
        ET.SubElement(labels, "Label", {"value": xml_text(k.name), "model_index": str(i)} | color)
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def _task(number: int, image: ExportImage, size: tuple[int, int], skeleton: Skeleton, notes: Notes) -> dict[str, Any]:
    width, height = size
    result: list[dict[str, Any]] = []
    for index, labeled in enumerate(zip(image.instances, image.raw, strict=True)):
        result += _regions(f"i{index}", labeled, size, skeleton, notes)
    notes[COMMENTS] += image.keypoint_comments
    return {
        "id": number + 1,
        "data": {"image": image.s3_uri} | ({"split": image.split} if image.split else {}),
        # sleap-io treats every task as a frame of a video
        "meta": {"video": {"filename": image.path, "frame_idx": 0, "shape": [1, height, width, 3]}},
        "annotations": [{"result": result, "was_cancelled": False, "ground_truth": False}],
    }


def _regions(
    subject: str, labeled: tuple[Instance, Any], size: tuple[int, int], skeleton: Skeleton, notes: Notes
) -> Iterator[dict[str, Any]]:
    instance, raw = labeled
    box_and_source = extent(instance)
    if box_and_source is None:
        notes["instances left out: they have neither a keypoint nor a box"] += 1
        return
    box, source = box_and_source
    if source != "box":
        notes["rectangles added around keypoints, because Label Studio groups keypoints by rectangle"] += 1
    percent = {
        "x": 100 * box[0] / size[0],
        "y": 100 * box[1] / size[1],
        "width": 100 * box[2] / size[0],
        "height": 100 * box[3] / size[1],
        "rotation": 0,
    }
    meta: dict[str, Any] = {"text": [instance.name]} if instance.name else {}
    meta |= {"instance_id": instance.id} if instance.id else {}
    meta |= {"instance_comment": raw["comment"]} if raw.get("comment") else {}
    meta |= {"from_keypoints": True} if source != "box" else {}
    region = _region(subject, "subject", "rectanglelabels", size, percent | {"rectanglelabels": [skeleton.name]})
    yield region | ({"meta": meta} if meta else {})
    names = set(skeleton.keypoint_names)
    for index, k in enumerate(instance.annotations):
        if k.label not in names:
            notes["keypoints left out: the skeleton does not have them"] += 1
            continue
        value = {"x": 100 * k.x / size[0], "y": 100 * k.y / size[1], "width": 0.5, "keypointlabels": [k.label]}
        occluded = {"meta": {"text": ["occluded"]}} if k.visibility == OCCLUDED else {}
        region = _region(f"{subject}k{index}", "keypoint", "keypointlabels", size, value)
        yield region | {"parentID": subject} | occluded
        yield {"type": "relation", "from_id": f"{subject}k{index}", "to_id": subject, "direction": "right"}


def _region(name: str, tag: str, kind: str, size: tuple[int, int], value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "from_name": tag,
        "to_name": "image",
        "type": kind,
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": value,
    }
