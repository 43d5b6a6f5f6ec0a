"""Ground Truth's JSON documents: manifest lines, worker responses, consolidation requests and responses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from truepoint.json_text import (
    BYTE_ORDER_MARK,
    DEEPEST,
    DEEPEST_DOCUMENT,
    JsonError,
    decode,
    decode_browsers,
    is_deeper,
)
from truepoint.tasks.labeling_job import JobDescription, LabelingJobError

EXPIRED = (
    "ClientError: Annotation tasks expired. Probable Reasons are 1) the availability lifetime is too small, "
    "2) nobody worked on the task, 3) the template is broken, 4) the data object is broken or too big"
)
"""The failure reason of an object that nobody labelled in time. Its beginning is Ground Truth's text."""

_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """One line of the input manifest. `object_id` is its zero-based number as text, as in Ground Truth's files.

    `problem` says why the line cannot be labelled, in which case it is copied unchanged to the output; it is empty for
    a usable line.
    """

    object_id: str
    text: bytes
    data_object: Mapping[str, Any]
    problem: str = ""

    @property
    def source(self) -> str:
        """The data object's S3 URI or inline text."""
        return str(self.data_object.get("source-ref", self.data_object.get("source")))


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """One worker's answer: `content` maps the form's field names to their values. Times have a time zone."""

    worker_id: str
    content: Mapping[str, Any]
    accepted: datetime
    submitted: datetime


@dataclass(frozen=True, slots=True)
class Label:
    """A consolidated label: its JSON text, and when it was created."""

    value: msgspec.Raw
    created: datetime


def read_manifest(text: bytes) -> Iterator[ManifestLine]:
    """Yield the lines of an input manifest. Blank lines are skipped, but count in line numbers.

    An error in a line is reported in its `problem` and does not affect other lines.
    """
    for number, raw in enumerate(text.removeprefix(BYTE_ORDER_MARK).split(b"\n")):
        line = raw.strip()
        if not line:
            continue
        try:
            data_object, problem = decode(line, dict[str, Any], DEEPEST_DOCUMENT), ""
        except JsonError as error:
            data_object, problem = {}, f"line {number + 1} of the input manifest is not a JSON object: {error}"
        if not problem and not {"source-ref", "source"} & data_object.keys():
            problem = f"expected line {number + 1} of the input manifest to have source-ref or source, got neither"
        yield ManifestLine(str(number), line, data_object, problem)


def worker_response(answer: WorkerAnswer) -> dict[str, Any]:
    """Return the worker response file of one answer. It identifies the worker only by pseudonym."""
    return {
        "answers": [
            {
                "acceptanceTime": _zulu(answer.accepted),
                "answerContent": dict(answer.content),
                "submissionTime": _zulu(answer.submitted),
                "timeSpentInSeconds": round((answer.submitted - answer.accepted).total_seconds(), 3),
                "workerId": answer.worker_id,
            }
        ]
    }


def parse_worker_response(text: bytes) -> dict[str, dict[str, Any]]:
    """Return the answers' contents in a worker response file, by worker id.

    Raises:
        LabelingJobError: the text is not a worker response.
    """
    try:
        answers = decode_browsers(text, DEEPEST_DOCUMENT)["answers"]
        return {answer["workerId"]: dict(answer["answerContent"]) for answer in answers}
    except (KeyError, TypeError, ValueError) as error:
        raise LabelingJobError(f"expected a worker response, got something else: {error}") from error


def parse_content(text: bytes) -> dict[str, Any]:
    """Read an answer as a page submits it: the form's fields by name.

    Raises:
        LabelingJobError: the text is not a JSON object, or is nested too deep.
    """
    try:
        content = decode_browsers(text, DEEPEST)
    except ValueError as error:
        raise LabelingJobError(f"expected an answer as a JSON object, got: {error}") from error
    if not isinstance(content, dict):
        raise LabelingJobError(f"expected an answer as a JSON object, got {type(content).__name__}")
    return content


