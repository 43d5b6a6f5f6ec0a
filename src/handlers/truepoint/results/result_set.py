"""Results: the files of one job below `results/<job>/`. The last one, results.json, says that they are complete."""

from __future__ import annotations

import re

import msgspec

from truepoint.groundtruth.annotation import Annotation
from truepoint.groundtruth.job import LabelingJob
from truepoint.groundtruth.manifest import file_name
from truepoint.groundtruth.output_line import EarlierAnswer, Labeled, NotLabeled
from truepoint.json_text import JsonError, decode

VERSION = "1.0"
DIGITS = 7
"""Number of digits of a line's number in its file name, so that ten million files sort like their lines."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class AccountingError(AssertionError):
    """Lines in and lines out do not add up: a defect of ours, never of the data."""


class AnnotationFile(Annotation, frozen=True, kw_only=True):
    """One image's annotation file: the annotation, and where it comes from. `line` counts from 0.

    `file_name` is the image's name in coco.json. `earlier_answers` are those whose label a review replaced; the
    annotation's time includes theirs.
    """

    labeling_job: str
    line: int
    source_ref: str
    labeled_by: str | None = None
    creation_date: str | None = None
    file_name: str = ""
    earlier_answers: list[EarlierAnswer] = msgspec.field(default_factory=list)


class ManifestSource(msgspec.Struct, frozen=True):
    """The manifest that results were made from; the ETag tells whether it has changed since."""

    s3_uri: str
    etag: str


class SkeletonSource(msgspec.Struct, frozen=True):
    """Where the keypoints' order comes from: the job's `file`, or `derived` from the labels, then without edges."""

    source: str
    name: str
    etag: str | None = None


class Files(msgspec.Struct, frozen=True):
    """Keys relative to the folder of results.json."""

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
    """The file results.json. `manifest` is null if the job ended without one; then there are no lines."""

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
    """The `detail` of the event that results are complete: results.json, and its URI."""

    results_s3_uri: str


def annotation_key(labeled: Labeled) -> str:
    """Key of an image's file below the folder: a pure function of the line, harmless whatever the image is called."""
    stem = _UNSAFE.sub("_", file_name(labeled.source_ref).rsplit(".", 1)[0])[:80].strip("._") or "image"
    return f"{Files().annotations}{labeled.line:0{DIGITS}d}-{stem}.json"


def line_of(key: str) -> int | None:
    """Return the line whose file has this key, below whatever folder; None if it is not an image's file."""
    number = key.rpartition("/")[2].partition("-")[0]
    return int(number) if len(number) >= DIGITS and number.isascii() and number.isdigit() else None


def annotation_file(labeled: Labeled, job_name: str, images_job: str | None = None) -> AnnotationFile:
    """Return the content of an image's file. `images_job` is the job below whose folder images are, if another one."""
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
    """Return one line of rejected.jsonl, which lists every line without an annotation, of any status."""
    return msgspec.json.encode(outcome) + b"\n"


def results(
    job: LabelingJob, manifest: ManifestSource | None, skeleton: SkeletonSource, counts: dict[str, int], lines: int
) -> Results:
    """Return the completion marker. `lines` is how many were read, `counts` what became of them.

    Raises:
        AccountingError: written + rejected + failed + unlabeled is not lines, or not all lines were counted.
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
    """Read a completion marker; None if it is not one of this version, which then counts as not complete."""
    try:
        results = decode(text, Results)
    except JsonError:
        return None
    return results if results.version == VERSION else None
