"""Task inputs: the data from which a worker's page is rendered for one data object."""

from __future__ import annotations

from typing import Any

import msgspec

from truepoint.groundtruth.data_object import read_data_object
from truepoint.keys import JOB_NAME

VERSION = "1.0"


class TaskInput(msgspec.Struct, frozen=True, kw_only=True):
    """A task's input, `task.input` in the worker template. Lists are JSON text for the element's attributes.

    `initial_values_s3_uri` names an object with pre-labels that are too large for `initial_values`, which the worker's
    browser reads; empty if there is none. `labeling_job` is the job's name. `worker` is empty here; the portal fills it
    in, Ground Truth does not. `image_copy_s3_uri` names a smaller copy of the image that is shown instead, and
    `image_size` is the original's size, `{"width": …, "height": …}` as JSON text; both are empty if there is no copy.
    `expected_size` is the size that the line states, in the same form; empty if it states none.
    `max_answer_bytes` is empty here; a host that limits the size of answers fills it in.
    """

    version: str
    image_s3_uri: str
    image_name: str
    image_copy_s3_uri: str
    image_size: str
    expected_size: str
    initial_values: str
    initial_values_s3_uri: str
    annotation_issues: str
    labeling_job: str
    worker: str
    max_answer_bytes: str
    error: str


def pre_annotation_response(data_object: Any, labeling_job_arn: Any = None) -> dict[str, Any]:
    """Return Ground Truth's pre-annotation response for one manifest line. Never raise.

    A line without a usable image is not sent to workers. A line with unusable pre-labels is sent without them. In both
    cases `error` of the task input describes the problem.

    Args:
        data_object: the parsed manifest line.
        labeling_job_arn: `arn:…:labeling-job/<name>`; any other value gives an empty job name.
    """
    read = read_data_object(data_object)
    size = f'{{"width":{read.width},"height":{read.height}}}' if read.width else ""
    task_input = TaskInput(
        version=VERSION,
        image_s3_uri=read.image_s3_uri,
        image_name=read.image_name,
        image_copy_s3_uri=read.copy_s3_uri,
        image_size=size if read.copy_s3_uri else "",
        expected_size=size,
        initial_values=_text(read.pre_labels),
        initial_values_s3_uri=read.pre_labels_s3_uri,
        annotation_issues=_text(read.annotation_issues),
        labeling_job=_job_name(labeling_job_arn),
        worker="",
        max_answer_bytes="",
        error=read.error,
    )
    return {"taskInput": msgspec.to_builtins(task_input), "isHumanAnnotationRequired": bool(read.image_s3_uri)}


def _text(value: list[Any]) -> str:
    return msgspec.json.encode(value).decode()


def _job_name(arn: Any) -> str:
    _, separator, name = arn.rpartition(":labeling-job/") if isinstance(arn, str) else ("", "", "")
    return name if separator and JOB_NAME.fullmatch(name) else ""
