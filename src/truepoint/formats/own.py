"""A reader of our own files: instances by image name (docs/formats.md, Pre-labels file), and answers by worker."""

from __future__ import annotations

import json
from typing import Any

from truepoint.formats.labels import Category, FormatError, LabeledImage, Labels, Subject, as_utf8, parse_json
from truepoint.pose.instance import InstanceError, parse_instances, type_name

SHAPE = "Truepoint pre-labels"


def workers_of(document: Any) -> dict[str, Any] | None:
    """Return the answers of an answers file, by worker; None if the document is not an answers file."""
    workers = document.get("workers") if isinstance(document, dict) and len(document) == 1 else None
    return workers if isinstance(workers, dict) else None


def read(text: bytes, document: Any, where: str) -> Labels:
    """Read one JSON object, JSON Lines of such objects, or an answers file whose answers are lists of instances.

    Args:
        text: the file's content.
        document: its JSON value; None for JSON Lines.
        where: the file's name, for errors.

    Raises:
        FormatError: the file has another shape, an image is given twice, or an instance is malformed.
    """
    workers = workers_of(document)
    if document is not None:
        _refuse_repeated_names(text, where)
    images: dict[str, LabeledImage] = {}
    for rater, at, part in (
        [(rater, f"{where}: worker {rater!r}", part) for rater, part in workers.items()]
        if workers is not None
        else [("", at, part) for at, part in _parts(text, document, where)]
    ):
        if not isinstance(part, dict):
            raise FormatError(f"{at}: expected an object of file names, got {type_name(part)}")
        if isinstance(part.get("source-ref"), str):
            raise FormatError(
                f"{at}: expected pre-labels, got a line of a Ground Truth manifest; convert the manifest to pre-labels "
                "with `truepoint convert --label-attribute`"
            )
        for name, given in part.items():
            image = images.setdefault(name, LabeledImage(name))
            if rater in image.raters:
                raise FormatError(f"{at}: expected every image once, got {name!r} again")
            image.raters = (*image.raters, rater)
            try:
                parse_instances(given)
            except InstanceError as error:
                raise FormatError(f"{at}: {name!r}: {error}") from error
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
    lines = [(f"{where} line {n}", line) for n, line in enumerate(as_utf8(text, where).splitlines(), 1) if line.strip()]
    if not lines:
        raise FormatError(f"{where}: expected an object of file names, got nothing")
    parts = [(at, parse_json(line, at)) for at, line in lines]
    for at, line in lines:
        _refuse_repeated_names(line, at)
    return parts


def _refuse_repeated_names(text: bytes, where: str) -> None:
    """Refuse an object with a repeated name. A JSON decoder would silently keep only the last value.

    Raises:
        FormatError: a name is repeated.
    """

    def check(pairs: list[tuple[str, Any]]) -> None:
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                raise FormatError(f"{where}: expected every name once in an object, got {name!r} twice")
            names.add(name)

    json.loads(as_utf8(text, where), object_pairs_hook=check)
