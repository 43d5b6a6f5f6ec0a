"""The result files of a job below `results/<job>/`. results.json is written last and marks them as complete."""

from __future__ import annotations

import re

import msgspec

from truepoint.groundtruth.annotation import Annotation
from truepoint.groundtruth.data_object import file_name
from truepoint.groundtruth.job import LabelingJob
from truepoint.groundtruth.output_line import EarlierAnswer, Labeled, NotLabeled
from truepoint.json_text import JsonError, decode

VERSION = "1.0"
DIGITS = 7
"""Number of digits of a line's number in a file name. Up to ten million files sort in the order of their lines."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class AccountingError(AssertionError):
    """Numbers of lines read and counted that differ, which is a defect of this program, not of the data."""


class AnnotationFile(Annotation, frozen=True, kw_only=True):
    """One image's annotation file: the annotation and its origin. `line` counts from 0.

    `file_name` is the image's name in coco.json. `earlier_answers` are answers whose label a review replaced; their
    time is included in the annotation's time.
    """

    labeling_job: str
    line: int
    source_ref: str
    labeled_by: str | None = None
    creation_date: str | None = None
    file_name: str = ""
    earlier_answers: list[EarlierAnswer] = msgspec.field(default_factory=list)


class ManifestSource(msgspec.Struct, frozen=True):
    """The manifest from which results were computed. The ETag identifies its version."""

    s3_uri: str
    etag: str


class SkeletonSource(msgspec.Struct, frozen=True):
    """The origin of the skeleton: `file` for the job's own, or `derived` from the labels, which gives no edges."""

    source: str
    name: str
    etag: str | None = None


class Files(msgspec.Struct, frozen=True):
    """Keys of the result files, relative to the folder of results.json."""

    annotations: str = "annotations/"
    skeleton: str = "skeleton.json"
    coco: str = "coco.json"
    coco_workers: str = "coco_workers.json"
    quality: str = "quality.json"
    workers: str = "workers.json"
    rejected: str = "rejected.jsonl"
    report: str = "report.html"
    suspicious: str = "suspicious.jsonl"
    review: str = "review.manifest"
    comments: str = "comments.jsonl"
    table: str = "table/annotations.jsonl"


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The file results.json. `manifest` is null, and there are no lines, if the job ended without a manifest."""

    version: str
    labeling_job: str
    labeling_job_arn: str
    labeling_job_status: str
    failure_reason: str | None
    label_attribute_name: str
    manifest: ManifestSource | None
    skeleton: SkeletonSource
    lines: int
    written: int
    rejected: int
    failed: int
    unlabeled: int
    files: Files


class ResultsReady(Results, frozen=True, kw_only=True):
    """The `detail` of the event that announces complete results: the content of results.json, and its URI."""

    results_s3_uri: str


def annotation_key(labeled: Labeled) -> str:
    """Return the key of an image's annotation file, relative to results.json.

    It depends only on the line. Characters that are unsafe in keys or file names are replaced.
    """
    stem = _UNSAFE.sub("_", file_name(labeled.source_ref).rsplit(".", 1)[0])[:80].strip("._") or "image"
    return f"{Files().annotations}{labeled.line:0{DIGITS}d}-{stem}.json"


def line_of(key: str) -> int | None:
    """Return the line number in the key of an annotation file; None for other keys. Folders are ignored."""
    number = key.rpartition("/")[2].partition("-")[0]
    return int(number) if len(number) >= DIGITS and number.isascii() and number.isdigit() else None


def annotation_file(labeled: Labeled, job_name: str, images_job: str | None = None) -> AnnotationFile:
    """Return the content of an image's annotation file.

    Args:
        labeled: the image's line.
        job_name: the job's name.
        images_job: the job whose folder contains the images, if it is another one.
    """
    return AnnotationFile(
        labeling_job=job_name,
        line=labeled.line,
        source_ref=labeled.source_ref,
        labeled_by=labeled.labeled_by,
        creation_date=labeled.creation_date,
        file_name=labeled.path_below(images_job or job_name),
        earlier_answers=labeled.earlier_answers,
        **msgspec.structs.asdict(labeled.annotation),
    )


def rejected_line(outcome: NotLabeled) -> bytes:
    """Return one line of rejected.jsonl, which lists all lines without an annotation, of any status."""
    return msgspec.json.encode(outcome) + b"\n"


def results(
    job: LabelingJob, manifest: ManifestSource | None, skeleton: SkeletonSource, counts: dict[str, int], lines: int
) -> Results:
    """Return the completion marker.

    Args:
        job: the job.
        manifest: its manifest, if it has one.
        skeleton: the origin of its skeleton.
        counts: counts of lines by outcome.
        lines: number of lines read.

    Raises:
        AccountingError: written + rejected + failed + unlabeled is not `lines`, or not all lines were counted.
    """
    outcomes = sum(n for name, n in counts.items() if name != "lines")
    if not lines == counts["lines"] == outcomes:
        raise AccountingError(f"expected written + rejected + failed + unlabeled == {lines} lines, got {counts}")
    return Results(
        version=VERSION,
        labeling_job=job.name,
        labeling_job_arn=job.arn,
        labeling_job_status=job.status,
        failure_reason=job.failure_reason,
        label_attribute_name=job.label_attribute_name,
        manifest=manifest,
        skeleton=skeleton,
        files=Files(),
        **counts,
    )


def read_results(text: bytes) -> Results | None:
    """Read a completion marker; None if it is malformed or of another version, which means not complete."""
    try:
        results = decode(text, Results)
    except JsonError:
        return None
    return results if results.version == VERSION else None
