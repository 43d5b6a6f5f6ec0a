"""Workers' comments on images, instances and keypoints, for the person who leads the labelling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from truepoint.groundtruth.output_line import Labeled

VERSION = "1.0"


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of comments.jsonl.

    `instance` is the instance's id in the worker's answer, null for a comment on the image. `keypoint` is null for a
    comment on the image or the whole instance.
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

    Comments that came with the pre-labels are left out.
    """
    annotation = outcome.annotation
    shown = set(_written(annotation.original_annotations)) if outcome.commented else set()
    for worker in annotation.workers:
        entries: list[tuple[str | None, str | None, str]] = [(None, None, worker.reason)] if worker.reason else []
        if worker.comment:
            entries.append((None, None, worker.comment))
        # If only one worker answered, the annotation holds that worker's instances.
        own = annotation.updated_annotations if len(annotation.workers) == 1 else worker.annotations
        entries += [written for written in _written(own) if written not in shown] if outcome.commented else []
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
    """Yield instance id, keypoint and text of every comment in a list of instances as parsed JSON."""
    for instance in instances:
        if not isinstance(instance, dict):
            continue
        name = _text(instance.get("id")) or None
        if text := _text(instance.get("comment")):
            yield name, None, text
        keypoints = instance.get("annotations")
        keypoints = keypoints if isinstance(keypoints, list) else []
        for keypoint in [k for k in keypoints if isinstance(k, dict) and "comment" in k]:
            if text := _text(keypoint["comment"]):
                yield name, _text(keypoint.get("label")), text


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
