from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON, instances

from truepoint.groundtruth.answer import AnswerError, parse_answer

NOSE = {"label": "nose", "x": 10.25, "y": 20.5}
ONE = [{"name": "", "annotations": [NOSE]}]


def fields(**changed: Any) -> dict[str, Any]:
    return {
        "updated_annotations": json.dumps(ONE),
        "original_annotations": "[]",
        "image_s3_uri": "s3://b/k.jpg",
        "image_name": "k.jpg",
        "no_changes_needed": "false",
        "total_time_in_seconds": "12",
        "answer_details": '{"version":"1.0","image_width":640,"image_height":480}',
    } | changed


def parse(**changed: Any) -> Any:
    return parse_answer("w", json.dumps(fields(**changed)))


@given(instances())
def test_labels_pass_unchanged(found: list[Any]) -> None:
    answer = parse(updated_annotations=json.dumps(found))
    assert answer.updated == found
    assert answer.was_modified == bool(found)
    assert [[(k.label, k.x, k.y, k.visibility) for k in i.annotations] for i in answer.instances] == [
        [(k["label"], k["x"], k["y"], k["visibility"]) for k in i["annotations"]] for i in found
    ]


@given(instances())
def test_untouched_pre_labels_are_not_modified_in_any_order_or_spelling(found: list[Any]) -> None:
    spaced = json.dumps(list(reversed(found)), indent=3)
    assert not parse(original_annotations=spaced, updated_annotations=json.dumps(found)).was_modified


def _moved(dx: float) -> list[Any]:
    return [{"name": "", "annotations": [NOSE | {"x": NOSE["x"] + dx}]}]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("updated", "details", "modified"),
    [
        (_moved(0), True, False),
        (_moved(0.25), True, True),
        (_moved(0.25), False, False),  # the original component rounds
        (_moved(0.75), False, True),
        ([{"name": "", "annotations": [NOSE | {"visibility": 1}]}], True, True),
        ([{"name": "", "annotations": [NOSE | {"visibility": 2}]}], True, False),
        ([{"name": "", "annotations": [NOSE, NOSE | {"label": "left_eye"}]}], True, True),
        ([{"name": "", "annotations": []}], True, True),
        ([], True, True),
        (ONE + ONE, True, True),
        ([{"name": "x", "annotations": [NOSE]}], True, True),
        ([{"name": "", "annotations": [NOSE], "box": [0, 0, 5, 5]}], True, True),
    ],
)
def test_was_modified(updated: list[Any], details: bool, modified: bool) -> None:
    changed: dict[str, Any] = {} if details else {"answer_details": ""}
    answer = parse(original_annotations=json.dumps(ONE), updated_annotations=json.dumps(updated), **changed)
    assert answer.was_modified is modified


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("True", True), ("false", False), ("", False), (True, True), (None, False), ({"on": True}, True),
     ({"on": False}, False), (1, False)],
)  # fmt: skip
def test_no_changes_needed(value: Any, expected: bool) -> None:
    assert parse(no_changes_needed=value).no_changes_needed is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12", 12),
        ("7.5", 7.5),
        (3, 3),
        ("", None),
        ("soon", None),
        (None, None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_time(value: Any, expected: float | None) -> None:
    assert parse(total_time_in_seconds=value).total_time_in_seconds == expected


@pytest.mark.parametrize("original", ["", "null", None, "{}", "not json", "[1]"])
def test_originals_that_hold_no_instances(original: Any) -> None:
    answer = parse(original_annotations=original)
    assert answer.was_modified


def test_a_signed_url_loses_its_query() -> None:
    answer = parse(image_s3_uri="https://h/k.jpg?X-Amz-Signature=abc", image_name="k.jpg?X-Amz-Signature=abc")
    assert (answer.image_s3_uri, answer.image_name) == ("https://h/k.jpg", "k.jpg")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the answer: expected JSON"),
        ("null", "expected the form's fields as an object, got nothing"),
        ("[]", "got a list"),
        ("{}", "expected the field updated_annotations, got no field at all"),
        ('{"a": 1, "b": 2}', "got a, b"),
        ("[" * 100_000, "the answer: expected JSON"),
        ('{"updated_annotations": ""}', "updated_annotations: expected JSON"),
        ('{"updated_annotations": "{}"}', "expected a list of instances, got an object"),
        ('{"updated_annotations": "[{}]"}', "missing required field `annotations`"),
        (b"\xff\xfe", "the answer: expected JSON"),
        (None, "got nothing"),
        (7, "got a number"),
    ],
)
def test_an_unusable_answer_says_why(content: Any, message: str) -> None:
    with pytest.raises(AnswerError, match=message):
        parse_answer("w", content)


