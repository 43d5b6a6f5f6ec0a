"""Labels read from a file of any format: images, subjects, and notes on what the reader left out."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from truepoint.json_text import BYTE_ORDER_MARK, DEEPEST_DOCUMENT, is_deeper
from truepoint.pose.instance import FARTHEST, OCCLUDED, VISIBLE

Instance = dict[str, Any]
"""An instance as in docs/formats.md. `visibility` of a keypoint is missing if the file has none. `score` of a keypoint
or an instance is a model's confidence."""

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".heic", ".heif", ".avif"}
)
"""Endings of image files. A file with one of them is refused, rather than ignored, if it is not a usable image."""

NAMED_EXAMPLES = 3
"""Number of items per reason whose names are shown. The others are only counted."""
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""A part of a surrogate pair in a JSON text, as an escape sequence or in UTF-8. It may belong to a whole pair."""
NONE_VISIBLE = (
    f"keypoints read as occluded (visibility {OCCLUDED}), although the file has no visible keypoint ({VISIBLE}); some "
    f"data sets write {OCCLUDED} for visible"
)
"""Note for files such as those of PoseTrack or FreiHAND, whose only visibilities are 0 and 1."""
SHARE_DIGITS = 9
"""Decimal places to which a coordinate given as a share of the image's size is rounded, in pixels."""


class FormatError(ValueError):
    """A label file that cannot be used."""


class Notes:
    """Counts of what a reader left out or changed, by reason, with the first names of each."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._names: dict[str, list[str]] = {}

    def add(self, reason: str, name: object = "") -> None:
        """Count one item, and keep its name if it is among the first."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        names = self._names.setdefault(reason, [])
        if name != "" and len(names) < NAMED_EXAMPLES and str(name) not in names:
            names.append(str(name))

    def merge(self, later: Notes) -> None:
        """Add the items of later notes."""
        for reason, count in later._counts.items():
            self._counts[reason] = self._counts.get(reason, 0) + count
            names = self._names.setdefault(reason, [])
            names += [name for name in later._names[reason] if name not in names][: NAMED_EXAMPLES - len(names)]

    def count(self, reason: str) -> int:
        """Return the number of items with this reason."""
        return self._counts.get(reason, 0)

    def lines(self) -> Iterator[str]:
        """Yield one sentence for each reason."""
        for reason, count in self._counts.items():
            names = self._names[reason]
            more = ", …" if names and count > len(names) else ""
            yield f"{count} {reason}" + (f": {', '.join(names)}{more}" if names else "")


@dataclass(slots=True)
class Subject:
    """A labelled subject: an instance, its category in the file, and its rater ("" if the file names none)."""

    instance: Instance
    category: str = ""
    rater: str = ""


@dataclass(slots=True)
class LabeledImage:
    """The labels of one image.

    Attributes:
        name: the image's name in the label file, possibly with folders.
        subjects: its labelled subjects.
        width, height: its size in pixels, if the file gives it.
        raters: the raters who looked at the image, including those who marked nothing.
        has_ending: whether the name has the ending of an image file.
        numbered: the image's number, if the format has numbers instead of names.
        in_shares: whether coordinates are shares of the image's width and height rather than pixels.
        s3_uri: the image's S3 URI; "" if the file gives none.
        id: the image's id in the file, if it is an integer.
    """

    name: str
    subjects: list[Subject] = field(default_factory=list)
    width: int | None = None
    height: int | None = None
    raters: tuple[str, ...] = ()
    has_ending: bool = True
    numbered: int | None = None
    in_shares: bool = False
    s3_uri: str = ""
    id: int | None = None


@dataclass(slots=True)
class Category:
    """A kind of subject.

    Attributes:
        name: the category's name.
        keypoints: names of its keypoints, in order; empty if the file has only boxes.
        named: whether the file names its keypoints. If not, their names are "0", "1", ….
        edges: pairs of keypoint indices, from 0.
        pairs: left/right pairs of keypoint indices, from 0.
        sigmas: one per keypoint, or empty.
        supercategory: the category's supercategory.
    """

    name: str
    keypoints: tuple[str, ...] = ()
    named: bool = True
    edges: tuple[tuple[int, int], ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    sigmas: tuple[float, ...] = ()
    supercategory: str = ""


@dataclass(slots=True)
class Labels:
    """The content of a label file. `shape` is the name of its format."""

    shape: str
    images: list[LabeledImage]
    categories: list[Category] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)

    @property
    def raters(self) -> tuple[str, ...]:
        """All raters that the file names, sorted."""
        return tuple(
            sorted({r for image in self.images for r in (*image.raters, *(s.rater for s in image.subjects)) if r})
        )


