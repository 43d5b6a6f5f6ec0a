"""A reader of "CVAT for images 1.1" (https://docs.cvat.ai/docs/manual/advanced/formats/format-cvat/).

A rectangle in a skeleton's group is the skeleton's box. Keypoints outside skeletons that share a group are one subject,
as was usual before CVAT had skeletons. `outside` means not labelled, `occluded` means visibility 1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

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
    number_in,
)
from truepoint.formats.labels import keypoint as read_keypoint
from truepoint.pose.instance import OCCLUDED, VISIBLE

SHAPE = "CVAT for images 1.1"
BOX_SUFFIX = "-box"
"""Suffix of a rectangle's label in our own exports: the box of a skeleton `person` has the label `person-box`."""
Edges = tuple[tuple[int, int], ...]
"""Pairs of keypoint indices, from 0."""


def read(path: Path) -> Labels:
    """Read annotations.xml.

    Raises:
        FormatError: the file is not XML, or not in CVAT's format.
    """
    notes = Notes()
    images: list[LabeledImage] = []
    subsets: list[str] = []
    keypoints: dict[str, dict[str, None]] = {}
    meta: dict[str, list[str]] = {}
    edges: dict[str, Edges] = {}
    elements = _elements(path)
    _, root = next(elements)
    _check_root(root, path)
    for event, element in elements:
        if event == "start" or element.tag not in ("meta", "image", "track"):
            continue
        if element.tag == "meta":
            meta = _meta(element)
            edges = {
                name: _edges(label.findtext("svg") or "", meta[name])
                for label in element.iter("label")
                if (name := label.findtext("name") or "") in meta
            }
        elif element.tag == "image":
            images.append(_ImageReader(element, meta, keypoints, notes).image)
            subsets.append(element.get("subset") or "")
        else:
            notes.add("tracks left out: only CVAT for images is read, not for video", element.get("label") or "")
        element.clear()
    # An export of several tasks may contain the same name in several subsets.
    counts = Counter(image.name for image in images)
    for image, subset in zip(images, subsets, strict=True):
        if counts[image.name] > 1 and subset:
            image.name = f"{subset}/{image.name}"
    names = {name: dict.fromkeys(names_of_label) | keypoints.get(name, {}) for name, names_of_label in meta.items()}
    categories = [
        Category(name, tuple(names_of_label), edges=edges.get(name, ()))
        for name, names_of_label in (keypoints | names).items()
    ]
    return Labels(SHAPE, images, categories, notes)


def _elements(path: Path) -> Iterator[tuple[str, ET.Element]]:
    """Yield each element when it starts and when it ends."""
    try:
        yield from ET.iterparse(path, ("start", "end"))  # noqa: S314 - expat bounds the expansion of entities
    except (ET.ParseError, LookupError, ValueError) as error:  # the last two for encodings that expat does not know
        raise FormatError(f"{path}: expected CVAT's XML, got something else: {error}") from error


def _check_root(root: ET.Element, path: Path) -> None:
    if root.tag != "annotations":
        raise FormatError(f"{path}: expected CVAT's <annotations>, got <{root.tag}>")


def _edges(svg: str, names: list[str]) -> Edges:
    """Return the edges of a skeleton label's drawing: lines between circles, which name their keypoints."""
    try:
        drawing = ET.fromstring(f"<svg>{svg}</svg>")  # noqa: S314 - as in _elements
    except ET.ParseError:
        return ()
    names_of_nodes = {circle.get("data-node-id"): circle.get("data-label-name") for circle in drawing.iter("circle")}
    ends = [
        [names_of_nodes.get(line.get(end)) for end in ("data-node-from", "data-node-to")]
        for line in drawing.iter("line")
    ]
    return tuple((names.index(a), names.index(b)) for a, b in ends if a in names and b in names)


def _meta(element: ET.Element) -> dict[str, list[str]]:
    """Return the keypoint names of each skeleton label."""
    labels = list(element.iter("label"))
    keypoints: dict[str, list[str]] = {
        label.findtext("name") or "": [] for label in labels if label.findtext("type") == "skeleton"
    }
    for label in labels:
        parent = label.findtext("parent")
        if parent in keypoints:
            keypoints[parent].append(label.findtext("name") or "")
    return keypoints


