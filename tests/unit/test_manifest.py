from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON, instances

from truepoint.groundtruth.data_object import file_name, read_data_object
from truepoint.groundtruth.manifest import read_lines
from truepoint.groundtruth.task import pre_annotation_response
from truepoint.json_text import BYTE_ORDER_MARK
from truepoint.keys import split_s3_uri

IMAGE = "s3://bucket-name/jobs/a/images/b.jpg"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        (IMAGE, "b.jpg"),
        ("s3://bucket-name/100%25.jpg", "100%25.jpg"),
        ("https://host/a/b%20c.jpg?X-Amz-Signature=a/b#f", "b c.jpg"),
        ("", ""),
    ],
)
def test_file_name(uri: str, name: str) -> None:
    assert file_name(uri) == name


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://bucket-name/key", ("bucket-name", "key")),
        ("s3://bucket-name/a/2021-11-18_02:19:51.json", ("bucket-name", "a/2021-11-18_02:19:51.json")),
        ("s3://bucket-name/a b?c#d", ("bucket-name", "a b?c#d")),
    ],
)
def test_split_s3_uri(uri: str, expected: tuple[str, str]) -> None:
    assert split_s3_uri(uri) == expected


@pytest.mark.parametrize(
    "uri", ["", "s3://", "s3://bucket-name", "s3://bucket-name/", "s3://UP/key", "http://a/b", "/a"]
)
def test_an_invalid_s3_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="expected an S3 URI like s3://bucket/key"):
        split_s3_uri(uri)


@given(JSON)
def test_a_data_object_is_read_whatever_it_is(value: Any) -> None:
    read = read_data_object(value)
    assert bool(read.image_s3_uri) or read.error
    json.dumps(pre_annotation_response(value))


@given(instances(), st.sampled_from(["annotations", "initial_values"]), st.booleans())
def test_pre_labels_reach_the_task_unchanged(found: list[Any], key: str, as_text: bool) -> None:
    line = {"source-ref": IMAGE, key: json.dumps(found) if as_text else found}
    response = pre_annotation_response(line)
    assert response["isHumanAnnotationRequired"] is True
    assert response["taskInput"]["error"] == ""
    assert json.loads(response["taskInput"]["initial_values"]) == found


@pytest.mark.parametrize("value", ["{", "5", {"a": 1}, [1], [{"annotations": 1}], [{}], True])
def test_unusable_pre_labels_are_reported_and_left_out(value: Any) -> None:
    read = read_data_object({"source-ref": IMAGE, "annotations": value})
    assert read.image_s3_uri == IMAGE
    assert read.pre_labels == []
    assert read.error.startswith("the pre-labels cannot be used: ")


def test_a_smaller_copy_is_shown_in_the_images_place() -> None:
    line = {
        "source-ref": IMAGE,
        "image_copy_ref": "s3://bucket/copies/b.jpg.jpg",
        "image_width": 4000,
        "image_height": 3000,
    }
    task = pre_annotation_response(line)["taskInput"]
    assert (task["image_s3_uri"], task["image_copy_s3_uri"]) == (IMAGE, "s3://bucket/copies/b.jpg.jpg")
    assert json.loads(task["image_size"]) == {"width": 4000, "height": 3000}
    assert task["error"] == ""
    without = pre_annotation_response({"source-ref": IMAGE, "image_width": 4000, "image_height": 3000})["taskInput"]
    assert (without["image_copy_s3_uri"], without["image_size"]) == ("", "")
    assert task["expected_size"] == without["expected_size"] == task["image_size"]


@pytest.mark.parametrize("changes", [{"image_width": None}, {"image_height": 0}, {"image_width": "4000"}])
def test_a_size_is_expected_only_if_the_line_states_both_sides(changes: dict[str, Any]) -> None:
    line = {"source-ref": IMAGE, "image_width": 4000, "image_height": 3000} | changes
    task = pre_annotation_response(line)["taskInput"]
    assert (task["expected_size"], task["error"]) == ("", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"image_width": None},
        {"image_height": 0},
        {"image_width": True},
        {"image_width": "4000"},
        {"image_copy_ref": "https://host/b.jpg"},
        {"image_copy_ref": 5},
        {"image_copy_ref": "s3://bucket/\ud800"},
    ],
)
def test_without_a_usable_copy_or_its_size_the_image_itself_is_shown(changes: dict[str, Any]) -> None:
    line = {"source-ref": IMAGE, "image_copy_ref": "s3://bucket/b.jpg", "image_width": 4000, "image_height": 3000}
    task = pre_annotation_response(line | changes)["taskInput"]
    assert (task["image_s3_uri"], task["image_copy_s3_uri"], task["image_size"]) == (IMAGE, "", "")
    assert task["error"].startswith("image_copy_ref cannot be used: ")


def test_pre_labels_by_reference_are_named_not_read() -> None:
    line = {"source-ref": IMAGE, "annotations_ref": "s3://bucket/jobs/people/pre-labels/a b.json"}
    task_input = pre_annotation_response(line)["taskInput"]
    assert task_input["initial_values_s3_uri"] == line["annotations_ref"]
    assert (task_input["initial_values"], task_input["error"]) == ("[]", "")
    assert pre_annotation_response({"source-ref": IMAGE})["taskInput"]["initial_values_s3_uri"] == ""


@pytest.mark.parametrize(
    "value", ["https://host/a.json?X-Amz-Signature=abc", "s3://bucket", 7, ["s3://bucket/a"], "s3://b/\ud800"]
)
def test_an_unusable_reference_is_reported_and_left_out(value: Any) -> None:
    response = pre_annotation_response({"source-ref": IMAGE, "annotations_ref": value})
    assert response["isHumanAnnotationRequired"] is True
    assert response["taskInput"]["initial_values_s3_uri"] == ""
    assert response["taskInput"]["error"].startswith("annotations_ref cannot be used: ")
    assert "Signature" not in response["taskInput"]["error"]


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sagemaker:us-east-1:123456789012:labeling-job/people-1", "people-1"),
        (None, ""),
        (7, ""),
        ("people", ""),
        ("arn:aws:sagemaker:us-east-1:123456789012:labeling-job/\ud800", ""),
    ],
)
def test_a_task_names_its_job(arn: Any, name: str) -> None:
    response = pre_annotation_response({"source-ref": IMAGE}, arn)
    assert response["taskInput"]["labeling_job"] == name
    json.dumps(response).encode()


@given(
    st.lists(st.binary(max_size=12).filter(lambda b: b"\n" not in b)),
    st.integers(1, 7),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
def test_lines_are_the_same_however_the_stream_is_cut(lines: list[bytes], size: int, end: bytes, ended: bool) -> None:
    stream = end.join(lines) + (end if ended else b"")
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    # A byte order mark is no text, not even alone on a line.
    texts = [line.strip().removeprefix(BYTE_ORDER_MARK) for line in stream.split(b"\n")]
    expected = [text for text in texts if text]
    found = list(read_lines(chunks))
    assert [line.text for line in found] == expected
    assert [line.number for line in found] == list(range(len(expected)))


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(1, 40))
def test_a_line_too_long_is_counted_but_not_kept(lengths: list[int], size: int) -> None:
    stream = b"".join(b"x" * n + b"\n" for n in lengths)
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    found = list(read_lines(chunks, longest=10))
    assert [line.length for line in found] == [n for n in lengths if n]
    assert all(len(line.text) == (line.length if line.length <= 10 else 0) for line in found)
