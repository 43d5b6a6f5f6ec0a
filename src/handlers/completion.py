"""Completion: everything that turns one finished job's manifest into its results. The bucket is passed in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from tempfile import TemporaryFile

from adapters.bucket import Bucket, NotReadableError
from adapters.telemetry import logger
from adapters.uploads import Uploads
from keypoints.gold import Gold, GoldError, parse_gold
from keypoints.job import LabelingJob
from keypoints.manifest import read_lines, split_s3_uri
from keypoints.outcome import Labeled, NotLabeled, read_line
from keypoints.refinement import Refiner
from keypoints.results import ManifestSource, Results, SkeletonSource, folder, read_results, results
from keypoints.skeleton import Skeleton, SkeletonError, parse_skeleton
from keypoints.survey import JobSurvey
from keypoints.tally import Tally
from parts import FRAGMENTS, JSON, File, Fragments, line_files, pretty, tally_files

WAITS = (1, 2, 4, 8, 15, 30)
"""Seconds. That the manifest is there when the event comes is likely, not documented."""
LARGEST_ANALYZED = 400 * 1024 * 1024
"""Bytes of a manifest. What costs is its instances: with two to an image, one worker's job is read against itself at
2.4 MB a second, three workers' at 1.6, nine workers' at 0.7 (one core); Lambda ends after 900 seconds."""


class ManifestMissingError(Exception):
    """A completed job without its manifest. Raised, so that Lambda tries again and an operator hears of it at last."""


def complete(job: LabelingJob, store: Bucket, sleep: Callable[[float], None] = time.sleep) -> Results:
    """Bring `results/<job>/` to its final state, from any state, and return the completion marker.

    Files are written first and the marker last; a marker of an older manifest is removed before the first file changes.
    Twice is the same as once.
    """
    manifest = _manifest(job, store, sleep)
    marker = folder(job.name) + "results.json"
    previous = _previous(marker, store)
    if previous and previous.manifest == manifest and previous.labeling_job_status == job.status:
        logger.info("results are there already")
        return previous
    store.delete(marker)
    skeleton, source = _skeleton(job, store)
    analyzed = manifest is None or store.size(split_s3_uri(manifest.s3_uri)[1]) <= LARGEST_ANALYZED
    tally = _write_files(job, store, manifest, skeleton, analyzed=analyzed)
    found = results(job, manifest, source, tally.counts, analyzed=analyzed)
    store.write(marker, pretty(found), JSON)
    return found


def _manifest(job: LabelingJob, store: Bucket, sleep: Callable[[float], None]) -> ManifestSource | None:
    _, key = split_s3_uri(job.output_manifest_uri)
    for seconds in (*WAITS, None):
        if etag := store.etag(key):
            return ManifestSource(job.output_manifest_uri, etag)
        if seconds is not None:
            sleep(seconds)
    if job.status == "Completed":
        raise ManifestMissingError(
            f"expected the manifest of a completed job at {job.output_manifest_uri}, got nothing"
        )
    return None  # a job that failed or was stopped early may never have had one


def _previous(marker: str, store: Bucket) -> Results | None:
    try:
        return read_results(store.read(marker)) if store.etag(marker) else None
    except NotReadableError:
        return None  # another run has removed it since


def _skeleton(job: LabelingJob, store: Bucket) -> tuple[Skeleton | None, SkeletonSource]:
    key = f"jobs/{job.name}/skeleton.json"
    etag = store.etag(key)
    if etag:
        try:
            skeleton = parse_skeleton(store.read(key))
            return skeleton, SkeletonSource("file", skeleton.name, etag)
        except SkeletonError as error:
            logger.warning("the job's skeleton cannot be used", error=str(error))
    return None, SkeletonSource("derived", "subject")


def _write_files(
    job: LabelingJob,
    store: Bucket,
    manifest: ManifestSource | None,
    skeleton: Skeleton | None,
    *,
    analyzed: bool,
) -> Tally:
    """Write every file but the marker, from the manifest read twice, a line at a time."""
    survey = JobSurvey(skeleton, one_worker=job.workers_per_object == 1)
    if skeleton is None or analyzed:
        for outcome in _outcomes(job, store, manifest, survey.wants):
            survey.add(outcome)
    known = survey.surveyed()
    refiner = Refiner(job.name, known, _gold(job, store))
    with ExitStack() as stack:
        out = {name: stack.enter_context(TemporaryFile()) for name in FRAGMENTS}
        with Uploads(store) as uploads:
            fragments = Fragments(job.name, known.skeleton, uploads, out)
            for outcome in _outcomes(job, store, manifest):
                if analyzed:
                    fragments.add(refiner.add(outcome))
                else:
                    refiner.tally.add(outcome, known.yardstick)
                    fragments.add(outcome)

        def lines(name: str) -> Iterable[bytes]:
            out[name].seek(0)
            return out[name]

        for file in chain(line_files(job, known.skeleton, lines), tally_files(job, known, refiner.tally)):
            _write(store, folder(job.name) + file.key, file)
    return refiner.tally


def _write(store: Bucket, key: str, file: File) -> None:
    if isinstance(file.content, bytes):
        store.write(key, file.content, file.media_type)
        return
    with TemporaryFile() as whole:
        whole.writelines(file.content)
        store.write(key, whole, file.media_type)


def _outcomes(
    job: LabelingJob, store: Bucket, manifest: ManifestSource | None, wanted: Callable[[int], bool] = lambda _: True
) -> Iterator[Labeled | NotLabeled]:
    """The outcomes of the lines whose numbers are wanted."""
    if manifest is None:
        return

    def fetch(uri: str) -> bytes:
        try:
            bucket, key = split_s3_uri(uri)
            return store.read(key) if bucket == store.name else b""
        except (NotReadableError, ValueError):
            return b""  # which is no annotation: the line is rejected

    for line in read_lines(store.stream(split_s3_uri(manifest.s3_uri)[1], manifest.etag)):
        if wanted(line.number):
            yield read_line(line, job.label_attribute_name, fetch)


def _gold(job: LabelingJob, store: Bucket) -> Gold:
    """The job's gold; none if there is no file, or one that cannot be used: results do not wait for it."""
    key = f"jobs/{job.name}/gold.json"
    if store.etag(key) is None:
        return {}
    try:
        return parse_gold(store.read(key))
    except (GoldError, NotReadableError) as error:
        logger.warning("the job's gold cannot be used", error=str(error))
        return {}
