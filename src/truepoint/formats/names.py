"""Matching of names of images and keypoints that are spelled differently. Ambiguous names are errors."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from truepoint.formats.labels import Category, FormatError, LabeledImage, parse_json, shown
from truepoint.formats.side_pairs import pairs_of
from truepoint.pose.names import is_left_of
from truepoint.pose.skeleton import Skeleton


@dataclass(frozen=True, slots=True)
class Matched:
    """The images of a label file, matched with the images of a job.

    Attributes:
        images: the label file's images, by the job's image names.
        unmatched: names in the label file that match no image of the job.
        by_name_only: names that match although their folders differ.
        by_number: names that match only by the number at their end.
    """

    images: dict[str, LabeledImage]
    unmatched: tuple[str, ...]
    by_name_only: tuple[str, ...]
    by_number: tuple[str, ...]


def match_images(labels: Sequence[LabeledImage], image_names: Iterable[str]) -> Matched:
    """Match the images of a label file with those of a job.

    Names are matched by these rules, in this order:

    - They are equal.
    - They differ in path separators or in the Unicode normal form.
    - They differ in case.
    - Their last folders and file names are equal.
    - Their file names are equal, and only one image of the job has this file name.

    A name without an ending matches images with any ending. A number matches the image whose name ends with it, in the
    folder of that name if there is one.

    Raises:
        FormatError: two names match one image equally well, or one name matches two images.
    """
    names = sorted(set(image_names))
    matched: dict[str, LabeledImage] = {}
    rest = list(labels)
    by_name_only: list[str] = []
    by_number: list[str] = []
    for rule in (_exact, _plain, _folded, _suffixes_of(2), _suffixes_of(1), _numbers):
        index: dict[str, list[str]] = {}
        for name in names:
            for key in dict.fromkeys(rule(LabeledImage(name), True)):
                index.setdefault(key, []).append(name)
        taken: dict[str, LabeledImage] = {}
        left: list[LabeledImage] = []
        for image in rest:
            candidates = next((matching for key in rule(image, False) if (matching := index.get(key))), [])
            free = [name for name in candidates if name not in matched]
            if len(candidates) > 1:
                raise FormatError(f"{image.name!r}: expected one image of that name, got {shown(candidates)}")
            if not free:
                left.append(image)  # no image matches, or another name matches it better
            elif free[0] in taken:
                both = shown([taken[free[0]].name, image.name])
                raise FormatError(f"image {free[0]!r}: expected labels once, got two entries: {both}")
            else:
                taken[free[0]] = image
                if rule is _numbers:
                    by_number.append(image.name)
                elif _folders_differ(image.name, free[0]):
                    by_name_only.append(image.name)
        matched |= taken
        rest = left
    return Matched(matched, tuple(image.name for image in rest), tuple(by_name_only), tuple(by_number))


Rule = Callable[[LabeledImage, bool], list[str]]
"""A function that returns the keys by which a name is looked up, best first. The flag says whether it is a job's
name."""


def _exact(image: LabeledImage, _own: bool) -> list[str]:
    return [image.name]


def _plain(image: LabeledImage, _own: bool) -> list[str]:
    return [_path(image.name)]


def _folded(image: LabeledImage, _own: bool) -> list[str]:
    return [_path(image.name).casefold()]


def _suffixes_of(least: int) -> Rule:
    """Return a rule that compares the last parts of paths, at least `least` parts. The longest common end wins."""

    def suffixes(image: LabeledImage, own: bool) -> list[str]:
        parts = _path(image.name).casefold().split("/")
        ends = ["/".join(parts[i:]) for i in range(len(parts) - least + 1)]
        # Keys without the ending are added, for names in label files that have none.
        stems = [f"{PurePosixPath(end).with_suffix('')}\0" for end in ends if PurePosixPath(end).name] if own else []
        return ends + stems if image.has_ending else [f"{end}\0" for end in ends]

    return suffixes


def _numbers(image: LabeledImage, own: bool) -> list[str]:
    path = PurePosixPath(_path(image.name).casefold())
    digits = re.search(r"([0-9]+)$", path.stem)
    number = image.numbered if not own else int(digits[1]) if digits else None
    return [] if number is None else [f"{path.parent.name}/{number}", str(number)]


def _path(name: str) -> str:
    """Return a path, or that of a URL, in NFC with forward slashes, and without drives and the parts "." and ".."."""
    if re.match(r"(?i)(https?|file)://", name):
        name = unquote(urlsplit(name).path)
    elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name):  # such as s3://bucket/key, which is not percent-encoded
        name = name.partition("://")[2].partition("/")[2]
    plain = unicodedata.normalize("NFC", name).replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    return "/".join(parts[1:] if parts and re.fullmatch(r"[A-Za-z]:", parts[0]) else parts)


def _folders_differ(name: str, other: str) -> bool:
    """Return whether both names have folders and the last folders differ."""
    a, b = (_path(n).casefold().split("/")[:-1] for n in (name, other))
    return bool(a and b) and a[-1] != b[-1]


KeypointNames = Mapping[str, str | None] | Sequence[str]
"""The content of a mapping file: the skeleton's names by the label file's names (None to leave a keypoint out), or the
names of the label file's keypoints in order."""


