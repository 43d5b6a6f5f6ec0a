"""The result files of a job: some are written line by line in the second pass, others from the tally of all lines.

To add a file of the first kind, write its fragments in `Fragments.add` and add it to `line_files`. To add one of the
second kind, add it to `tally_files`. Add a file for consumers to results.result_set.Files as well. Computations belong
to the package `results`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from truepoint.groundtruth.job import LabelingJob
from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.keys import job_keys
from truepoint.pose.skeleton import Skeleton
from truepoint.results.coco import CocoWriter, coco_file
from truepoint.results.comments import comments
from truepoint.results.first_pass import Surveyed
from truepoint.results.report import with_pictures
from truepoint.results.report_page import page
from truepoint.results.result_set import Files, annotation_file, annotation_key, rejected_line
from truepoint.results.table import table_row
from truepoint.results.tally import Tally

JSON, JSON_LINES, HTML = "application/json", "application/x-ndjson", "text/html; charset=utf-8"

FRAGMENTS = ("images", "annotations", "rater_images", "rater_annotations", "rejected", "comments", "table")
"""Names of the fragments of a range of lines, from which `line_files` composes files. Fragments consist of lines."""


class File(NamedTuple):
    """A result file: its key below the job's folder, its bytes or a function that yields them, and its media type."""

    key: str
    content: bytes | Callable[[], Iterable[bytes]]
    media_type: str = JSON


class Destination(Protocol):
    """A destination of files: a bucket, with writes in the background (adapters.uploads), or a folder."""

    def put(self, key: str, content: bytes, content_type: str = JSON) -> None:
        """Write one file."""


class Fragments:
    """A writer of the lines of a range: it uploads each image's annotation file and appends to the fragments."""

    def __init__(
        self, job: LabelingJob, skeleton: Skeleton, uploads: Destination, out: Mapping[str, bytearray]
    ) -> None:
        self._job = job
        self._coco = CocoWriter(skeleton, job.images_job)
        self._uploads = uploads
        self._out = out

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Write one line. Lines must be added in the order of the manifest."""
        if isinstance(outcome, NotLabeled):
            self._out["rejected"] += rejected_line(outcome)
            return
        self._out["comments"] += b"".join(msgspec.json.encode(comment) + b"\n" for comment in comments(outcome))
        key = job_keys(self._job.name).results + annotation_key(outcome)
        file = annotation_file(outcome, self._job.name, self._job.images_job)
        self._uploads.put(key, pretty(file))
        self._out["table"] += table_row(file, outcome.instances)
        for prefix, (image, entries) in (("", self._coco.accepted(outcome)), ("rater_", self._coco.raters(outcome))):
            self._out[prefix + "images"] += image
            self._out[prefix + "annotations"] += b"".join(entries)


def line_files(job: LabelingJob, skeleton: Skeleton, lines: Callable[[str], Iterable[bytes]]) -> Iterator[File]:
    """Yield the files composed of fragments.

    `lines(name)` returns a fragment's lines of all ranges, in order, in pieces of one or more lines.
    """

    def coco(prefix: str) -> Iterator[bytes]:
        return coco_file(skeleton, job.name, lines(prefix + "images"), lines(prefix + "annotations"))

    yield File(Files().coco, partial(coco, ""))
    yield File(Files().coco_workers, partial(coco, "rater_"))
    yield File(Files().rejected, partial(lines, "rejected"), JSON_LINES)
    yield File(Files().comments, partial(lines, "comments"), JSON_LINES)
    yield File(Files().table, partial(lines, "table"), JSON_LINES)


def tally_files(
    job: LabelingJob, surveyed: Surveyed, tally: Tally, pictures: Mapping[int, str] | None = None
) -> Iterator[File]:
    """Yield the files about the whole job. `pictures` are thumbnails for the report, as data URLs by line."""
    yield File(Files().skeleton, pretty(surveyed.skeleton))
    yield File(Files().quality, pretty(tally.quality_file(surveyed)))
    yield File(Files().workers, pretty(tally.workers_file(surveyed)))
    yield File(Files().suspicious, tally.suspicious_lines, JSON_LINES)
    yield File(Files().review, tally.review_lines, JSON_LINES)
    report = tally.report(surveyed, job.status, is_local=not job.output_manifest_uri)
    yield File(Files().report, page(with_pictures(report, pictures or {})), HTML)


def pretty(value: Any) -> bytes:
    """Return a value as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
