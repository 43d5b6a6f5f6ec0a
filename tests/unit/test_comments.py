from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from builders import keypoint, label, outcome, record
from hypothesis import given
from strategies import JSON

from truepoint.groundtruth.annotation import annotate
from truepoint.groundtruth.output_line import Labeled
from truepoint.pose.sigma_table import SigmaTable
from truepoint.results.comments import Comment, comments


def written(value: Any) -> list[tuple[str, str | None, str | None, str]]:
    """Worker, instance, keypoint and text of the comments on a label."""
    found = outcome(record(value), number=7)
    assert isinstance(found, Labeled)
    listed = list(comments(found))
    assert all((c.line, c.source_ref) == (7, "s3://bucket-name/jobs/people/images/a.jpg") for c in listed)
    return [(c.worker_id, c.instance, c.keypoint, c.text) for c in listed]


def person(**more: Any) -> dict[str, Any]:
    return {"id": "n1", "name": "", "annotations": [keypoint("nose", 1, 2), keypoint("tail", 3, 4)], **more}


def with_note(text: str, name: str = "nose") -> dict[str, Any]:
    one = person()
    return one | {"annotations": [k | {"comment": text} if k["label"] == name else k for k in one["annotations"]]}


def test_one_workers_comments() -> None:
    skipped = {"id": "n1", "label": "left_ear", "reason": "not_visible", "comment": "a hat"}
    worker = {"worker_id": "w1", "usable": True, "not_labeled": [skipped, skipped | {"comment": ""}]}
    found = label([with_note("blurred") | {"comment": "a statue?"}], workers=[worker])
    assert written(found) == [
        ("w1", "n1", None, "a statue?"),
        ("w1", "n1", "nose", "blurred"),
        ("w1", "n1", "left_ear", "a hat"),
    ]


def test_the_word_comment_may_be_escaped() -> None:
    text = json.dumps(record(label([with_note("blurred")], workers=[{"worker_id": "w1", "usable": True}])))
    found = outcome(text.encode().replace(b'"comment"', rb'"\u0063omment"'))
    assert isinstance(found, Labeled)
    assert [c.text for c in comments(found)] == ["blurred"]


def test_a_note_on_the_image_comes_first() -> None:
    answer = {
        "updated_annotations": json.dumps([with_note("blurred")]),
        "answer_details": json.dumps({"image_width": 640, "image_height": 480, "comment": " fog\n"}),
    }
    found = [
        annotate(
            "0", "s3://bucket-name/jobs/people/images/a.jpg", [(worker, answer) for worker in workers], SigmaTable()
        )
        for workers in (["w1"], ["w1", "w2"])
    ]
    for made in found:
        listed = written(json.loads(msgspec.json.encode(made)))
        for worker in made.workers:
            own = [entry[1:] for entry in listed if entry[0] == worker.worker_id]
            assert own == [(None, None, "fog"), ("n1", "nose", "blurred")]


@pytest.mark.parametrize("note", [7, None, ["fog"], {}, "", "  "])
def test_invalid_comments_are_ignored(note: Any) -> None:
    answer = {"updated_annotations": "[]", "answer_details": json.dumps({"comment": note})}
    made = annotate("0", "s3://bucket-name/jobs/people/images/a.jpg", [("w1", answer)], SigmaTable())
    assert made.valid
    assert made.workers[0].comment == ""


def test_each_of_several_workers_and_why_an_answer_was_not_used() -> None:
    def answer(found: list[Any], **details: Any) -> dict[str, str]:
        return {
            "updated_annotations": json.dumps(found),
            "answer_details": json.dumps({"image_width": 640, "image_height": 480, **details}),
        }

    made = annotate(
        "0",
        "s3://bucket-name/jobs/people/images/a.jpg",
        [
            ("w1", answer([with_note("blurred")])),
            ("w2", answer([person(comment="twice?")])),
            ("w3", answer([], problem="all black")),
        ],
        SigmaTable(),
    )
    value = json.loads(json.dumps({f: getattr(made, f) for f in made.__struct_fields__}, default=_builtin))
    assert written(value) == [
        ("w1", "n1", "nose", "blurred"),
        ("w2", "n1", None, "twice?"),
        ("w3", None, None, "the worker could not label the image: all black"),
    ]


def _builtin(value: Any) -> Any:
    return {f: getattr(value, f) for f in value.__struct_fields__}


def test_only_new_or_changed_comments_are_listed() -> None:
    shown = [with_note("look here", "nose"), person(id="n2", comment="check")]
    now = [with_note("look here", "nose"), person(id="n2", comment="checked")]
    assert written(label(now, original_annotations=shown)) == [("w1", "n2", None, "checked")]


@pytest.mark.parametrize("comment", [None, 7, "", "  ", {"a": 1}, ["x"]])
def test_comments_that_are_no_strings_are_ignored(comment: Any) -> None:
    assert written(label([person(comment=comment)])) == []


@given(JSON, JSON)
def test_comments_of_any_foreign_label(instance: Any, worker: Any) -> None:
    workers = [{"worker_id": "w1", "usable": True}, {"worker_id": "w2", "usable": True, "annotations": [worker]}]
    found = outcome(record(label([], original_annotations=[instance], workers=workers)))
    assert isinstance(found, Labeled)
    assert all(isinstance(c, Comment) and c.text for c in comments(found))
