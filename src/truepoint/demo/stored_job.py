"""A labelling job as it is in the demo's bucket: description, manifest, answers, labels and results.

The bucket is the source of truth; the portal's table is only its index (decision 30).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import ClientError

from truepoint.emulator.emulator import Emulator
from truepoint.groundtruth.job import JobError
from truepoint.groundtruth.task import pre_annotation_response
from truepoint.jobs.launch import describe_outside_ground_truth
from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.keys import job_keys, output_folder, s3_uri, split_s3_uri
from truepoint.pose.instance import pixels
from truepoint.pose.skeleton import Skeleton, SkeletonError, parse_skeleton
from truepoint.tasks import documents, output_layout
from truepoint.tasks.documents import ManifestLine, WorkerAnswer
from truepoint.tasks.labeling_job import JobDescription, LabelingJobError, parse_labeling_job, with_status

READERS = 16
RESULTS_SECONDS = 120.0
"""Time limit for the results of a job that has ended, in seconds."""


class StorageFullError(RuntimeError):
    """The emulator's disk has no room for an object. The message says what was refused and what to do."""

    def __init__(self, uri: str, size: int, reason: str) -> None:
        super().__init__(
            f"expected room for the {size:,} bytes of {uri}, got: {reason}. Free some disk space and try again. "
            "All acknowledged answers are stored."
        )


class Progress(NamedTuple):
    """Numbers of images: all, those that need no more answers, and those with an answer."""

    lines: int
    full: int
    started: int


