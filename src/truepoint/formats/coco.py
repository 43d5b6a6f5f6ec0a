"""A reader of COCO annotation files and lists of results (https://cocodataset.org/#format-data and #format-results).

It also reads the keys that our own coco.json adds: `attributes` (id, name, comment), `keypoint_comments`,
`area_source`, `rater_id` and `rater_list`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from truepoint.formats.labels import (
    IMAGE_SUFFIXES,
    NONE_VISIBLE,
    Category,
    FormatError,
    Instance,
    LabeledImage,
    Labels,
    Notes,
    Subject,
    box,
    has_scores,
    keypoint,
    number,
    with_third,
)
from truepoint.pose.instance import VISIBLE, pixels, type_name
from truepoint.pose.skeleton import LEAST_SIGMA

ANNOTATIONS, RESULTS = "COCO annotations", "COCO results list"
OWN_ATTRIBUTES = ("id", "name", "comment")
CONSOLIDATION = ("worker_count", "score")
"""Further attributes of our own results, which describe the consolidation rather than the label."""
AREA_SOURCES = ("hull", "default")
"""Values of `area_source` in our own results if `bbox` was computed from the keypoints."""

Id = int | str | None
"""The id of an image or a category. "7" and 7.0, which some tools write, become 7. None means no id."""


def is_annotations(document: Any) -> bool:
    """Return whether a JSON document is a COCO annotation file: it has at least two of the members in `parts`."""
    parts = ("images", "categories", "annotations")
    return isinstance(document, dict) and sum(part in document for part in parts) > 1


def is_results(document: Any) -> bool:
    """Return whether a JSON document is a list of COCO results: objects, at least half of them with an `image_id`."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(entry, dict) for entry in document)
        and 2 * sum("image_id" in entry for entry in document) >= len(document)
    )


def read_annotations(document: Mapping[str, Any], where: str) -> Labels:
    """Read an annotation file.

    Raises:
        FormatError: images, annotations or categories are malformed.
    """
    notes = Notes()
    images = read_images(document, where)
    entries = objects(document.get("annotations"), f"{where}: annotations")
    ordinary = [entry for entry in entries if is_ordinary(entry, images, notes)]
    annotations = AnnotationReader(categories_by_id(document, where), where)
    annotations.scan(ordinary)
    for entry in ordinary:
        subject = annotations.subject(entry, notes)
        if subject is not None:
            images[identity(entry["image_id"])].subjects.append(subject)
    return Labels(ANNOTATIONS, list(images.values()), annotations.categories, notes)


def read_results(document: list[dict[str, Any]], where: str, companion: Mapping[str, Any] | None) -> Labels:
    """Read a list of results.

    Args:
        document: the list.
        where: the file's name, for errors.
        companion: the annotation file that defines the ids of images and categories. Without it, an image id refers to
            the image whose name is that id or ends with that number.

    Raises:
        FormatError: a result is malformed, or the companion is not an annotation file.
    """
    notes = Notes()
    categories: dict[Id, dict[str, Any]] = {}
    images: dict[Id, LabeledImage] = {}
    if companion is not None:
        images = read_images(companion, f"{where}: file of images")
        for image in images.values():
            image.raters = ()  # of the annotations, not of the results
        categories = categories_by_id(companion, where)
    else:
        for entry in document:
            key = identity(entry.get("image_id"))
            if isinstance(key, int):
                images.setdefault(key, LabeledImage(str(entry["image_id"]), has_ending=False, numbered=key))
            elif key is not None:
                has_ending = PurePosixPath(key).suffix.lower() in IMAGE_SUFFIXES
                images.setdefault(key, LabeledImage(key, has_ending=has_ending))
    ordinary = [entry for entry in document if is_ordinary(entry, images, notes)]
    results = AnnotationReader(categories, where, results=True)
    results.scan(ordinary)
    for entry in ordinary:
        subject = results.subject(entry, notes)
        if subject is not None:
            images[identity(entry["image_id"])].subjects.append(subject)
    return Labels(RESULTS, list(images.values()), results.categories, notes)