def parse_json(text: bytes, where: str) -> Any:
    """Return the value of a JSON text.

    NaN and Infinity, which Python's encoder writes, are accepted; readers then leave these numbers out. U+FFFD replaces
    half a surrogate pair, which other encoders refuse, for example of a text that was cut within an emoji.

    Raises:
        FormatError: the text is not JSON, or is nested too deep.
    """
    plain = as_utf8(text, where)
    if is_deeper(plain, DEEPEST_DOCUMENT):
        raise FormatError(f"{where}: expected at most {DEEPEST_DOCUMENT} levels of nesting, got more")
    try:
        value = json.loads(plain)
        return json.loads(_whole_characters(value)) if _HALF_PAIR.search(plain) else value
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: expected JSON, got something else: {error}") from error


def _whole_characters(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def as_utf8(text: bytes, where: str) -> bytes:
    """Return a text in UTF-8 without its byte order mark.

    The text may also be UTF-16 with a byte order mark, as PowerShell writes it.

    Raises:
        FormatError: the text has the byte order mark of UTF-16 but is not UTF-16.
    """
    if not text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return text.removeprefix(BYTE_ORDER_MARK)
    try:
        return text.decode("utf-16").encode()
    except UnicodeError as error:
        raise FormatError(f"{where}: expected UTF-8 or UTF-16 text, got other bytes: {error}") from error


def read_text(path: Path) -> str:
    """Return a file's text without a byte order mark.

    Raises:
        FormatError: the file is neither UTF-8 nor UTF-16 with a byte order mark.
    """
    try:
        return as_utf8(path.read_bytes(), str(path)).decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: expected UTF-8 text, got other bytes: {error}") from error


def number(value: Any) -> float | None:
    """Return a finite number; None if `value` is not one. Numbers as text count: tables converted to JSON have them."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        parsed = float(value)
    except OverflowError:
        return None
    return parsed if math.isfinite(parsed) else None


def number_in(text: str) -> float:
    """Return the number in a text, which may be NaN or infinite.

    Raises:
        ValueError: the text is no number. `float` alone would read "1_5" as 15, and digits of every script.
    """
    return float(text if text.isascii() and "_" not in text else "no number")


def keypoint(label: str, x: Any, y: Any, notes: Notes, where: object) -> Instance | None:
    """Return a keypoint; None, with a note, if its coordinates are not usable."""
    point = number(x), number(y)
    if point[0] is None or point[1] is None:
        notes.add("keypoints left out, because their coordinates are not numbers", f"{where} {label}")
        return None
    if abs(point[0]) > FARTHEST or abs(point[1]) > FARTHEST:
        notes.add(
            f"keypoints left out, because their coordinates are beyond ±{FARTHEST:.0f} pixels", f"{where} {label}"
        )
        return None
    return {"label": label, "x": point[0], "y": point[1]}


def box(given: Sequence[Any], notes: Notes, where: object) -> list[float] | None:
    """Return x, y, width and height of a box; None, with a note, if it is malformed or has no area."""
    values = [number(value) for value in given]
    if len(values) != 4 or None in values or any(abs(value or 0) > FARTHEST for value in values):
        notes.add("boxes left out, because they are not four numbers", where)
        return None
    sides = [value or 0.0 for value in values]
    if sides[2] <= 0 or sides[3] <= 0:
        notes.add("boxes left out, because they have no area", where)
        return None
    return sides


def difference(a: float, b: float) -> float:
    """Return a - b computed in decimal, as the numbers are written: 10.3 - 10.1 is 0.2."""
    return float(Decimal(repr(a)) - Decimal(repr(b)))


def total(a: float, b: float) -> float:
    """Return a + b computed in decimal, as the numbers are written: 0.1 + 0.2 is 0.3."""
    return float(Decimal(repr(a)) + Decimal(repr(b)))


def scaled(share: float, side: float) -> float:
    """Return a share of an image's side in pixels, rounded to remove floating-point noise."""
    return round(share * side, SHARE_DIGITS)


def has_scores(thirds: Iterable[float | None]) -> bool:
    """Return whether third numbers of keypoints are confidences: any of them is above 0 and neither 1 nor 2.

    Numbers below 0 are ignored, because some tools write -1 for a keypoint that is not labelled.
    """
    return any(v is not None and v > 0 and v not in (OCCLUDED, VISIBLE) for v in thirds)


def with_third(point: Instance, third: float | None, scores: bool, notes: Notes, where: object) -> Instance | None:
    """Return a keypoint with its third number as `visibility`, or as `score` if `scores`; None if not labelled."""
    if third is None or not math.isfinite(third):
        notes.add("keypoints left out, because their third value is not a number", f"{where} {point['label']}")
        return None
    if third <= 0:
        if (scores or third < 0) and (point["x"] or point["y"]):
            what = "score" if scores else "visibility"
            notes.add(f"keypoints left out, because their {what} is not above 0", f"{where} {point['label']}")
        return None
    return point | ({"score": third} if scores else {"visibility": int(third)})


def shown(names: Sequence[str], most: int = NAMED_EXAMPLES) -> str:
    """Return the first names and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more
