"""The steps of a run.

Each reads what earlier steps left in the run's folder and writes its own there, or the results; whoever makes it again
writes the same bytes. The bucket is passed in.
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
from truepoint.results.run import Plan, content_of, run_folder
from truepoint.results.second_pass import Refiner
from truepoint.results.tally import Tally
from truepoint.runs import write_lock
from truepoint.runs.result_files import FRAGMENTS, JSON, JSON_LINES, Fragments, line_files, pretty, tally_files

T = TypeVar("T")

SPARE_SECONDS = 60.0
"""A step stops before the next line if less of its time is left: one image takes at most some 10 seconds, and what was
found is then written."""
LARGEST_PART = 64 * 1024 * 1024
"""Bytes of fragments in memory at most, and one image's: labels stored by reference are larger than their lines."""
LARGEST_LABEL = 64 * 1024 * 1024
"""Bytes of a label that a manifest line names: more than the answers of nine workers make."""
LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of a job's skeleton or gold."""
OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""New objects after which Python looks for cycles. A batch of parsed lines has as many and no cycles; with Python's
default, to look at them again and again takes 5 % of a run."""
WAITS = (1, 2, 4, 8, 15, 30)
"""Waits for the manifest, in seconds. It usually exists when the event arrives, but that is not documented."""


class ManifestMissingError(Exception):
    """A completed job without its manifest. It is raised so that Lambda retries, and an alarm reaches an operator."""


class RangeSurvey(msgspec.Struct):
    """The result of the first pass over one range: its number of lines and their statistics.

    `next` is the offset in the manifest of the line to go on with; None once the range is done.
    """

    lines: int
    survey: JobSurvey
    next: int | None = None


class Joined(msgspec.Struct):
    """The result of the first pass: line numbers and statistics.

    It has the number of each range's first line, the number after the last line, and the statistics of all lines.
    """

    firsts: list[int]
    known: Surveyed


class Labels(msgspec.Struct):
    """The result of the second pass over one range: its tally and the sizes of its fragments in bytes.

    `next` is the offset in the manifest of the line to go on with, and `line` its number; `next` is None once the range
    is done. `lock_id` is the id of the write lock under which the range began. If another run has written since then,
    the range begins again.
    """

    tally: Tally
    fragments: list[dict[str, int]]
    next: int | None = None
    line: int = 0
    lock_id: str = msgspec.field(default="", name="turn")


def find_manifest(
    job: LabelingJob, store: Bucket, sleep: Callable[[float], None] = time.sleep
) -> ManifestSource | None:
    """Return the job's manifest; wait for it if it is not there. None for a job that ended without one.

    A stopped or failed job may have left only an intermediate manifest, or an output manifest older than it, whatever
    its description names. For such a job the newest manifest counts.

    Raises:
        ManifestMissingError: a completed job has none after a minute.
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
    return None  # a job that failed or was stopped early may never have had one


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
    """Start a run and return its plan. From here on there are no complete results.

    Returns the run's folder and its number of ranges, of about `largest` bytes.

    Raises:
        NotYetError: an earlier run of other content may still write; nothing was changed.
        ChangedError: the manifest is no longer this one, or another run has begun just now.
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
    _keep(plan, run, "plan", store)
    return run, len(plan.ranges)


def survey(run: str, place: int, store: Bucket, seconds_left: Callable[[], float] = lambda: math.inf) -> bool:
    """Run the first pass over one range, by index, and continue where an earlier call ran out of time.

    Returns:
        Whether the range is done. If not, the step is to be called again.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    plan = _kept(run, "plan", Plan, store)
    state = _begun(run, f"survey-{place}", RangeSurvey, store) or RangeSurvey(0, _survey(plan))
    start, fetch = state.next or plan.ranges[place].start, _fetch(store)
    state.next = None
    for n, lines in enumerate(batches(_lines(plan, place, store, start=start))):
        if n and seconds_left() < SPARE_SECONDS:
            state.next = start + lines[0].offset
            break
        state.lines += len(lines)
        # By lot some lines are drawn. Their numbers are not known before all earlier ranges are, where they begin is.
        numbered = [msgspec.structs.replace(line, number=start + line.offset) for line in lines]
        drawn = [line for line in numbered if state.survey.wants(line.number)]
        state.survey.add_all([read_line(line, plan.job.label_attribute_name, fetch) for line in drawn])
    _keep(state, run, f"survey-{place}", store)
    return state.next is None


def join(run: str, store: Bucket) -> None:
    """Merge the statistics of all ranges."""
    plan = _kept(run, "plan", Plan, store)
    counts, whole = [], _survey(plan)
    for place in range(len(plan.ranges)):
        state = _kept(run, f"survey-{place}", RangeSurvey, store)
        counts.append(state.lines)
        whole.merge(state.survey)
    _keep(Joined(list(accumulate(counts, initial=0)), whole.surveyed()), run, "joined", store)


