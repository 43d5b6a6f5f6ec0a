"""The steps of a run: plan, survey (first pass), join, label (second pass), merge.

Each step reads the files of earlier steps from the run's folder, and writes its own files there, or the results. Steps
are idempotent: repeating one writes the same bytes.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, TypeVar

import msgspec

from truepoint.adapters.bucket import Bucket, ChangedError, NotReadableError, TooLargeError
from truepoint.adapters.telemetry import logger
from truepoint.adapters.uploads import Uploads
from truepoint.groundtruth.job import LabelingJob
from truepoint.groundtruth.manifest import Line, batches, read_lines, whole_lines
from truepoint.groundtruth.output_line import Labeled, read_line
from truepoint.json_text import OBJECTS_BETWEEN_COLLECTIONS
from truepoint.keys import job_keys, manifests_folder, s3_uri, spelled, split_s3_uri
from truepoint.measures.gold import Gold, GoldError, parse_gold
from truepoint.pose.skeleton import Skeleton, SkeletonError, parse_skeleton
from truepoint.results.first_pass import JobSurvey, Surveyed
from truepoint.results.ranges import LARGEST_RANGE, Range, cut
from truepoint.results.result_set import (
    DIGITS,
    Files,
    ManifestSource,
    Results,
    SkeletonSource,
    annotation_key,
    line_of,
    results,
)
from truepoint.results.second_pass import Refiner
from truepoint.results.tally import Tally
from truepoint.runs import write_lock
from truepoint.runs.plan import Plan, content_of, run_folder
from truepoint.runs.result_files import FRAGMENTS, JSON, JSON_LINES, Fragments, line_files, pretty, tally_files

T = TypeVar("T")

SPARE_SECONDS = 60.0
"""Remaining time below which a step stops and saves its state, in seconds. One image takes at most some 10 s, and the
state must be written."""
LARGEST_PART = 64 * 1024 * 1024
"""Size of the fragments in memory above which a step stops and writes them, in bytes. The limit is needed because
labels stored by reference are larger than their lines."""
LARGEST_LABEL = 64 * 1024 * 1024
"""Maximum size of a label stored by reference, in bytes: more than the answers of nine workers take."""
LARGEST_FILE = 64 * 1024 * 1024
"""Maximum size of a job's skeleton or gold file, in bytes."""
WAITS = (1, 2, 4, 8, 15, 30)
"""Delays between attempts to find the manifest, in seconds. It usually exists when the event arrives, but this is not
documented."""


class ManifestMissingError(Exception):
    """A completed job without a manifest. It is an exception so that Lambda retries, and an alarm is raised."""


class RangeSurvey(msgspec.Struct):
    """The state of the first pass over one range: its number of lines and their statistics.

    `next` is the manifest offset at which to continue; None once the range is done.
    """

    lines: int
    survey: JobSurvey
    next: int | None = None


class Joined(msgspec.Struct):
    """The result of the first pass over all ranges.

    `firsts` has the number of each range's first line, then the number of all lines. `surveyed` are the statistics of
    all lines.
    """

    firsts: list[int]
    surveyed: Surveyed = msgspec.field(name="known")


class Labels(msgspec.Struct):
    """The state of the second pass over one range: its tally and the sizes of its fragments in bytes.

    `next` is the manifest offset at which to continue, and `line` the number of that line; `next` is None once the
    range is done. `lock_id` is the id of the write lock under which the range began. If another run has written since
    then, the range begins again.
    """

    tally: Tally
    fragments: list[dict[str, int]]
    next: int | None = None
    line: int = 0
    lock_id: str = msgspec.field(default="", name="turn")


def find_manifest(
    job: LabelingJob, store: Bucket, sleep: Callable[[float], None] = time.sleep
) -> ManifestSource | None:
    """Return the job's manifest, after waiting for it if necessary; None for a job that ended without one.

    For a stopped or failed job this is the newest one of its output and intermediate manifests, because the one in the
    job's description may be missing or older.

    Raises:
        ManifestMissingError: a completed job has no manifest after a minute.
    """
    for seconds in (*WAITS, None):
        if manifest := _newest_manifest(job, store):
            return manifest
        if seconds is not None:
            sleep(seconds)
    if job.status == "Completed":
        raise ManifestMissingError(
            f"expected the manifest of a completed job at {job.output_manifest_uri}, got nothing"
        )
    return None  # a job that failed or was stopped early may have none


