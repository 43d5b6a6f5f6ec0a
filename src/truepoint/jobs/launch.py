"""Creation of a labelling job in three steps: prepare it without any call, upload it, create it.

A job is created in SageMaker Ground Truth, or outside it as a file `labeling_job.json` that the portal reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from botocore.exceptions import ClientError

from truepoint.groundtruth.job import JobError, parse_description
from truepoint.jobs.images import SourceImage, copy_size, list_objects, smaller_copy
from truepoint.jobs.limits import (
    MAX_REFERENCED_BYTES,
    JobRefusedError,
    line_violations,
    manifest_violations,
    request_violations,
)
from truepoint.jobs.prelabels import Instances
from truepoint.jobs.request import JobSettings, labeling_job_request
from truepoint.jobs.stack import StackOutputs
from truepoint.jobs.worker_template import fill_template
from truepoint.keys import JOB_NAME, job_keys, s3_uri
from truepoint.pose.skeleton import Skeleton

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UPLOADS_AT_ONCE = 8
"""Number of threads that upload or compare objects."""
PRE_LABEL_REFERENCE = "annotations_ref"
"""Manifest attribute with the S3 URI of the image's pre-labels."""
COPY_REFERENCE = "image_copy_ref"
"""Manifest attribute with the S3 URI of a smaller copy of the image."""
ALREADY_THERE = ("PreconditionFailed", "ConditionalRequestConflict")
"""S3's error codes if an object exists that a conditional write may not replace."""
REFERENCED = ("annotations", "annotation_issues")
"""Manifest attributes that can be in a separate object, because the labelling element can fetch that object."""


class JobExistsError(RuntimeError):
    """A different job with this name exists. The message lists the differences."""


class LabelingJobs(Protocol):
    """The methods of boto3's SageMaker client that create and describe labelling jobs."""

    def create_labeling_job(self, **request: Any) -> Any:
        """Create a job, and return a response with its ARN."""

    def describe_labeling_job(self, *, LabelingJobName: str) -> Any:  # noqa: N803 (AWS's own name)
        """Return the description of a job."""


@dataclass(frozen=True, slots=True)
class Document:
    """A small text object of a job in S3, with its key."""

    key: str
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class PreparedJob:
    """A job that violates no limit and is not created yet.

    Attributes:
        bucket: the stack's bucket.
        request: the arguments of CreateLabelingJob; without a workteam ARN for a job outside Ground Truth.
        documents: the skeleton, the worker template, pre-labels in separate objects, and last the input manifest.
        images: the key and the source of each image.
        omitted: a line for each image that was left out, with its name and the reason.
        copies: the key, the size in pixels and the source of each smaller copy.
    """

    bucket: str
    request: Mapping[str, Any]
    documents: tuple[Document, ...]
    images: tuple[tuple[str, SourceImage], ...]
    omitted: tuple[str, ...] = ()
    copies: tuple[tuple[str, tuple[int, int], SourceImage], ...] = ()

    @property
    def name(self) -> str:
        """The labelling job's name."""
        return str(self.request["LabelingJobName"])

    @property
    def manifest(self) -> str:
        """The input manifest's text."""
        return self.documents[-1].body.decode()

    @property
    def object_count(self) -> int:
        """The number of data objects, which is the number of lines in the manifest."""
        return self.documents[-1].body.count(b"\n")


