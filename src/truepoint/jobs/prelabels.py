"""Pre-labels: instances by image file name, from our own JSON or from a COCO keypoints file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.pose.instance import InstanceError, parse_instances
from truepoint.pose.skeleton import Skeleton

Instances = tuple[dict[str, Any], ...]
"""Instances of one image in the shape of docs/formats.md."""


class PrelabelError(ValueError):
    """Pre-labels that cannot be used; says where, what was expected and what was found."""


class _CocoCategory(msgspec.Struct):
    id: int
    name: str = ""
    keypoints: tuple[str, ...] = ()


class _CocoImage(msgspec.Struct):
    id: int
    file_name: str


class _CocoAnnotation(msgspec.Struct):
    id: int
    image_id: int
    category_id: int
    keypoints: tuple[float, ...] = ()


class _Coco(msgspec.Struct):
    images: tuple[_CocoImage, ...]
    annotations: tuple[_CocoAnnotation, ...]
    categories: tuple[_CocoCategory, ...]


def parse_prelabels(text: str, skeleton: Skeleton) -> dict[str, Instances]:
    """Pre-labels by image file name. Keypoints with visibility 0 are left out; 2, the default, is not spelt out.

    Args:
        text: one JSON object `{file name: [instances]}`, or JSON Lines of such objects.
        skeleton: its keypoint names are the labels that may occur.

    Raises:
        PrelabelError: not that shape, an unknown label, a keypoint twice in an instance, an image given twice.
    """
    found: dict[str, Instances] = {}
    for where, part in _parts(text):
        for name, instances in part.items():
            if name in found:
                raise PrelabelError(f"{where}: expected every image once, got {name!r} again")
            found[name] = _checked(instances, skeleton, f"{where}: {name!r}")
    return found


def coco_prelabels(text: str, skeleton: Skeleton) -> dict[str, Instances]:
    """Pre-labels by image file name from a COCO keypoints file.

    Keypoints go by name, so their order may differ from the skeleton's. Those with v=0 are left out, v=1 is kept as
    visibility 1, and an annotation without any labelled keypoint gives no instance. Annotations' ids are kept.

    Raises:
        PrelabelError: not a COCO file, or no category has exactly the skeleton's keypoint names.
    """
    try:
        coco = decode(text, _Coco, DEEPEST_DOCUMENT, most_memory=None)
    except JsonError as error:
        raise PrelabelError(f"not a COCO keypoints file: {error}") from error
    wanted = set(skeleton.keypoint_names)
    categories = {c.id: c.keypoints for c in coco.categories if set(c.keypoints) == wanted}
    if not categories:
        actual = "; ".join(f"{c.name!r}: {', '.join(c.keypoints) or 'none'}" for c in coco.categories) or "no category"
        expected = ", ".join(skeleton.keypoint_names)
        raise PrelabelError(f"COCO file: expected a category with the keypoints {expected}, got {actual}")
    names = {image.id: image.file_name for image in coco.images}
    found: dict[str, Instances] = dict.fromkeys(names.values(), ())
    for annotation in coco.annotations:
        keypoint_names = categories.get(annotation.category_id)
        if keypoint_names is None or annotation.image_id not in names:
            continue
        values = annotation.keypoints
        if len(values) != 3 * len(keypoint_names):
            raise PrelabelError(
                f"COCO annotation {annotation.id}: expected {3 * len(keypoint_names)} numbers in keypoints, "
                f"got {len(values)}"
            )
        triples = zip(keypoint_names, values[0::3], values[1::3], values[2::3], strict=True)
        labelled = [{"label": k, "x": x, "y": y, "visibility": int(v)} for k, x, y, v in triples if v]
        if labelled:
            image = names[annotation.image_id]
            instance = {"id": str(annotation.id), "name": "", "annotations": labelled}
            found[image] = (*found[image], *_checked([instance], skeleton, f"COCO annotation {annotation.id}"))
    return {name: instances for name, instances in found.items() if instances}


def match_prelabels(
    prelabels: Mapping[str, Instances], image_names: Iterable[str]
) -> tuple[dict[str, Instances], tuple[str, ...]]:
    """Pre-labels by the job's own image names, and the names in `prelabels` that no image has.

    A name is an image's whole relative path, or its last segment where that is the only image of that name.

    Raises:
        PrelabelError: a last segment that several images share, or two entries for one image.
    """
    names = set(image_names)
    by_segment: dict[str, list[str]] = {}
    for name in sorted(names):
        by_segment.setdefault(PurePosixPath(name).name, []).append(name)
    matched: dict[str, Instances] = {}
    unmatched: list[str] = []
    for given, instances in prelabels.items():
        candidates = [given] if given in names else by_segment.get(PurePosixPath(given).name, [])
        if len(candidates) > 1:
            raise PrelabelError(f"pre-labels for {given!r}: expected one image, got {', '.join(candidates)}")
        if not candidates:
            unmatched.append(given)
        elif candidates[0] in matched:
            raise PrelabelError(f"pre-labels for {given!r}: expected one entry for image {candidates[0]!r}, got two")
        else:
            matched[candidates[0]] = instances
    return matched, tuple(unmatched)


def _parts(text: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        whole = decode(text, deepest=DEEPEST_DOCUMENT, most_memory=None)
    except JsonError:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
        parts = [(f"pre-labels line {n}", _json(line, f"pre-labels line {n}")) for n, line in lines]
    else:
        parts = [("pre-labels", whole)]
    for where, part in parts:
        if not isinstance(part, dict):
            raise PrelabelError(f"{where}: expected an object of file names, got {type(part).__name__}")
    if not parts:
        raise PrelabelError("pre-labels: expected an object of file names, got nothing")
    return parts


def _json(line: str, where: str) -> Any:
    try:
        return decode(line, deepest=DEEPEST_DOCUMENT, most_memory=None)
    except JsonError as error:
        raise PrelabelError(f"{where}: not JSON: {error}") from error


def _checked(instances: Any, skeleton: Skeleton, where: str) -> Instances:
    try:
        parsed = parse_instances(instances)
    except InstanceError as error:
        raise PrelabelError(f"{where}: {error}") from error
    known = set(skeleton.keypoint_names)
    for keypoint in (keypoint for instance in parsed for keypoint in instance.annotations):
        if keypoint.label not in known:
            expected = ", ".join(skeleton.keypoint_names)
            raise PrelabelError(f"{where}: expected one of {expected}, got label {keypoint.label!r}")
    return tuple(msgspec.json.decode(msgspec.json.encode(parsed)))
