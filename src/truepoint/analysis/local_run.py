"""An analysis: computes a results folder from label files, as a run does from a finished job's manifest."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from truepoint.analysis import passes
from truepoint.analysis.folders import TargetError, whole_folder
from truepoint.analysis.label_files import Entry, EntryReader, LabelSet, read_label_files
from truepoint.analysis.passes import Context
from truepoint.analysis.pictures import PictureFolder
from truepoint.analysis.predictions import LEAST_MATCHED, PredictionSurvey, prediction_of
from truepoint.analysis.result_lists import open_results
from truepoint.formats import coco
from truepoint.formats.labels import FormatError, shown
from truepoint.groundtruth.job import LabelingJob
from truepoint.jobs.prelabels import Choices, Instances, Job, PrelabelError, Prelabels, Source, fit, read_file
from truepoint.keys import JOB_NAME
from truepoint.measures.workers import Workers
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.skeleton import Skeleton
from truepoint.results.first_pass import JobSurvey, Surveyed
from truepoint.results.quality import Quality
from truepoint.results.ranges import Range, cut
from truepoint.results.result_set import Files, Results, SkeletonSource, read_results, results
from truepoint.results.tally import Tally
from truepoint.runs.result_files import line_files, pretty, tally_files

LARGEST_RANGE = 4 * 1024 * 1024
"""Size of the entries that a process handles at a time, in bytes. The progress bar then moves every few seconds."""
LEAST_FOR_PROCESSES = 2 * LARGEST_RANGE
"""Size of all entries from which several processes are used, in bytes. Fewer entries are done before processes
start."""
WORK = ".work"
OURS = frozenset({name.split("/")[0] for name in msgspec.structs.astuple(Files())} | {"results.json"})
"""Names in a results folder. A folder that contains any other name is never replaced."""

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""A function that shows progress, given the name of the step, the number of images done, and the number of all
images."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The options of an analysis.

    Attributes:
        paths: label files, folders of them, or downloaded results.
        out: the folder of the results.
        skeleton: the skeleton of the labels; None to derive it from them.
        name: the name of the results; None for the first file's name.
        images: the folder of the images, for thumbnails and sizes.
        chosen: how labels are read.
        processes: number of processes; 0 for one per CPU.
        predictions: a file of a model's predictions for the same images.
    """

    paths: Sequence[Path]
    out: Path
    skeleton: Skeleton | None = None
    name: str | None = None
    images: Path | None = None
    chosen: Choices = field(default_factory=Choices)
    processes: int = 0
    predictions: Path | None = None


@dataclass(frozen=True)
class Analysis:
    """The outcome of an analysis.

    `notes` are sentences about labels that were read or left out. `predicted` is the number of instances that have a
    prediction; None if no predictions were given.
    """

    out: Path
    results: Results
    raters: list[str]
    quality: Quality
    workers: Workers
    suspicious: int
    notes: list[str]
    predicted: int | None = None


def analyze(request: Request, progress: Progress = lambda *_: None) -> Analysis:
    """Write the results of label files to a folder atomically. The function is idempotent.

    Raises:
        FormatError, PrelabelError: the files cannot be read, or cannot be combined.
        TargetError: the folder holds other files.
    """
    _check_out(request)
    with whole_folder(request.out, OURS) as new:
        work = new / WORK
        for folder in (work, new / Files().annotations, (new / Files().table).parent):
            folder.mkdir()
        analysis = _run(request, new, work, progress)
        shutil.rmtree(work)
        return analysis


def _check_out(request: Request) -> None:
    """Refuse to replace the folder of the labels, or the results of a job.

    Raises:
        TargetError: the folder of the results contains either.
    """
    out = Path(os.path.realpath(request.out))  # unlike Path.resolve, it does not fail for a link to itself
    for path in request.paths:
        if Path(os.path.realpath(path)).is_relative_to(out):
            raise TargetError(
                f"{request.out}: expected another folder than that of the labels, got the folder of {path}"
            )
    marker = out / "results.json"
    marker_before = read_results(marker.read_bytes()) if marker.is_file() else None
    if marker_before is not None and marker_before.labeling_job_arn:
        raise TargetError(
            f"{request.out}: expected nothing, an empty folder or an earlier analysis, got the results of the job "
            f"{marker_before.labeling_job!r}; choose another --out"
        )


