"""Detection of a label file's format, and reading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from truepoint.formats import coco, cvat, deeplabcut, label_studio, mmpose, own, sleap, yolo
from truepoint.formats.labels import FormatError, Labels, as_utf8, parse_json

READ = (
    "our own pre-labels (JSON or JSON Lines), COCO annotations, COCO results lists, YOLO-pose labels (data.yaml, or a "
    "folder), CVAT for images (.xml), Label Studio (JSON), DeepLabCut (.csv, .h5, or the project folder), SLEAP "
    "(.slp), MMPose predictions (JSON, or a folder of them)"
)

ARCHIVE = "expected a file of labels, got an archive; unpack it and give the file inside"
_ARCHIVES = (b"\x1f\x8b", b"PK\x03\x04")
"""First bytes of gzip and zip files."""


def read_labels(path: Path, expected_keypoints: int, companion: Path | None = None) -> Labels:
    """Read labels or predictions of any supported format.

    Args:
        path: a file, or a folder of files of one format.
        expected_keypoints: number of keypoints of the job's skeleton, for formats that do not give it.
        companion: the COCO annotation file that defines the ids in a list of results.

    Raises:
        FormatError: the format is not supported, or the file is malformed.
        OSError: the file cannot be read.
    """
    if path.is_dir():
        return _read_folder(path, expected_keypoints)
    match path.suffix.lower():
        case ".slp":
            return sleap.read(path)
        case ".h5" | ".hdf5" | ".csv":
            return deeplabcut.read([path])
        case ".xml":
            return cvat.read(path)
        case ".yaml" | ".yml" | ".txt":
            return yolo.read(path, expected_keypoints)
        case ".pkl" | ".pickle":
            raise FormatError(f"{path}: expected a file of labels, got a pickle, which may run code; save JSON")
        case ".zip" | ".tar" | ".gz":
            raise FormatError(f"{path}: {ARCHIVE}")
    content = path.read_bytes()
    if content.startswith(_ARCHIVES):
        raise FormatError(f"{path}: {ARCHIVE}")
    text = as_utf8(content, str(path))
    if text.lstrip(b" \t\r\n")[:1] not in (b"{", b"["):
        kind = "nothing" if not text.strip() else f"{text[:40]!r}"
        raise FormatError(f"{path}: expected {READ}; got {kind}")
    return _read_json(path, text, companion)


def _read_json(path: Path, text: bytes, companion: Path | None) -> Labels:
    where = path.name
    document: Any
    try:
        document = parse_json(text, where)
    except FormatError as error:
        line, _, rest = text.strip().partition(b"\n")
        if not rest or not line.startswith(b"{"):
            raise
        try:
            parse_json(line, where)
        except FormatError:
            raise error from None  # one object over several lines
        document = None  # JSON Lines
    if coco.is_annotations(document):
        return coco.read_annotations(document, where)
    if coco.is_results(document):
        images = None if companion is None else parse_json(companion.read_bytes(), companion.name)
        return coco.read_results(document, where, images)
    if label_studio.is_tasks(document):
        return label_studio.read(document, where)
    if label_studio.is_minimal(document):
        raise FormatError(
            f"{where}: expected Label Studio's JSON, got JSON-MIN, which does not assign keypoints to instances"
        )
    if mmpose.is_predictions(document):
        return mmpose.read({path: document})
    if isinstance(document, list):
        first = f"a list of {repr(document[0])[:60]}" if document else "an empty list"
        raise FormatError(f"{where}: expected {READ}; got {first}")
    try:
        return own.read(text, document, where)
    except FormatError as error:
        if document is None or 2 * sum(map(_looks_like_ours, document.values())) >= len(document):
            raise
        raise FormatError(f"{error}; expected {READ}") from error


def _looks_like_ours(value: Any) -> bool:
    """Return whether a member of a JSON object has instances, so that an error in it is one of our own format."""
    instances = value if isinstance(value, list) else []
    return any(isinstance(instance, dict) and "annotations" in instance for instance in instances)


def is_foreign(document: Any) -> bool:
    """Return whether a JSON document is in the format of another tool."""
    return any(
        check(document)
        for check in (
            coco.is_annotations, coco.is_results, label_studio.is_tasks, label_studio.is_minimal, mmpose.is_predictions,
        )
    )  # fmt: skip


def json_files(folder: Path) -> list[Path]:
    """Return the JSON files that `read_labels` reads from a folder."""
    if deeplabcut.find_tables(folder) or yolo.find_labels(folder):
        return []
    return mmpose.find_files(folder)


def _read_folder(folder: Path, expected_keypoints: int) -> Labels:
    if tables := deeplabcut.find_tables(folder):
        return deeplabcut.read(tables)
    if yolo.find_labels(folder):
        return yolo.read(folder, expected_keypoints)
    if (labels := mmpose.read_folder(folder)) is not None:
        return labels
    raise FormatError(
        f"{folder}: expected a folder of YOLO-pose labels, DeepLabCut tables or MMPose predictions, got none"
    )
