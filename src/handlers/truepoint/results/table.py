"""The table of a job's images: one JSON object per line, which Athena reads as rows.

Athena's JSON SerDe requires one object per line, names that differ in more than case, and columns of one type
(https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html). The file is in a folder of its own, because a
table's LOCATION is a folder, and Athena reads every file in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from truepoint.pose.instance import Instance
from truepoint.results.result_set import AnnotationFile

VERSION = "1.0"


class TableAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's answer; `labeling_job` is the job in which it was given."""

    worker_id: str
    labeling_job: str | None
    usable: bool
    was_modified: bool | None
    no_changes_needed: bool | None
    total_time_in_seconds: float | None
    active_time_in_seconds: float | None


class TableKeypoint(msgspec.Struct, frozen=True):
    """A labelled keypoint."""

    label: str
    x: float
    y: float
    visibility: int


class TableInstance(msgspec.Struct, frozen=True):
    """An accepted instance; `box` is (x, y, width, height) of a drawn box in pixels."""

    id: str
    name: str
    box: tuple[float, float, float, float] | None
    keypoints: list[TableKeypoint]


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of table/annotations.jsonl: an image with a valid annotation.

    Times are sums over all usable answers, including those that a review replaced; null if no answer has one.
    """

    version: str
    labeling_job: str
    line: int
    file_name: str
    source_ref: str
    dataset_object_id: str
    labeled_by: str | None
    creation_date: str | None
    image_width: int | None
    image_height: int | None
    worker_ids: list[str]
    no_changes_needed: bool
    was_modified: bool
    agreement: float | None
    total_time_in_seconds: float | None
    active_time_in_seconds: float | None
    answers: list[TableAnswer]
    instances: list[TableInstance]


def table_row(file: AnnotationFile, instances: Sequence[Instance]) -> bytes:
    """Return the line of an image, given its annotation file and its accepted instances."""
    answers = [
        TableAnswer(
            worker_id=worker.worker_id,
            labeling_job=file.labeled_by,
            usable=worker.usable,
            was_modified=worker.was_modified,
            no_changes_needed=worker.no_changes_needed,
            total_time_in_seconds=worker.total_time_in_seconds,
            active_time_in_seconds=worker.active_time_in_seconds,
        )
        for worker in file.workers
    ]
    answers += [
        TableAnswer(
            worker_id=answer.worker_id,
            labeling_job=answer.labeled_by,
            usable=True,
            was_modified=None,
            no_changes_needed=None,
            total_time_in_seconds=answer.total_time_in_seconds,
            active_time_in_seconds=answer.active_time_in_seconds,
        )
        for answer in file.earlier_answers
    ]
    active = [a.active_time_in_seconds for a in answers if a.usable and a.active_time_in_seconds is not None]
    row = TableRow(
        version=VERSION,
        labeling_job=file.labeling_job,
        line=file.line,
        file_name=file.file_name,
        source_ref=file.source_ref,
        dataset_object_id=file.dataset_object_id,
        labeled_by=file.labeled_by,
        creation_date=file.creation_date,
        image_width=file.image_width,
        image_height=file.image_height,
        worker_ids=sorted({answer.worker_id for answer in answers}),
        no_changes_needed=file.no_changes_needed,
        was_modified=file.was_modified,
        agreement=file.agreement,
        total_time_in_seconds=file.total_time_in_seconds,
        active_time_in_seconds=seconds_in_all(active),
        answers=answers,
        instances=[
            TableInstance(
                instance.id or "",
                instance.name,
                instance.box,
                [TableKeypoint(k.label, k.x, k.y, k.visibility) for k in instance.annotations],
            )
            for instance in instances
        ],
    )
    return msgspec.json.encode(row) + b"\n"


def seconds_in_all(times: Sequence[float]) -> float | None:
    """Return the sum of times in seconds, rounded to microseconds; None if there are none."""
    return round(sum(times), 6) if times else None