def consolidation_request(
    objects: Iterable[tuple[ManifestLine, Mapping[str, Mapping[str, Any]]]],
) -> list[dict[str, Any]]:
    """Return the consolidation request of a batch, given each object's line and its answers by worker id.

    Answers are sorted by worker id, so that the payload does not depend on the order of submission.
    """
    return [
        {
            "datasetObjectId": line.object_id,
            "dataObject": _data_object(line),
            "annotations": [
                {"workerId": worker, "annotationData": {"content": json.dumps(answers[worker])}}
                for worker in sorted(answers)
            ],
        }
        for line, answers in objects
    ]


def consolidation_event(job: JobDescription, payload_uri: str) -> dict[str, Any]:
    """Return the consolidation function's event, including the undocumented members that Ground Truth sends."""
    return {
        "version": "2018-10-06",
        "labelingJobArn": job.arn,
        "payload": {"s3Uri": payload_uri},
        "labelAttributeName": job.label_attribute,
        "roleArn": job.role_arn,
        "outputConfig": f"{job.output_uri}/annotations",
        "maxHumanWorkersPerDataObject": job.workers_per_object,
    }


def parse_consolidation_response(
    text: bytes, label_attribute: str, created: datetime, wanted: Sequence[str] | None = None
) -> dict[str, Label]:
    """Return the labels in a consolidation function's response, by object id.

    Args:
        text: the response.
        label_attribute: name of the label in each entry; entries without it are ignored.
        created: when the labels were created.
        wanted: ids of the objects to return; None for all. If several entries have the same id, the first one counts.

    Raises:
        LabelingJobError: the response is not an array of consolidated annotations.
    """
    if is_deeper(text, DEEPEST_DOCUMENT):
        raise LabelingJobError(
            f"the consolidation function's response: expected at most {DEEPEST_DOCUMENT} levels of nesting, got more"
        )
    try:
        entries = _decode_consolidated(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise LabelingJobError(
            f"the consolidation function's response: expected an array of annotations, got something else: {error}"
        ) from error
    labels: dict[str, Label] = {}
    for entry in entries:
        value = entry.annotation.content.get(label_attribute)
        if value is not None and (wanted is None or entry.object_id in wanted):
            labels.setdefault(entry.object_id, Label(value, created))
    return labels


def output_line(
    line: ManifestLine, job: str, label_attribute: str, label: Label | None = None, failure: str | None = None
) -> bytes:
    """Return a line of output.manifest: labelled, failed with a reason, or unchanged.

    The values of the input line keep their JSON text.
    """
    if line.problem or (label is None and failure is None):
        return line.text
    members = _decode_raw(line.text)
    metadata: dict[str, object]
    if label is not None:
        members[label_attribute] = label.value
        created = label.created.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        metadata = {
            "type": "groundtruth/custom",
            "job-name": job,
            "human-annotated": "yes",
            "creation-date": created,
        }
    else:
        members.pop(label_attribute, None)
        metadata = {"retry-count": 1, "failure-reason": failure, "human-annotated": "true"}
    members[f"{label_attribute}-metadata"] = msgspec.Raw(msgspec.json.encode(metadata))
    return msgspec.json.encode(members)


def label_counters(lines: int, labelled: int, failed: int) -> dict[str, int]:
    """Return `LabelCounters` of a job's description."""
    return {
        "TotalLabeled": labelled,
        "HumanLabeled": labelled,
        "MachineLabeled": 0,
        "FailedNonRetryableError": failed,
        "Unlabeled": lines - labelled - failed,
    }


class _Annotation(msgspec.Struct):
    content: dict[str, msgspec.Raw]


class _Consolidated(msgspec.Struct):
    object_id: str = msgspec.field(name="datasetObjectId")
    annotation: _Annotation = msgspec.field(name="consolidatedAnnotation")


# Created at import, because msgspec 0.22.0 crashes if two threads decode into a type for the first time concurrently.
_decode_consolidated = msgspec.json.Decoder(list[_Consolidated]).decode


def _data_object(line: ManifestLine) -> dict[str, str]:
    return {"s3Uri" if "source-ref" in line.data_object else "content": line.source}


def _zulu(time: datetime) -> str:
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
