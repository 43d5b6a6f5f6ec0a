"""A reader of Ultralytics pose labels (https://docs.ultralytics.com/datasets/pose/).

There is one text file per image, with one row per subject. Coordinates are shares of the image's size. Predictions
(`save_txt`, `save_conf`) have a confidence instead of visibility, and the subject's confidence and track id at the end
of the row.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

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
    number_in,
    read_text,
    with_third,
)
from truepoint.pose.instance import VISIBLE

SHAPE = "YOLO-pose labels"
OTHER_TEXTS = frozenset({"classes", "train", "val", "test", "readme", "notes", "attribution"})
"""Names, up to the first dot, of text files beside labels that hold no labels. Roboflow writes README.dataset.txt."""
PARTS = ("train", "val", "test")
"""Keys of data.yaml for the images of each part of a data set."""
BOX_COLUMNS = 5
"""Number of columns of the class and the box."""
LARGEST_SHARE = 2.0
"""Maximum side and centre of a box, as shares of the image's size. Nearly every box in pixels exceeds it."""


@dataclass(frozen=True, slots=True)
class _Description:
    """The content of data.yaml.

    Attributes:
        classes: class names by number.
        keypoints: keypoint names by class number.
        shape: the number of keypoints, and the number of values per keypoint; None if the file does not give them.
        edges: pairs of keypoint indices.
        pairs: left/right pairs of keypoint indices.
        root: the root folder, as written.
        images: folders or lists of images, as written.
    """

    classes: Mapping[int, str]
    keypoints: Mapping[int, tuple[str, ...]]
    shape: tuple[int, int] | None
    edges: tuple[tuple[int, int], ...]
    pairs: tuple[tuple[int, int], ...]
    root: str
    images: tuple[str, ...]


def find_labels(path: Path) -> dict[Path, str] | None:
    """Return the label files of a data set, each with its image's name; None if `path` is not a YOLO data set.

    Args:
        path: data.yaml, its folder, a folder of label files, or one label file.

    Raises:
        FormatError: data.yaml is malformed.
    """
    if path.is_file() and path.suffix.lower() == ".txt":
        return {path: path.stem}
    described = _yaml_file(path)
    if path.is_file() and described is not None and (files := _described_labels(described)):
        return files
    root = path.parent if path.is_file() else path
    folder = root / "labels" if (root / "labels").is_dir() else root
    files = {file: file.relative_to(folder).with_suffix("").as_posix() for file in _label_files(folder)}
    if not files and described is not None:
        files = _described_labels(described)
    return files if files or described else None


def _label_files(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.rglob("*.txt"))
        if file.name.lower().split(".")[0] not in OTHER_TEXTS
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and not _lists_images(file)
    ]


def _lists_images(file: Path) -> bool:
    """Return whether a text file is a list of images, such as train2017.txt."""
    with file.open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"")
    return PurePosixPath(first.decode(errors="replace").strip()).suffix.lower() in IMAGE_SUFFIXES


def _described_labels(file: Path) -> dict[Path, str]:
    """Return the existing label files of the images that data.yaml names, by Ultralytics' rules.

    An image's label file has the same path with the last folder `images` replaced by `labels`.
    """
    described = _describe(file)
    beside = (file.parent / described.root).resolve()
    root = beside if beside.is_dir() else Path(described.root).resolve()
    image_of_label: dict[Path, str] = {}
    for text in described.images:
        # Roboflow writes "../train/images" for a folder beside data.yaml.
        paths = [root / text, *([root / text[3:]] if text.startswith("../") else [])]
        path = next((path for path in paths if path.exists()), paths[-1])
        if path.suffix.lower() == ".txt" and path.is_file():
            names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
            files = [_labels_of((path.parent / name).with_suffix(".txt")) for name in names]
        else:
            files = _label_files(_labels_of(path))
        image_of_label |= {label: _image_of(label, root) for file in files if (label := file.resolve()).is_file()}
    return image_of_label


def _labels_of(images: Path) -> Path:
    """Return a path of images with the last folder `images` replaced by `labels`."""
    return Path(*_with_last_renamed(images.parts, "images", "labels"))


def _image_of(label: Path, root: Path) -> str:
    """Return the path of a label file's image relative to the data set's root, without its ending."""
    parts = _with_last_renamed(label.with_suffix("").parts, "labels", "images")
    return "/".join(parts[len(root.parts) :] if parts[: len(root.parts)] == root.parts else parts)


