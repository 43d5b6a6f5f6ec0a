"""Ground Truth's documents, member by member."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.tasks import documents, output_layout
from truepoint.tasks.documents import Label, ManifestLine, WorkerAnswer
from truepoint.tasks.labeling_job import (
    LabelingJobError,
    lower_case_arn,
    parse_labeling_job,
    state_change_detail,
    with_status,
)

NOW = datetime(2026, 11, 1, 17, 42, 26, 177000, UTC)
DESCRIPTION: dict[str, Any] = {
    "LabelingJobName": "people",
    "LabelingJobArn": "arn:aws:sagemaker:us-east-1:000000000000:labeling-job/people",
    "LabelingJobStatus": "InProgress",
    "LabelAttributeName": "keypoints",
    "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://b/jobs/people/input.manifest"}}},
    "OutputConfig": {"S3OutputPath": "s3://b/output/"},
    "RoleArn": "arn:aws:iam::000000000000:role/run",
    "CreationTime": "2026-11-01T17:42:26.177+00:00",
    "HumanTaskConfig": {
        "UiConfig": {"UiTemplateS3Uri": "s3://b/jobs/people/template.liquid.html"},
        "PreHumanTaskLambdaArn": "arn:pre",
        "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": "arn:post"},
        "NumberOfHumanWorkersPerDataObject": 2,
        "TaskTimeLimitInSeconds": 600,
        "TaskAvailabilityLifetimeInSeconds": 3600,
        "TaskTitle": "Mark",
        "TaskDescription": "Mark them.",
    },
}


def line(text: str = '{"source-ref": "s3://b/a.jpg", "score": 1.50, "n": 12345678901234567890}') -> ManifestLine:
    return next(documents.read_manifest(text.encode()))


def label(value: str = '{"a": 1.0}') -> Label:
    return Label(msgspec.Raw(value.encode()), NOW)


def test_the_description_is_read() -> None:
    job = parse_labeling_job(DESCRIPTION)
    assert (job.output_uri, job.workers_per_object) == ("s3://b/output/people", 2)
    assert (job.time_limit, job.deadline) == (timedelta(minutes=10), NOW + timedelta(hours=1))
    assert not job.ended


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"RoleArn": None}, "RoleArn"),
        ({"HumanTaskConfig": {**DESCRIPTION["HumanTaskConfig"], "NumberOfHumanWorkersPerDataObject": 0}}, "got 0"),
        ({"HumanTaskConfig": {**DESCRIPTION["HumanTaskConfig"], "TaskTimeLimitInSeconds": "x"}}, "cannot be read"),
        ({"CreationTime": "2026-11-01T17:42:26"}, "time zone"),
        ({"CreationTime": "yesterday"}, "cannot be read"),
    ],
)
def test_the_error_of_an_invalid_description_names_the_field(change: dict[str, Any], expected: str) -> None:
    document = {name: value for name, value in (DESCRIPTION | change).items() if value is not None}
    with pytest.raises(LabelingJobError, match=expected):
        parse_labeling_job(document)


def test_the_arn_has_the_name_in_lower_case() -> None:
    assert lower_case_arn("arn:aws:sagemaker:r:1:labeling-job/My-Job") == "arn:aws:sagemaker:r:1:labeling-job/my-job"


def test_an_ended_job_says_where_its_output_is_and_its_event_carries_it() -> None:
    document = with_status(DESCRIPTION, "Completed", NOW, documents.label_counters(5, 3, 1))
    output = "s3://b/output/people/manifests/output/output.manifest"
    assert document["LabelingJobOutput"] == {"OutputDatasetS3Uri": output}
    assert document["LabelCounters"] == {
        "TotalLabeled": 3,
        "HumanLabeled": 3,
        "MachineLabeled": 0,
        "FailedNonRetryableError": 1,
        "Unlabeled": 1,
    }
    assert document["LastModifiedTime"] == "2026-11-01T17:42:26.177+00:00"
    assert parse_labeling_job(document).ended
    assert state_change_detail(document) == {"LabelingJobStatus": "Completed", "LabelingJob": document}


def test_files_are_where_ground_truth_puts_them() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    key = f"{output_layout.CONSOLIDATION_REQUESTS}{output_layout.portal_batch(elsewhere, 7)}"
    folder = "annotations/consolidated-annotation/consolidation-request/iteration-1"
    assert key == f"{folder}/2026-11-01_17:42:26_7.json"
    assert output_layout.time_of(key) == NOW.replace(microsecond=0)
    key = output_layout.portal_answer(7, "p1", 0)
    assert key == "annotations/worker-response/iteration-1/7/p1_0.json"
    assert output_layout.object_of(f"s3://b/output/people/{key}") == "7"


def test_manifest_lines_keep_their_number_over_blank_lines() -> None:
    lines = list(documents.read_manifest(b'{"source-ref":"s3://b/1"}\r\n\n{"source":"text"}\n'))
    assert [(each.object_id, each.source) for each in lines] == [("0", "s3://b/1"), ("2", "text")]


@pytest.mark.parametrize("bad", ["{", "[]", '"x"', '{"other": 1}', '{"source-ref": "s3://b/2", "z": NaN}', "[" * 9997])
def test_a_line_that_is_no_data_object_is_named(bad: str) -> None:
    good, broken = documents.read_manifest(f'\ufeff{{"source-ref":"s3://b/1"}}\n{bad}\n'.encode())
    assert (good.problem, good.source) == ("", "s3://b/1")
    assert "line 2 of the input manifest" in broken.problem
    assert documents.output_line(broken, "j", "keypoints", None, "failed") == bad.encode()


@pytest.mark.parametrize("text", ["NaN", '{"a": NaN}', "[]", "[" * 985 + "]" * 985, '{"a":' * 9997 + "1" + "}" * 9997])
def test_an_answer_that_is_no_object_or_too_deep_is_refused(text: str) -> None:
    with pytest.raises(LabelingJobError, match="expected an answer as a JSON object, got"):
        documents.parse_content(text.encode())
    if text[0] == "{":
        with pytest.raises(LabelingJobError, match="expected a worker response"):
            documents.parse_worker_response(b'{"answers":[{"workerId":"w","answerContent":%s}]}' % text.encode())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16", "utf-16-be", "utf-32-le", "utf-32"])
@pytest.mark.parametrize("levels", [300, 5000, 200_000])
def test_an_answer_in_another_encoding_hides_no_nesting(encoding: str, levels: int) -> None:
    """Python's decoder recognises these encodings. A byte of ∀ is that of a quotation mark."""
    text = f'{{"updated_annotations":"[]","∀":{"[" * levels}{"]" * levels},"∀":1}}'.encode(encoding)
    with pytest.raises(LabelingJobError, match="expected an answer as a JSON object, got"):
        documents.parse_content(text)