def prepare_job(
    settings: JobSettings,
    stack: StackOutputs,
    skeleton: Skeleton,
    images: tuple[SourceImage, ...],
    *,
    template_source: str,
    instructions: str = "",
    prelabels: Mapping[str, Instances] | None = None,
    copies: int | None = None,
    documents: Sequence[Document] = (),
) -> PreparedJob:
    """Prepare a job for images, without any call to AWS.

    Args:
        settings: the operator's choices; without a workteam ARN the job is outside Ground Truth.
        stack: the stack in which the job runs.
        skeleton: the skeleton that workers label.
        images: in the order of the manifest.
        template_source: text of the worker template, with its placeholders.
        instructions: trusted HTML shown to workers.
        prelabels: instances by image name (`SourceImage.name`).
        copies: length of the longer side, in pixels, of the copies that workers see instead of larger images; None for
            no copies.
        documents: further documents of the job, such as those of an anchoring experiment.

    Raises:
        JobRefusedError: the job violates limits of Ground Truth or of Truepoint; lists all violations.
        WorkerTemplateError: the template cannot be filled, or is too long.
    """
    keys = job_keys(settings.name)
    placed = tuple((f"{keys.images}{image.name}", image) for image in images)
    objects = [_data_object(s3_uri(stack.bucket, key), image, prelabels or {}) for key, image in placed]
    sizes = [copies and copy_size(image, copies) for image in images]
    copied = tuple(
        (f"{keys.copies}{image.name}.jpg", size, image) for image, size in zip(images, sizes, strict=True) if size
    )
    copy_keys = {image.name: key for key, _, image in copied}
    for data_object, image in zip(objects, images, strict=True):
        if key := copy_keys.get(image.name):
            data_object[COPY_REFERENCE] = s3_uri(stack.bucket, key)
    prepared = prepare_objects(
        settings, stack, skeleton, objects, placed, template_source=template_source, instructions=instructions
    )
    kept = {image.name for _, image in prepared.images}
    return replace(
        prepared,
        documents=(*documents, *prepared.documents),  # the manifest stays the last
        copies=tuple(copy for copy in copied if copy[2].name in kept),
    )


def prepare_objects(
    settings: JobSettings,
    stack: StackOutputs,
    skeleton: Skeleton,
    objects: Sequence[dict[str, Any]],
    placed: tuple[tuple[str, SourceImage], ...] = (),
    *,
    template_source: str,
    instructions: str = "",
) -> PreparedJob:
    """Prepare a job for data objects, without any call to AWS.

    Pre-labels that are longer than Ground Truth allows for an attribute are put into a separate object. An image that
    still violates a limit is left out of the job and listed in `omitted`.

    Args:
        settings: as for `prepare_job`.
        stack: as for `prepare_job`.
        skeleton: as for `prepare_job`.
        objects: the data objects, which become the lines of the manifest.
        placed: the key and the source of each image that is not in the bucket yet.
        template_source: as for `prepare_job`.
        instructions: as for `prepare_job`.

    Raises:
        JobRefusedError: as for `prepare_job`.
        WorkerTemplateError: as for `prepare_job`.
    """
    keys = job_keys(settings.name)
    template = fill_template(
        template_source,
        skeleton,
        script_url=stack.script_url,
        script_integrity=stack.script_integrity,
        guide_url=stack.guide_url,
        instructions=instructions,
        language=settings.language,
        check_below=settings.check_below,
        offer_below=settings.offer_below,
    )
    lines, referenced, omitted, names = _lines(objects, stack.bucket, keys.prelabels)
    request = labeling_job_request(settings, stack)
    violations = request_violations(request, workteam_needed=settings.workteam_arn is not None)
    violations += manifest_violations(len(lines), names, settings.label_attribute_name)
    if violations:
        raise JobRefusedError(settings.name, [*violations, *omitted] if not lines else violations)
    written = {data_object["source-ref"] for data_object, _ in lines} if omitted else None
    images = tuple(p for p in placed if written is None or s3_uri(stack.bucket, p[0]) in written)
    skeleton_text = msgspec.json.format(msgspec.json.encode(skeleton), indent=2) + b"\n"
    documents = (
        Document(keys.skeleton, skeleton_text, "application/json"),
        Document(keys.template, template.encode(), "text/html; charset=utf-8"),
        *referenced,
        Document(keys.manifest, "".join(f"{text}\n" for _, text in lines).encode(), "application/jsonl"),
    )
    return PreparedJob(stack.bucket, request, documents, images, tuple(omitted))


