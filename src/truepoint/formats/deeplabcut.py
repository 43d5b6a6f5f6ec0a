"""DeepLabCut: tables of labels (`CollectedData_<scorer>`) and of predictions, as CSV or HDF5.

https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html: header rows scorer, perhaps individuals,
bodyparts, coords; the index is an image's path, in one or three columns, or a frame's number. An empty cell is not
labelled. There is no visibility. Predictions have a third column `likelihood`.
"""

from __future__ import annotations

import csv
import importlib
import io
import re
from pathlib import Path, PurePosixPath

from truepoint.formats.labels import (
    Category,
    FormatError,
    Instance,
    LabeledImage,
    Labels,
    Notes,
    Subject,
    keypoint,
    read_text,
)

SHAPE = "DeepLabCut table"
_TABLES = ("CollectedData_*.csv", "CollectedData_*.h5")
_NUMBER = re.compile(r"\d+(\.0)?")


def find_tables(folder: Path) -> list[Path]:
    """Return the tables of a project folder, one for each folder of images: CSV where both files are there."""
    chosen: dict[Path, Path] = {}
    for pattern in _TABLES:
        for file in sorted(folder.rglob(pattern)):
            chosen.setdefault(file.parent, file)
    return list(chosen.values())


def read(paths: list[Path]) -> Labels:
    """Read one table or several.

    Raises:
        FormatError: not such a table, or a table in HDF5 without the packages that read it.
    """
    notes = Notes()
    images: list[LabeledImage] = []
    names: dict[str, None] = {}
    for path in paths:
        text = _hdf_as_csv(path) if path.suffix.lower() in (".h5", ".hdf5") else read_text(path)
        images += _read_table(text, path, names, notes)
    return Labels(SHAPE, images, [Category("", tuple(names))], notes)


def _read_table(text: str, path: Path, names: dict[str, None], notes: Notes) -> list[LabeledImage]:
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    header: dict[str, list[str]] = {}
    while rows and rows[0][0] in ("scorer", "individuals", "bodyparts", "coords"):
        row = rows.pop(0)
        header[row[0]] = row
    if "bodyparts" not in header or "coords" not in header:
        raise FormatError(f"{path}: expected DeepLabCut's header rows scorer, bodyparts and coords, got {list(header)}")
    coords = header["coords"]
    first = next((i for i, text in enumerate(coords) if text == "x"), len(coords))
    columns: dict[tuple[str, str], dict[str, int]] = {}
    for i in range(first, len(coords)):
        who = header["individuals"][i] if "individuals" in header else ""
        columns.setdefault((who, header["bodyparts"][i]), {})[coords[i]] = i
    names.update((bodypart, None) for _, bodypart in columns)
    images = []
    for number, row in enumerate(rows, len(header) + 1):
        if len(row) != len(coords):
            raise FormatError(f"{path}:{number}: expected {len(coords)} columns, got {len(row)}")
        image = _image("/".join(part for part in row[:first] if part))
        subjects: dict[str, list[Instance]] = {}
        for (who, bodypart), places in columns.items():
            cells = {axis: row[i].strip() for axis, i in places.items()}
            if not cells.get("x") or cells["x"].lower() == "nan":
                continue
            where = f"{path.name}:{number}"
            x, y, score = (_float(cells.get(axis, ""), f"{path}:{number}") for axis in ("x", "y", "likelihood"))
            point = keypoint(bodypart, x, y, notes, where)
            if point is not None:
                subjects.setdefault(who, []).append(point if score is None else point | {"score": score})
        for who, points in subjects.items():
            image.subjects.append(Subject({"name": _individual(who), "annotations": points}))
        images.append(image)
    return images


def _image(index: str) -> LabeledImage:
    if _NUMBER.fullmatch(index):
        return LabeledImage(index, has_ending=False, numbered=int(float(index)))
    path = PurePosixPath(index.replace("\\", "/"))
    # labeled-data/<folder>/<image>: the first folder is the same in every project.
    parts = path.parts[1:] if len(path.parts) > 1 and path.parts[0] == "labeled-data" else path.parts
    return LabeledImage("/".join(parts))


def _individual(name: str) -> str:
    """Return an individual's name. Those that are only numbered, as in our own exports, have none."""
    return "" if re.fullmatch(r"individual_?\d+|single|", name) else name


def _float(text: str, where: str) -> float | None:
    if not text or text.lower() == "nan":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise FormatError(f"{where}: expected a number, got {text!r}") from error


def _hdf_as_csv(path: Path) -> str:
    try:
        pandas = importlib.import_module("pandas")
        importlib.import_module("tables")
    except ImportError as error:
        raise FormatError(
            f"{path}: HDF5 needs pandas and tables: pip install pandas tables; or give the .csv file beside it"
        ) from error
    try:
        table = pandas.read_hdf(path)
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: expected a table that DeepLabCut wrote, got something else: {error}") from error
    text: str = table.to_csv()
    return text