def label(run: str, place: int, store: Bucket, seconds_left: Callable[[], float] = lambda: math.inf) -> bool:
    """Run the second pass over one range: write its images' files, its fragments of the combined files, and its tally.

    Files of lines that are no longer what they were in an earlier manifest are removed. The step goes on where an
    earlier call ran out of time.

    Returns:
        Whether the range is done. If not, the step is to be called again.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    plan, joined = _kept(run, "plan", Plan, store), _kept(run, "joined", Joined, store)
    job, surveyed, fetch = plan.job, joined.known, _fetch(store)
    lock = _check_lock(plan, store).record
    first, end = joined.firsts[place : place + 2]
    made = _begun(run, f"labels-{place}", Labels, store)
    refiner = Refiner(job.name, surveyed, _gold(plan, store), job.images_job)
    if made is None or not lock or made.lock_id != lock.id:
        made = Labels(refiner.tally, [], plan.ranges[place].start, first, lock.id if lock else "")
    refiner.tally, first = made.tally, made.line
    start, made.next = made.next or 0, None
    left_over = set(_annotation_keys(job, first, end if place + 1 < len(plan.ranges) else None, store))
    out = {name: bytearray() for name in FRAGMENTS}
    with Uploads(store) as uploads:
        fragments = Fragments(job, surveyed.skeleton, uploads, out)
        for n, lines in enumerate(batches(_lines(plan, place, store, first, start))):
            if n and (seconds_left() < SPARE_SECONDS or sum(map(len, out.values())) > LARGEST_PART):
                made.next, made.line = start + lines[0].offset, lines[0].number
                left_over = {key for key in left_over if (line_of(key) or 0) < made.line}
                break
            for outcome in refiner.add_all([read_line(line, job.label_attribute_name, fetch) for line in lines]):
                fragments.add(outcome)
                if left_over and isinstance(outcome, Labeled):
                    left_over.discard(job_keys(job.name).results + annotation_key(outcome))
        sizes = {name: len(content) for name, content in out.items()}
        for name in FRAGMENTS:
            uploads.put(_fragment(run, name, place, len(made.fragments)), bytes(out.pop(name)), JSON_LINES)
    store.delete(*left_over)
    made.fragments.append(sizes)
    _keep(made, run, f"labels-{place}", store)
    return made.next is None


def merge(run: str, store: Bucket) -> Results:
    """Write the combined files and the files of the whole job, and the completion marker last.

    Raises:
        AccountingError: a line is missing, or counted twice.
    """
    plan, joined = _kept(run, "plan", Plan, store), _kept(run, "joined", Joined, store)
    lock = _check_lock(plan, store)
    tally, sizes = Tally.of(plan.job.name, joined.known.skeleton), []
    for place in range(len(plan.ranges)):
        labels = _kept(run, f"labels-{place}", Labels, store)
        tally.merge(labels.tally)
        sizes.append(labels.fragments)

    def lines(name: str) -> Iterator[bytes]:
        for place, parts in enumerate(sizes):
            for part, size in enumerate(parts):
                yield from whole_lines(store.stream(_fragment(run, name, place, part), 0, size[name]))

    with Uploads(store) as uploads:
        for file in tally_files(plan.job, joined.known, tally):
            uploads.put(job_keys(plan.job.name).results + file.key, file.content, file.media_type)
        for file in line_files(plan.job, joined.known.skeleton, lines):  # one at a time: each has parts in memory
            store.write(job_keys(plan.job.name).results + file.key, file.content, file.media_type)
    marker = results(plan.job, plan.manifest, plan.skeleton_source, tally.counts, joined.firsts[-1])
    _expect(plan.manifest, plan.job, store)
    store.write(job_keys(plan.job.name).results_marker, pretty(marker), JSON)
    write_lock.release(lock, store)
    return marker


def made(run: str, store: Bucket) -> Results:
    """Return the marker of a complete run.

    Raises:
        NotReadableError: it is not there.
    """
    job = _kept(run, "plan", Plan, store).job
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


def _lines(plan: Plan, place: int, store: Bucket, first: int = 0, start: int = 0) -> Iterator[Line]:
    if plan.manifest:
        _, key = split_s3_uri(plan.manifest.s3_uri)
        here = plan.ranges[place]
        pieces = store.stream(key, max(start, here.start), here.end, plan.manifest.etag)
        yield from read_lines(pieces, first=first)


def _fetch(store: Bucket) -> Callable[[str], bytes]:
    """Gives the bytes of an S3 URI; none, which is no annotation, if they cannot be had."""

    def fetch(uri: str) -> bytes:
        try:
            bucket, key = split_s3_uri(uri)
            return store.read(key, largest=LARGEST_LABEL) if bucket == store.name else b""
        except (NotReadableError, ValueError):
            return b""

    return fetch


def _annotation_keys(job: LabelingJob, first: int, end: int | None, store: Bucket) -> Iterator[str]:
    """Yield the keys of existing image files for lines from `first` up to, but not including, `end`."""
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

    There are none if the file is missing or unusable, because results do not wait for it.
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


def _fragment(run: str, name: str, place: int, part: int) -> str:
    return f"{run}{name}-{place}.{part}.jsonl"


def _keep(value: Any, run: str, name: str, store: Bucket) -> None:
    store.write(f"{run}{name}.json", msgspec.json.encode(value), JSON)


def _begun(run: str, name: str, kind: type[T], store: Bucket) -> T | None:
    """Return the state that an earlier call saved when it ran out of time.

    None if there is none, if it is done, or if another version saved it. A run's folder depends only on its plan, so a
    run after an update can meet an earlier version's state.
    """
    if store.etag(f"{run}{name}.json") is None:
        return None
    try:
        state = _kept(run, name, kind, store)
    except msgspec.ValidationError:
        return None
    return state if getattr(state, "next", None) is not None else None


def _kept(run: str, name: str, kind: type[T], store: Bucket) -> T:
    return msgspec.json.decode(store.read(f"{run}{name}.json"), type=kind)
