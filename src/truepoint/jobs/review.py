"""Review jobs: their data objects are the most suspicious images of another job, and their labels replace its labels.

`review_objects` selects the images for a review. `Reviewed` and `merged_description` merge the ended review.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError

from truepoint.groundtruth.job import read_description
from truepoint.groundtruth.manifest import Line
from truepoint.groundtruth.output_line import EARLIER_ANSWERS, EarlierAnswer, Labeled, read_line
from truepoint.jobs.results import not_ready
from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.keys import job_keys, s3_uri, split_s3_uri
from truepoint.pose.skeleton import Skeleton, parse_skeleton
from truepoint.results.review import REVIEWED_LINE
from truepoint.results.table import seconds_in_all

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REVIEW_MANIFEST = "review.manifest"
SUSPICIOUS = "suspicious.jsonl"
SKELETON = "skeleton.json"


class ReviewError(ValueError):
    """A review that cannot be created from a job, or cannot be merged into it."""


def review_objects(
    s3: S3Client, bucket: str, job: str, top: int
) -> tuple[list[dict[str, Any]], Skeleton, tuple[str, ...]]:
    """Select the images for a review of a job.

    Args:
        s3: boto3's client.
        bucket: the stack's bucket.
        job: the first job, whose labels are reviewed.
        top: maximum number of images: the most suspicious ones.

    Returns:
        The data objects of the review; the first job's skeleton; a message for each image that cannot be reviewed,
        because its line would be too long for an input manifest.

    Raises:
        ResultsNotReadyError: the job has no complete results.
        ReviewError: no suspicious image can be reviewed.
    """
    keys = job_keys(job)
    read(s3, bucket, keys.results_marker, job)  # raises if the results are incomplete
    lines = [json.loads(line) for line in read(s3, bucket, keys.results + REVIEW_MANIFEST, job).splitlines()]
    by_line = {line[REVIEWED_LINE]: line for line in lines}
    wanted = [json.loads(line) for line in read(s3, bucket, keys.results + SUSPICIOUS, job).splitlines()[:top]]
    objects = [by_line[image["line"]] for image in wanted if image["line"] in by_line]
    if not objects:
        reason = f": the labels of {len(wanted)} are too long for an input manifest" if wanted else ""
        raise ReviewError(f"job {job!r}: expected suspicious images, got none{reason}: there is nothing to review")
    too_long = tuple(
        f"{image['source_ref']}: not in {REVIEW_MANIFEST}, because its labels are too long for an input manifest"
        for image in wanted
        if image["line"] not in by_line
    )
    skeleton = parse_skeleton(read(s3, bucket, keys.results + SKELETON, job), stored=True)
    return objects, skeleton, too_long


def read(s3: S3Client, bucket: str, key: str, job: str) -> bytes:
    """Return the content of an object of a job's results.

    Raises:
        ResultsNotReadyError: the object is missing.
    """
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        raise not_ready(job, s3_uri(bucket, key)) from error


class Reviewed:
    """The labels of a review job, by the line number of the first job's manifest."""

    def __init__(self, lines: Iterable[Line], attribute: str, fetch: Callable[[str], bytes]) -> None:
        """Read the review's output manifest.

        Args:
            lines: the lines of the manifest.
            attribute: the review's label attribute.
            fetch: returns the content of an annotation file by its S3 URI.

        Raises:
            ReviewError: a line lacks the number of the line that it reviews, or two lines have the same number.
        """
        self._labels: dict[int, tuple[str, Any, Any]] = {}
        self._fetch = fetch
        for line in lines:
            outcome = read_line(line, attribute, fetch)
            if not isinstance(outcome, Labeled):
                continue
            record = decode(line.text, deepest=DEEPEST_DOCUMENT)
            number = record.get(REVIEWED_LINE)
            if not isinstance(number, int) or number in self._labels:
                raise ReviewError(
                    f"line {line.number} of the review: expected a {REVIEWED_LINE} of its own, got {number!r}; "
                    "was the job created from a review.manifest?"
                )
            self._labels[number] = (outcome.source_ref, record[attribute], record.get(f"{attribute}-metadata"))

    def __len__(self) -> int:
        return len(self._labels)

    def over(self, lines: Iterable[Line], attribute: str) -> Iterator[bytes]:
        """Yield the lines of the first job's output manifest, with the reviewed labels replaced.

        Args:
            lines: the lines of that manifest.
            attribute: the first job's label attribute.

        Raises:
            ReviewError: a line has another image than the review, a line is too long to be copied, or a reviewed line
                is missing.
        """
        rest = dict(self._labels)
        for line in lines:
            if not line.text:
                raise ReviewError(f"line {line.number}: its {line.length:,} bytes are too many to be copied")
            label = rest.pop(line.number, None)
            yield (line.text if label is None else self._replaced(line, attribute, *label)) + b"\n"
        if rest:
            raise ReviewError(f"expected a manifest with the reviewed lines {sorted(rest)[:5]}, got a shorter one")

    def _replaced(self, line: Line, attribute: str, source_ref: str, label: Any, metadata: Any) -> bytes:
        """Return a line with the review's label. It keeps the data object's id, and has the sum of both times."""
        try:
            record = decode(line.text, dict[str, Any], DEEPEST_DOCUMENT)
        except JsonError as error:
            raise ReviewError(f"line {line.number}: expected {source_ref!r}, which was reviewed, {error}") from error
        if record.get("source-ref") != source_ref:
            raise ReviewError(
                f"line {line.number}: expected {source_ref!r}, which was reviewed, got {record.get('source-ref')!r}"
            )
        first = read_line(line, attribute, self._fetch)
        if isinstance(first, Labeled):
            second = read_line(_line({"source-ref": source_ref, attribute: label}), attribute, self._fetch)
            both = [first, second] if isinstance(second, Labeled) else [first]
            times = [t for labeled in both if (t := labeled.annotation.total_time_in_seconds) is not None]
            label = label | {
                "dataset_object_id": first.annotation.dataset_object_id,
                "total_time_in_seconds": seconds_in_all(times),
            }
            earlier = [*first.earlier_answers, *_answers(first)]
            metadata = (metadata or {}) | {EARLIER_ANSWERS: msgspec.to_builtins(earlier)}
        return msgspec.json.encode(record | {attribute: label, f"{attribute}-metadata": metadata})


