"""What AWS sent (tests/recorded) against the code that reads it, and against the test doubles that stand in for AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import boto3
import botocore.session
import msgspec
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from botocore.validate import ParamValidator

import sagemaker
from evidence import NO_SUCH_JOB, RECORDED, client_error, files, recorded
from truepoint.groundtruth.batch import job_of, read_batch
from truepoint.groundtruth.job import JobError, read_description, read_ended
from truepoint.groundtruth.lost_events import ENDED_STATUSES
from truepoint.groundtruth.manifest import read_lines
from truepoint.groundtruth.output_line import Status, read_line
from truepoint.groundtruth.task import pre_annotation_response
from truepoint.jobs.launch import describe_in_ground_truth
from truepoint.jobs.status import job_status
from truepoint.keys import split_s3_uri
from truepoint.tasks import documents
from truepoint.tasks.documents import Label, ManifestLine, WorkerAnswer
from truepoint.tasks.labeling_job import parse_labeling_job

TESTS = RECORDED.parent
MODEL = botocore.session.get_session().get_service_model("sagemaker")
KINDS = {"capture", "report", "documentation only"}
SOURCES = (("repository", "path", "commit"), ("thread",), ("page",), ("file_excerpt", "lines"))
DESCRIPTIONS = files("describe_labeling_job")
TWELVE_DIGITS = re.compile(r"(?<![\d.])\d{12}(?![\d.])")
NOW = datetime(2026, 11, 18, 2, 19, 51, 177000, UTC)


def indexed() -> Iterator[tuple[Path, dict[str, Any]]]:
    for index in RECORDED.rglob("index.json"):
        for entry in json.loads(index.read_text()):
            yield index.parent / entry["file"], entry


def client() -> Any:
    return boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


# ------------------------------------------------------------------------------------------ the corpus itself


def test_every_file_is_listed_with_its_kind_and_source() -> None:
    present = {p for p in RECORDED.rglob("*") if p.is_file() and p.name not in ("index.json", "README.md")}
    listed = [path for path, _ in indexed()]
    assert len(listed) == len(set(listed))
    assert set(listed) == present
    for path, entry in indexed():
        assert entry["kind"] in KINDS, path
        assert any(set(names) <= set(entry["source"]) for names in SOURCES), path
        assert entry["what"], path


def test_names_and_ids_are_replaced() -> None:
    for path, entry in indexed():
        text = path.read_text(encoding="utf-8")
        numbers = set(TWELVE_DIGITS.findall(text))
        assert all(number == "123456789012" or number.startswith("0000") for number in numbers), path
        assert set(re.findall(r"s3://([^/\"\\]+)", text)) <= {"example-bucket", "elsewhere"}, path
        assert not re.search(r"X-Amz-Signature|AKIA|@", text), path
        assert entry["kind"] != "capture" or entry.get("changed"), path


def test_every_status_is_described() -> None:
    statuses = MODEL.shape_for("LabelingJobStatus").enum
    assert {recorded(path)["LabelingJobStatus"] for path in DESCRIPTIONS} == set(statuses)


# ------------------------------------------------------------------------------------------ what the product reads


@pytest.mark.parametrize("path", files("pre_annotation"))
def test_pre_annotation_answers(path: str) -> None:
    answer = pre_annotation_response(recorded(path)["dataObject"])
    assert answer["isHumanAnnotationRequired"] is True
    assert answer["taskInput"]["image_s3_uri"] == recorded(path)["dataObject"]["source-ref"]


@pytest.mark.parametrize("path", [p for p in files("post_annotation") if "/payload" in p])
def test_a_batch_is_read(path: str) -> None:
    entries = read_batch((RECORDED / path).read_bytes())
    original = recorded(path)
    assert [e.dataset_object_id for e in entries] == [o["datasetObjectId"] for o in original]
    for entry, sent in zip(entries, original, strict=True):
        assert [a.worker_id for a in entry.annotations] == [a["workerId"] for a in sent["annotations"]]
        for annotation in entry.annotations:
            data = annotation.annotation_data
            assert data.s3_uri or isinstance(json.loads(data.content), dict)


@pytest.mark.parametrize("path", [p for p in files("post_annotation") if "/event" in p])
def test_the_job_is_named_by_the_key_of_its_batch(path: str) -> None:
    event = recorded(path)
    _, key = split_s3_uri(event["payload"]["s3Uri"])
    job, folder = job_of(key)
    assert f"{folder}annotations" == split_s3_uri(event["outputConfig"])[1]
    assert event["labelingJobArn"].endswith(f"/{job.lower()}")


@pytest.mark.parametrize("path", DESCRIPTIONS)
def test_a_description_is_read(path: str) -> None:
    answer = recorded(path)
    job = read_description(answer)
    assert job.status == answer["LabelingJobStatus"]
    assert job.failure_reason == answer.get("FailureReason")
    assert job.output_manifest_uri.startswith(answer["OutputConfig"]["S3OutputPath"])
    status = job_status(job.name, answer, outside_ground_truth=False, results=None)
    assert status.ended == (job.status in ENDED_STATUSES)
    assert status.total == sum(
        answer["LabelCounters"][n] for n in ("TotalLabeled", "FailedNonRetryableError", "Unlabeled")
    )


@pytest.mark.parametrize("path", files("events"))
def test_an_event_is_read(path: str) -> None:
    event = recorded(path)
    if "cloudtrail" in path:
        with pytest.raises(JobError, match="expected an event with the detail-type"):
            read_ended(event)
        return
    ended = read_ended(event)
    assert event["resources"] == [ended.arn]
    assert ended.description is None
    assert list(event["detail"]) == ["LabelingJobStatus"]


@pytest.mark.parametrize(
    ("path", "attribute", "statuses"),
    [
        ("manifests/custom_job.jsonl", "mock_job_name", ["rejected"] * 3),  # labelled, but no keypoints
        ("manifests/expired_tasks.jsonl", "mock_job_name", ["rejected", "failed", "failed"]),
        ("manifests/two_workers_2019.jsonl", "example-private", ["rejected"] * 2),
        ("manifests/unlabeled.jsonl", "keypoints", ["unlabeled"]),
    ],
)
def test_no_line_of_a_manifest_is_taken_for_another(path: str, attribute: str, statuses: list[Status]) -> None:
    lines = list(read_lines([(RECORDED / path).read_bytes()]))
    found = [read_line(line, attribute, lambda _: b"") for line in lines]
    assert [outcome.status for outcome in found if not hasattr(outcome, "annotation")] == statuses
    assert set(statuses) <= set(get_args(Status))


def test_the_page_of_jobs_is_of_the_services_model() -> None:
    for path in files("list_labeling_jobs"):
        assert _differences(recorded(path), "ListLabelingJobsResponse") == []


@pytest.mark.parametrize("path", DESCRIPTIONS)
def test_a_description_is_of_the_services_model(path: str) -> None:
    missing = 'Missing required parameter in input: "HumanTaskConfig"'  # the capture ends before it
    assert _differences(recorded(path), "DescribeLabelingJobResponse") == ([missing] if "in_progress" in path else [])


def _differences(answer: Any, shape: str) -> list[str]:
    """Return how an answer differs from the service's model, except that AWS sends "" for an ARN that is not set."""
    report = ParamValidator().validate(_times(answer), MODEL.shape_for(shape)).generate_report()
    return [line for line in report.splitlines() if "FinalActiveLearningModelArn, value: 0" not in line]


