"""Export to CSV and Parquet: one row per keypoint in `keypoints`, one row per image in `images`.

A keypoint of the skeleton that is not labelled has a row too, with visibility 0 and without coordinates.
"""

from __future__ import annotations

import csv
import importlib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from truepoint.jobs.exports.finished import COMMENTS, DataSet, ExportImage, Notes
from truepoint.pose.instance import NOT_LABELED
from truepoint.pose.skeleton import Skeleton

KEYPOINT_COLUMNS = {
    "line": "int64",
    "image": "string",
    "instance": "int64",
    "instance_id": "string",
    "instance_name": "string",
    "keypoint": "string",
    "x": "float64",
    "y": "float64",
    "visibility": "int64",
    "labeling_job": "string",
    "split": "string",
}
"""Columns of `keypoints` with their Arrow types."""
IMAGE_COLUMNS = {
    "line": "int64",
    "image": "string",
    "s3_uri": "string",
    "width": "int64",
    "height": "int64",
    "instances": "int64",
    "keypoints": "int64",
    "time_in_seconds": "float64",
    "labeling_job": "string",
    "split": "string",
}
"""Columns of `images` with their Arrow types."""
ROWS_AT_ONCE = 50_000
"""Number of rows to collect before a row group of the Parquet file is written; they take some megabytes of memory."""
_FORMULA = re.compile(r'(^|[\r\n\v\f\x85\u2028\u2029;\t]"*)(?=[=+\-@\t\r\n|%\uff0b\uff0d\uff1d\uff20])')
"""Matches where a spreadsheet may read a formula: before a sign such as `=`, also a full-width one, at the start of a
cell or a line, or after a semicolon or a tab, where spreadsheets in some languages start a new cell."""

Row = dict[str, Any]
"""One row of a table, by column name."""


def keypoint_rows(image: ExportImage, skeleton: Skeleton) -> Iterator[Row]:
    """Yield the rows of one image. For each instance, keypoints that the skeleton does not have come last."""
    for number, instance in enumerate(image.instances):
        keypoints = instance.by_label
        names = [*skeleton.keypoint_names, *(keypoints.keys() - set(skeleton.keypoint_names))]
        for name in [*skeleton.keypoint_names, *sorted(names[len(skeleton.keypoints) :])]:
            k = keypoints.get(name)
            yield {
                "line": image.line,
                "image": image.path,
                "instance": number,
                "instance_id": instance.id or "",
                "instance_name": instance.name,
                "keypoint": name,
                "x": k.x if k else None,
                "y": k.y if k else None,
                "visibility": k.visibility if k else NOT_LABELED,
                "labeling_job": image.job,
                "split": image.split,
            }


def image_row(image: ExportImage) -> Row:
    """Return the row of one image, which may have no instances."""
    return {
        "line": image.line,
        "image": image.path,
        "s3_uri": image.s3_uri,
        "width": image.width,
        "height": image.height,
        "instances": len(image.instances),
        "keypoints": sum(len(instance.annotations) for instance in image.instances),
        "time_in_seconds": image.seconds,
        "labeling_job": image.job,
        "split": image.split,
    }


def cell(value: Any) -> Any:
    """Return a value for a CSV cell, with an apostrophe before each place that a spreadsheet may read as a formula."""
    return _text_cell(value) if isinstance(value, str) else value


@lru_cache(10_000)  # most texts of a table are the same in many rows
def _text_cell(text: str) -> str:
    return _FORMULA.sub(r"\1'", text)


def rows_writer(file: TextIO) -> Any:
    """Return a CSV writer that follows RFC 4180.

    Rows end with CRLF. Python quotes a cell with a carriage return only if the row's end contains one; an unquoted
    carriage return would start a new row.
    """
    return csv.writer(file, lineterminator="\r\n")


def write_csv(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write keypoints.csv and images.csv."""
    notes: Notes = Notes()
    with (
        (out / "keypoints.csv").open("w", encoding="utf-8", newline="") as keypoints,
        (out / "images.csv").open("w", encoding="utf-8", newline="") as listed,
    ):
        rows, image_rows = rows_writer(keypoints), rows_writer(listed)
        rows.writerow(KEYPOINT_COLUMNS)
        image_rows.writerow(IMAGE_COLUMNS)
        for image in images:
            image_rows.writerow([cell(value) for value in image_row(image).values()])
            for row in keypoint_rows(image, data.skeleton):
                rows.writerow([cell(value) for value in row.values()])
            notes.update(_left_out(image))
    return notes


def write_parquet(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write keypoints.parquet and images.parquet; needs pyarrow, which is 150 MB and not installed by default."""
    pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    notes: Notes = Notes()
    kinds = {"int64": pyarrow.int64(), "float64": pyarrow.float64(), "string": pyarrow.string()}
    shapes = [
        pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
        for columns in (KEYPOINT_COLUMNS, IMAGE_COLUMNS)
    ]
    with (
        parquet.ParquetWriter(out / "keypoints.parquet", shapes[0]) as keypoints,
        parquet.ParquetWriter(out / "images.parquet", shapes[1]) as listed,
    ):
        rows: list[Row] = []
        image_rows: list[Row] = []

        def flush() -> None:
            keypoints.write_table(pyarrow.Table.from_pylist(rows, shapes[0]))
            listed.write_table(pyarrow.Table.from_pylist(image_rows, shapes[1]))
            rows.clear()
            image_rows.clear()

        for image in images:
            image_rows.append(image_row(image))
            rows.extend(keypoint_rows(image, data.skeleton))
            notes.update(_left_out(image))
            if len(rows) >= ROWS_AT_ONCE:
                flush()
        flush()
    return notes


def _left_out(image: ExportImage) -> Notes:
    boxes = sum(instance.box is not None for instance in image.instances)
    bare = sum(not instance.annotations for instance in image.instances)
    rows = "instances without keypoints, exported as rows without a keypoint"
    return Notes({"boxes left out": boxes, rows: bare, COMMENTS: image.comments})
