"""Our own files: instances by image name (docs/formats.md, Pre-labels file), and answers by worker and image name."""

from __future__ import annotations

from typing import Any

from truepoint.formats.labels import Category, FormatError, LabeledImage, Labels, Subject, parse_json
from truepoint.json_text import BYTE_ORDER_MARK
from truepoint.pose.instance import InstanceError, parse_instances, type_name

SHAPE = "Truepoint pre-labels"


def workers_of(document: Any) -> dict[str, Any] | None:
    """Return the answers by worker of an answers file; None if the document is no such file."""
    workers = document.get("workers") if isinstance(document, dict) and len(document) == 1 else None
    return workers if isinstance(workers, dict) else None


def read(text: bytes, document: Any, where: str) -> Labels:
    """Read one JSON object, JSON Lines of such objects, or an answers file whose answers are lists of instances.

    Args:
        text: the file.
        document: its JSON value, None if it is not one.
        where: the file's name, for errors.

    Raises:
        FormatError: not that shape, an image given twice, or something that is no instance.
    """
    workers = workers_of(document)
    images: dict[str, LabeledImage] = {}
    for rater, place, part in (
        [(rater, f"{where}: worker {rater!r}", part) for rater, part in workers.items()]
        if workers is not None
        else [("", place, part) for place, part in _parts(text, document, where)]
    ):
        if not isinstance(part, dict):
            raise FormatError(f"{place}: expected an object of file names, got {type_name(part)}")
        for name, given in part.items():
            image = images.setdefault(name, LabeledImage(name))
            if rater in image.raters:
                raise FormatError(f"{place}: expected every image once, got {name!r} again")
            image.raters = (*image.raters, rater)
            try:
                parse_instances(given)
            except InstanceError as error:
                raise FormatError(f"{place}: {name!r}: {error}") from error
            image.subjects += [Subject(dict(instance), rater=rater) for instance in given]
    names = dict.fromkeys(
        k["label"] for image in images.values() for s in image.subjects for k in s.instance["annotations"]
    )
    for image in images.values():
        image.raters = tuple(rater for rater in image.raters if rater)
    return Labels(SHAPE, list(images.values()), [Category("", tuple(names))])


def _parts(text: bytes, document: Any, where: str) -> list[tuple[str, Any]]:
    if document is not None:
        return [(where, document)]
    lines = [(n, line) for n, line in enumerate(text.removeprefix(BYTE_ORDER_MARK).splitlines(), 1) if line.strip()]
    if not lines:
        raise FormatError(f"{where}: expected an object of file names, got nothing")
    return [(f"{where} line {n}", parse_json(line, f"{where} line {n}")) for n, line in lines]