def _run(request: Request, new: Path, work: Path, progress: Progress) -> Analysis:
    pictures = PictureFolder(request.images) if request.images else None
    progress("read", 0, 0)
    labels = read_label_files(request.paths, request.skeleton, request.chosen, pictures.sizes if pictures else dict)
    job = _job(request.name or job_name(request.paths[0]))
    context = Context(job, labels.skeleton, labels.files, request.chosen, work, new)
    raters, count = labels.raters, labels.count
    said = _add_predictions(labels, request) if request.predictions else []
    size = passes.write_entries(labels.entries(), work)
    del labels  # frees the files' bytes
    with (work / passes.ENTRIES).open("rb") as file:
        ranges = cut(size, LARGEST_RANGE, lambda start, end: b"".join(passes.pieces(file, Range(start, end))))
    processes = (request.processes or _processors()) if size > LEAST_FOR_PROCESSES else 1
    survey, numbers, fitters = JobSurvey(context.skeleton), [], []
    predicted = PredictionSurvey.of(len(context.skeleton.keypoints))
    for first in _each(processes, passes.first_pass, [(context, n, part) for n, part in enumerate(ranges)]):
        survey.merge(msgspec.json.decode(first.survey, type=JobSurvey))
        predicted.merge(msgspec.json.decode(first.predictions, type=PredictionSurvey))
        numbers.append(first.lines)
        fitters.append(first.fitters)
        progress("compare", sum(map(len, numbers)), count)
    (work / passes.ENTRIES).unlink()
    surveyed = survey.surveyed()
    told, tally = msgspec.json.encode(surveyed), Tally.of(job.name, surveyed.skeleton)
    done, reliability = 0, predicted.norms()
    given = [(context, told, n, lines, reliability) for n, lines in enumerate(numbers)]
    for text in _each(processes, passes.second_pass, given):
        part = msgspec.json.decode(text, type=Tally)
        done += part.counts["lines"]
        tally.merge(part)
        progress("check", done, count)
    notes = EntryReader(context.files, context.chosen).report(fitters) + said
    if request.predictions:
        notes.append(_on_predictions(request.predictions, predicted))
    drawn: dict[int, str] = {}
    if pictures is not None:
        drawn, missing = pictures.thumbnails(_names(work, len(ranges), {image.line for image in tally.worst.ranked()}))
        if missing:
            notes.append(f"{request.images}: no thumbnails of {len(missing)} images: {shown(missing)}")
    _write(context, surveyed, tally, drawn, len(ranges))
    marker = results(job, None, SkeletonSource("file", surveyed.skeleton.name), tally.counts, count)
    passes.FolderFiles(new, job.name).put("results.json", pretty(marker))
    quality, workers = tally.quality_file(surveyed), tally.workers_file(surveyed)
    matched = predicted.matched if request.predictions else None
    return Analysis(request.out, marker, raters, quality, workers, tally.figures.suspicious, notes, matched)


def _add_predictions(labels: LabelSet, request: Request) -> list[str]:
    """Add each image's predictions to its entry, and return sentences on what was read, matched and left out.

    Raises:
        FormatError, PrelabelError: the file cannot be read, or does not match these images and this skeleton.
    """
    path = request.predictions
    if path is None:
        return []
    if not path.exists():
        raise FormatError(f"{path}: expected a file of predictions, got no such file")
    entries: dict[str, Entry] = {entry.name: entry for entry in labels.entries()}
    # A list of COCO results has no image names, but the image ids of the annotation file.
    annotations = next((Path(f.where) for f in labels.files if f.shape == coco.ANNOTATIONS), None)
    chosen = Choices(keypoint_names=request.chosen.keypoint_names, images=annotations)
    job = Job(labels.skeleton, {name: (entry.width, entry.height) for name, entry in entries.items()})
    try:
        matched = _fitted(path, chosen, job, annotations)
    except OSError as error:
        raise FormatError(f"{path}: expected a readable file, got: {error.strerror or error}") from error
    except PrelabelError as error:
        raise error if str(path) in str(error) else PrelabelError(f"{path}: {error}") from error
    if not matched.instances:
        raise PrelabelError(f"{path}: expected predictions of these images, got none: {'; '.join(matched.report)}")
    for name, predictions in matched.instances.items():
        entries[name].predictions = list(predictions)
    return [f"predictions: {line}" for line in matched.report]


