"""Exports of downloaded results to the formats of other tools, one module per format."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from truepoint.jobs.exports import coco, cvat, deeplabcut, label_studio, mmpose, sleap, tables, yolo
from truepoint.jobs.exports.finished import DataSet, ExportError, ExportImage, Notes
from truepoint.jobs.files import sha256, write_whole
from truepoint.json_text import decode

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
UNKNOWN = "unknown"
"""The digest of a file that an earlier version wrote, or that an interrupted export may have replaced."""
IMAGE_LIST = "images.csv"


@dataclass(frozen=True, slots=True)
class _Marker:
    """The content of a marker: the job, and the SHA-256 digests of our files by name.

    `files` is None in folders of earlier versions, whose markers name only the job.
    """

    job: str
    files: Mapping[str, str] | None


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
            raise ExportError(f"{part}: expected nothing or a stopped export, got something else")
        shutil.rmtree(part)
    part.mkdir(parents=True)
    _write_marker(part, data.name, {})
    try:
        notes = FORMATS[name](data, part, images)
    except BaseException:
        shutil.rmtree(part)
        raise
    files = {p.relative_to(part).as_posix(): _digest(p) for p in part.rglob("*") if p.is_file() and p.name != MARKER}
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
    write_whole(out / IMAGE_LIST, text.getvalue().encode())
    _write_marker(out, data.name, {IMAGE_LIST: _digest(out / IMAGE_LIST)})


def _replace(final: Path, part: Path, job: str, files: Mapping[str, str]) -> None:
    """Put the files of `part` into `final`, and remove what an earlier export wrote and this one did not.

    A file that changed since the earlier export is not ours any more.
    """
    before = _read_marker(final)
    if before is None or before.files is None:  # an earlier version's: all that it would have written is ours
        ours = dict.fromkeys(files if before is not None else (), UNKNOWN)
    else:
        ours = {file: digest for file, digest in before.files.items() if digest in (UNKNOWN, _digest(final / file))}
    others = {file for file in files if file not in ours and _is_there(final / file)}
    if foreign := sorted(file for file in others if _digest(final / file) != files[file]):
        shutil.rmtree(part)
        more = f", and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise ExportError(
            f"{final}: expected only unchanged files of an earlier export, got {foreign[0]}{more}, which is no such "
            "file; move it, or choose another folder"
        )
    # A file that was there already stays its owner's, also where it has the same content: a later export keeps it.
    written = {file: digest for file, digest in files.items() if file not in others}
    # If this is interrupted, the next export still knows all our files.
    _write_marker(final, job, dict.fromkeys([*ours, *written], UNKNOWN))
    for file in written:
        (final / file).parent.mkdir(parents=True, exist_ok=True)
        (part / file).replace(final / file)
    for file in ours.keys() - files.keys():
        (final / file).unlink(missing_ok=True)
        for folder in (final / file).parents:
            if folder == final or not folder.is_dir() or folder.is_symlink() or any(folder.iterdir()):
                break
            folder.rmdir()
    _write_marker(final, job, written)
    shutil.rmtree(part)


def _is_there(file: Path) -> bool:
    return file.is_symlink() or file.exists()


def _digest(file: Path) -> str:
    """Return the SHA-256 digest of a file; an empty text for what is no file."""
    return sha256(file) if file.is_file() else ""


def _write_marker(folder: Path, job: str, files: Mapping[str, str]) -> None:
    text = json.dumps({"labeling_job": job, "files": files}, ensure_ascii=False, indent=1, sort_keys=True)
    write_whole(folder / MARKER, f"{text}\n".encode())


def _read_marker(folder: Path) -> _Marker | None:
    """Return the content of a folder's marker; None without a marker.

    Raises:
        ExportError: it cannot be read, so that nobody knows which files are the export's.
    """
    file = folder / MARKER
    if not file.is_file():
        return None
    try:
        text = file.read_text(encoding="utf-8")
        if not text.startswith("{"):  # an earlier version's: the job's name
            return _Marker(text.strip(), None)
        document = decode(text, dict[str, Any], most_memory=None)
        job, files = document["labeling_job"], document["files"]
        digests = dict.fromkeys(files, UNKNOWN) if isinstance(files, list) else dict(files)
        outside = [name for name in digests if not _is_below(name)]
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{file}: expected an export's list of files, got: {error}; choose another folder") from error
    if outside:  # the marker may come from somebody else
        raise ExportError(f"{file}: expected names of files in {folder}, got {outside[0]!r}; choose another folder")
    return _Marker(job, digests)


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