class StoredJob:
    """One job.

    Args:
        emulator: running.
        bucket: the stack's bucket.
        name: the job's name.

    Raises:
        JobError: there is no such job, or its description cannot be read.
        LabelingJobError: the description cannot be used.
    """

    def __init__(self, emulator: Emulator, bucket: str, name: str) -> None:
        config = Config(max_pool_connections=READERS)
        self._s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint, config=config)
        self._bucket = bucket
        self._given_name = name
        self.name = self.described.name

    # -- the description and the manifest

    @property
    def document(self) -> dict[str, Any]:
        """The description as it is now."""
        document = describe_outside_ground_truth(self._s3, self._bucket, self._given_name)
        if document is None:
            raise JobError(f"there is no job {self._given_name!r}")
        return document

    @property
    def described(self) -> JobDescription:
        """The description as it is now, parsed."""
        return parse_labeling_job(self.document)

    @cached_property
    def lines(self) -> tuple[ManifestLine, ...]:
        """The lines of the input manifest."""
        return tuple(documents.read_manifest(self._read(self.described.manifest_uri)))

    @cached_property
    def open_lines(self) -> tuple[ManifestLine, ...]:
        """The lines that people label: usable ones, without a label of an earlier job of a chain."""
        attribute = self.described.label_attribute
        return tuple(
            line
            for line in self.lines
            if not line.problem
            and attribute not in line.data_object
            and pre_annotation_response(dict(line.data_object))["isHumanAnnotationRequired"]
        )

    def image_sizes(self) -> dict[str, tuple[int | None, int | None]]:
        """Return width and height that the manifest gives for each data object, by its S3 URI."""
        return {
            line.source: (pixels(line.data_object.get("image_width")), pixels(line.data_object.get("image_height")))
            for line in self.lines
        }

    def skeleton(self) -> Skeleton | None:
        """Return the job's skeleton; None if it has none."""
        text = self.find(s3_uri(self._bucket, job_keys(self.name).skeleton))
        try:
            return parse_skeleton(text) if text is not None else None
        except SkeletonError:
            return None

    def stop(self) -> None:
        """Request the end of the job before every image is labelled. Images with answers get labels."""
        document = with_status(self.document, "Stopping", datetime.now().astimezone())
        self._put(s3_uri(self._bucket, job_keys(self.name).labeling_job), json.dumps(document, indent=2).encode())

    # -- answers

    def answered(self) -> dict[str, set[str]]:
        """Return the workers whose answers are stored, by object id."""
        folder = s3_uri(self._bucket, output_folder(self.name) + output_layout.WORKER_RESPONSES)
        workers: dict[str, set[str]] = {}
        for uri, text in self._read_below(folder):
            try:
                workers.setdefault(output_layout.object_of(uri), set()).update(documents.parse_worker_response(text))
            except LabelingJobError:
                continue  # it counts as missing in the portal too
        return workers

    def progress(self) -> Progress:
        """Return the job's progress."""
        answered, wanted = self.answered(), self.described.workers_per_object
        needed = sum(1 for line in self.open_lines if len(answered.get(line.object_id, ())) < wanted)
        return Progress(len(self.lines), len(self.lines) - needed, len(answered))

    def write_answer(self, line: ManifestLine, answer: WorkerAnswer) -> None:
        """Store a worker's first answer, as the portal does.

        Raises:
            StorageFullError: there is no room for it.
            LabelingJobError: the answer is nested too deep.
        """
        documents.parse_content(json.dumps(answer.content).encode())
        key = output_layout.portal_answer(int(line.object_id), answer.worker_id, 0)
        body = json.dumps(documents.worker_response(answer)).encode()
        self._put(s3_uri(self._bucket, output_folder(self.name) + key), body)

    # -- labels and results

    def unconsolidated(self) -> bool:
        """Return whether an image has all its answers and no label yet."""
        labels, answered, wanted = self._labels(), self.answered(), self.described.workers_per_object
        return any(
            len(answered.get(line.object_id, ())) >= wanted and line.object_id not in labels for line in self.open_lines
        )

    def labels(self) -> dict[str, dict[str, Any]]:
        """Return the consolidated labels so far, by their data object's S3 URI."""
        labels, sources = self._labels(), {line.object_id: line.source for line in self.lines}
        return {sources[object_id]: self._whole(label) for object_id, label in labels.items() if object_id in sources}

    def results_uri(self, path: str = "") -> str:
        """Return the S3 URI of the job's results, which the job-completion function writes."""
        return s3_uri(self._bucket, job_keys(self.name).results + path)

    def results(self) -> dict[str, Any] | None:
        """Return `results.json`, which is written last; None while there is none for this output manifest."""
        text = self.find(self.results_uri("results.json"))
        if text is None:
            return None
        try:
            results = dict(decode(text, dict[str, Any], DEEPEST_DOCUMENT))
        except JsonError:
            return None  # job_completion did not write this: it will be written again
        made_of = results.get("manifest") or {}
        # A job that was reopened and has ended again still has the results of its first end for a while.
        return results if made_of.get("etag") == self._etag(job_keys(self.name).output_manifest) else None

    def wait_for_results(self, seconds: float = RESULTS_SECONDS) -> bool:
        """Wait until an ended job's results are complete, and return whether they are."""
        deadline = time.monotonic() + seconds
        while self.results() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def result_files(self) -> Iterator[tuple[str, bytes]]:
        """Yield the path and the content of each file of the results."""
        for uri, content in self._read_below(self.results_uri()):
            yield uri.removeprefix(self.results_uri()), content

    def find(self, uri: str) -> bytes | None:
        """Return an object's content; None if there is no such object."""
        try:
            return self._read(uri)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None

    # -- private

    def _labels(self) -> dict[str, Mapping[str, Any]]:
        """Return the newest label of each object, by object id."""
        attribute = self.described.label_attribute
        folder = s3_uri(self._bucket, output_folder(self.name) + output_layout.CONSOLIDATION_RESPONSES)
        labels: dict[str, Mapping[str, Any]] = {}
        for uri, text in self._read_below(folder):
            try:
                made = documents.parse_consolidation_response(text, attribute, output_layout.time_of(uri))
            except ValueError:  # not a response, or a file of another name
                continue
            labels |= {object_id: json.loads(bytes(label.value)) for object_id, label in made.items()}
        return labels

    def _whole(self, label: Mapping[str, Any]) -> dict[str, Any]:
        uri = label.get("annotation_s3_uri")  # for an annotation that is too large for the consolidation response
        return dict(json.loads(self._read(uri)) if uri else label)

    def _read(self, uri: str) -> bytes:
        bucket, key = split_s3_uri(uri)
        return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def _read_below(self, uri: str) -> Iterator[tuple[str, bytes]]:
        """Yield URI and content of the objects below a prefix, in key order."""
        bucket, prefix = split_s3_uri(uri)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        uris = [s3_uri(bucket, item["Key"]) for page in pages for item in page.get("Contents", ())]
        with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
            yield from zip(uris, pool.map(self._read, uris), strict=True)

    def _etag(self, key: str) -> str | None:
        """Return an object's ETag without its quotes, as results.json holds it; None if there is no such object."""
        try:
            return str(self._s3.head_object(Bucket=self._bucket, Key=key)["ETag"]).strip('"')
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return None

    def _put(self, uri: str, body: bytes) -> None:
        bucket, key = split_s3_uri(uri)
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
        except ClientError as error:
            if error.response["Error"]["Code"] != "InsufficientStorage":
                raise
            raise StorageFullError(uri, len(body), error.response["Error"].get("Message", "no reason")) from error