def _with_last_renamed(parts: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    last = max((i for i, part in enumerate(parts) if part == old), default=-1)
    return parts if last < 0 else (*parts[:last], new, *parts[last + 1 :])


def read(path: Path, expected: int) -> Labels:
    """Read a data set.

    Args:
        path: as for `find_labels`.
        expected: number of keypoints to assume if data.yaml does not give it.

    Raises:
        FormatError: a row is malformed, no row has the expected columns, or data.yaml is malformed.
    """
    files = find_labels(path) or {}
    described = _describe(_yaml_file(path))
    rows = {file: list(_rows(file)) for file in files}
    every = [row for of_file in rows.values() for _, row in of_file]
    shape = described.shape or _guessed_shape(every, expected)
    thirds = {third for row in every if _has_shape(row, shape) for third in _thirds(row, shape)}
    # Rows of predictions end with a confidence. If no third number is 2, third numbers are confidences too.
    predicted = VISIBLE not in thirds and any(_has_shape(row, shape) and len(row) > _width(shape) for row in every)
    scores = has_scores(thirds) or predicted
    reader = _RowReader(described, shape, scores)
    images = []
    for file, of_file in rows.items():
        image = LabeledImage(files[file], has_ending=False, in_shares=True)
        images.append(image)
        for where, row in of_file:
            subject = reader.subject(row, where)
            if subject is not None:
                image.subjects.append(subject)
    for image in images if thirds and not scores and VISIBLE not in thirds else ():
        for point in (point for subject in image.subjects for point in subject.instance["annotations"]):
            reader.notes.add(NONE_VISIBLE, f"{image.name} {point['label']}")
    if every and not reader.categories:
        where, row = next(of_file[0] for of_file in rows.values() if of_file)
        raise FormatError(
            f"{where}: expected {BOX_COLUMNS} + {shape[0]} * {shape[1]} columns, and optionally a confidence and "
            f"a track id, got {len(row)}"
        )
    return Labels(SHAPE, images, list(reader.categories.values()), reader.notes)


class _RowReader:
    """A converter of rows to subjects. `scores` says whether third numbers are confidences rather than visibilities."""

    def __init__(self, described: _Description, shape: tuple[int, int], scores: bool) -> None:
        self._described, self._scores = described, scores
        self._count, self._dimensions = shape
        self.categories: dict[int, Category] = {}
        self.notes = Notes()

    def subject(self, row: list[float], where: str) -> Subject | None:
        """Return a row's subject; None, with a note, if it has other columns, or neither keypoints nor a box.

        Raises:
            FormatError: the class is not an integer, or the box is in pixels.
        """
        shape = self._count, self._dimensions
        has_keypoints = _has_shape(row, shape)
        if not has_keypoints and len(row) > BOX_COLUMNS + 1:
            wanted = f"{BOX_COLUMNS} nor {_width(shape)} columns, as boxes and poses have"
            self.notes.add(f"rows left out, because they have neither {wanted}", where)
            return None
        category = self._category(row[0], where)
        _, cx, cy, w, h = row[:BOX_COLUMNS]
        if max(cx, cy, w, h) > LARGEST_SHARE:
            raise FormatError(
                f"{where}: expected a box relative to the image's size, from 0 to 1, got {row[1:BOX_COLUMNS]}"
            )
        end = _width(shape) if has_keypoints else BOX_COLUMNS
        points = self._points(row[BOX_COLUMNS:end], category, where) if has_keypoints else []
        rest = row[end:]
        instance: Instance = {"annotations": points}
        if drawn := box((cx - w / 2, cy - h / 2, w, h), self.notes, where):
            instance["box"] = drawn
        if rest:
            instance["score"] = rest[0]
        if len(rest) == 2:
            instance["name"] = f"track {rest[1]:.0f}"
        if not points and "box" not in instance:
            self.notes.add("rows left out, because they have neither keypoints nor a box", where)
            return None
        return Subject(instance, category.name)

    def _points(self, values: list[float], category: Category, where: str) -> list[Instance]:
        points = []
        for i, label in enumerate(category.keypoints):
            x, y, *third = values[self._dimensions * i : self._dimensions * (i + 1)]
            if x == y == 0 and (not third or third[0] not in (1, 2)):
                if third and third[0] > 0:
                    self.notes.add(
                        "keypoints left out, because they are at (0, 0) with a low score", f"{where} {label}"
                    )
                continue
            point = keypoint(label, x, y, self.notes, where)
            if point and third:
                point = with_third(point, third[0], self._scores, self.notes, where)
            if point:
                points.append(point)
        return points

    def _category(self, value: float, where: str) -> Category:
        number = int(value) if value.is_integer() else -1
        if number < 0:
            raise FormatError(f"{where}: expected the class as a whole number, got {value}")
        if number not in self.categories:
            labels = self._described.keypoints.get(number, tuple(map(str, range(self._count))))
            named = number in self._described.keypoints
            name = self._described.classes.get(number, str(number))
            edges, pairs = (
                tuple(ends for ends in given if max(ends) < len(labels))
                for given in (self._described.edges, self._described.pairs)
            )
            self.categories[number] = Category(name, labels, named, edges, pairs)
        return self.categories[number]


def _rows(file: Path) -> Iterator[tuple[str, list[float]]]:
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        where = f"{file.name}:{number}"
        try:
            row = [number_in(value) for value in line.split()]
        except ValueError as error:
            raise FormatError(f"{file}:{number}: expected numbers, got {line.strip()[:60]!r}") from error
        if len(row) < BOX_COLUMNS:
            raise FormatError(f"{file}:{number}: expected at least {BOX_COLUMNS} numbers, got {len(row)}")
        yield where, row


def _guessed_shape(rows: list[list[float]], expected: int) -> tuple[int, int]:
    """Return the number of keypoints and of values per keypoint: `expected` if it fits a row, else what fits all rows.

    Rows with only a box and perhaps a confidence fit any numbers.

    Raises:
        FormatError: no numbers fit all rows.
    """
    lengths = {len(row) for row in rows} - {BOX_COLUMNS, BOX_COLUMNS + 1}
    if not lengths:
        return expected, 3
    for dimensions in (3, 2):
        if any(_has_shape(row, (expected, dimensions)) for row in rows):
            return expected, dimensions
    for count in range(1, max(lengths)):
        for dimensions in (3, 2):
            if lengths == {_width((count, dimensions))}:
                return count, dimensions
    wanted = "expected rows of the same length"
    raise FormatError(f"{wanted}, got rows of {sorted(lengths)} columns; give data.yaml with kpt_shape")


def _width(shape: tuple[int, int]) -> int:
    return BOX_COLUMNS + shape[0] * shape[1]


def _has_shape(row: list[float], shape: tuple[int, int]) -> bool:
    """Return whether a row has keypoints of a shape, optionally followed by a confidence and a track id."""
    return 0 <= len(row) - _width(shape) <= 2


def _thirds(row: list[float], shape: tuple[int, int]) -> list[float]:
    count, dimensions = shape
    return row[BOX_COLUMNS + 2 : BOX_COLUMNS + 3 * count : 3] if dimensions == 3 else []


def _yaml_file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() in (".yaml", ".yml") else None
    return next((file for name in ("data.yaml", "data.yml", "dataset.yaml") if (file := path / name).is_file()), None)


def _describe(file: Path | None) -> _Description:
    if file is None:
        return _Description({}, {}, None, (), (), "", ())
    try:
        data = yaml.safe_load(read_text(file))
    except (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, RecursionError, ValueError) as error:
        # PyYAML's own errors, and Python's for malformed dates and numbers and for deep nesting.
        raise FormatError(f"{file}: expected YAML, got something else: {error}") from error
    if not isinstance(data, dict):
        raise FormatError(f"{file}: expected a data set's description, got {type(data).__name__}")
    shape = data.get("kpt_shape")
    if shape is not None and not _is_shape(shape):
        raise FormatError(f"{file}: expected kpt_shape [number of keypoints, 2 or 3], got {reprlib.repr(shape)}")
    classes = {number: _name(name) for number, name in _numbered(data.get("names"))}
    keypoints = {
        number: tuple(map(_name, names))
        for number, names in _numbered(data.get("kpt_names"))
        if isinstance(names, list)
    }
    plain = data.get("kpt_names")
    if isinstance(plain, list) and all(isinstance(name, str) for name in plain):
        keypoints = dict.fromkeys(classes or {0: ""}, tuple(plain))
    for number, names in keypoints.items():
        if shape is not None and len(names) != shape[0]:
            raise FormatError(f"{file}: class {number}: expected {shape[0]} keypoint names, got {len(names)}")
    skeleton = data.get("skeleton")
    edges = tuple(
        (e[0], e[1])
        for e in (skeleton if isinstance(skeleton, list) else ())
        if isinstance(e, list) and len(e) == 2 and all(type(i) is int and i >= 0 for i in e)
    )
    flipped = dict(enumerate(_listed(data.get("flip_idx"))))
    pairs = tuple((i, j) for i, j in flipped.items() if type(j) is int and j > i and flipped.get(j) == i)
    root = data.get("path")
    images = [value for part in PARTS for value in _listed(data.get(part)) if isinstance(value, str) and value]
    return _Description(
        classes,
        keypoints,
        (shape[0], shape[1]) if shape else None,
        edges,
        pairs,
        root if isinstance(root, str) else "",
        tuple(dict.fromkeys(images)),
    )


def _name(value: Any) -> str:
    """Return a name as text. YAML's aliases can make the text of a nested value too long for any memory."""
    return reprlib.repr(value) if isinstance(value, list | dict | set) else str(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(n) is int and n > 0 for n in value)
        and value[1] in (2, 3)
    )


def _numbered(value: Any) -> list[tuple[int, Any]]:
    if isinstance(value, dict):
        return [(int(number), entry) for number, entry in value.items() if re.fullmatch("[0-9]{1,9}", str(number))]
    return list(enumerate(value)) if isinstance(value, list) else []
