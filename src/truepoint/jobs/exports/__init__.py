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
"""For each format, the module to import and the package to install. Both packages are large, so they are optional."""
PICTURES = frozenset({"coco", "yolo", "mmpose", "deeplabcut", "sleap"})
"""Formats whose folders can also contain copies of the pictures."""

MARKER = ".truepoint-export"
"""Name of the file that marks a folder as an export. It contains the job's name and the exported files' digests."""
UNKNOWN = "unknown"
"""Stands for the digest of a file that an earlier version wrote, or that an interrupted export may have replaced."""
IMAGE_LIST = "images.csv"
"""Name of the file that lists the pictures with their S3 URIs."""


@dataclass(frozen=True, slots=True)
class _Marker:
    """The content of a marker file.

    Attributes:
        job: the name of the exported job.
        files: the hexadecimal SHA-256 digest of each exported file, by path in the folder; None if the marker is of
            an earlier version, which wrote only the job's name.
    """

    job: str
    files: Mapping[str, str] | None


def check(formats: Sequence[str], job: str, out: Path) -> None:
    """Check that the formats can be exported to `out`, before anything is written.

    Raises:
        ExportError: a format is not in `FORMATS` or needs a package that is not installed, or `out` contains another
            job's export or files that no export wrote.
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
    """Write one format to `out/<name>/`.

    The folder appears only when it is complete. Only files that an earlier export wrote are replaced or removed.

    Args:
        data: the images to export.
        name: a key of `FORMATS`.
        out: the folder of all formats.
        images: `data.images()`, optionally wrapped by a progress bar.

    Returns:
        How many items the format could not represent, by description.

    Raises:
        ExportError: an annotation file is damaged, or `out` contains files that no export wrote.
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
        written = (file for file in part.rglob("*") if file.is_file() and file.name != MARKER)
        files = {file.relative_to(part).as_posix(): _digest(file) for file in written}
        _write_marker(part, data.name, files)
    except BaseException:
        shutil.rmtree(part)
        raise
    if final.exists():
        _replace(final, part, data.name, files)
    else:
        part.rename(final)
    return +notes  # without notes that count nothing


def write_image_list(data: DataSet, out: Path) -> None:
    """Write `out/images.csv`: each picture's path in the exports, its S3 URI and, in a split set, its part."""
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
    """Move the files of `part` to `final`, and remove files that only the earlier export wrote.

    A file that was changed since the earlier export counts as the user's own file.

    Raises:
        ExportError: the export would overwrite a file of the user. Nothing was changed in `final`.
    """
    before = _read_marker(final)
    if before is None or before.files is None:  # an earlier version's marker: files of the same names are the export's
        ours = dict.fromkeys(files if before is not None else (), UNKNOWN)
    else:
        ours = {file: digest for file, digest in before.files.items() if digest in (UNKNOWN, _digest(final / file))}
    others = {file for file in files if file not in ours and _exists(final / file)}
    if foreign := sorted(file for file in others if _digest(final / file) != files[file]):
        shutil.rmtree(part)
        more = f", and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise ExportError(
            f"{final}: expected only unchanged files of an earlier export, got {foreign[0]}{more}, which is no such "
            "file; move it, or choose another folder"
        )
    # A file that the user put there stays the user's, even if its content is the same: later exports keep it.
    written = {file: digest for file, digest in files.items() if file not in others}
    # The marker is written first, so that an interrupted export leaves a marker that lists all exported files.
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


def _exists(file: Path) -> bool:
    return file.is_symlink() or file.exists()


def _digest(file: Path) -> str:
    """Return the SHA-256 digest of a file; an empty text if the path is not a file."""
    return sha256(file) if file.is_file() else ""


def _write_marker(folder: Path, job: str, files: Mapping[str, str]) -> None:
    text = json.dumps({"labeling_job": job, "files": files}, ensure_ascii=False, indent=1, sort_keys=True)
    write_whole(folder / MARKER, f"{text}\n".encode())


def _read_marker(folder: Path) -> _Marker | None:
    """Return the content of a folder's marker; None if the folder has no marker.

    Raises:
        ExportError: the marker cannot be read, or it lists files outside the folder.
    """
    file = folder / MARKER
    if not file.is_file():
        return None
    try:
        text = file.read_text(encoding="utf-8")
        if not text.startswith("{"):  # an earlier version wrote only the job's name
            return _Marker(text.strip(), None)
        document = decode(text, dict[str, Any], most_memory=None)
        job, files = document["labeling_job"], document["files"]
        digests = dict.fromkeys(files, UNKNOWN) if isinstance(files, list) else dict(files)
        outside = [name for name in digests if not _is_below(name)]
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{file}: expected an export's list of files, got: {error}; choose another folder") from error
    if outside:  # the folder may come from another person, and listed files may be deleted
        raise ExportError(f"{file}: expected names of files in {folder}, got {outside[0]!r}; choose another folder")
    return _Marker(job, digests)


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