def test_a_byte_order_mark_before_an_answer_is_passed_over() -> None:
    assert documents.parse_content(b'\xef\xbb\xbf{"f":"\\ud800"}') == {"f": "\ud800"}


def test_a_worker_response() -> None:
    answer = WorkerAnswer("private.local.ab", {"f": "v", "\ud800": 1}, NOW - timedelta(seconds=2.5), NOW)
    document = documents.worker_response(answer)
    assert document == {
        "answers": [
            {
                "acceptanceTime": "2026-11-01T17:42:23.677Z",
                "answerContent": {"f": "v", "\ud800": 1},
                "submissionTime": "2026-11-01T17:42:26.177Z",
                "timeSpentInSeconds": 2.5,
                "workerId": "private.local.ab",
            }
        ]
    }
    assert documents.parse_worker_response(json.dumps(document).encode()) == {"private.local.ab": answer.content}


def test_a_consolidation_request_does_not_depend_on_the_order_of_workers() -> None:
    answers = {"w2": {"f": "2"}, "w1": {"f": "1"}}
    request = documents.consolidation_request([(line(), answers), (line('{"source":"text"}'), {})])
    assert request == [
        {
            "datasetObjectId": "0",
            "dataObject": {"s3Uri": "s3://b/a.jpg"},
            "annotations": [
                {"workerId": "w1", "annotationData": {"content": '{"f": "1"}'}},
                {"workerId": "w2", "annotationData": {"content": '{"f": "2"}'}},
            ],
        },
        {"datasetObjectId": "0", "dataObject": {"content": "text"}, "annotations": []},
    ]