@pytest.mark.parametrize(
    ("keypoint", "message"),
    [
        ({"label": "nose", "x": None, "y": 1}, "Expected `float`, got `null`"),
        ({"label": "nose", "x": "1", "y": 1}, "Expected `float`, got `str`"),
        ({"label": "nose", "y": 1}, "missing required field `x`"),
        ({"label": "", "x": 1, "y": 1}, "length >= 1"),
        ({"label": "nose", "x": 1e30, "y": 1}, "<= 1000000"),
        ({"label": "nose", "x": 1, "y": 1, "visibility": 3}, "<= 2"),
        ({"label": "nose", "x": 1, "y": 1, "visibility": True}, "Expected `int`"),
    ],
)
def test_a_keypoint_that_cannot_be(keypoint: dict[str, Any], message: str) -> None:
    with pytest.raises(AnswerError, match=message):
        parse(updated_annotations=json.dumps([{"annotations": [keypoint]}]))


def test_a_keypoint_named_twice_is_refused() -> None:
    with pytest.raises(AnswerError, match="instance 0: expected each keypoint once, got 'nose' twice"):
        parse(updated_annotations=json.dumps([{"annotations": [NOSE, NOSE]}]))


def test_not_labelled_is_left_out() -> None:
    answer = parse(updated_annotations=json.dumps([{"annotations": [{"label": "nose", "visibility": 0}]}]))
    assert answer.instances[0].annotations == ()


def test_the_number_of_instances_is_bounded() -> None:
    with pytest.raises(AnswerError, match="at most 1000 instances, got 1001"):
        parse(updated_annotations=json.dumps([{"annotations": []}] * 1001))


def test_a_worker_may_say_that_the_image_cannot_be_labelled() -> None:
    with pytest.raises(AnswerError, match="the worker could not label the image: all black"):
        parse(answer_details='{"problem": "all black"}')


@given(JSON, st.dictionaries(st.sampled_from(sorted(fields())), JSON))
def test_hostile_answers_raise_nothing_else(content: Any, changed: dict[str, Any]) -> None:
    for hostile in (content, json.dumps(content), fields() | changed):
        try:
            answer = parse_answer("w", hostile)
        except AnswerError as error:
            assert str(error)
        else:
            assert isinstance(answer.updated, list)


def test_reasons_of_unplaced_keypoints_are_read_and_invalid_ones_ignored() -> None:
    good = {"id": "n1", "label": "nose", "reason": "outside_image", "comment": "cut off"}
    bad = [7, None, {}, good | {"reason": "tired"}, good | {"label": ""}, good | {"comment": 1}]
    answer = parse(answer_details=json.dumps({"version": "1.0", "not_labeled": [*bad, good, good | {"label": "tail"}]}))
    assert [(k.id, k.label, k.reason, k.comment) for k in answer.not_labeled] == [
        ("n1", "nose", "outside_image", "cut off"),
        ("n1", "tail", "outside_image", "cut off"),
    ]
    for nothing in ({}, {"not_labeled": None}, {"not_labeled": {"nose": "tired"}}):
        assert parse(answer_details=json.dumps(nothing)).not_labeled == []


def test_what_was_made_of_pre_labels_is_kept_and_nonsense_among_it_costs_nothing() -> None:
    good = {"id": "p0", "confirmed": ["nose"], "moved": ["left_wrist", "tail"], "offered": ["left_ear"], "removed": []}
    bad = [7, None, {}, good | {"moved": "nose"}, good | {"added": [7]}, good | {"removed": [""]}, good | {"id": None}]
    answer = parse(answer_details=json.dumps({"version": "1.0", "prelabels": [*bad, good, {"id": "p1"}]}))
    assert msgspec.to_builtins(answer.prelabels) == [
        {"id": "p0", "confirmed": ["nose"], "moved": ["left_wrist", "tail"], "offered": ["left_ear"]},
        {"id": "p1"},
    ]
    for nothing in ({}, {"prelabels": None}, {"prelabels": {"id": "p0"}}):
        assert parse(answer_details=json.dumps(nothing)).prelabels == []
