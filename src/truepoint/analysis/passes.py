"""The two passes of a job over a range of images, each in a separate process.

`runs.steps` does the same with byte ranges of a manifest in S3, using the same functions of `results`.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from truepoint.analysis.label_files import Entry, EntryReader, LabelFile
from truepoint.analysis.predictions import (
    Matcher,
    Prediction,
    PredictionNorms,
    PredictionReader,
    PredictionSurvey,
    reasons,
)
from truepoint.errors.signals import Signal
from truepoint.errors.suspicion import Reason
from truepoint.groundtruth.annotation import annotate_all
from truepoint.groundtruth.job import LabelingJob
from truepoint.groundtruth.manifest import Line, batches, read_lines, whole_lines
from truepoint.groundtruth.output_line import REVIEWED_NAME, Labeled, read_line
from truepoint.jobs.prelabels import Choices, Fitter
from truepoint.json_text import OBJECTS_BETWEEN_COLLECTIONS
from truepoint.keys import job_keys
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.sigma_table import SigmaTable, sigma_table
from truepoint.pose.skeleton import Skeleton
from truepoint.results.first_pass import JobSurvey, Surveyed
from truepoint.results.ranges import Range
from truepoint.results.second_pass import Refiner
from truepoint.runs.result_files import FRAGMENTS, Fragments

ATTRIBUTE = "keypoints"
"""Label attribute name of the intermediate manifest."""
ENTRIES = "entries.jsonl"
"""Name of the file of all entries."""
LONGEST_ENTRY = 1024 * 1024 * 1024
"""Maximum size of one image's labels, in bytes. The labels are the user's own, so only this machine's memory
matters."""


@dataclass(frozen=True)
class Context:
    """Data that all ranges share.

    `work` is the folder of intermediate files (entries, lines, fragments). `out` is the folder of the results.
    """

    job: LabelingJob
    skeleton: Skeleton
    files: Sequence[LabelFile]
    chosen: Choices
    work: Path
    out: Path


@dataclass(frozen=True)
class FirstPass:
    """The result of the first pass over a range.

    Attributes:
        survey: the `JobSurvey` of the labels, as JSON.
        lines: the numbers of the range's lines.
        fitters: counts of what was left out.
        predictions: the `PredictionSurvey`, as JSON.
    """

    survey: bytes
    lines: list[int]
    fitters: Sequence[Fitter]
    predictions: bytes


class FolderFiles:
    """A writer of result files to a folder, given their keys in a bucket."""

    def __init__(self, folder: Path, job: str) -> None:
        self._folder, self._prefix = folder, job_keys(job).results

    def put(self, key: str, content: bytes | Callable[[], Iterable[bytes]], content_type: str = "") -> None:  # noqa: ARG002
        """Write one file."""
        path = self._folder / key.removeprefix(self._prefix)
        with path.open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content())


def first_pass(context: Context, number: int, part: Range) -> FirstPass:
    """Read a range of entries, consolidate each image, and count the statistics of the first pass.

    The images are written as lines of an output manifest for the second pass.

    Args:
        context: the data that all ranges share.
        number: the range's index.
        part: the range of the file of entries, in bytes.

    Raises:
        FormatError, PrelabelError: a label cannot be read.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    reader = EntryReader(context.files, context.chosen)
    survey, table = JobSurvey(context.skeleton), sigma_table(context.skeleton)
    matcher = Matcher(Anatomy(context.skeleton))
    predicted = PredictionSurvey.of(len(context.skeleton.keypoints))
    numbers: list[int] = []
    with (
        (context.work / ENTRIES).open("rb") as file,
        _lines_file(context, number).open("wb") as out,
        _predictions_file(context, number).open("wb") as kept,
    ):
        for texts in batches(read_lines(pieces(file, part), LONGEST_ENTRY)):
            entries = [msgspec.json.decode(text.text, type=Entry) for text in texts]
            made = _manifest(entries, reader, table, context)
            lines = [Line(entry.line, text, len(text)) for entry, text in zip(entries, made, strict=True)]
            outcomes = [read_line(line, ATTRIBUTE, _nothing) for line in lines]
            survey.add_all(outcomes)
            for entry, outcome in zip(entries, outcomes, strict=True):
                if entry.predictions and isinstance(outcome, Labeled):
                    given = msgspec.convert(entry.predictions, list[Prediction])
                    predicted.add(matcher, outcome.instances, given)
                    kept.write(msgspec.json.encode((entry.line, given)) + b"\n")
            out.writelines(line.text + b"\n" for line in lines)
            numbers += [line.number for line in lines]
    return FirstPass(msgspec.json.encode(survey), numbers, reader.fitters, msgspec.json.encode(predicted))


