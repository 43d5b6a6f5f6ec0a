"""Workers whose answers are in a file: the same job, unattended. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from keypoints.json_text import DEEPEST_DOCUMENT, JsonError, decode

Answers = Mapping[str, Mapping[str, Any]]
"""By worker name, then by image name: a list of instances, or an answer's fields as they are."""


class AnswersError(ValueError):
    """A file of answers that cannot be used; says expected and actual."""


def parse_answers(text: bytes | str) -> Answers:
    """Read `{"workers": {name: {image name: instances or fields}}}`, or `{image name: instances}` for one worker.

    Raises:
        AnswersError: not JSON, or not of this shape.
    """
    try:
        document = decode(text, deepest=DEEPEST_DOCUMENT)
    except JsonError as error:
        raise AnswersError(f"the answers are not JSON: {error}") from error
    if not isinstance(document, dict):
        raise AnswersError(f"expected an object of answers by image name, actual {type(document).__name__}")
    workers = document["workers"] if isinstance(document.get("workers"), dict) else {"scripted": document}
    if not workers:
        raise AnswersError("expected at least one worker, actual none")
    for worker, answers in workers.items():
        if not isinstance(answers, dict):
            raise AnswersError(f"worker {worker!r}: expected answers by image name, actual {type(answers).__name__}")
        for image, answer in answers.items():
            if not isinstance(answer, list | dict):
                wanted = "a list of instances or an answer's fields"
                raise AnswersError(f"worker {worker!r}, {image!r}: expected {wanted}, actual {type(answer).__name__}")
    return workers


def answer_for(answers: Mapping[str, Any], task_input: Mapping[str, Any]) -> Any | None:
    """A worker's answer for a task's image: by its path below the job's images, or by its last segment."""
    path = str(task_input.get("image_s3_uri", "")).partition("/images/")[2]
    return answers.get(path, answers.get(str(task_input.get("image_name", ""))))


def form_fields(answer: Any, task_input: Mapping[str, Any]) -> dict[str, Any]:
    """What the labelling element would submit: `answer` itself if it is a form's fields, else made of its instances."""
    if isinstance(answer, dict):
        return answer
    original = json.loads(str(task_input.get("initial_values") or "[]"))
    return {
        "updated_annotations": json.dumps(answer),
        "original_annotations": json.dumps(original),
        "image_s3_uri": task_input["image_s3_uri"],
        "image_name": task_input["image_name"],
        "no_changes_needed": json.dumps(answer == original),
        "total_time_in_seconds": "0",
    }