def _answers(labeled: Labeled) -> list[EarlierAnswer]:
    return [
        EarlierAnswer(
            worker_id=worker.worker_id,
            labeled_by=labeled.labeled_by,
            total_time_in_seconds=worker.total_time_in_seconds,
            active_time_in_seconds=worker.active_time_in_seconds,
        )
        for worker in labeled.annotation.workers
        if worker.usable
    ]


def _line(record: dict[str, Any]) -> Line:
    text = msgspec.json.encode(record)
    return Line(0, text, len(text))


def merged_description(name: str, first: Mapping[str, Any], review: Mapping[str, Any]) -> dict[str, Any]:
    """Return `labeling_job.json` of the merged job: the first job's description with the name `name`.

    Its times are those of the review, so that merging again writes the same bytes. Its input manifest is that of the
    job that owns the images, because image names in results are relative to that job.
    """
    output = s3_uri_of_output(first, name)
    arn = str(first["LabelingJobArn"]).rpartition("/")[0] + f"/{name}"
    images_job = read_description(dict(first)).images_job
    bucket, _ = split_s3_uri(output)
    manifest = {"ManifestS3Uri": s3_uri(bucket, job_keys(images_job).manifest)}
    kept = ("LabelAttributeName", "OutputConfig", "InputConfig", "RoleArn", "HumanTaskConfig")
    return {
        "InputConfig": {"DataSource": {"S3DataSource": manifest}},
        **{key: first[key] for key in kept if key in first},
        "LabelingJobName": name,
        "LabelingJobArn": arn,
        "LabelingJobStatus": "Completed",
        "LabelCounters": first.get("LabelCounters", {}),
        "CreationTime": _time(review["CreationTime"]),
        "LastModifiedTime": _time(review.get("LastModifiedTime", review["CreationTime"])),
        "LabelingJobOutput": {"OutputDatasetS3Uri": output},
    }


def s3_uri_of_output(description: Mapping[str, Any], name: str) -> str:
    """Return the S3 URI of the output manifest that a job `name` has below the output path of `description`."""
    path = str(description["OutputConfig"]["S3OutputPath"]).rstrip("/")
    return f"{path}/{name}/manifests/output/output.manifest"


def _time(value: Any) -> str:
    return value if isinstance(value, str) else str(value.isoformat(timespec="milliseconds"))
