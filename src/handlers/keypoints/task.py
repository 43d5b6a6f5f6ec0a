"""The task: what a worker's page is given for one data object."""

from __future__ import annotations

from typing import Any

import msgspec

from keypoints.manifest import read_data_object

VERSION = "1.0"


class TaskInput(msgspec.Struct, frozen=True, kw_only=True):
    """What the template can use as `task.input`. Lists are JSON text, because Liquid puts them in attributes."""

    version: str
    image_s3_uri: str
    image_name: str
    initial_values: str
    annotation_issues: str
    error: str


def pre_annotation_response(data_object: Any) -> dict[str, Any]:
    """Ground Truth's pre-annotation response for one parsed manifest line. Never raises.

    A line without a usable image is not sent to workers; one with unusable pre-labels is, without them. Either way
    `error` of the task input says what is wrong.
    """
    read = read_data_object(data_object)
    task_input = TaskInput(
        version=VERSION,
        image_s3_uri=read.image_s3_uri,
        image_name=read.image_name,
        initial_values=_text(read.pre_labels),
        annotation_issues=_text(read.annotation_issues),
        error=read.error,
    )
    return {"taskInput": msgspec.to_builtins(task_input), "isHumanAnnotationRequired": bool(read.image_s3_uri)}


def _text(value: list[Any]) -> str:
    return msgspec.json.encode(value).decode()