def _newest_manifest(job: LabelingJob, store: Bucket) -> ManifestSource | None:
    keys = [split_s3_uri(job.output_manifest_uri)[1]]
    if job.status != "Completed" and (folder := manifests_folder(keys[0])):
        iterations = [f"{folder}intermediate/{name}/" for name in store.folders(f"{folder}intermediate/")]
        keys += [f"{start}output.manifest" for start in (f"{folder}output/", *iterations)]
    listed = [entry for key in dict.fromkeys(keys) if (entry := store.listed(key))]
    if not listed:
        return None
    newest = max(listed, key=lambda entry: entry.modified)
    return ManifestSource(s3_uri(store.name, newest.key), newest.etag)


def make_plan(
    job: LabelingJob, manifest: ManifestSource | None, store: Bucket, largest: int = LARGEST_RANGE
) -> tuple[str, int]:
    """Acquire the write lock, remove the completion marker, and write the run's plan.

    Args:
        job: the job.
        manifest: its manifest, if it has one.
        store: the stack's bucket.
        largest: approximate size of a range, in bytes.

    Returns:
        The run's folder and its number of ranges.

    Raises:
        NotYetError: an earlier run with other content may still write. The results were not changed.
        ChangedError: the manifest or the lock changed meanwhile.
    """
    lock = write_lock.look(job.name, store)
    _expect(manifest, job, store)
    skeleton, source = _skeleton(job, store)
    gold, ranges = store.first(_gold_keys(job))[1], [Range(0, 0)]
    plan = Plan(job=job, manifest=manifest, skeleton=skeleton, skeleton_source=source, gold_etag=gold, ranges=ranges)
    write_lock.acquire(lock, content_of(plan), store)
    store.delete(job_keys(job.name).results_marker)
    if manifest:
        key, etag = split_s3_uri(manifest.s3_uri)[1], manifest.etag
        ranges = cut(store.size(key), largest, lambda start, end: b"".join(store.stream(key, start, end, etag)))
        plan = msgspec.structs.replace(plan, ranges=ranges)
    run = run_folder(plan)
    _save(plan, run, "plan", store)
    return run, len(plan.ranges)


