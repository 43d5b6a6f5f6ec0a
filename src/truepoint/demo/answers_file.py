"""Scripted workers, whose answers are read from a file. The caller fetches pre-labels by reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from truepoint.formats.detection import is_foreign
from truepoint.formats.labels import FormatError, LabeledImage, shown
from truepoint.formats.names import match_images
from truepoint.formats.own import workers_of
from truepoint.jobs.prelabels import Choices, Job, PrelabelError, Sizes, fit, read_file
from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.pose.skeleton import Skeleton

Answers = Mapping[str, Mapping[str, Any]]
"""Answers by worker name, then by image name: a list of instances, or the fields of an answer."""


class AnswersError(ValueError):
    """A file of answers that cannot be used. The message says what was expected and what it contains."""


class AnswersFile:
    """A file of answers: our own answers file, or labels of any format that pre-labels may have.

    Labels are the answers of one worker, or of each rater that the file names.
    """

    def __init__(self, path: Path, skeleton: Skeleton, chosen: Choices) -> None:
        """Read the file.

        Args:
            path: a file, or a folder of label files.
            skeleton: the job's skeleton, if it is known.
            chosen: the user's choices for labels of other tools.

        Raises:
            AnswersError: the format is unknown, or the file has no answers.
            OSError: the file cannot be read.
        """
        self._path, self._chosen = path, chosen
        self._answers = _own_answers(path) if path.is_file() else None
        try:
            self._labels = read_file(path, skeleton, chosen) if self._answers is None else None
        except PrelabelError as error:
            raise AnswersError(str(error)) from error

    def for_images(self, sizes: Sizes, skeleton: Skeleton) -> tuple[Answers, tuple[str, ...]]:
        """Return the answers by worker and by the job's image name, and the report of what was read and left out.

        Args:
            sizes: the job's images, named as `image_name` does, and their sizes.
            skeleton: the job's.

        Raises:
            AnswersError: no answer is for any image of the job, or two are for one image.
        """
        if self._labels is None:
            return self._own_for_images(sizes)
        try:
            fitted = fit(self._labels, Job(skeleton, sizes), self._chosen, self._path.name, several_raters=True)
        except PrelabelError as error:
            raise AnswersError(str(error)) from error
        return {rater or "scripted": dict(answers) for rater, answers in fitted.by_rater.items()}, fitted.report

    def _own_for_images(self, sizes: Sizes) -> tuple[Answers, tuple[str, ...]]:
        by_worker: dict[str, dict[str, Any]] = {}
        unmatched: dict[str, None] = {}
        for worker, answers in (self._answers or {}).items():
            try:
                matched = match_images([LabeledImage(name) for name in answers], sizes)
            except FormatError as error:
                raise AnswersError(f"worker {worker!r}: {error}") from error
            by_worker[worker] = {name: answers[image.name] for name, image in matched.images.items()}
            unmatched.update(dict.fromkeys(matched.unmatched))
        if not any(by_worker.values()):
            raise AnswersError(
                f"expected answers for images of the job ({shown(sorted(sizes))}), got answers for other images "
                f"({shown(sorted(unmatched))})"
            )
        left = (
            [f"left out the answers for {len(unmatched)} images that do not exist: {shown(sorted(unmatched))}"]
            if unmatched
            else []
        )
        workers = "1 worker" if len(by_worker) == 1 else f"{len(by_worker)} workers"
        return by_worker, (f"{workers} in {self._path.name}", *left)


def _own_answers(path: Path) -> Answers | None:
    """Return the answers of our own answers file, or of a pre-labels file; None if the file has another format."""
    try:
        document = decode(path.read_bytes(), deepest=DEEPEST_DOCUMENT, most_memory=None)
    except JsonError:
        return None
    if not isinstance(document, dict) or is_foreign(document):
        return None
    workers = workers_of(document)
    if workers is None:
        workers = {"scripted": document}
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


def image_name(source: str) -> str:
    """Return an image's name in a file of answers: its path below an images folder, or its last segment."""
    return source.partition("/images/")[2] or source.rsplit("/", 1)[-1]


def answer_for(answers: Mapping[str, Any], task_input: Mapping[str, Any]) -> Any | None:
    """Return a worker's answer for a task's image: by its path below the job's images, or by its last segment."""
    path = image_name(str(task_input.get("image_s3_uri", "")))
    return answers.get(path, answers.get(str(task_input.get("image_name", ""))))


def form_fields(
    answer: Any, task_input: Mapping[str, Any], fetch: Callable[[str], bytes | None] = lambda _: None
) -> dict[str, Any]:
    """Return the form fields that the labelling element would submit for an answer.

    Args:
        answer: instances, or form fields, which are returned unchanged.
        task_input: the task input of the image.
        fetch: returns the object at an S3 URI, for pre-labels by reference; None if there is none.
    """
    if isinstance(answer, dict):
        return answer
    try:
        original = _original(task_input, fetch)
    except AnswersError as error:  # the labelling element refuses such an image too
        return {"updated_annotations": "[]", "answer_details": json.dumps({"problem": str(error)})}
    return {
        "updated_annotations": json.dumps(answer),
        "original_annotations": json.dumps(original),
        "image_s3_uri": task_input["image_s3_uri"],
        "image_name": task_input["image_name"],
        "no_changes_needed": json.dumps(answer == original),
        "total_time_in_seconds": "0",
    }


class _Referenced(msgspec.Struct):
    """Pre-labels by reference, as a manifest line's `annotations_ref` names them (docs/formats.md)."""

    annotations: list[Any] = []


def _original(task_input: Mapping[str, Any], fetch: Callable[[str], bytes | None]) -> list[Any]:
    """Return the image's pre-labels.

    Raises:
        AnswersError: the pre-labels cannot be read.
    """
    uri = str(task_input.get("initial_values_s3_uri") or "")
    text = fetch(uri) if uri else str(task_input.get("initial_values") or "[]")
    where = uri or "in initial_values"
    if text is None:
        raise AnswersError(f"expected pre-labels {where}, got no object")
    try:
        return decode(text, _Referenced).annotations if uri else list(decode(text, list[Any]))
    except JsonError as error:
        raise AnswersError(f"expected pre-labels {where}, got: {error}") from error