def upload_job(prepared: PreparedJob, s3: S3Client, progress: Callable[[int], None] = lambda _count: None) -> int:
    """Upload the images, then the documents, and last the manifest. Images with the same content are not written again.

    Args:
        prepared: from `prepare_job`.
        s3: boto3's client, which threads share.
        progress: called several times, each time with the number of further images that are in the bucket.

    Returns:
        The number of images that were written.

    Raises:
        JobExistsError: an interrupted creation of this job has another anchoring experiment.
    """
    _claim_anchoring(prepared, s3)
    missing = _missing_images(prepared, s3)
    written = {image.name for _, image in missing}
    present = {key for key, _, _ in list_objects(s3, prepared.bucket, job_keys(prepared.name).copies)}
    copies = [copy for copy in prepared.copies if copy[0] not in present or copy[2].name in written]
    progress(len(prepared.images) - len(missing))
    *documents, manifest = prepared.documents
    with ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="upload") as pool:
        images = [pool.submit(_put_image, s3, prepared.bucket, key, image) for key, image in missing]
        copying = [pool.submit(_put_copy, s3, prepared.bucket, *copy) for copy in copies]
        try:
            for future in as_completed(images):
                future.result()
                progress(1)
            for future in as_completed(copying):
                future.result()
            for _ in pool.map(partial(_put_document, s3, prepared.bucket), documents):
                pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _put_document(s3, prepared.bucket, manifest)
    return len(missing)


def create_in_ground_truth(
    prepared: PreparedJob, s3: S3Client, sagemaker: LabelingJobs, progress: Callable[[int], None] = lambda _count: None
) -> tuple[str, bool]:
    """Upload the job and call CreateLabelingJob, unless the same job exists.

    Returns:
        The job's ARN, and whether this call created the job.

    Raises:
        JobExistsError: a different job with this name exists; nothing was written.
    """
    existing = describe_in_ground_truth(sagemaker, prepared.name)
    if existing is not None:
        _refuse_different(prepared, s3, existing)
        return str(existing["LabelingJobArn"]), False
    upload_job(prepared, s3, progress)
    return str(sagemaker.create_labeling_job(**prepared.request)["LabelingJobArn"]), True