def survey(run: str, index: int, store: Bucket, seconds_left: Callable[[], float] = lambda: math.inf) -> bool:
    """Run the first pass over one range, and continue where an earlier call ran out of time.

    Args:
        run: the run's folder.
        index: the range's index.
        store: the stack's bucket.
        seconds_left: returns the remaining time, in seconds.

    Returns:
        Whether the range is done. If not, call the step again.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    plan = _load(run, "plan", Plan, store)
    state = _unfinished(run, f"survey-{index}", RangeSurvey, store) or RangeSurvey(0, _survey(plan))
    start, fetch = state.next or plan.ranges[index].start, _fetch(store)
    state.next = None
    for n, lines in enumerate(batches(_lines(plan, index, store, start=start))):
        if n and seconds_left() < SPARE_SECONDS:
            state.next = start + lines[0].offset
            break
        state.lines += len(lines)
        # Sampling needs a number that identifies a line. Line numbers depend on all earlier ranges, so the line's
        # offset in the manifest is used instead.
        numbered = [msgspec.structs.replace(line, number=start + line.offset) for line in lines]
        drawn = [line for line in numbered if state.survey.wants(line.number)]
        state.survey.add_all([read_line(line, plan.job.label_attribute_name, fetch) for line in drawn])
    _save(state, run, f"survey-{index}", store)
    return state.next is None


def join(run: str, store: Bucket) -> None:
    """Merge the statistics of all ranges, and compute the result of the first pass."""
    plan = _load(run, "plan", Plan, store)
    counts, whole = [], _survey(plan)
    for index in range(len(plan.ranges)):
        state = _load(run, f"survey-{index}", RangeSurvey, store)
        counts.append(state.lines)
        whole.merge(state.survey)
    _save(Joined(list(accumulate(counts, initial=0)), whole.surveyed()), run, "joined", store)


def label(run: str, index: int, store: Bucket, seconds_left: Callable[[], float] = lambda: math.inf) -> bool:
    """Run the second pass over one range, and continue where an earlier call ran out of time.

    Write the annotation files of its images, its fragments of the combined files, and its tally. Delete annotation
    files that results of an earlier manifest left for these lines.

    Args:
        run: the run's folder.
        index: the range's index.
        store: the stack's bucket.
        seconds_left: returns the remaining time, in seconds.

    Returns:
        Whether the range is done. If not, call the step again.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    plan, joined = _load(run, "plan", Plan, store), _load(run, "joined", Joined, store)
    job, surveyed, fetch = plan.job, joined.surveyed, _fetch(store)
    lock = _check_lock(plan, store).record
    first, end = joined.firsts[index : index + 2]
    state = _unfinished(run, f"labels-{index}", Labels, store)
    refiner = Refiner(job.name, surveyed, _gold(plan, store), job.images_job)
    if state is None or not lock or state.lock_id != lock.id:
        state = Labels(refiner.tally, [], plan.ranges[index].start, first, lock.id if lock else "")
    refiner.tally, first = state.tally, state.line
    start, state.next = state.next or 0, None
    left_over = set(_annotation_keys(job, first, end if index + 1 < len(plan.ranges) else None, store))
    out = {name: bytearray() for name in FRAGMENTS}
    with Uploads(store) as uploads:
        fragments = Fragments(job, surveyed.skeleton, uploads, out)
        for n, lines in enumerate(batches(_lines(plan, index, store, first, start))):
            if n and (seconds_left() < SPARE_SECONDS or sum(map(len, out.values())) > LARGEST_PART):
                state.next, state.line = start + lines[0].offset, lines[0].number
                left_over = {key for key in left_over if (line_of(key) or 0) < state.line}
                break
            for outcome in refiner.add_all([read_line(line, job.label_attribute_name, fetch) for line in lines]):
                fragments.add(outcome)
                if left_over and isinstance(outcome, Labeled):
                    left_over.discard(job_keys(job.name).results + annotation_key(outcome))
        sizes = {name: len(content) for name, content in out.items()}
        for name in FRAGMENTS:
            uploads.put(_fragment(run, name, index, len(state.fragments)), bytes(out.pop(name)), JSON_LINES)
    store.delete(*left_over)
    state.fragments.append(sizes)
    _save(state, run, f"labels-{index}", store)
    return state.next is None


def merge(run: str, store: Bucket) -> Results:
    """Write the combined files and the files about the whole job, then the completion marker, and return it.

    Raises:
        AccountingError: a line is missing, or was counted twice.
    """
    plan, joined = _load(run, "plan", Plan, store), _load(run, "joined", Joined, store)
    lock = _check_lock(plan, store)
    tally, sizes = Tally.of(plan.job.name, joined.surveyed.skeleton), []
    for index in range(len(plan.ranges)):
        labels = _load(run, f"labels-{index}", Labels, store)
        tally.merge(labels.tally)
        sizes.append(labels.fragments)

    def lines(name: str) -> Iterator[bytes]:
        for index, parts in enumerate(sizes):
            for part, size in enumerate(parts):
                yield from whole_lines(store.stream(_fragment(run, name, index, part), 0, size[name]))

    with Uploads(store) as uploads:
        for file in tally_files(plan.job, joined.surveyed, tally):
            uploads.put(job_keys(plan.job.name).results + file.key, file.content, file.media_type)
        for file in line_files(plan.job, joined.surveyed.skeleton, lines):  # one at a time, which bounds memory
            store.write(job_keys(plan.job.name).results + file.key, file.content, file.media_type)
    marker = results(plan.job, plan.manifest, plan.skeleton_source, tally.counts, joined.firsts[-1])
    _expect(plan.manifest, plan.job, store)
    store.write(job_keys(plan.job.name).results_marker, pretty(marker), JSON)
    write_lock.release(lock, store)
    return marker


def completion_marker(run: str, store: Bucket) -> Results:
    """Return the completion marker of a complete run.

    Raises:
        NotReadableError: the marker is missing.
    """
    job = _load(run, "plan", Plan, store).job
    return msgspec.json.decode(store.read(job_keys(job.name).results_marker), type=Results)