def _fitted(path: Path, chosen: Choices, job: Job, annotations: Path | None) -> Prelabels:
    """Return the predictions of each image, as JSON: as Python values they would take ten times the memory."""
    anatomy = Anatomy(job.skeleton)

    def kept(instances: Instances) -> Any:
        return tuple(msgspec.Raw(msgspec.json.encode(prediction_of(anatomy, instance))) for instance in instances)

    opened = open_results(path, annotations) if annotations else None
    if opened:
        return fit(opened.labels, job, chosen, str(path), source=Source(opened.used, opened.subjects, kept))
    labels = read_file(path, job.skeleton, chosen)
    subjects = {id(image): image.subjects for image in labels.images}
    used = {subject.category for given in subjects.values() for subject in given}
    source = Source(used, lambda image: subjects.pop(id(image)), kept)
    return fit(labels, job, chosen, str(path), source=source)


def _on_predictions(path: Path, predicted: PredictionSurvey) -> str:
    told = f"{path}: predictions match {predicted.matched} instances"
    if predicted.matched < LEAST_MATCHED:
        return f"{told}: expected at least {LEAST_MATCHED}; with fewer, the predictions are not used"
    return f"{told} and change their suspicion"


def _write(context: Context, surveyed: Surveyed, tally: Tally, drawn: dict[int, str], ranges: int) -> None:
    """Write the files about all images."""
    files = passes.FolderFiles(context.out, context.job.name)
    for file in tally_files(context.job, surveyed, tally, drawn):
        content = file.content
        if file.key == Files().review:  # a review job needs images in S3
            content = b"".join(line for line in tally.review_lines() if line.startswith(b'{"source-ref":"s3://'))
        files.put(file.key, content)
    for file in line_files(
        context.job, surveyed.skeleton, lambda name: passes.fragments_of(context.work, name, ranges)
    ):
        files.put(file.key, file.content)


def _each(processes: int, work: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
    """Yield the function's results for each tuple of arguments, in order, computed by several processes in parallel."""
    if min(processes, len(arguments)) < 2:
        yield from (work(*given) for given in arguments)
        return
    spawn = multiprocessing.get_context("spawn")  # available on every system, and safe in a program with threads
    with ProcessPoolExecutor(processes, spawn, initializer=_leave_interrupts) as pool:
        try:
            yield from pool.map(work, *zip(*arguments, strict=True))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _leave_interrupts() -> None:
    """Ignore Ctrl+C, which a terminal sends to all processes. The parent handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names(work: Path, ranges: int, lines: Set[int]) -> dict[int, str]:
    """Return the names of images, by line."""
    decoder = msgspec.json.Decoder(_Image)
    pieces = passes.fragments_of(work, "images", ranges)
    images = (image for piece in pieces for image in decoder.decode_lines(piece))
    return {image.id - 1: image.file_name for image in images if image.id - 1 in lines}


class _Image(msgspec.Struct):
    """An image of coco.json; its id is the line number plus 1."""

    id: int
    file_name: str


def job_name(path: Path) -> str:
    """Return a valid job name derived from a file's name."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", Path(os.path.realpath(path)).stem).strip("-")[:63].strip("-")
    return plain if JOB_NAME.fullmatch(plain) else "labels"


def _job(name: str) -> LabelingJob:
    return LabelingJob(
        name=name, arn="", status="Completed", label_attribute_name=passes.ATTRIBUTE, output_manifest_uri=""
    )
