"""table/annotations.jsonl: rows that Athena's JSON SerDe reads, with the times of every answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
from builders import keypoint, label, outcome, record

from truepoint.groundtruth.output_line import EARLIER_ANSWERS, Labeled
from truepoint.results.result_set import annotation_file
from truepoint.results.table import TableRow, table_row

DOCS = Path(__file__).parents[2] / "docs"
EARLIER = {"worker_id": "w9", "labeled_by": "first", "total_time_in_seconds": 0.1, "active_time_in_seconds": 0.1}


def row(**changed: Any) -> tuple[bytes, dict[str, Any]]:
    instances = [{"annotations": [keypoint("nose", 1.5, 2)], "box": [0, 0, 5, 5], "comment": "a\nline"}]
    line = record(label(instances, **changed))
    line["keypoints-metadata"][EARLIER_ANSWERS] = [EARLIER]
    read = outcome(line, 3)
    assert isinstance(read, Labeled)
    text = table_row(annotation_file(read, "people"), read.instances)
    return text, json.loads(text)


def test_a_row_has_the_labels_and_the_times_of_every_answer() -> None:
    workers = [
        {"worker_id": "w1", "usable": True, "total_time_in_seconds": 10.0, "active_time_in_seconds": 0.2},
        {"worker_id": "w2", "usable": False, "active_time_in_seconds": 99.0},
    ]
    text, found = row(workers=workers, total_time_in_seconds=10.1)
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    schema = json.loads((DOCS / "schemas/table-row.schema.json").read_text())
    jsonschema.validate(found, schema)
    assert (found["line"], found["file_name"], found["worker_ids"]) == (3, "a.jpg", ["w1", "w2", "w9"])
    assert (found["total_time_in_seconds"], found["active_time_in_seconds"]) == (10.1, 0.3)  # no 0.30000000000000004
    answers = [(a["worker_id"], a["labeling_job"], a["usable"], a["total_time_in_seconds"]) for a in found["answers"]]
    assert answers == [("w1", "people", True, 10.0), ("w2", "people", False, None), ("w9", "first", True, 0.1)]
    keypoints = [{"label": "nose", "x": 1.5, "y": 2.0, "visibility": 2}]
    assert found["instances"] == [{"id": "", "name": "", "box": [0, 0, 5, 5], "keypoints": keypoints}]


def names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in names(inner)}
    return {name for inner in value for name in names(inner)} if isinstance(value, list) else set()


def test_athena_accepts_the_names_and_the_documented_table_has_every_column() -> None:
    """Athena folds names to lower case and refuses two that differ in nothing else."""
    _, found = row()
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names(found))
    statement = (
        (DOCS / "formats.md").read_text().split("CREATE EXTERNAL TABLE annotations (", 1)[1].split("\n)\n", 1)[0]
    )
    columns = re.findall(
        r"(?:^|,\s+)\s*(\w+) (?:string|bigint|boolean|double|array)", re.sub(r"<.*?>(?=,|$)", "", statement)
    )
    fields = [field.name for field in msgspec.structs.fields(TableRow)]
    assert [name for name in fields if name not in columns] == []
    for inner in ("worker_id:string", "active_time_in_seconds:double", "keypoints:array<struct<label:string, x:double"):
        assert inner in statement
