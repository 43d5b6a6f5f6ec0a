"""A reader of DeepLabCut's tables of labels (`CollectedData_<scorer>`) and of predictions, as CSV or HDF5.

https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html

The header rows are scorer, optionally individuals, bodyparts and coords. The index is an image's path, in one or three
columns, or a frame's number. An empty cell means not labelled. There is no visibility. Predictions have a third column
`likelihood`. Several scorers are read as several raters.
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
    number_in,
    read_text,
)

SHAPE = "DeepLabCut table"
_TABLES = ("CollectedData_*.csv", "CollectedData_*.h5")
_NUMBER = re.compile(r"([0-9]{1,15})(\.0)?")


def find_tables(folder: Path) -> list[Path]:
    """Return the tables of a project folder, one per scorer and folder of images. CSV is preferred to HDF5."""
    chosen: dict[Path, Path] = {}
    for pattern in _TABLES:
        for file in sorted(folder.rglob(pattern)):
            chosen.setdefault(file.with_suffix(""), file)
    return list(chosen.values())


def read(paths: list[Path]) -> Labels:
    """Read one or several tables.

    Raises:
        FormatError: a file is not such a table, or is in HDF5 and the packages for it are missing.
    """
    notes = Notes()
    images: list[LabeledImage] = []
    names: dict[str, None] = {}
    for path in paths:
        text = _hdf_as_csv(path) if path.suffix.lower() in (".h5", ".hdf5") else read_text(path)
        images += _read_table(text, path, names, notes)
    images = _by_name(images)
    if all(len(image.raters) < 2 for image in images):
        for image in images:
            image.raters = ()
            for subject in image.subjects:
                subject.rater = ""
    return Labels(SHAPE, images, [Category("", tuple(names))], notes)


def _by_name(images: list[LabeledImage]) -> list[LabeledImage]:
    """Return each image once, with the labels of all scorers."""
    by_name: dict[str, LabeledImage] = {}
    for image in images:
        first = by_name.setdefault(image.name, image)
        if first is not image and not set(first.raters) & set(image.raters):
            first.raters += image.raters
            first.subjects += image.subjects
        elif first is not image:
            raise FormatError(f"expected every image once for a scorer, got {image.name!r} twice")
    return list(by_name.values())


def _read_table(text: str, path: Path, names: dict[str, None], notes: Notes) -> list[LabeledImage]:
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if any(row)]
    header: dict[str, list[str]] = {}
    while rows and rows[0][0] in ("scorer", "individuals", "bodyparts", "coords"):
        row = rows.pop(0)
        header[row[0]] = row
    if "bodyparts" not in header or "coords" not in header:
        actual = ", ".join([*header, *(repr(",".join(row))[:60] for row in rows[:1])]) or "no rows"
        raise FormatError(f"{path}: expected DeepLabCut's header rows scorer, bodyparts and coords, got {actual}")
    coords = header["coords"]
    first = next((i for i, text in enumerate(coords) if text == "x"), len(coords))
    columns: dict[tuple[str, str, str], dict[str, int]] = {}
    for i in range(first, len(coords)):
        scorer, who, bodypart = (
            header[name][i] if len(header.get(name, ())) > i else "" for name in ("scorer", "individuals", "bodyparts")
        )
        if bodypart:
            columns.setdefault((scorer, who, bodypart), {})[coords[i]] = i
    names.update((bodypart, None) for _, _, bodypart in columns)
    scorers = tuple(dict.fromkeys(scorer for scorer, _, _ in columns))
    images = []
    for number, row in enumerate(rows, len(header) + 1):
        if len(row) != len(coords):
            raise FormatError(f"{path}:{number}: expected {len(coords)} columns, got {len(row)}")
        image = _image("/".join(part for part in row[:first] if part), path)
        image.raters = scorers
        subjects: dict[tuple[str, str], list[Instance]] = {}
        for (scorer, who, bodypart), places in columns.items():
            cells = {axis: row[i].strip() for axis, i in places.items()}
            where = f"{path.name}:{number}"
            x, y, score = (_float(cells.get(axis, ""), f"{path}:{number}") for axis in ("x", "y", "likelihood"))
            if x is None and y is None:
                continue
            point = keypoint(bodypart, x, y, notes, where)
            if point is not None:
                subjects.setdefault((scorer, who), []).append(point if score is None else point | {"score": score})
        for (scorer, who), points in subjects.items():
            image.subjects.append(Subject({"name": _individual(who), "annotations": points}, rater=scorer))
        images.append(image)
    return images


def _image(index: str, table: Path) -> LabeledImage:
    """Return the image of a row. A frame's name is the video's, from the table's name, and the frame's number."""
    if frame := _NUMBER.fullmatch(index):
        number = int(frame[1])
        video, of_a_video, _ = table.stem.partition("DLC_")
        name = f"{video}/{number}" if of_a_video and video else str(number)
        return LabeledImage(name, has_ending=False, numbered=number)
    path = PurePosixPath(index.replace("\\", "/"))
    # The path is labeled-data/<folder>/<image>, and the first folder is the same in every project.
    parts = path.parts[1:] if len(path.parts) > 1 and path.parts[0] == "labeled-data" else path.parts
    return LabeledImage("/".join(parts))


def _individual(name: str) -> str:
    """Return an individual's name; "" if it is only a number, as in our own exports."""
    return "" if re.fullmatch(r"individual_?\d+|single|", name) else name


def _float(text: str, where: str) -> float | None:
    if not text or text.lower() == "nan":
        return None
    try:
        return number_in(text)
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