def read_images(document: Mapping[str, Any], where: str) -> dict[Id, LabeledImage]:
    """Return the images of an annotation file by id, without labels.

    Raises:
        FormatError: the images are malformed, or ids or names are not unique.
    """
    if not isinstance(document, dict):
        raise FormatError(f"{where}: expected a COCO file with images, got {type_name(document)}")
    images: dict[Id, LabeledImage] = {}
    names: dict[str, Id] = {}
    for image in objects(document.get("images"), f"{where}: images"):
        image_id, name = identity(image.get("id")), image.get("file_name")
        if image_id is None or not isinstance(name, str) or not name:
            raise FormatError(f"{where}: expected images with id and file_name, got {_head(image)}")
        if image_id in images:
            raise FormatError(f"{where}: expected every image id once, got {image_id!r} twice")
        if name in names:
            raise FormatError(
                f"{where}: expected every file_name once, got {name!r} of {names[name]!r} and {image_id!r}"
            )
        names[name] = image_id
        raters = image.get("rater_list")
        images[image_id] = LabeledImage(
            name,
            width=pixels(identity(image.get("width"))),
            height=pixels(identity(image.get("height"))),
            raters=tuple(str(r) for r in raters) if isinstance(raters, list) else (),
            s3_uri=_text(image.get("s3_uri")),
            id=image_id if isinstance(image_id, int) and image_id > 0 else None,
        )
    return images


def categories_by_id(document: Mapping[str, Any], where: str) -> dict[Id, dict[str, Any]]:
    """Return the categories of an annotation file by id.

    Raises:
        FormatError: the categories are not a list of objects.
    """
    return {identity(c.get("id")): c for c in objects(document.get("categories") or [], f"{where}: categories")}


def is_ordinary(entry: dict[str, Any], images: Mapping[Id, LabeledImage], notes: Notes) -> bool:
    """Return whether an annotation is an instance of a listed image; otherwise note why not."""
    image = identity(entry.get("image_id"))
    name = f"annotation {entry['id']}" if "id" in entry else f"image {entry.get('image_id')}"
    if image is None:
        notes.add("annotations left out, because they have no image_id", name)
    elif image not in images:
        notes.add("annotations left out, because the file does not list their image", name)
    elif entry.get("iscrowd") not in (None, 0, "", "0"):
        notes.add("crowd regions left out (iscrowd)", name)
    elif entry.get("ignore"):
        notes.add("annotations left out, because they are marked with ignore", name)
    else:
        return True
    return False


