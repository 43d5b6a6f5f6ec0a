"""What docs/formats.md says of an answer is what the element submits, and what post_annotation makes of it."""

from __future__ import annotations

import json
import re
from typing import Any

from driver import ROOT, Task, TaskPage

from truepoint.groundtruth.annotation import annotate
from truepoint.pose.sigma_table import SigmaTable

FORMATS = (ROOT / "docs/formats.md").read_text()


def documented() -> dict[str, Any]:
    """The example of answer_details."""
    return dict(json.loads(re.findall(r"`answer_details`, version 1\.0:.+?```json\n(.+?)```", FORMATS, re.DOTALL)[0]))


def shape(value: Any) -> Any:
    """Keys and types; of a list that of its entries, of a map by name or label that of its values."""
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, dict):
        maps = {"actions", "time_per_keypoint"}
        return {k: {shape(n) for n in v.values()} if k in maps else shape(v) for k, v in value.items()}
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def note(task: Task, about: str, text: str) -> None:
    field = task.element.locator(f"input[placeholder='Note on {about}']")
    field.fill(text)
    field.press("Enter")


def test_the_example_of_the_details_is_what_the_element_submits(open_task: TaskPage) -> None:
    outside = [{"id": "p0", "name": "", "annotations": [{"label": "left_eye", "x": 700.5, "y": 20.25}]}]
    task = open_task(initialValues=outside)
    task.click(100, 100)
    note(task, "nose", "blurred")
    note(task, "nose", "behind the hat")
    task.element.get_by_role("button", name="Not visible").click()
    task.click(120, 120)
    details = task.submit()["answer_details"]
    assert shape(details) == shape(documented())
    assert details["not_labeled"] == [
        {"id": "p0", "label": "nose", "reason": "not_visible", "comment": "behind the hat"}
    ]


def test_comments_boxes_and_unusable_annotations_are_returned_as_documented(open_task: TaskPage) -> None:
    bad = [{"label": "nose", "x": "left", "y": 1}, {"x": 1, "y": 1}]
    given = [{"id": "p0", "name": "", "annotations": [{"label": "left_eye", "x": 70.5, "y": 20.25}, *bad]}]
    task = open_task(initialValues=given)
    task.click(100, 100)
    note(task, "nose", "blurred")
    task.key("Escape")
    task.element.locator(".stage").press("Escape")
    note(task, "instance", "a statue?")
    fields = task.submit()
    [instance] = fields["updated_annotations"]
    assert instance["comment"] == "a statue?"
    assert {k["label"]: k.get("comment") for k in instance["annotations"]} == {"nose": "blurred", "left_eye": None}
    assert instance["unusable_annotations"] == bad
    sent = fields | {name: json.dumps(fields[name]) for name in fields if not isinstance(fields[name], str)}
    made = annotate("0", "s3://bucket/a.jpg", [("w1", json.dumps(sent))], SigmaTable())
    assert made.valid
    assert made.updated_annotations == [instance]


def test_an_image_that_does_not_load_is_the_answers_problem(open_task: TaskPage) -> None:
    task = open_task(photo="/missing.png", wait=False)
    task.element.get_by_role("button", name="Try again").wait_for()
    fields = task.submit()
    problem = fields["answer_details"]["problem"]
    assert problem
    sent = fields | {name: json.dumps(fields[name]) for name in fields if not isinstance(fields[name], str)}
    made = annotate("0", "s3://bucket/a.jpg", [("w1", json.dumps(sent))], SigmaTable())
    assert not made.valid
    assert problem in str(made.reason)