def create_outside_ground_truth(
    prepared: PreparedJob,
    s3: S3Client,
    stack: StackOutputs,
    now: datetime,
    progress: Callable[[int], None] = lambda _count: None,
) -> tuple[dict[str, Any], bool]:
    """Upload the job and write `labeling_job.json`, which the portal reads, unless the same job exists.

    Args:
        prepared: from `prepare_job`.
        s3: boto3's client.
        stack: gives partition, Region and account of the job's ARN.
        now: the job's creation time, with a time zone.
        progress: as for `upload_job`.

    Returns:
        The content of the file, which has the format of DescribeLabelingJob's response, and whether this call created
        the job.

    Raises:
        JobExistsError: a different job with this name exists, and nothing was written; or another process created a job
            with this name at the same time.
    """
    key = job_keys(prepared.name).labeling_job
    existing = describe_outside_ground_truth(s3, prepared.bucket, prepared.name)
    if existing is not None:
        _refuse_different(prepared, s3, existing)
        return existing, False
    upload_job(prepared, s3, progress)
    document = outside_description(prepared, stack, now)
    try:
        s3.put_object(
            Bucket=prepared.bucket,
            Key=key,
            Body=json.dumps(document, ensure_ascii=False, indent=2).encode(),
            ContentType="application/json",
            IfNoneMatch="*",  # if two operators create the job at the same time, the second gets this error
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ALREADY_THERE:
            raise
        raise JobExistsError(f"job {prepared.name!r} was created by someone else just now") from error
    return document, True


def outside_description(prepared: PreparedJob, stack: StackOutputs, now: datetime) -> dict[str, Any]:
    """Return a new job's `labeling_job.json`: the request and the members of a description, with ISO 8601 times."""
    counters = {"TotalLabeled": 0, "HumanLabeled": 0, "MachineLabeled": 0, "FailedNonRetryableError": 0}
    time = now.isoformat(timespec="milliseconds")
    arn = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:labeling-job/{prepared.name}"
    return {
        **prepared.request,
        "LabelingJobArn": arn,
        "LabelingJobStatus": "InProgress",
        "LabelCounters": {**counters, "Unlabeled": prepared.object_count},
        "CreationTime": time,
        "LastModifiedTime": time,
    }


def is_unknown_service(error: ClientError) -> bool:
    """Return whether the endpoint does not offer the service.

    An emulator then answers with an HTTP status instead of an error code, and without a message.
    """
    return error.response["Error"]["Code"].isdecimal() and not error.response["Error"].get("Message")


def describe_in_ground_truth(sagemaker: LabelingJobs, name: str) -> dict[str, Any] | None:
    """Return DescribeLabelingJob's response; None if the job does not exist or the endpoint has no Ground Truth."""
    try:
        return dict(sagemaker.describe_labeling_job(LabelingJobName=name))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        # The service model documents ResourceNotFound. AWS returns ValidationException, which for a well-formed name
        # means the same: aws-controllers-k8s/sagemaker-controller, generator.yaml, LabelingJob, 404.
        missing = code in ("ResourceNotFound", "ResourceNotFoundException") or (
            code == "ValidationException" and JOB_NAME.fullmatch(name) is not None
        )
        if not (missing or is_unknown_service(error)):
            raise
        return None


def describe_outside_ground_truth(s3: S3Client, bucket: str, name: str) -> dict[str, Any] | None:
    """Return the content of the job's `labeling_job.json`; None if the file does not exist.

    Raises:
        JobError: the file is not a description of this job.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=job_keys(name).labeling_job)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None
    document = parse_description(body)
    if str(document.get("LabelingJobName", "")).lower() != name.lower():
        raise JobError(f"expected the description of the job {name!r}, got that of {document.get('LabelingJobName')!r}")
    return document


def _data_object(source_ref: str, image: SourceImage, prelabels: Mapping[str, Instances]) -> dict[str, Any]:
    line: dict[str, Any] = {"source-ref": source_ref, "image_width": image.width, "image_height": image.height}
    if instances := prelabels.get(image.name):
        line["annotations"] = list(instances)
    return line


def _lines(
    objects: Sequence[dict[str, Any]], bucket: str, prelabels: str
) -> tuple[list[tuple[dict[str, Any], str]], list[Document], list[str], set[str]]:
    """Make the manifest's lines, and move pre-labels that are too long into separate objects.

    Args:
        objects: the data objects.
        bucket: the stack's bucket.
        prelabels: key prefix of the objects with pre-labels.

    Returns:
        The data object and the text of each line; the objects with pre-labels; a message for each image that is left
        out; the names of all attributes.
    """
    lines: list[tuple[dict[str, Any], str]] = []
    documents: list[Document] = []
    omitted: list[str] = []
    names: set[str] = set()
    for number, given in enumerate(objects):
        data_object = given
        problems = list(_line_problems(data_object))
        if problems and (moved := {name: given[name] for name in REFERENCED if name in given}):
            document = Document(f"{prelabels}{number:07d}.json", _text(moved).encode(), "application/json")
            kept = {name: value for name, value in given.items() if name not in moved}
            data_object = kept | {PRE_LABEL_REFERENCE: s3_uri(bucket, document.key)}
            problems = list(_line_problems(data_object))
            if len(document.body) > MAX_REFERENCED_BYTES:
                problems.append(
                    f"pre-labels: expected at most {MAX_REFERENCED_BYTES:,} bytes, got {len(document.body):,}"
                )
            if not problems:
                documents.append(document)
        names.update(given, data_object)
        if problems:
            omitted.append(f"{given.get('source-ref', f'line {number + 1}')}: {'; '.join(problems)}")
        else:
            lines.append((data_object, _text(data_object)))
    return lines, documents, omitted, names


def _line_problems(data_object: dict[str, Any]) -> Iterator[str]:
    return line_violations({name: _text(value) for name, value in data_object.items()}, _text(data_object))


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _claim_anchoring(prepared: PreparedJob, s3: S3Client) -> None:
    """Write the settings of the job's anchoring experiment, unless they exist.

    post_annotation reads them: with another seed, pre-label errors that were made on purpose would count as labels.

    Raises:
        JobExistsError: the job has settings of another experiment.
    """
    key = job_keys(prepared.name).anchoring
    wanted = next((document.body for document in prepared.documents if document.key == key), b"")
    if wanted:
        try:
            s3.put_object(Bucket=prepared.bucket, Key=key, Body=wanted, ContentType="application/json", IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ALREADY_THERE:
                raise
        else:
            return
    if _content(s3, prepared.bucket, key) != wanted:
        raise JobExistsError(
            f"job {prepared.name!r} was begun with another anchoring experiment (s3://{prepared.bucket}/{key}): "
            "repeat that command, or choose another name"
        )


def _content(s3: S3Client, bucket: str, key: str) -> bytes:
    """Return an object's content; empty if the object is missing."""
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return b""


def _put_document(s3: S3Client, bucket: str, document: Document) -> None:
    s3.put_object(Bucket=bucket, Key=document.key, Body=document.body, ContentType=document.content_type)


def _put_image(s3: S3Client, bucket: str, key: str, image: SourceImage) -> None:
    if image.location is not None:
        source_bucket, source_key = image.location
        s3.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": source_bucket, "Key": source_key},
            ContentType=image.content_type,
            MetadataDirective="REPLACE",
        )
    elif image.path is not None:
        s3.put_object(Bucket=bucket, Key=key, Body=image.path.read_bytes(), ContentType=image.content_type)


