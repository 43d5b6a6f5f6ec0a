"""Export to CVAT for images 1.1.

Format: https://docs.cvat.ai/docs/manual/advanced/formats/format-cvat/

A keypoint that is not labelled is `outside`; an occluded keypoint is `occluded`. A box that a worker drew is a
rectangle with the label `<skeleton>-box` and the `group_id` of its skeleton. An instance's name and id are attributes
of the skeleton or, without a skeleton, of the rectangle.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from truepoint.formats.labels import total
from truepoint.jobs.exports.finished import COMMENTS, DataSet, ExportImage, Notes
from truepoint.pose.instance import OCCLUDED, Instance
from truepoint.pose.skeleton import Skeleton

ATTRIBUTES = ("id", "name")
"""Attributes of a shape."""
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write annotations.xml, one image at a time, so that memory does not grow with the set."""
    notes: Notes = Notes()
    with (out / "annotations.xml").open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
        file.write(_line(_meta(data)))
        for number, image in enumerate(images):
            if image.size is None:
                notes["images left out: their size is unknown"] += 1
                continue
            notes[COMMENTS] += image.comments
            file.write(_line(_image(number, image, image.size, data.skeleton, notes)))
        file.write("</annotations>\n")
    return notes


def box_label(skeleton: Skeleton) -> str:
    """Return the label of boxes that workers drew."""
    return f"{skeleton.name}-box"


def _line(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode") + "\n"


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, {name: clean(value) for name, value in attributes.items()})
    element.text = clean(text) or None
    return element


def clean(text: str) -> str:
    """Return a text in which U+FFFD replaces each character that XML does not allow."""
    return _NOT_XML.sub("\ufffd", text)


def _meta(data: DataSet) -> ET.Element:
    meta = ET.Element("meta")
    task = _add(meta, "task")
    _add(task, "name", data.name)
    _add(task, "size", str(data.count))
    _add(task, "mode", "annotation")
    _add(task, "overlap", "0")
    labels = _add(task, "labels")
    _specify_attributes(_label(labels, data.skeleton.name, "skeleton"))
    _add(labels[0], "svg", skeleton_svg(data.skeleton))
    for keypoint in data.skeleton.keypoints:
        _label(labels, keypoint.name, "points", keypoint.color)
        _add(labels[-1], "parent", data.skeleton.name)
    _specify_attributes(_label(labels, box_label(data.skeleton), "rectangle"))
    return meta


def _specify_attributes(parent: ET.Element) -> None:
    for name in ATTRIBUTES:
        attribute = _add(parent, "attribute")
        for tag, text in (("name", name), ("mutable", "False"), ("input_type", "text"), ("default_value", "")):
            _add(attribute, tag, text)
        _add(attribute, "values")


def _label(labels: ET.Element, name: str, kind: str, color: str | None = None) -> ET.Element:
    label = _add(labels, "label")
    _add(label, "name", name)
    _add(label, "type", kind)
    _add(label, "color", color or "#808080")
    return _add(label, "attributes")


def skeleton_svg(skeleton: Skeleton) -> str:
    """Return the SVG of a CVAT skeleton label: node ids start at 1, coordinates are within 100 by 100."""
    points = _node_points(skeleton)
    number = {name: i for i, name in enumerate(skeleton.keypoint_names, 1)}
    svg = ET.Element("svg")
    for a, b, *_ in skeleton.edges:
        (x1, y1), (x2, y2) = points[number[a] - 1], points[number[b] - 1]
        line = {"data-type": "edge", "data-node-from": str(number[a]), "data-node-to": str(number[b])}
        ET.SubElement(svg, "line", {"x1": f"{x1:.2f}", "y1": f"{y1:.2f}", "x2": f"{x2:.2f}", "y2": f"{y2:.2f}"} | line)
    for (name, i), (x, y) in zip(number.items(), points, strict=True):
        node = {"data-type": "element node", "data-element-id": str(i), "data-node-id": str(i)}
        ET.SubElement(
            svg, "circle", {"r": "1.5", "cx": f"{x:.2f}", "cy": f"{y:.2f}"} | node | {"data-label-name": clean(name)}
        )
    return "".join(ET.tostring(element, encoding="unicode") for element in svg)


def _node_points(skeleton: Skeleton) -> list[tuple[float, float]]:
    """Return the position of each keypoint in the SVG.

    Positions are those of the template pose, scaled to the range 5 to 95. If a keypoint has no template position, all
    keypoints are on a circle.
    """
    templates = [k.template for k in skeleton.keypoints if k.template]
    if len(templates) < len(skeleton.keypoints):
        turn = 2 * math.pi / len(skeleton.keypoints)
        return [(50 + 45 * math.sin(i * turn), 50 - 45 * math.cos(i * turn)) for i in range(len(skeleton.keypoints))]
    left, top = min(x for x, _ in templates), min(y for _, y in templates)
    whole = max(max(x for x, _ in templates) - left, max(y for _, y in templates) - top) or 1
    return [(5 + 90 * (x - left) / whole, 5 + 90 * (y - top) / whole) for x, y in templates]


def _image(number: int, image: ExportImage, size: tuple[int, int], skeleton: Skeleton, notes: Notes) -> ET.Element:
    element = ET.Element(
        "image", {"id": str(number), "name": image.path, "width": str(size[0]), "height": str(size[1])}
    )
    if image.split:
        element.set("subset", image.split)
    for group, instance in enumerate(image.instances, 1):
        if instance.annotations or not instance.box:
            _skeleton(element, instance, group, skeleton, notes)
        if instance.box:
            x, y, width, height = instance.box
            corners = {"xtl": x, "ytl": y, "xbr": total(x, width), "ybr": total(y, height)}
            box = _shape(element, "box", box_label(skeleton), group, occluded="0")
            box.attrib |= {name: repr(float(value)) for name, value in corners.items()}
            if not instance.annotations:
                _attributes(box, instance)
    return element


def _skeleton(image: ET.Element, instance: Instance, group: int, skeleton: Skeleton, notes: Notes) -> None:
    shape = _shape(image, "skeleton", skeleton.name, group)
    keypoints = instance.by_label
    for name in skeleton.keypoint_names:
        k = keypoints.pop(name, None)
        _add(
            shape,
            "points",
            label=name,
            source="manual",
            outside=str(int(k is None)),
            occluded=str(int(k is not None and k.visibility == OCCLUDED)),
            points=f"{float(k.x)!r},{float(k.y)!r}" if k else "0.0,0.0",
        )
    _attributes(shape, instance)
    notes["keypoints left out: the skeleton does not have them"] += len(keypoints)


def _attributes(shape: ET.Element, instance: Instance) -> None:
    for name, value in zip(ATTRIBUTES, (instance.id or "", instance.name), strict=True):
        _add(shape, "attribute", value, name=name)


def _shape(image: ET.Element, tag: str, label: str, group: int, **more: str) -> ET.Element:
    return _add(image, tag, label=label, source="manual", z_order="0", group_id=str(group), **more)
