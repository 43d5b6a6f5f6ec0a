from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from builders import SOURCE, keypoint
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON, instances

from truepoint.groundtruth.annotation import Annotation, annotate
from truepoint.groundtruth.answer import AnswerError
from truepoint.groundtruth.batch import (
    ENVELOPE,
    AnnotationReference,
    consolidation_response,
    fit,
    job_of,
    largest_size,
    sent_size,
)
from truepoint.groundtruth.output_line import read_label
from truepoint.pose.sigma_table import SigmaTable

PLAIN = SigmaTable()


def content(found: list[Any], **changed: Any) -> str:
    details = {"version": "1.0", "image_width": 640, "image_height": 480}
    return json.dumps(
        {
            "updated_annotations": json.dumps(found),
            "original_annotations": "[]",
            "image_s3_uri": SOURCE,
            "no_changes_needed": "false",
            "total_time_in_seconds": "10",
            "answer_details": json.dumps(details),
        }
        | changed
    )


@given(instances())
def test_one_workers_answer_passes_unchanged_and_can_be_read_back(found: list[Any]) -> None:
    annotation = annotate("0", SOURCE, [("w1", content(found))], PLAIN)
    assert annotation.updated_annotations == found
    assert read_label(json.loads(msgspec.json.encode(annotation))) == annotation


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), JSON | instances().map(content)), max_size=4))
def test_there_is_always_one_annotation(answers: list[Any]) -> None:
    annotation = annotate("7", SOURCE, answers, PLAIN)
    assert annotation.dataset_object_id == "7"
    assert annotation.valid == any(w.usable for w in annotation.workers)
    assert annotation.valid == (annotation.reason is None)
    assert len(annotation.workers) == len({worker for worker, _ in answers})
    assert annotation == annotate("7", SOURCE, list(dict(answers).items()), PLAIN)


def test_of_one_workers_several_answers_the_last_counts() -> None:
    first, last = [{"annotations": [keypoint("nose", 1, 1)]}], [{"annotations": [keypoint("nose", 2, 2)]}]
    annotation = annotate("0", SOURCE, [("w1", content(first)), ("w1", content(last))], PLAIN)
    assert annotation.updated_annotations == last
    assert annotation.worker_id == "w1"


def test_each_workers_changes_of_pre_labels_are_stored() -> None:
    made = [{"id": "p0", "confirmed": ["nose"], "moved": ["left_wrist"]}]
    own = content([], answer_details=json.dumps({"version": "1.0", "prelabels": made}))
    annotation = annotate("0", SOURCE, [("w1", own), ("w2", content([]))], PLAIN)
    written = json.loads(msgspec.json.encode(annotation))
    assert [worker.get("prelabels") for worker in written["workers"]] == [made, None]
    assert read_label(written) == annotation


def test_two_workers_with_unchanged_pre_labels_modified_nothing() -> None:
    found = [{"id": "p0", "name": "", "annotations": [keypoint("nose", 10, 10), keypoint("tail", 50, 60, 1)]}]
    untouched = content(found, original_annotations=json.dumps(found))
    annotation = annotate("0", SOURCE, [("w1", untouched), ("w2", untouched)], PLAIN)
    assert annotation.was_modified is False
    assert annotation.worker_id is None
    assert annotation.total_time_in_seconds == 20


def test_without_a_uri_in_the_payload_the_pages_word_counts() -> None:
    annotation = annotate(
        "0", "", [("w1", content([], image_s3_uri="https://h/x/b.jpg?sig=1", image_name="b.jpg"))], {}
    )
    assert (annotation.image_s3_location, annotation.image_file_name) == ("https://h/x/b.jpg", "b.jpg")


def test_all_reasons_are_kept() -> None:
    annotation = annotate("0", SOURCE, [("w1", "{"), ("w2", AnswerError("gone"))], PLAIN)
    assert annotation.reason is not None
    assert annotation.reason.startswith("w1: the answer: expected JSON")
    assert annotation.reason.endswith("; w2: gone")


def test_the_response_has_one_entry_an_object_under_the_jobs_attribute() -> None:
    annotations = [annotate(str(i), SOURCE, [], PLAIN) for i in range(3)]
    response = consolidation_response(fit(annotations, lambda object_id, _: object_id), "pose-2")
    assert [r["datasetObjectId"] for r in response] == ["0", "1", "2"]
    assert [list(r["consolidatedAnnotation"]["content"]) for r in response] == [["pose-2"]] * 3


@given(st.lists(instances(), max_size=3), st.lists(instances(), max_size=1))
def test_the_response_holds_what_the_annotations_json_says(
    answers: list[list[dict[str, object]]], shown: list[list[dict[str, object]]]
) -> None:
    extra = {"original_annotations": json.dumps(shown[0])} if shown else {}
    fields = [content(answer, **extra) for answer in answers]
    annotation = annotate("7", SOURCE, [(f"w{n}", text) for n, text in enumerate(fields)], PLAIN)
    [entry] = consolidation_response([annotation], "k")
    assert entry["consolidatedAnnotation"]["content"]["k"] == json.loads(msgspec.json.encode(annotation))


def test_the_largest_go_by_reference_and_no_more_than_needed() -> None:
    sizes = [10, 3000, 20, 2000]
    annotations = [
        annotate(str(i), SOURCE, [("w", content([{"annotations": [], "note": "x" * n}]))], PLAIN)
        for i, n in enumerate(sizes)
    ]
    sizes = [sent_size(msgspec.json.encode(a)) + ENVELOPE for a in annotations]
    total = sum(sizes)
    assert total < sum(map(largest_size, annotations))

    def moved(limit: int) -> list[str]:
        stored: dict[str, bytes] = {}

        def move(object_id: str, text: bytes) -> str:
            stored[object_id] = text
            return f"s3://b/{object_id}"

        labels = fit(annotations, move, limit)
        assert [label.dataset_object_id for label in labels] == ["0", "1", "2", "3"]
        for label, annotation in zip(labels, annotations, strict=True):
            if isinstance(label, AnnotationReference):
                assert label.annotation_s3_uri == f"s3://b/{label.dataset_object_id}"
                assert msgspec.json.decode(stored[label.dataset_object_id], type=Annotation) == annotation
            else:
                assert label is annotation
        return list(stored)

    assert moved(total) == []
    assert moved(total - 1) == ["1"]
    assert moved(total - 4000) == ["1", "3"]
    assert moved(0) == ["0", "1", "2", "3"]


@given(JSON)
def test_a_label_is_never_sent_in_more_bytes_than_counted(value: Any) -> None:
    text = msgspec.json.encode(value)
    assert len(json.dumps(json.loads(text))) <= sent_size(text) <= largest_size(value)


@pytest.mark.parametrize("one", [False, "\x0e", "e", "\x7f", "é", 1e-300, -32, 10**30, {"": False}, [], None])
def test_the_bound_of_a_size_holds_for_the_densest_values(one: Any) -> None:
    for value in ([one] * 1000, [{"a": one}] * 1000, {str(n): one for n in range(1000)}):
        assert sent_size(msgspec.json.encode(value)) <= largest_size(value)


def test_the_job_name_of_a_consolidation_request() -> None:
    key = "output/a-b/annotations/consolidated-annotation/consolidation-request/iteration-1/2021-11-18_02:19:51.json"
    assert job_of(key) == ("a-b", "output/a-b/")