def _expect(manifest: ManifestSource | None, job: LabelingJob, store: Bucket) -> None:
    _, key = split_s3_uri(manifest.s3_uri if manifest else job.output_manifest_uri)
    expected, actual = manifest and manifest.etag, store.etag(key)
    if actual != expected:
        raise ChangedError(f"expected s3://{store.name}/{key} with the ETag {expected}, got {actual}")


def _check_lock(plan: Plan, store: Bucket) -> write_lock.LockState:
    return write_lock.check(plan.job.name, content_of(plan), store)


def _survey(plan: Plan) -> JobSurvey:
    return JobSurvey(plan.skeleton, one_worker=plan.job.workers_per_object == 1)


def _lines(plan: Plan, index: int, store: Bucket, first: int = 0, start: int = 0) -> Iterator[Line]:
    if plan.manifest:
        _, key = split_s3_uri(plan.manifest.s3_uri)
        part = plan.ranges[index]
        pieces = store.stream(key, max(start, part.start), part.end, plan.manifest.etag)
        yield from read_lines(pieces, first=first)


def _fetch(store: Bucket) -> Callable[[str], bytes]:
    """Return a function that reads an S3 URI of this bucket. It returns b"", which is no annotation, on failure."""

    def fetch(uri: str) -> bytes:
        try:
            bucket, key = split_s3_uri(uri)
            return store.read(key, largest=LARGEST_LABEL) if bucket == store.name else b""
        except (NotReadableError, ValueError):
            return b""

    return fetch


def _annotation_keys(job: LabelingJob, first: int, end: int | None, store: Bucket) -> Iterator[str]:
    """Yield the keys of existing annotation files of lines `first` to `end` (exclusive; None for no end)."""
    annotations = job_keys(job.name).results + Files().annotations
    last = annotations + f"{end:0{DIGITS}d}" if end is not None else None
    for key in store.keys(annotations, after=annotations + f"{first:0{DIGITS}d}"):
        if last and key > last:
            break
        line = line_of(key) if "/" not in key.removeprefix(annotations) else None
        if line is not None and line >= first and (end is None or line < end):
            yield key


def _skeleton(job: LabelingJob, store: Bucket) -> tuple[Skeleton | None, SkeletonSource]:
    key, etag = store.first(spelled(job.name, job_keys(job.name).skeleton))
    if etag:
        try:
            skeleton = parse_skeleton(store.read(key, largest=LARGEST_FILE), stored=True)
            return skeleton, SkeletonSource("file", skeleton.name, etag)
        except (SkeletonError, TooLargeError) as error:
            logger.warning("the job's skeleton cannot be used", error=str(error))
    return None, SkeletonSource("derived", "subject")


def _gold_keys(job: LabelingJob) -> tuple[str, ...]:
    return spelled(job.name, job_keys(job.name).gold)


def _gold(plan: Plan, store: Bucket) -> Gold:
    """Return the planned version of the job's gold images.

    Return {} if the plan has none or the file is unusable, because gold images are optional.
    """
    if plan.gold_etag is None:
        return {}
    key, _ = store.first(_gold_keys(plan.job))
    try:
        return parse_gold(store.read(key, plan.gold_etag, LARGEST_FILE))
    except (GoldError, NotReadableError) as error:
        if store.etag(key) != plan.gold_etag:
            raise ChangedError(f"expected s3://{store.name}/{key} with the ETag {plan.gold_etag}, got none") from error
        logger.warning("the job's gold cannot be used", error=str(error))
        return {}


def _fragment(run: str, name: str, index: int, part: int) -> str:
    return f"{run}{name}-{index}.{part}.jsonl"


def _save(value: Any, run: str, name: str, store: Bucket) -> None:
    store.write(f"{run}{name}.json", msgspec.json.encode(value), JSON)


def _unfinished(run: str, name: str, kind: type[T], store: Bucket) -> T | None:
    """Return the state that an earlier call saved when it ran out of time.

    None if there is no state, if it is of a finished range, or if another version of this program saved it. The latter
    can happen after an update, because a run's folder depends only on its plan.
    """
    if store.etag(f"{run}{name}.json") is None:
        return None
    try:
        state = _load(run, name, kind, store)
    except msgspec.ValidationError:
        return None
    return state if getattr(state, "next", None) is not None else None


def _load(run: str, name: str, kind: type[T], store: Bucket) -> T:
    return msgspec.json.decode(store.read(f"{run}{name}.json"), type=kind)