def _times(value: Any) -> Any:
    """Read the wire's times, as botocore does: validators expect them read."""
    if isinstance(value, list):
        return [_times(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {k: datetime.fromtimestamp(v, UTC) if k.endswith("Time") else _times(v) for k, v in value.items()}


def test_a_missing_job_is_recognised_from_what_aws_answers() -> None:
    asked = client()
    with Stubber(asked) as stub:
        stub.add_client_error("describe_labeling_job", **client_error(NO_SUCH_JOB))
        assert describe_in_ground_truth(asked, "example-job") is None


@pytest.mark.parametrize("path", ["access_denied", "throttled"])
def test_other_errors_are_not_taken_for_a_missing_job(path: str) -> None:
    asked = client()
    with Stubber(asked) as stub, pytest.raises(ClientError):
        stub.add_client_error("describe_labeling_job", **client_error(f"sagemaker_errors/{path}.json"))
        describe_in_ground_truth(asked, "example-job")


# ------------------------------------------------------------------------------------------ the test doubles


@pytest.fixture
def double() -> Iterator[Any]:
    """A real client of tests/sagemaker.py."""
    with sagemaker.serve() as url:
        yield boto3.client(
            "sagemaker", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b", endpoint_url=url
        )


def request(name: str) -> dict[str, Any]:
    answer = recorded("describe_labeling_job/completed.json")
    members = ("LabelAttributeName", "InputConfig", "RoleArn", "HumanTaskConfig")
    return {n: answer[n] for n in members} | {
        "LabelingJobName": name,
        "OutputConfig": {"S3OutputPath": "s3://example-bucket/"},
    }


def test_the_double_answers_for_a_missing_job_as_aws_does(double: Any) -> None:
    for operation in (double.describe_labeling_job, double.stop_labeling_job):
        with pytest.raises(ClientError) as caught:
            operation(LabelingJobName="example-job")
        answer = recorded(NO_SUCH_JOB)
        error, status = caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert (error["Code"], error["Message"], status) == ("ValidationException", answer["body"]["message"], 400)


def test_the_doubles_description_has_the_members_of_aws(double: Any) -> None:
    double.create_labeling_job(**request("Example-Job"))
    with pytest.raises(double.exceptions.ResourceInUse):
        double.create_labeling_job(**request("example-job"))
    answer = double.describe_labeling_job(LabelingJobName="EXAMPLE-job")
    always = set(recorded("describe_labeling_job/in_progress.json")) & set(recorded(DESCRIPTIONS[0]))
    assert always | {"HumanTaskConfig"} <= set(answer)
    assert answer["LabelCounters"] == recorded("describe_labeling_job/in_progress.json")["LabelCounters"]
    assert answer["LabelingJobArn"].endswith("/example-job")
    assert answer["OutputConfig"]["KmsKeyId"] == ""
    double.stop_labeling_job(LabelingJobName="example-job")
    assert double.describe_labeling_job(LabelingJobName="example-job")["LabelingJobStatus"] == "Stopping"
    [listed] = double.list_labeling_jobs(StatusEquals="Stopping")["LabelingJobSummaryList"]
    assert set(MODEL.shape_for("LabelingJobSummary").required_members) <= set(listed)
    assert double.list_labeling_jobs(StatusEquals="Completed")["LabelingJobSummaryList"] == []


def test_no_stub_answers_for_a_missing_job_as_only_the_model_does() -> None:
    pattern = re.compile(r"add_client_error\(\s*\"(describe|stop)_labeling_job\",\s*\"ResourceNotFound")
    assert [path.name for path in TESTS.rglob("*.py") if pattern.search(path.read_text())] == []


def job() -> Any:
    return parse_labeling_job(recorded("describe_labeling_job/completed.json") | {"CreationTime": NOW.isoformat()})


def test_the_driver_sends_ground_truths_event() -> None:
    sent = documents.consolidation_event(job(), "s3://example-bucket/batch.json")
    captured = recorded("post_annotation/event_one_worker.json")
    assert set(captured) - set(sent) == {"vpcEnabled"}  # of jobs in a VPC
    assert set(sent) <= set(captured)
    assert {name: type(value) for name, value in sent.items()} == {name: type(captured[name]) for name in sent}
    assert sent["version"] == captured["version"]
    assert sent["outputConfig"].endswith("/example-job/annotations")


@pytest.mark.parametrize("path", ["payload_three_workers", "payload_one_worker", "payload_text_unordered"])
def test_the_driver_sends_ground_truths_batch(path: str) -> None:
    captured = recorded(f"post_annotation/{path}.json")
    objects = []
    for entry in captured:
        key, value = next(iter(entry["dataObject"].items()))
        data_object = {"source-ref" if key == "s3Uri" else "source": value}
        answers = {a["workerId"]: json.loads(a["annotationData"]["content"]) for a in entry["annotations"]}
        objects.append((ManifestLine(entry["datasetObjectId"], b"", data_object), answers))
    made = documents.consolidation_request(objects)
    assert [{**o, "annotations": [_parsed(a) for a in o["annotations"]]} for o in made] == [
        {**o, "annotations": [_parsed(a) for a in o["annotations"]]} for o in captured
    ]


def _parsed(annotation: dict[str, Any]) -> dict[str, Any]:
    return {"workerId": annotation["workerId"], "content": json.loads(annotation["annotationData"]["content"])}


@pytest.mark.parametrize("path", [p for p in files("worker_response") if "oidc" not in p])
def test_the_driver_writes_ground_truths_worker_response(path: str) -> None:
    """AWS writes one file with the answers of all workers; ours has one answer. Identity data stay out of ours."""
    captured = recorded(path)
    assert len(documents.parse_worker_response((RECORDED / path).read_bytes())) == int(path.split("/")[1][0])
    for answer in captured["answers"]:
        accepted, submitted = (datetime.fromisoformat(answer[n]) for n in ("acceptanceTime", "submissionTime"))
        made = documents.worker_response(WorkerAnswer(answer["workerId"], answer["answerContent"], accepted, submitted))
        assert made["answers"] == [{name: value for name, value in answer.items() if name != "workerMetadata"}]


def test_the_driver_writes_ground_truths_metadata() -> None:
    line = ManifestLine("0", b'{"source-ref": "s3://example-bucket/0.jpg"}', {})
    done = json.loads(documents.output_line(line, "mock_job_name", "mock_job_name", Label(msgspec.Raw(b"{}"), NOW)))
    failed = json.loads(documents.output_line(line, "mock_job_name", "mock_job_name", failure=documents.EXPIRED))
    captured = [json.loads(text) for text in (RECORDED / "manifests/expired_tasks.jsonl").read_text().splitlines()]
    for made, sent in ((done, captured[0]), (failed, captured[1])):
        mine, theirs = made["mock_job_name-metadata"], sent["mock_job_name-metadata"]
        assert {name: type(value) for name, value in mine.items()} == {
            name: type(value) for name, value in theirs.items()
        }
        assert mine["human-annotated"] == theirs["human-annotated"]
        assert ("mock_job_name" in made) == ("mock_job_name" in sent)
    assert len(done["mock_job_name-metadata"]["creation-date"]) == len("2021-11-01T17:42:26.177000")
