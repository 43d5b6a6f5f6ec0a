"""Comments: what workers wrote about an image, an instance or a keypoint, for whoever leads the labelling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from truepoint.groundtruth.output_line import Labeled

VERSION = "1.0"


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of comments.jsonl.

    `instance` is its id in that worker's answer, null if the text is about the image; `keypoint` is null if it is about
    the whole instance.
    """

    version: str = VERSION
    line: int
    source_ref: str
    worker_id: str
    instance: str | None = None
    keypoint: str | None = None
    text: str


def comments(outcome: Labeled) -> Iterator[Comment]:
    """Yield the workers' comments on one image, and the reasons why answers to it could not be used.

    Comments that a worker was shown, because they came with the pre-labels, are not theirs.
    """
    annotation = outcome.annotation
    shown = set(_written(annotation.original_annotations))
    for worker in annotation.workers:
        entries: list[tuple[str | None, str | None, str]] = [(None, None, worker.reason)] if worker.reason else []
        if worker.comment:
            entries.append((None, None, worker.comment))
        # Where only one answered, the result is that worker's answer.
        own = annotation.updated_annotations if len(annotation.workers) == 1 else worker.annotations
        entries += [written for written in _written(own) if written not in shown]
        entries += [(k.id, k.label, k.comment) for k in worker.not_labeled if k.comment]
        for instance, keypoint, text in entries:
            yield Comment(
                line=outcome.line,
                source_ref=outcome.source_ref,
                worker_id=worker.worker_id,
                instance=instance,
                keypoint=keypoint,
                text=text,
            )


def _written(instances: list[Any]) -> Iterator[tuple[str | None, str | None, str]]:
    """Id, keypoint and text of every comment in a list of instances, whatever else is in it."""
    for instance in instances:
        if not isinstance(instance, dict):
            continue
        name = _text(instance.get("id")) or None
        if text := _text(instance.get("comment")):
            yield name, None, text
        keypoints = instance.get("annotations")
        for keypoint in keypoints if isinstance(keypoints, list) else ():
            if isinstance(keypoint, dict) and "comment" in keypoint and (text := _text(keypoint["comment"])):
                yield name, _text(keypoint.get("label")), text


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
