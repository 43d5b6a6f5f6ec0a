"""Ultralytics pose labels, https://docs.ultralytics.com/datasets/pose/: one text file an image, one row a subject.

Coordinates are shares of the image's size. Predictions (`save_txt`, `save_conf`) have a confidence in place of
visibility, and the subject's confidence and track id at the end of the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from truepoint.formats.labels import (
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
    read_text,
    with_third,
)

SHAPE = "YOLO-pose labels"
OTHER_TEXTS = frozenset(f"{name}.txt" for name in ("classes", "train", "val", "test", "readme", "notes", "attribution"))
"""Text files that stand beside labels and hold none."""
BOX_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class _Description:
    """What data.yaml says: class names, keypoint names by class, and the shape of keypoints if it is there."""

    classes: Mapping[int, str]
    keypoints: Mapping[int, tuple[str, ...]]
    shape: tuple[int, int] | None
    edges: tuple[tuple[int, int], ...]


def find_labels(path: Path) -> tuple[Path, list[Path]] | None:
    """Return the folder below which label files are, and these files; None if `path` is no YOLO data set.

    Args:
        path: data.yaml, the folder that it is in, a folder of label files, or one label file.
    """
    if path.is_file() and path.suffix.lower() == ".txt":
        return path.parent, [path]
    root = path.parent if path.is_file() else path
    folder = root / "labels" if (root / "labels").is_dir() else root
    files = [file for file in sorted(folder.rglob("*.txt")) if file.name.lower() not in OTHER_TEXTS]
    return (folder, files) if files or _yaml_file(path) else None


def read(path: Path, expected: int) -> Labels:
    """Read a data set.

    Args:
        path: see `find_labels`.
        expected: the number of keypoints to assume where no data.yaml tells it.

    Raises:
        FormatError: a row that is none, or a data.yaml that cannot be used.
    """
    found = find_labels(path)
    folder, files = found or (path, [])
    described = _describe(_yaml_file(path))
    rows = {file: list(_rows(file)) for file in files}
    every = [row for found_rows in rows.values() for _, row in found_rows]
    shape = described.shape or _guessed_shape(every, expected)
    reader = _RowReader(described, shape, has_scores(v for row in every for v in _thirds(row, shape)))
    images = []
    for file, found_rows in rows.items():
        name = file.relative_to(folder).with_suffix("").as_posix()
        image = LabeledImage(name, has_ending=False, in_shares=True)
        images.append(image)
        for where, row in found_rows:
            subject = reader.subject(row, where)
            if subject is not None:
                image.subjects.append(subject)
    return Labels(SHAPE, images, list(reader.categories.values()), reader.notes)


class _RowReader:
    """Makes rows into subjects. `scores` says that a keypoint's third number is a confidence, not a visibility."""

    def __init__(self, described: _Description, shape: tuple[int, int], scores: bool) -> None:
        self._described, self._scores = described, scores
        self._count, self._dimensions = shape
        self.categories: dict[int, Category] = {}
        self.notes = Notes()

    def subject(self, row: list[float], where: str) -> Subject | None:
        """Return a row's subject; None, with a note, if it has neither keypoints nor a box.

        Raises:
            FormatError: the row has another number of columns, or a class that is no whole number.
        """
        category = self._category(row[0], where)
        width = self._count * self._dimensions
        rest: list[float] = []
        points: list[Instance] = []
        if len(row) > BOX_COLUMNS:
            if not BOX_COLUMNS + width <= len(row) <= BOX_COLUMNS + width + 2:
                raise FormatError(
                    f"{where}: expected {BOX_COLUMNS} + {self._count} * {self._dimensions} columns, perhaps with a "
                    f"confidence and a track id behind them, got {len(row)}"
                )
            rest = row[BOX_COLUMNS + width :]
            points = self._points(row[BOX_COLUMNS : BOX_COLUMNS + width], category, where)
        instance: Instance = {"annotations": points}
        _, cx, cy, w, h = row[:BOX_COLUMNS]
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
            self.categories[number] = Category(name, labels, named, self._described.edges)
        return self.categories[number]


def _rows(file: Path) -> Iterator[tuple[str, list[float]]]:
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        where = f"{file.name}:{number}"
        try:
            row = [float(value) for value in line.split()]
        except ValueError as error:
            raise FormatError(f"{file}:{number}: expected numbers, got {line.strip()[:60]!r}") from error
        if len(row) < BOX_COLUMNS:
            raise FormatError(f"{file}:{number}: expected at least {BOX_COLUMNS} numbers, got {len(row)}")
        yield where, row


def _guessed_shape(rows: list[list[float]], expected: int) -> tuple[int, int]:
    """Return number and dimensions of keypoints that fit every row, the job's own number first."""
    lengths = {len(row) for row in rows} - {BOX_COLUMNS}
    if not lengths:
        return expected, 3
    for count in (expected, *range(1, max(lengths))):
        extra = 2 if count == expected else 0
        for dimensions in (3, 2):
            if all(0 <= length - BOX_COLUMNS - count * dimensions <= extra for length in lengths):
                return count, dimensions
    wanted = "expected rows of one shape"
    raise FormatError(f"{wanted}, got rows of {sorted(lengths)} columns; give data.yaml with kpt_shape")


def _thirds(row: list[float], shape: tuple[int, int]) -> list[float]:
    count, dimensions = shape
    return row[BOX_COLUMNS + 2 : BOX_COLUMNS + 3 * count : 3] if dimensions == 3 else []


def _yaml_file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() in (".yaml", ".yml") else None
    return next((file for name in ("data.yaml", "data.yml", "dataset.yaml") if (file := path / name).is_file()), None)


def _describe(file: Path | None) -> _Description:
    if file is None:
        return _Description({}, {}, None, ())
    try:
        data = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise FormatError(f"{file}: expected YAML, got something else: {error}") from error
    if not isinstance(data, dict):
        raise FormatError(f"{file}: expected a data set's description, got {type(data).__name__}")
    shape = data.get("kpt_shape")
    if shape is not None and not _is_shape(shape):
        raise FormatError(f"{file}: expected kpt_shape [number of keypoints, 2 or 3], got {shape!r}")
    classes = {number: str(name) for number, name in _numbered(data.get("names"))}
    keypoints = {
        number: tuple(map(str, names)) for number, names in _numbered(data.get("kpt_names")) if isinstance(names, list)
    }
    plain = data.get("kpt_names")
    if isinstance(plain, list) and all(isinstance(name, str) for name in plain):
        keypoints = dict.fromkeys(classes or {0: ""}, tuple(plain))
    for number, names in keypoints.items():
        if shape is not None and len(names) != shape[0]:
            raise FormatError(f"{file}: class {number}: expected {shape[0]} keypoint names, got {len(names)}")
    edges = tuple((e[0], e[1]) for e in data.get("skeleton") or () if isinstance(e, list) and len(e) == 2)
    return _Description(classes, keypoints, (shape[0], shape[1]) if shape else None, edges)


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(n) is int and n > 0 for n in value)
        and value[1] in (2, 3)
    )


def _numbered(value: Any) -> list[tuple[int, Any]]:
    if isinstance(value, dict):
        return [(number, entry) for number, entry in value.items() if isinstance(number, int)]
    return list(enumerate(value)) if isinstance(value, list) else []
