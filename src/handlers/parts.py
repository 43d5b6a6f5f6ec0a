"""Parts: what is made of a job's outcomes. Each part sees every outcome once, and then gives its files.

A new file of results is a new class here and an entry in `parts`; one that no consumer must do without is named in
keypoints.results.Files too. What it computes belongs to `keypoints`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import msgspec

from adapters.uploads import Uploads
from keypoints.coco import CocoFile
from keypoints.job import LabelingJob
from keypoints.outcome import Labeled, NotLabeled
from keypoints.quality import QualityMeter
from keypoints.refinement import Refiner
from keypoints.report import ReportMeter
from keypoints.results import Files, annotation_file, annotation_key, folder, rejected_line
from keypoints.review import ReviewList, SuspiciousImage
from keypoints.skeleton import Skeleton
from keypoints.worst import MOST, Drawings
from report import page

JSON, JSON_LINES, HTML = "application/json", "application/x-ndjson", "text/html; charset=utf-8"


class File(NamedTuple):
    """A file of results: its key below the job's folder, its bytes or a scratch file with them, its media type."""

    key: str
    content: bytes | BinaryIO
    media_type: str = JSON


class Scratch:
    """Files on disk that are closed and deleted at the end of the `with` block, whatever happens in it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))

    def open(self, name: str) -> BinaryIO:
        """A new file, to write and then to read."""
        return self._stack.enter_context((self._folder / name).open("w+b"))

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class Part(Protocol):
    """One kind of file. Outcomes come in the order of lines; memory must not grow with the images' keypoints."""

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Take one line's outcome."""

    def files(self) -> Iterator[File]:
        """The files, once all outcomes are in."""


def parts(
    job: LabelingJob, refiner: Refiner, meter: QualityMeter, uploads: Uploads, scratch: Scratch, *, analyzed: bool
) -> tuple[Part, ...]:
    """Every part, in the order in which their files are written.

    `refiner` has refined each outcome before the parts see it; once all are in, it knows the job's agreement and
    workers. Its survey knows the job's skeleton, sigmas and weights from the start. A job that is not `analyzed` has an
    empty list of images to review.
    """
    skeleton = refiner.survey.skeleton
    review = Review(skeleton, scratch, analyzed)
    return (
        AnnotationFiles(job.name, uploads),
        SkeletonFile(skeleton),
        Coco(job.name, skeleton, scratch),
        CocoWorkers(job.name, skeleton, scratch),
        Rejected(scratch),
        QualityFile(meter, refiner),
        WorkersFile(refiner),
        review,
        ReportPage(job, refiner, meter, review, scratch),
    )


class AnnotationFiles:
    """One file an image, uploaded as it comes."""

    def __init__(self, job_name: str, uploads: Uploads) -> None:
        self._job = job_name
        self._uploads = uploads

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Upload an image's file."""
        if isinstance(outcome, Labeled):
            key = folder(self._job) + annotation_key(outcome)
            self._uploads.put(key, pretty(annotation_file(outcome, self._job)))

    def files(self) -> Iterator[File]:
        """None: they are uploaded already."""
        yield from ()


class SkeletonFile:
    """skeleton.json: results say themselves what their keypoints are, colours and template pose included."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Nothing to take."""

    def files(self) -> Iterator[File]:
        """The one file."""
        yield File(Files().skeleton, pretty(self._skeleton))


class Coco:
    """coco.json, put together on disk."""

    def __init__(self, job_name: str, skeleton: Skeleton, scratch: Scratch, key: str = Files().coco) -> None:
        self._key = key
        self._joined = scratch.open(key)
        self._file = CocoFile(skeleton, job_name, scratch.open(f"{key}-images"), scratch.open(f"{key}-annotations"))

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Write an image's entries."""
        if isinstance(outcome, Labeled):
            self._file.add(outcome)

    def files(self) -> Iterator[File]:
        """The one file."""
        self._file.join(self._joined)
        yield File(self._key, self._joined)


class CocoWorkers(Coco):
    """coco_workers.json, the same of each worker's own instances."""

    def __init__(self, job_name: str, skeleton: Skeleton, scratch: Scratch) -> None:
        super().__init__(job_name, skeleton, scratch, Files().coco_workers)

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Write an image's entries."""
        if isinstance(outcome, Labeled):
            self._file.add_raters(outcome)


class Rejected:
    """rejected.jsonl."""

    def __init__(self, scratch: Scratch) -> None:
        self._out = scratch.open("rejected.jsonl")

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Write a line without an annotation."""
        if isinstance(outcome, NotLabeled):
            self._out.write(rejected_line(outcome))

    def files(self) -> Iterator[File]:
        """The one file."""
        yield File(Files().rejected, self._out, JSON_LINES)


class QualityFile:
    """quality.json, and the accounting of lines, which the caller asks the meter for."""

    def __init__(self, meter: QualityMeter, refiner: Refiner) -> None:
        self._meter = meter
        self._refiner = refiner

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Count the line."""
        self._meter.add(outcome)

    def files(self) -> Iterator[File]:
        """The one file."""
        yield File(Files().quality, pretty(self._meter.quality(self._refiner.agreed(), self._refiner.sigmas())))


class WorkersFile:
    """workers.json."""

    def __init__(self, refiner: Refiner) -> None:
        self._refiner = refiner

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Nothing to take: the refiner has."""

    def files(self) -> Iterator[File]:
        """The one file."""
        yield File(Files().workers, pretty(self._refiner.report()))


class Review:
    """suspicious.jsonl and review.manifest: the images to look at again."""

    def __init__(self, skeleton: Skeleton, scratch: Scratch, analyzed: bool) -> None:
        self._analyzed = analyzed
        self.top: list[SuspiciousImage] = []
        """The first of them, once the files are made."""
        self._list = ReviewList(skeleton, scratch.open("images"))
        self._suspicious = scratch.open("suspicious.jsonl")
        self._manifest = scratch.open("review.manifest")

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Keep an image until the whole job is known."""
        if self._analyzed and isinstance(outcome, Labeled):
            self._list.add(outcome)

    def files(self) -> Iterator[File]:
        """The two files, in the same order of images."""
        for image, line in self._list.ranked():
            if len(self.top) < MOST:
                self.top.append(image)
            self._suspicious.write(msgspec.json.encode(image) + b"\n")
            self._manifest.write(line + b"\n")
        yield File(Files().suspicious, self._suspicious, JSON_LINES)
        yield File(Files().review, self._manifest, JSON_LINES)


class ReportPage:
    """report.html. Its files come after those of `review`, whose first images it draws."""

    def __init__(
        self, job: LabelingJob, refiner: Refiner, meter: QualityMeter, review: Review, scratch: Scratch
    ) -> None:
        self._status, self._refiner, self._quality, self._review = job.status, refiner, meter, review
        self._figures = ReportMeter(refiner.survey.skeleton)
        self._drawings = Drawings(refiner.survey.skeleton, scratch.open("drawings"))

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Count the line, and keep what would be drawn of it."""
        self._figures.add(outcome)
        if isinstance(outcome, Labeled):
            self._drawings.add(outcome)

    def files(self) -> Iterator[File]:
        """The one file."""
        quality = self._quality.quality(self._refiner.agreed(), self._refiner.sigmas())
        worst = self._drawings.worst(self._review.top)
        figures = self._figures.report(quality, self._status, self._refiner.report().workers, worst)
        yield File(Files().report, page(figures), HTML)


def pretty(value: Any) -> bytes:
    """JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
