"""A reader of a COCO results list that parses the results of one image at a time.

100,000 results and the annotation file with their image ids would take 3 GB as Python values. So the results are
separated without parsing, and each is parsed when its image is processed. From the annotation file only images and
categories are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from truepoint.formats import coco
from truepoint.formats.labels import LabeledImage, Labels, Notes, Subject
from truepoint.json_text import BYTE_ORDER_MARK, DEEPEST_DOCUMENT, is_deeper

AT_ONCE = 1000
"""Number of results that are scanned together."""


class _Images(msgspec.Struct):
    """The part of a COCO annotation file to which results refer."""

    images: list[Any]
    categories: Any = None


class ResultList:
    """A results list whose results are parsed on demand.

    Attributes:
        labels: the images, without their subjects.
        used: names of the categories with results.
    """

    def __init__(self, results: list[msgspec.Raw], where: str, listed: _Images) -> None:
        images = coco.read_images({"images": listed.images}, f"{where}: file of images")
        notes = Notes()
        self._reader = coco.AnnotationReader(
            coco.categories_by_id({"categories": listed.categories}, where), where, results=True
        )
        self._notes = notes
        self._of: dict[int, list[msgspec.Raw]] = {id(image): [] for image in images.values()}
        categories = set()
        for start in range(0, len(results), AT_ONCE):
            part = results[start : start + AT_ONCE]
            entries = [(raw, entry) for raw in part if coco.is_ordinary(entry := _decoded(raw), images, notes)]
            self._reader.scan(entry for _, entry in entries)
            for raw, entry in entries:
                self._of[id(images[coco.identity(entry["image_id"])])].append(raw)
                categories.add(coco.category_id(entry))
        for image in images.values():
            image.raters = ()  # raters of the annotations, not of the results
        self.labels = Labels(coco.RESULTS, list(images.values()), self._reader.categories, notes)
        self.used = {self._reader.categories_by_id[category].name for category in categories}

    def subjects(self, image: LabeledImage) -> list[Subject]:
        """Return an image's subjects, and note results that are left out."""
        subjects = (self._reader.subject(_decoded(raw), self._notes) for raw in self._of[id(image)])
        return [subject for subject in subjects if subject is not None]


def open_results(path: Path, annotations: Path) -> ResultList | None:
    """Open a COCO results list whose image ids are those of an annotation file.

    Returns:
        The results list. None if the file is not a results list, or needs the lenient reader of whole files: it
        contains NaN, results of several raters, or another encoding.

    Raises:
        FormatError: the annotation file has no images, or a category has results with different numbers of keypoints.
    """
    if not path.is_file() or path.suffix.lower() not in (".json", ""):
        return None
    text = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    if not text.lstrip().startswith(b"[") or is_deeper(text, DEEPEST_DOCUMENT) or b'"rater_id"' in text:
        return None
    try:
        results = msgspec.json.decode(text, type=list[msgspec.Raw])
        objects = all(isinstance(_decoded(raw), dict) for raw in results[:1])
        listed = msgspec.json.decode(annotations.read_bytes().removeprefix(BYTE_ORDER_MARK), type=_Images)
        if not objects or not coco.is_results([_decoded(raw) for raw in results[:AT_ONCE]]):
            return None
        return ResultList(results, path.name, listed)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, AttributeError):
        return None


def _decoded(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw)