class AnnotationReader:
    """A reader that converts annotations to subjects after scanning all of them.

    The scan determines the number of keypoints of categories without names, and whether the third numbers of keypoints
    are visibilities or scores.

    Args:
        given: the file's categories, by id.
        where: the file's name, for errors.
        results: whether the annotations are a list of results.
    """

    def __init__(self, given: Mapping[Id, dict[str, Any]], where: str, *, results: bool = False) -> None:
        self._given, self._where, self._results = given, where, results
        self._lengths: dict[Id, Counter[int]] = {}
        self._any_scores = self._any_visible = False

    def scan(self, entries: Iterable[dict[str, Any]]) -> None:
        """Scan some of the annotations."""
        for entry in entries:
            values = _values(entry)
            if values:
                self._lengths.setdefault(category_id(entry), Counter())[len(values)] += 1
            else:
                self._lengths.setdefault(category_id(entry), Counter())
            if len(values) % 3 == 0:
                thirds = [number(v) for v in values[2::3]]
                self._any_scores = self._any_scores or has_scores(thirds)
                self._any_visible = self._any_visible or VISIBLE in thirds

    @cached_property
    def _scores(self) -> bool:
        # COCO's evaluation ignores the third numbers of results. If none is 2, they are confidences or always 1.
        return self._any_scores or (self._results and not self._any_visible)

    @cached_property
    def categories_by_id(self) -> dict[Id, Category]:
        """The categories by id, including those that only annotations mention.

        Raises:
            FormatError: a category has a keypoint name twice, or annotations with different numbers of keypoints.
        """
        ids = [*self._given, *(c for c in self._lengths if c not in self._given)]
        return {i: _category(i, self._given.get(i, {}), self._counts(i), self._where) for i in ids}

    @cached_property
    def _steps(self) -> dict[Id, int]:
        """The number of values per keypoint, by category."""
        return {i: _step(self._counts(i), category, self._where) for i, category in self.categories_by_id.items()}

    def _counts(self, category: Id) -> Counter[int]:
        return self._lengths.get(category, Counter())

    @property
    def categories(self) -> list[Category]:
        """The categories in the order of the file. Raises the errors of `categories_by_id`."""
        return list(self.categories_by_id.values())

    def subject(self, entry: dict[str, Any], notes: Notes) -> Subject | None:
        """Return the subject of an annotation; None, with a note, if it has neither keypoints nor a box.

        Raises:
            FormatError: no annotation of the category has the category's number of keypoints.
        """
        category, step = self.categories_by_id[category_id(entry)], self._steps[category_id(entry)]
        values = _values(entry)
        where = f"annotation {entry['id']}" if "id" in entry else f"image {entry['image_id']}"
        if (values and len(values) != step * len(category.keypoints)) or (not values and entry.get("keypoints")):
            wanted = f"{step * len(category.keypoints)} numbers"
            notes.add(f"annotations whose keypoints were left out, because they are not {wanted}", where)
            values = []
        # A file may contain both. An annotation has visibilities if its third numbers are integers and one is 2.
        own = [number(v) for v in values[2::3]] if step == 3 else []
        scores = self._scores and not (VISIBLE in own and not has_scores(own))
        points: list[Instance] = []
        for i, label in enumerate(category.keypoints[: len(values) // step]):
            third = number(values[step * i + 2]) if step == 3 else float(VISIBLE)
            if third == 0:  # not labelled: the coordinates are meaningless
                if scores and (values[step * i] or values[step * i + 1]):
                    notes.add("keypoints left out, because their score is not above 0", f"{where} {label}")
                continue
            point = keypoint(label, values[step * i], values[step * i + 1], notes, where)
            point = point and with_third(point, third, scores and step == 3, notes, where)
            if point:
                points.append(point)
        for point in points if step == 3 and not scores and not self._any_visible else ():
            notes.add(NONE_VISIBLE, f"{where} {point['label']}")
        _add_comments(points, entry.get("keypoint_comments"))
        attributes = _attributes(entry)
        instance: Instance = {"id": _identifier(entry, attributes), "name": _text(attributes.get("name"))}
        if not instance["id"]:
            del instance["id"]
        instance["annotations"] = points
        if drawn := _box(entry, notes, where):
            instance["box"] = drawn
        if comment := _text(attributes.get("comment")):
            instance["comment"] = comment
        score = number(entry.get("score"))
        if score is not None:
            instance["score"] = score
        elif entry.get("score") is not None:
            notes.add("scores left out, because they are not numbers", where)
        _note_losses(entry, attributes, notes, where)
        if not points and "box" not in instance:
            notes.add("annotations left out, because they have neither keypoints nor a box", where)
            return None
        return Subject(instance, category.name, rater_of(entry))


def _step(lengths: Counter[int], category: Category, where: str) -> int:
    """Return the number of values per keypoint in a category's annotations: 3, or 2 if only that fits.

    Args:
        lengths: counts of the lengths of all `keypoints` that are not empty.
        category: the category.
        where: the file's name, for errors.

    Raises:
        FormatError: neither fits any annotation.
    """
    count = len(category.keypoints)
    step = next((step for step in (3, 2) if step * count in lengths), None)
    if lengths and step is None:
        actual = ", ".join(str(length) for length, _ in lengths.most_common(3))
        raise FormatError(
            f"{where}: expected {3 * count} numbers in keypoints, because category {category.name!r} has {count} "
            f"keypoints, got {actual}"
        )
    return step or 3


def _category(category_id: Id, given: dict[str, Any], lengths: Counter[int], where: str) -> Category:
    name = _text(given.get("name")) or f"category {category_id}"
    names = given.get("keypoints")
    if isinstance(names, list) and names and all(isinstance(n, str) and n for n in names):
        if len(set(names)) < len(names):
            raise FormatError(f"{where}: category {name!r}: expected every keypoint name once, got one twice: {names}")
        count, supercategory = len(names), _text(given.get("supercategory"))
        pairs = tuple((i, j) for i, j in _index_pairs(given.get("flip_pairs")) if max(i, j) < count and i != j)
        sigmas = given.get("sigmas")
        numbers = [number(v) for v in sigmas] if isinstance(sigmas, list) else []
        usable = tuple(v for v in numbers if v is not None and LEAST_SIGMA <= v <= 1)
        return Category(
            name,
            tuple(names),
            edges=_edges(given.get("skeleton"), count),
            pairs=pairs if len({i for pair in pairs for i in pair}) == 2 * len(pairs) else (),
            sigmas=usable if len(usable) == count else (),
            supercategory=supercategory,
        )
    if names and not (isinstance(names, list) and all(type(name) is int for name in names)):
        raise FormatError(f"{where}: category {name!r}: expected keypoints as a list of names, got {_head(names)}")
    # Without names, the most frequent length gives the number of keypoints.
    (length, most), *others = lengths.most_common(2) or [(0, 0)]
    if others and others[0][1] == most:
        raise FormatError(
            f"{where}: category {name!r}: expected equally many numbers in all annotations, got {sorted(lengths)}"
        )
    count = length // 3
    return Category(name, tuple(map(str, range(count))), named=False, edges=_edges(given.get("skeleton"), count))


def _edges(value: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Return a category's edges, counted from 0. COCO counts from 1; a category with a 0 counts from 0."""
    pairs = _index_pairs(value)
    first = 0 if any(0 in pair for pair in pairs) else 1
    return tuple((a - first, b - first) for a, b in pairs if min(a, b) - first >= 0 and max(a, b) - first < count)


def _index_pairs(value: Any) -> list[tuple[int, int]]:
    return [
        (pair[0], pair[1])
        for pair in (value if isinstance(value, list) else ())
        if isinstance(pair, list) and len(pair) == 2 and all(type(i) is int and i >= 0 for i in pair)
    ]


def rater_of(entry: dict[str, Any]) -> str:
    """Return the rater of an annotation; "" if it names none."""
    return _text(entry.get("rater_id")) or _digits(entry.get("rater_id"))


def category_id(entry: dict[str, Any]) -> Id:
    """Return the id of an annotation's category."""
    number = identity(entry.get("category_id"))
    return 1 if number is None else number


def identity(value: Any) -> Id:
    """Return an id. Integral floats and texts of digits become integers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        return int(value)
    return value if isinstance(value, int | str) and not isinstance(value, bool) and value != "" else None


def _values(entry: dict[str, Any]) -> list[Any]:
    values = entry.get("keypoints")
    if not isinstance(values, list):
        return []
    if values and all(isinstance(value, list) for value in values):
        return [number for triple in values for number in triple]
    return values


def _box(entry: dict[str, Any], notes: Notes, where: str) -> list[float] | None:
    """Return a drawn box. In our own files, `area_source` says whether the box was computed from keypoints."""
    if "bbox" not in entry or entry.get("area_source") in AREA_SOURCES:
        return None
    return box(entry["bbox"] if isinstance(entry["bbox"], list) else (), notes, where)


def _add_comments(points: list[Instance], comments: Any) -> None:
    if isinstance(comments, dict):
        for point in points:
            if text := _text(comments.get(point["label"])):
                point["comment"] = text


def _attributes(entry: dict[str, Any]) -> dict[str, Any]:
    attributes = entry.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _identifier(entry: dict[str, Any], attributes: dict[str, Any]) -> str:
    own = attributes.get("id")
    identifier = own if isinstance(own, str) else entry.get("id")  # our own files have "" for no id
    return identifier if isinstance(identifier, str) else _digits(identifier)


def _note_losses(entry: dict[str, Any], attributes: dict[str, Any], notes: Notes, where: str) -> None:
    segmentation = entry.get("segmentation")
    if segmentation and entry.get("area_source") is None:
        notes.add("segmentation masks left out: pre-labels have none", where)
    consolidated = CONSOLIDATION if "worker_count" in attributes else ()
    for name in attributes.keys() - {*OWN_ATTRIBUTES, *consolidated}:
        notes.add(f"attributes {name!r} left out: instances have none", where)
    for name in ("foot_kpts", "lefthand_kpts", "righthand_kpts", "face_kpts"):
        if name in entry:
            notes.add(f"arrays {name!r} left out: only `keypoints` is read", where)


def objects(values: Any, where: str) -> list[dict[str, Any]]:
    """Return `values`, which must be a list of objects.

    Raises:
        FormatError: the value is not a list, or an element is not an object.
    """
    if not isinstance(values, list):
        raise FormatError(f"{where}: expected a list of objects, got {type_name(values)}")
    for position, value in enumerate(values):
        if not isinstance(value, dict):
            raise FormatError(f"{where}: expected a list of objects, got {_head(value)} at position {position}")
    return values


def _head(value: Any) -> str:
    return repr(value)[:80]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _digits(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