def second_pass(
    context: Context, told: bytes, number: int, numbers: Sequence[int], reliability: PredictionNorms | None = None
) -> bytes:
    """Run the second pass over a range's lines, and write the images' files and the range's fragments.

    Args:
        context: the data that all ranges share.
        told: the result of the first pass over all lines (`Surveyed`), as JSON.
        number: the range's index.
        numbers: the numbers of the range's lines.
        reliability: the reliability of the model that made the predictions; None if there are none, or too few.

    Returns:
        The range's tally, as JSON.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    job, surveyed = context.job, msgspec.json.decode(told, type=Surveyed)
    witness = None if reliability is None else _Witness(context, number, surveyed, reliability)
    refiner = Refiner(job.name, surveyed, {}, job.images_job, witness)
    files = {name: (context.work / f"{name}-{number}.jsonl").open("wb") for name in FRAGMENTS}
    try:
        with _lines_file(context, number).open("rb") as file:
            numbered = zip(read_lines(pieces(file), LONGEST_ENTRY), numbers, strict=True)
            for lines in batches(msgspec.structs.replace(line, number=n) for line, n in numbered):
                out = {name: bytearray() for name in FRAGMENTS}
                fragments = Fragments(job, surveyed.skeleton, FolderFiles(context.out, job.name), out)
                for outcome in refiner.add_all([read_line(line, ATTRIBUTE, _nothing) for line in lines]):
                    fragments.add(outcome)
                for name, content in out.items():
                    files[name].write(content)
    finally:
        for opened in files.values():
            opened.close()
    _lines_file(context, number).unlink()
    _predictions_file(context, number).unlink()
    return msgspec.json.encode(refiner.tally)


class _Witness:
    """A source of reasons to suspect a range's instances, based on their predictions."""

    def __init__(self, context: Context, number: int, surveyed: Surveyed, reliability: PredictionNorms) -> None:
        self._reader = PredictionReader(Anatomy(surveyed.skeleton), surveyed.norms, reliability)
        with _predictions_file(context, number).open("rb") as file:
            lines = (msgspec.json.decode(text, type=tuple[int, list[Prediction]]) for text in file)
            self._predictions: Mapping[int, list[Prediction]] = dict(lines)

    def __call__(self, labeled: Labeled, alone: Sequence[Sequence[Signal]]) -> list[list[Reason]]:
        predictions = self._predictions.get(labeled.line)
        if not predictions:
            return []
        width, height = labeled.annotation.image_width, labeled.annotation.image_height
        size = (width, height) if width and height else None
        return [reasons(signals) for signals in self._reader.signals(labeled.instances, predictions, alone, size)]


def fragments_of(work: Path, name: str, ranges: int) -> Iterator[bytes]:
    """Yield the lines of the fragments with one name, of all ranges in order, in pieces of one or more lines."""
    for number in range(ranges):
        with (work / f"{name}-{number}.jsonl").open("rb") as file:
            yield from whole_lines(pieces(file))


def write_entries(entries: Iterable[Entry], work: Path) -> int:
    """Write images with their labels, one per line, and return the size of the file in bytes."""
    with (work / ENTRIES).open("wb") as out:
        for entry in entries:
            line = msgspec.json.encode(entry)
            if b"\n" in line:  # unparsed annotations of an indented file
                line = msgspec.json.format(line, indent=-1)
            out.write(line + b"\n")
        return out.tell()


def _manifest(entries: Sequence[Entry], reader: EntryReader, table: SigmaTable, context: Context) -> Iterator[bytes]:
    """Yield each image's line of an output manifest."""
    answers: list[list[tuple[str, Any]]] = []
    for entry in entries:
        size = {"image_width": entry.width, "image_height": entry.height} if entry.width and entry.height else {}
        details = {"version": "1.0"} | size
        answers.append(
            [
                (rater, {"updated_annotations": list(instances), "answer_details": details})
                for rater, instances in reader.instances(entry).items()
            ]
        )
    sources = [entry.s3_uri or entry.name for entry in entries]
    objects = [
        (str(e.line), source, given) for e, source, given in zip(entries, sources, answers, strict=True) if given
    ]
    annotated = annotate_all(objects, table)
    for entry, source, given in zip(entries, sources, answers, strict=True):
        record: dict[str, Any] = {"source-ref": source, REVIEWED_NAME: entry.name}
        if given:
            record |= {ATTRIBUTE: next(annotated), f"{ATTRIBUTE}-metadata": {"job-name": context.job.name}}
        yield msgspec.json.encode(record)


def _lines_file(context: Context, number: int) -> Path:
    return context.work / f"lines-{number}.jsonl"


def _predictions_file(context: Context, number: int) -> Path:
    return context.work / f"predictions-{number}.jsonl"


def pieces(file: BinaryIO, part: Range | None = None) -> Iterator[bytes]:
    """Yield a file, or a byte range of it, in pieces."""
    if part is not None:
        file.seek(part.start)
    left = part.end - part.start if part is not None else None
    while piece := file.read(1 << 20 if left is None else min(1 << 20, left)):
        if left is not None:
            left -= len(piece)
        yield piece


def _nothing(_uri: str) -> bytes:
    return b""
