"""Exports: a downloaded results folder in the formats that other tools read. One module a format."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from truepoint.jobs.exports import cvat, deeplabcut, label_studio, mmpose, tables, yolo
from truepoint.jobs.exports.finished import ExportError, ExportImage, FinishedJob, Notes

Writer = Callable[[FinishedJob, Path, Iterable[ExportImage]], Notes]

FORMATS: dict[str, Writer] = {
    "yolo": yolo.write,
    "mmpose": mmpose.write,
    "cvat": cvat.write,
    "labelstudio": label_studio.write,
    "deeplabcut": deeplabcut.write,
    "csv": tables.write_csv,
    "parquet": tables.write_parquet,
}


def export(job: FinishedJob, name: str, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write one format to `out/<name>/` and say what it could not hold. Nothing is there until all of it is.

    Args:
        job: the results.
        name: of `FORMATS`.
        out: the folder; an export of the same format that an earlier run left there is replaced.
        images: of the job, perhaps with a progress bar around them.

    Raises:
        ExportError: an image's file is damaged, or something else is in the way.
    """
    final, part = out / name, out / f"{name}.part"
    if final.exists() and not (final / MARKER).is_file():
        raise ExportError(f"{final}: expected nothing or an earlier export, got something else")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    notes = FORMATS[name](job, part, images)
    (part / MARKER).write_text(f"{job.name}\n", encoding="utf-8")
    if final.exists():
        shutil.rmtree(final)
    part.rename(final)
    return +notes  # without the notes that nothing came to


MARKER = ".truepoint-export"
"""Says that a folder is ours to replace."""


def write_image_list(job: FinishedJob, file: Path) -> None:
    """Write which picture in S3 belongs under which name in the exports."""
    with file.open("w", encoding="utf-8", newline="") as out:
        table = tables.rows_writer(out)
        table.writerow(["path", "s3_uri"])
        for image in job.images():
            table.writerow([tables.cell(image.path), tables.cell(image.s3_uri)])
