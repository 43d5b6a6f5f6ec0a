"""The skeleton of label files: shipped with this package, given in a file, or derived from the labels."""

from __future__ import annotations

from pathlib import Path

import msgspec

from truepoint.formats.labels import Category, FormatError, shown
from truepoint.formats.names import side_pairs
from truepoint.pose.skeleton import DEFAULT_SIGMA, Skeleton, SkeletonError, SkeletonKeypoint, parse_skeleton

_HERE = Path(__file__).resolve()
_FOLDERS = (_HERE.parents[1] / "skeletons", _HERE.parents[3] / "skeletons")
"""Folders of shipped skeletons: in an installed package, and in a checkout."""


def shipped() -> dict[str, Path]:
    """Return the files of the shipped skeletons, by name."""
    return {path.stem: path for folder in _FOLDERS if folder.is_dir() for path in sorted(folder.glob("*.json"))}


def named_skeleton(given: str) -> Skeleton:
    """Return a skeleton, given the name of a shipped one or the path of a file.

    Raises:
        FormatError: there is no such skeleton or file, or the file does not hold a skeleton.
    """
    path = shipped().get(given, Path(given))
    if not path.is_file():
        raise FormatError(f"expected a skeleton file or one of {', '.join(shipped())}, got {given!r}")
    try:
        return parse_skeleton(path.read_bytes(), stored=True)
    except SkeletonError as error:
        raise FormatError(f"{path}: expected a skeleton, got: {error}") from error


def derived_skeleton(category: Category) -> Skeleton:
    """Return the skeleton that a category describes.

    A shipped skeleton is used if it has the same keypoints in the same order and no sigmas of the category contradict
    it. Pairs come from the file, otherwise from names. A sigma of `DEFAULT_SIGMA` counts as missing, because our own
    files write it for a keypoint without one.

    Raises:
        FormatError: the category's keypoints have no names, or do not form a valid skeleton.
    """
    names = category.keypoints
    if not names or not category.named:
        raise FormatError(
            f"category {category.name!r}: expected names of keypoints, got {len(names)} without names; "
            "give a skeleton in --skeleton"
        )
    sigmas = [None if sigma == DEFAULT_SIGMA else sigma for sigma in category.sigmas] or [None] * len(names)
    for path in shipped().values():
        stored = parse_skeleton(path.read_bytes(), stored=True)
        if stored.keypoint_names == names and (not category.sigmas or category.sigmas == stored.sigmas):
            return stored
    pairs = {names[a]: names[b] for i, j in category.pairs for a, b in ((i, j), (j, i))} or side_pairs(names)
    keypoints = [SkeletonKeypoint(n, pairs.get(n), sigma) for n, sigma in zip(names, sigmas, strict=True)]
    skeleton = Skeleton(
        category.name or "subject",
        tuple(keypoints),
        tuple((names[a], names[b]) for a, b in category.edges if a != b),
        category.supercategory,
    )
    try:
        return parse_skeleton(msgspec.json.encode(skeleton), stored=True)
    except SkeletonError as error:
        raise FormatError(f"category {category.name!r}: expected keypoints of a skeleton, got: {error}") from error


def main_category(categories: dict[str, tuple[Category, int]]) -> Category:
    """Return the category with keypoints that has the most subjects.

    Args:
        categories: (category, number of subjects) by name.

    Raises:
        FormatError: no category has keypoints.
    """
    having = [(count, category) for category, count in categories.values() if category.keypoints]
    if not having:
        actual = shown([name or "without a name" for name in categories])
        raise FormatError(f"expected a category with keypoints, got none; categories: {actual}")
    return max(having, key=lambda entry: entry[0])[1]
