from __future__ import annotations

import json
from typing import Any

import pytest
from builders import SOURCE, keypoint, label, outcome, record
from hypothesis import given
from strategies import JSON, instances

from truepoint.groundtruth.manifest import Line
from truepoint.groundtruth.output_line import Labeled, NotLabeled, read_line

ONE = [{"annotations": [keypoint("nose", 1.5, 2)]}]


@given(instances())
def test_a_labelled_line(found: list[Any]) -> None:
    read = outcome(record(label(found)), 7)
    assert isinstance(read, Labeled)
    assert (read.line, read.source_ref, read.labeled_by) == (7, SOURCE, "people")
    assert read.annotation.updated_annotations == found


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        (b"{", "rejected", "the line is not JSON"),
        (b"\xff\xfe{}", "rejected", "the line is not JSON"),
        (b"[" * 200_000, "rejected", "the line is not JSON"),
        ([], "rejected", "expected an object, got a list"),
        (record(), "unlabeled", "no worker labelled it before the job ended"),
        ({"source": "text"}, "unlabeled", "expected a source-ref"),
        (record(**{"keypoints-metadata": {"failure-reason": "ClientError: expired", "human-annotated": "true"}}),
         "failed", "ClientError: expired"),
        (record({}), "rejected", "expected a keypoint annotation with updated_annotations, got the keys "),
        (record("text"), "rejected", "got text"),
        (record([]), "rejected", "got a list"),
        (record(label([], valid=False, reason="all black")), "rejected", "all black"),
        (record(label([], workers="w")), "rejected", "expected a keypoint annotation"),
        (record(label([{"annotations": [{"label": "nose"}]}])), "rejected", "missing required field `x`"),
        (record({"version": "1.0", "annotation_s3_uri": "s3://bucket-name/gone"}), "rejected", "got nothing"),
    ],
)  # fmt: skip
def test_a_line_without_an_annotation_has_a_reason(value: Any, status: str, reason: str) -> None:
    read = outcome(value, 3)
    assert isinstance(read, NotLabeled)
    assert (read.line, read.status) == (3, status)
    assert reason in read.reason


def test_a_line_too_long_is_rejected() -> None:
    read = read_line(Line(1, b"", 9_000_000), "keypoints", lambda _: b"")
    assert isinstance(read, NotLabeled)
    assert read.reason == "expected a line of at most 8388608 bytes, got 9000000"


def test_a_reference_is_followed() -> None:
    asked: list[str] = []

    def fetch(uri: str) -> bytes:
        asked.append(uri)
        return json.dumps(label(ONE)).encode()

    read = outcome(record({"version": "1.0", "annotation_s3_uri": "s3://b-b/k"}), fetch=fetch)
    assert isinstance(read, Labeled)
    assert read.annotation.updated_annotations == ONE
    assert asked == ["s3://b-b/k"]


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (
            {"updated_annotations": json.dumps(ONE), "original_annotations": [], "total_time_in_seconds": "7"},
            (ONE, 7.0),
        ),
        ({"updated_annotations": "", "total_time_in_seconds": "null"}, ([], None)),
        ({"updated_annotations": "[]"}, ([], None)),
    ],
)
def test_a_label_of_the_original_stack(seed: dict[str, Any], expected: tuple[Any, Any]) -> None:
    common = {"dataset_object_id": "0", "image_s3_location": SOURCE, "worker_id": "w1", "was_modified": True}
    read = outcome(record(common | seed))
    assert isinstance(read, Labeled)
    assert (read.annotation.updated_annotations, read.annotation.total_time_in_seconds) == expected
    assert [w.worker_id for w in read.annotation.workers] == ["w1"]
    assert read.annotation.image_file_name == "a.jpg"


def test_the_label_of_an_earlier_job_in_a_chain_says_so() -> None:
    line = record(label(ONE))
    line["keypoints-metadata"]["job-name"] = "people-first"
    read = outcome(line)
    assert isinstance(read, Labeled)
    assert read.labeled_by == "people-first"


def test_metadata_in_the_spelling_of_the_documentation() -> None:
    line = record(label(ONE)) | {"keypoints-metadata": {"job_name": "people", "creation_date": "2026-11-18T02:46:12"}}
    read = outcome(line)
    assert isinstance(read, Labeled)
    assert (read.labeled_by, read.creation_date) == ("people", "2026-11-18T02:46:12")


@pytest.mark.parametrize(
    ("in_label", "in_manifest", "expected"),
    [
        ((640, 480), (9, 9), (640, 480)),
        ((None, None), (800, 600), (800, 600)),
        ((None, None), ("800", 600), (None, None)),
    ],
)
def test_the_images_size_is_the_pages_else_the_manifests(in_label: Any, in_manifest: Any, expected: Any) -> None:
    labeled = label(ONE, image_width=in_label[0], image_height=in_label[1])
    read = outcome(record(labeled, image_width=in_manifest[0], image_height=in_manifest[1]))
    assert isinstance(read, Labeled)
    assert (read.annotation.image_width, read.annotation.image_height) == expected


@given(JSON, JSON)
def test_any_line_has_an_outcome(value: Any, labeled: Any) -> None:
    for hostile in (
        value,
        record(labeled),
        record({"updated_annotations": labeled}),
        record(label([]) | {"workers": labeled}),
    ):
        assert isinstance(outcome(hostile), Labeled | NotLabeled)