class _ImageReader:
    """A reader of one <image>.

    Args:
        element: the element.
        meta: keypoint names of the skeletons in <meta>, by label.
        keypoints: keypoint names that occur, by label; names are added to it.
        notes: what was left out; reasons are added to it.
    """

    def __init__(
        self, element: ET.Element, meta: dict[str, list[str]], keypoints: dict[str, dict[str, None]], notes: Notes
    ) -> None:
        self._meta, self._keypoints, self._notes = meta, keypoints, notes
        name = element.get("name") or ""
        self.image = LabeledImage(name, width=_pixels(element.get("width")), height=_pixels(element.get("height")))
        self._grouped: dict[str, Subject] = {}
        self._subjects: dict[int, Subject] = {}
        boxes: list[tuple[ET.Element, int, str]] = []
        for number, shape in enumerate(element, 1):
            where = f"{name} shape {number}"
            if shape.tag == "skeleton":
                self._add(shape, number, _skeleton(shape, keypoints, notes, where))
            elif shape.tag == "box":
                boxes.append((shape, number, where))
            elif shape.tag == "points" and ";" not in (shape.get("points") or ""):
                self._add_loose(shape, number, where)
            else:
                reason = f"shapes left out, because a {shape.tag} is neither a skeleton, a box nor a keypoint"
                notes.add(reason, where)
        for shape, number, where in boxes:
            self._add_box(shape, number, where)
        for _, subject in sorted(self._subjects.items()):
            if subject.instance["annotations"] or "box" in subject.instance:
                self.image.subjects.append(subject)
            else:
                notes.add("skeletons left out, because they have neither a labelled keypoint nor a box", name)

    def _add(self, shape: ET.Element, number: int, subject: Subject) -> None:
        self._subjects[number] = subject
        if (group := shape.get("group_id") or "0") != "0":
            self._grouped.setdefault(group, subject)

    def _add_loose(self, shape: ET.Element, number: int, where: str) -> None:
        """Add a keypoint outside a skeleton to the subject of its group, or to a new subject."""
        label, group = shape.get("label") or "", shape.get("group_id") or "0"
        self._keypoints.setdefault("", {})[label] = None
        if group not in self._grouped:
            self._add(shape, number, Subject({"annotations": []}))
        subject = self._grouped[group] if group in self._grouped else self._subjects[number]
        if point := _point(shape, label, self._notes, where):
            subject.instance["annotations"].append(point)

    def _add_box(self, shape: ET.Element, number: int, where: str) -> None:
        """Add a box to the subject of its group, or as a separate subject."""
        label, group = shape.get("label") or "", shape.get("group_id") or "0"
        drawn = _box(shape, self._notes, where)
        if drawn is None:
            return
        if group in self._grouped and "box" not in self._grouped[group].instance:
            self._grouped[group].instance["box"] = drawn
            return
        category = label if label in self._meta else label.removesuffix(BOX_SUFFIX)
        self._keypoints.setdefault(category, {})
        instance = _attributes(shape, self._notes, where) | {"annotations": [], "box": drawn}
        self._subjects[number] = Subject(instance, category)


def _skeleton(shape: ET.Element, keypoints: dict[str, dict[str, None]], notes: Notes, where: str) -> Subject:
    label = shape.get("label") or ""
    names = keypoints.setdefault(label, {})
    points = []
    for element in shape.iterfind("points"):
        name = element.get("label") or ""
        names[name] = None
        if point := _point(element, name, notes, where):
            points.append(point)
    return Subject(_attributes(shape, notes, where) | {"annotations": points}, label)


def _point(element: ET.Element, label: str, notes: Notes, where: str) -> Instance | None:
    if element.get("outside") == "1":
        return None
    positions = element.get("points") or ""
    if ";" in positions:
        notes.add("keypoints left out, because one label has several positions", f"{where} {label}")
        return None
    for attribute in element.iterfind("attribute"):
        notes.add(f"attributes {attribute.get('name')!r} left out: keypoints have none", f"{where} {label}")
    x, _, y = positions.partition(",")
    point = read_keypoint(label, _float(x), _float(y), notes, where)
    return point and point | {"visibility": OCCLUDED if element.get("occluded") == "1" else VISIBLE}


def _box(shape: ET.Element, notes: Notes, where: str) -> list[float] | None:
    left, top, right, bottom = (_float(shape.get(side)) for side in ("xtl", "ytl", "xbr", "ybr"))
    if _float(shape.get("rotation")) not in (None, 0.0):
        notes.add("boxes left out, because they are rotated", where)
        return None
    if left is None or top is None or right is None or bottom is None:
        return box((), notes, where)
    return box((left, top, difference(right, left), difference(bottom, top)), notes, where)


def _attributes(shape: ET.Element, notes: Notes, where: str) -> Instance:
    attributes: Instance = {}
    for attribute in shape.iterfind("attribute"):
        name, text = attribute.get("name") or "", attribute.text or ""
        if name in ("id", "name", "comment"):
            if text:
                attributes[name] = text
        else:
            notes.add(f"attributes {name!r} left out: instances have none", where)
    return attributes


def _float(text: str | None) -> float | None:
    try:
        return number_in(text or "")
    except ValueError:
        return None


def _pixels(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,7}", text) else None
