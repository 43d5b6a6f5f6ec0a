"""Workers whose answers are in a file: the same job, unattended. Pure, but for pre-labels that a caller fetches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode

Answers = Mapping[str, Mapping[str, Any]]
"""By worker name, then by image name: a list of instances, or an answer's fields as they are."""

SHOWN_NAMES = 3
_SHAPE = "answers by image name (docs/formats.md, Answers file)"
_COCO = "its labels can be pre-labels of a job: scripts/create_labeling_job.py --coco"


class AnswersError(ValueError):
    """A file of answers that cannot be used; says what was expected and what was found."""


def parse_answers(text: bytes | str) -> Answers:
    """Read `{"workers": {name: {image name: instances or fields}}}`, or `{image name: instances}` for one worker.

    Raises:
        AnswersError: not JSON, or not of this shape. A COCO file is named as such.
    """
    try:
        document = decode(text, deepest=DEEPEST_DOCUMENT, most_memory=None)
    except JsonError as error:
        raise AnswersError(f"the answers are not JSON: {error}") from error
    if _is_coco(document):
        raise AnswersError(f"expected {_SHAPE}, got a COCO file; {_COCO}")
    if not isinstance(document, dict):
        raise AnswersError(f"expected an object of answers by image name, got {type(document).__name__}")
    workers = document["workers"] if isinstance(document.get("workers"), dict) else {"scripted": document}
    if not workers:
        raise AnswersError("expected at least one worker, got none")
    for worker, answers in workers.items():
        if not isinstance(answers, dict):
            raise AnswersError(f"worker {worker!r}: expected answers by image name, got {type(answers).__name__}")
        for image, answer in answers.items():
            if not isinstance(answer, list | dict):
                wanted = "a list of instances or an answer's fields"
                raise AnswersError(f"worker {worker!r}, {image!r}: expected {wanted}, got {type(answer).__name__}")
    return workers


def check_names(answers: Answers, sources: Iterable[str]) -> list[str]:
    """Return the images of a job that no worker has an answer for, by the last part of their name.

    Args:
        answers: what `parse_answers` read.
        sources: S3 URIs of the job's images.

    Raises:
        AnswersError: no answer is for any image of the job.
    """
    tasks = [{"image_s3_uri": uri, "image_name": uri.rsplit("/", 1)[-1]} for uri in sources]
    missing = [task["image_name"] for task in tasks if all(answer_for(a, task) is None for a in answers.values())]
    if len(missing) == len(tasks):
        given = sorted({image for worker in answers.values() for image in worker})
        raise AnswersError(
            f"expected answers for images of the job ({some(missing)}), got answers for other images ({some(given)})"
        )
    return missing


def some(names: Sequence[str]) -> str:
    """Return the first three names and the number of the others."""
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return (", ".join(names[:SHOWN_NAMES]) or "none") + more


def _is_coco(document: Any) -> bool:
    if isinstance(document, dict):
        return isinstance(document.get("images"), list) and isinstance(document.get("annotations"), list)
    return isinstance(document, list) and any(isinstance(item, dict) and "image_id" in item for item in document)


def answer_for(answers: Mapping[str, Any], task_input: Mapping[str, Any]) -> Any | None:
    """A worker's answer for a task's image: by its path below the job's images, or by its last segment."""
    path = str(task_input.get("image_s3_uri", "")).partition("/images/")[2]
    return answers.get(path, answers.get(str(task_input.get("image_name", ""))))


def form_fields(
    answer: Any, task_input: Mapping[str, Any], fetch: Callable[[str], bytes | None] = lambda _: None
) -> dict[str, Any]:
    """What the labelling element would submit: `answer` itself if it is a form's fields, else made of its instances.

    Args:
        answer: instances, or a form's fields.
        task_input: of the image.
        fetch: gives the object at an S3 URI, for pre-labels by reference; None if there is none.
    """
    if isinstance(answer, dict):
        return answer
    try:
        original = _original(task_input, fetch)
    except AnswersError as error:  # the labelling element does not let anybody label such an image either
        return {"updated_annotations": "[]", "answer_details": json.dumps({"problem": str(error)})}
    return {
        "updated_annotations": json.dumps(answer),
        "original_annotations": json.dumps(original),
        "image_s3_uri": task_input["image_s3_uri"],
        "image_name": task_input["image_name"],
        "no_changes_needed": json.dumps(answer == original),
        "total_time_in_seconds": "0",
    }


def _original(task_input: Mapping[str, Any], fetch: Callable[[str], bytes | None]) -> list[Any]:
    """The image's pre-labels.

    Raises:
        AnswersError: they cannot be had.
    """
    uri = str(task_input.get("initial_values_s3_uri") or "")
    text = fetch(uri) if uri else str(task_input.get("initial_values") or "[]")
    where = uri or "in initial_values"
    if text is None:
        raise AnswersError(f"expected pre-labels {where}, got no object")
    try:
        return list(decode(text, list[Any]))
    except JsonError as error:
        raise AnswersError(f"expected pre-labels {where}, got: {error}") from error