def test_the_consolidation_event() -> None:
    event = documents.consolidation_event(parse_labeling_job(DESCRIPTION), "s3://b/x.json")
    assert event["payload"] == {"s3Uri": "s3://b/x.json"}
    assert event["labelAttributeName"] == "keypoints"
    assert event["outputConfig"] == "s3://b/output/people/annotations"
    assert event["maxHumanWorkersPerDataObject"] == 2


def test_labels_are_read_from_a_response() -> None:
    def entry(object_id: str, content: dict[str, Any]) -> dict[str, Any]:
        return {"datasetObjectId": object_id, "consolidatedAnnotation": {"content": content}}

    text = json.dumps(
        [entry("0", {"k": {"a": 1}}), entry("0", {"k": {"a": 2}}), entry("1", {"other": {}}), entry("9", {"k": {}})]
    )
    labels = documents.parse_consolidation_response(text.encode(), "k", NOW, ["0", "1"])
    assert {object_id: bytes(found.value) for object_id, found in labels.items()} == {"0": b'{"a": 1}'}


@pytest.mark.parametrize("bad", [b"null", b"{}", b"[1]", b'[{"datasetObjectId": 1}]', b"not json"])
def test_a_response_of_another_shape_is_refused(bad: bytes) -> None:
    with pytest.raises(LabelingJobError, match="the consolidation function's response: expected"):
        documents.parse_consolidation_response(bad, "k", NOW)


def test_a_labelled_line() -> None:
    text = documents.output_line(line(), "people", "keypoints", label()).decode()
    assert text.startswith('{"source-ref":"s3://b/a.jpg","score":1.50,"n":12345678901234567890,"keypoints":{"a": 1.0},')
    assert json.loads(text)["keypoints-metadata"] == {
        "type": "groundtruth/custom",
        "job-name": "people",
        "human-annotated": "yes",
        "creation-date": "2026-11-01T17:42:26.177000",
    }


def test_whole_seconds_have_microseconds_too() -> None:
    made = Label(label().value, NOW.replace(microsecond=0))
    metadata = json.loads(documents.output_line(line(), "people", "k", made))["k-metadata"]
    assert metadata["creation-date"] == "2026-11-01T17:42:26.000000"


def test_a_failed_line_has_no_label_not_even_an_old_one() -> None:
    old = line('{"source-ref":"s3://b/a.jpg","k":{"old":1},"k-metadata":{"old":1}}')
    assert json.loads(documents.output_line(old, "people", "k", failure="ClientError: x")) == {
        "source-ref": "s3://b/a.jpg",
        "k-metadata": {"retry-count": 1, "failure-reason": "ClientError: x", "human-annotated": "true"},
    }


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(extra=st.dictionaries(st.text(), JSON_VALUES, max_size=5), value=JSON_VALUES)
def test_input_members_come_out_unchanged(extra: dict[str, Any], value: Any) -> None:
    data_object = {**extra, "source-ref": "s3://b/a.jpg"}
    given_line = line(json.dumps(data_object))
    assert documents.output_line(given_line, "people", "k") == given_line.text
    out = json.loads(documents.output_line(given_line, "people", "k", label(json.dumps(value))))
    metadata = out.pop("k-metadata")
    assert out == {**data_object, "k": value}
    assert metadata["job-name"] == "people"