def _put_copy(s3: S3Client, bucket: str, key: str, size: tuple[int, int], image: SourceImage) -> None:
    if image.location is not None:
        source_bucket, source_key = image.location
        body = s3.get_object(Bucket=source_bucket, Key=source_key)["Body"].read()
    elif image.path is not None:
        body = image.path.read_bytes()
    try:
        copy = smaller_copy(body, size)
    except OSError as error:
        raise OSError(f"{image.name}: expected an image that can be copied at a smaller size, got: {error}") from error
    s3.put_object(Bucket=bucket, Key=key, Body=copy, ContentType="image/jpeg")


def _refuse_different(prepared: PreparedJob, s3: S3Client, existing: Mapping[str, Any]) -> None:
    # Tags matter for the bill only.
    requested = {name: value for name, value in prepared.request.items() if name != "Tags"}
    differences = [*_request_differences(requested, existing), *_document_differences(prepared, s3)]
    if differences:
        raise JobExistsError(
            f"job {prepared.name!r} exists ({existing['LabelingJobStatus']}) and differs in {', '.join(differences)}; "
            "a job name can never be used again: choose another one"
        )


def _request_differences(request: Mapping[str, Any], existing: Mapping[str, Any], path: str = "") -> Iterator[str]:
    # Other members of the description are not compared: they are defaults.
    for name, wanted in request.items():
        actual = existing.get(name)
        if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
            yield from _request_differences(wanted, actual, f"{path}{name}.")
        elif wanted != actual:
            yield f"{path}{name}"


def _document_differences(prepared: PreparedJob, s3: S3Client) -> Iterator[str]:
    documents = {document.key: document.body for document in prepared.documents}
    # Without an experiment in the prepared job, an existing one is a difference.
    documents.setdefault(job_keys(prepared.name).anchoring, b"")
    with ThreadPoolExecutor(UPLOADS_AT_ONCE, thread_name_prefix="compare") as pool:
        for key, body in zip(documents, pool.map(partial(_content, s3, prepared.bucket), documents), strict=True):
            if body != documents[key]:
                yield s3_uri(prepared.bucket, key)
    if changed := _missing_images(prepared, s3):
        yield f"{len(changed)} of {len(prepared.images)} images"


def _missing_images(prepared: PreparedJob, s3: S3Client) -> list[tuple[str, SourceImage]]:
    """Return the images that are not in the bucket with the same size and MD5 digest.

    The ETag of an object that is encrypted with a KMS key is not an MD5 digest. Such an object counts as missing;
    writing it again is harmless. If the source is an S3 object from a multipart upload, only the size is compared.
    """
    present = {
        key: (size, etag) for key, size, etag in list_objects(s3, prepared.bucket, job_keys(prepared.name).images)
    }

    def is_present(key: str, image: SourceImage) -> bool:
        size, etag = present.get(key, (None, ""))
        return size == image.size and (etag == image.md5 or "-" in image.md5)

    return [(key, image) for key, image in prepared.images if not is_present(key, image)]