def read_keypoint_names(path: Path) -> KeypointNames:
    """Read a mapping file of keypoint names.

    The file is a JSON object {name in the labels: name in the skeleton or null} or, for formats without names, a list
    of the names in the order of the labels.

    Raises:
        FormatError: the file has another shape.
    """
    document = parse_json(path.read_bytes(), str(path))
    if isinstance(document, list) and all(isinstance(name, str) for name in document):
        return document
    if isinstance(document, dict) and all(value is None or isinstance(value, str) for value in document.values()):
        return document
    raise FormatError(
        f"{path}: expected a JSON object {{name in the labels: name in the skeleton or null}}, or a list of names in "
        f"the order of the labels, got {json.dumps(document)[:80]}"
    )


def map_keypoints(category: Category, skeleton: Skeleton, mapping: KeypointNames | None) -> dict[str, str]:
    """Return the skeleton's name for each keypoint name of a category that has a counterpart.

    Names match if they are equal, by the mapping file, or if they differ only in case, separators and the spelling and
    position of the side ("LEye", "eye_left").

    Raises:
        FormatError: a list of names has a wrong length, the mapping file names a keypoint that the skeleton lacks, or
            two names match one keypoint.
    """
    wanted = skeleton.keypoint_names
    given: dict[str, str | None] = dict(mapping) if isinstance(mapping, Mapping) else {}
    names = dict(zip(category.keypoints, category.keypoints, strict=True))
    if not category.named and category.keypoints:
        order = list(wanted) if mapping is None or isinstance(mapping, Mapping) else list(mapping)
        if len(order) != len(category.keypoints):
            raise FormatError(
                f"category {category.name!r} has keypoints without names: expected {len(order)}, as in the skeleton, "
                f"got {len(category.keypoints)}; give a JSON list of their names, in their order, in --keypoint-names"
            )
        names = dict(zip(category.keypoints, order, strict=True))
    elif mapping is not None and not isinstance(mapping, Mapping):
        if len(mapping) != len(category.keypoints):
            raise FormatError(
                f"expected {len(category.keypoints)} keypoint names in the mapping file, got {len(mapping)}"
            )
        names = dict(zip(category.keypoints, mapping, strict=True))
    aliases: dict[tuple[str, str], list[str]] = {}
    for name in wanted:
        aliases.setdefault(_alias(name), []).append(name)
    targets: dict[str, str] = {}
    for label, name in names.items():
        target = given.get(name, given.get(label)) if name in given or label in given else _named(name, wanted, aliases)
        if target is None:
            continue
        if target not in wanted:
            raise FormatError(f"keypoint {name!r}: expected a name of the skeleton ({shown(wanted)}), got {target!r}")
        targets[label] = target
    for target in set(targets.values()):
        sources = [names[label] for label, t in targets.items() if t == target]
        if len(sources) > 1:
            exact = target in sources and not given
            if not exact:
                raise FormatError(
                    f"keypoint {target!r}: expected one name in the labels, got {shown(sources)}; "
                    "choose one with a JSON object in --keypoint-names"
                )
            targets = {label: t for label, t in targets.items() if t != target or names[label] == target}
    return targets


def _named(name: str, wanted: Sequence[str], aliases: Mapping[tuple[str, str], list[str]]) -> str | None:
    if name in wanted:
        return name
    same = aliases.get(_alias(name), [])
    return same[0] if len(same) == 1 else None


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}


def _alias(name: str) -> tuple[str, str]:
    """Return the side in a keypoint's name ("left", "right" or ""), and the rest in lower case without separators."""
    # Separate a capital letter for the side from the next word, as in "LEye".
    plain = re.sub(r"(?<![A-Za-z])([LR])(?=[A-Z][a-z])", r"\1_", unicodedata.normalize("NFKC", name))
    words = [word.casefold() for word in _WORDS.findall(plain)]
    if len(words) == 1 and (glued := re.fullmatch(r"(left|right)(.+)|(.+)(left|right)", words[0])):
        words = [w for w in glued.groups() if w]
    for end in (0, -1):
        if len(words) > 1 and words[end] in _SIDES:
            side = _SIDES[words[end]]
            return side, "".join(words[1:] if end == 0 else words[:-1])
    return "", "".join(words)


def unpaired_sides(skeleton: Skeleton) -> str:
    """Return a note about keypoints that are left and right by name but have no `pair`; "" if there are none."""
    paired = {keypoint.name for keypoint in skeleton.keypoints if keypoint.pair}
    lacking = [
        f"{name}/{other}"
        for name, other in side_pairs(skeleton.keypoint_names).items()
        if is_left_of(name, other) and not {name, other} & paired
    ]
    if not lacking:
        return ""
    return (
        f"note: skeleton {skeleton.name!r}: expected `pair` for left and right keypoints, got none for "
        f"{shown(lacking)}; without it, swapped sides are not found, and exports do not swap sides of mirrored images"
    )


def side_pairs(names: Sequence[str]) -> dict[str, str]:
    """Return left/right counterparts derived from names, in both directions. Ambiguous names have none.

    Names that no rule of `pairs_of` pairs are counterparts if they differ only in the spelling and position of the side
    ("LEye", "eye_right").
    """
    pairs = {names[i]: names[j] for i, j in enumerate(pairs_of(names)) if j >= 0}
    by_alias: dict[tuple[str, str], list[str]] = {}
    for name in names:
        by_alias.setdefault(_alias(name), []).append(name)
    for (side, rest), left in by_alias.items():
        right = by_alias.get(("right", rest), [])
        if side == "left" and len(left) == len(right) == 1 and not pairs.keys() & {left[0], right[0]}:
            pairs |= {left[0]: right[0], right[0]: left[0]}
    return pairs
