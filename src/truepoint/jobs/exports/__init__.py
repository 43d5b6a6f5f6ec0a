"""Exports of downloaded results to the formats of other tools, one module per format."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from truepoint.jobs.exports import coco, cvat, deeplabcut, label_studio, mmpose, sleap, tables, yolo
from truepoint.jobs.exports.finished import DataSet, ExportError, ExportImage, Notes

Writer = Callable[[DataSet, Path, Iterable[ExportImage]], Notes]

FORMATS: dict[str, Writer] = {
    "yolo": yolo.write,
    "coco": coco.write,
    "mmpose": mmpose.write,
    "cvat": cvat.write,
    "labelstudio": label_studio.write,
    "deeplabcut": deeplabcut.write,
    "sleap": sleap.write,
    "csv": tables.write_csv,
    "parquet": tables.write_parquet,
}
NEEDED = {"parquet": ("pyarrow", "pyarrow"), "sleap": ("sleap_io", "sleap-io")}
"""The module and the package that a format needs. They are large and not installed by default."""
PICTURES = frozenset({"coco", "yolo", "mmpose", "deeplabcut", "sleap"})
"""Formats whose files the pictures can be copied to."""

MARKER = ".truepoint-export"
"""A file in each folder that we wrote, with the job and the names of our files."""
IMAGE_LIST = "images.csv"


@dataclass(frozen=True, slots=True)
class _Marker:
    """The content of a marker. `files` is None in folders of earlier versions, whose markers name only the job."""

    job: str
    files: frozenset[str] | None


def check(formats: Sequence[str], job: str, out: Path) -> None:
    """Check that the formats can be written, before anything is written.

    Raises:
        ExportError: a format is not known or needs a package that is missing, or another export is in the way.
    """
    for name in formats:
        if name not in FORMATS:
            raise ExportError(f"expected some of {', '.join(FORMATS)}, got {name!r}")
        if name in NEEDED and importlib.util.find_spec(NEEDED[name][0]) is None:
            package = NEEDED[name][1]
            raise ExportError(f"the format {name} needs {package}, which is not installed: pip install {package}")
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out}: expected a folder, got a file")
    for folder in (out, *(out / name for name in FORMATS)):
        marker = _read_marker(folder)
        if marker is not None and marker.job != job:
            wanted = f"expected nothing or an export of {job!r}"
            raise ExportError(f"{folder}: {wanted}, got one of {marker.job!r}; choose another folder")
        if marker is None and folder != out and folder.name in formats and folder.exists():
            raise ExportError(f"{folder}: expected nothing or an earlier export, got something else")
    ours = [marker for folder in (out, *(out / name for name in FORMATS)) if (marker := _read_marker(folder))]
    if (out / IMAGE_LIST).exists() and not ours:
        raise ExportError(f"{out / IMAGE_LIST}: expected nothing or an earlier export, got something else")


def export(data: DataSet, name: str, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write one format to `out/<name>/` and return what it could not hold.

    The folder appears only when it is complete. Only files of an earlier export are replaced or removed.

    Args:
        data: the images to export.
        name: a key of `FORMATS`.
        out: the folder.
        images: of `data`, perhaps with a progress bar around them.

    Raises:
        ExportError: an image's file is damaged, or something else is in the way.
    """
    check([name], data.name, out)
    final, part = out / name, out / f"{name}.part"
    if part.exists():
        if _read_marker(part) is None:
            raise ExportError(f"{part}: expected nothing or an export that was stopped, got something else")
        shutil.rmtree(part)
    part.mkdir(parents=True)
    _write_marker(part, data.name, ())
    try:
        notes = FORMATS[name](data, part, images)
    except BaseException:
        shutil.rmtree(part)
        raise
    files = frozenset(p.relative_to(part).as_posix() for p in part.rglob("*") if p.is_file()) - {MARKER}
    _write_marker(part, data.name, files)
    if final.exists():
        _replace(final, part, data.name, files)
    else:
        part.rename(final)
    return +notes  # without notes that count nothing


def write_image_list(data: DataSet, out: Path) -> None:
    """Write the list of pictures in S3 and their names in the exports."""
    text = io.StringIO(newline="")
    table = tables.rows_writer(text)
    table.writerow(["path", "s3_uri", "split"] if data.splits else ["path", "s3_uri"])
    for image in data.images():
        row = [tables.cell(image.path), tables.cell(image.s3_uri)]
        table.writerow([*row, image.split] if data.splits else row)
    out.mkdir(parents=True, exist_ok=True)
    part = out / f"{IMAGE_LIST}.part"
    part.write_text(text.getvalue(), encoding="utf-8", newline="")
    part.replace(out / IMAGE_LIST)
    _write_marker(out, data.name, [IMAGE_LIST])


def _replace(final: Path, part: Path, job: str, files: frozenset[str]) -> None:
    """Put the files of `part` into `final`, and remove what an earlier export wrote and this one did not."""
    before = _read_marker(final)
    ours = before.files if before is not None else frozenset()
    others = [file for file in sorted(files) if ours is not None and file not in ours and _is_there(final / file)]
    foreign = [file for file in others if not _same(final / file, part / file)]
    if foreign:
        shutil.rmtree(part)
        more = f", and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise ExportError(
            f"{final}: expected no file of another origin at {foreign[0]}{more}, got one; move it away, or choose "
            "another folder"
        )
    # A file that was there already stays its owner's, also where it has the same content: a later export keeps it.
    files -= frozenset(others)
    # If this is interrupted, the next export still knows all our files.
    _write_marker(final, job, files | (ours or frozenset()))
    for file in files:
        (final / file).parent.mkdir(parents=True, exist_ok=True)
        (part / file).replace(final / file)
    for file in (ours or frozenset()) - files:
        (final / file).unlink(missing_ok=True)
        for folder in (final / file).parents:
            if folder == final or any(folder.iterdir()):
                break
            folder.rmdir()
    _write_marker(final, job, files)
    shutil.rmtree(part)


def _is_there(file: Path) -> bool:
    return file.is_symlink() or file.exists()


def _same(file: Path, other: Path) -> bool:
    return file.is_file() and file.read_bytes() == other.read_bytes()


def _write_marker(folder: Path, job: str, files: Iterable[str]) -> None:
    text = json.dumps({"labeling_job": job, "files": sorted(files)}, ensure_ascii=False, indent=1)
    part = folder / f"{MARKER}.part"
    part.write_text(f"{text}\n", encoding="utf-8")
    part.replace(folder / MARKER)


def _read_marker(folder: Path) -> _Marker | None:
    file = folder / MARKER
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    if not text.startswith("{"):  # an earlier version's: the job's name
        return _Marker(text.strip(), None)
    document = json.loads(text)
    return _Marker(document["labeling_job"], frozenset(document["files"]))
