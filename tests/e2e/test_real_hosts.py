"""The whole loop under AWS's real host names, as on AWS: no endpoint variable, TLS, SigV4 checked, IAM enforced.

The functions are those that `sam build` built, run in Lambda's environment. Ground Truth's part is played here with the
shapes that tests/recorded holds; SageMaker's API by its double. Everything else is the emulator.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from loop import SECRET, SKELETON, Loop, draw, face
from real_hosts import FunctionError, RealHosts, real_hosts

import sagemaker
from evidence import recorded
from job_runner import file_name
from sagemaker import SageMaker
from truepoint.demo.deployed_portal import forget_jobs
from truepoint.demo.scripted_workers import store_answers
from truepoint.keys import job_keys, split_s3_uri
from truepoint.tasks import documents, output_layout
from truepoint.tasks.documents import ManifestLine, WorkerAnswer
from truepoint.tasks.labeling_job import parse_labeling_job

NAME = "real-hosts"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
WORKTEAM = "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/team"
COMPLETED = "events/completed_2023.json"


@pytest.fixture(scope="module")
def hosts(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHosts]:
    with real_hosts(loop, tmp_path_factory.mktemp("hosts")) as hosts, sagemaker.serve() as url, hosts.sagemaker_at(url):
        yield hosts


@pytest.fixture(scope="module")
def ended(hosts: RealHosts) -> dict[str, Any]:
    """Ground Truth's event of a job that two workers labelled, made by our script and consolidated by our functions."""
    photos = hosts.folder / "photos"
    photos.mkdir()
    for name in ("a.png", "b c+ü%.png"):
        draw(photos / name)
    skeleton = hosts.folder / "face.json"
    skeleton.write_text(json.dumps(SKELETON))
    said = hosts.script(
        "create_labeling_job.py",
        photos,
        "--name",
        NAME,
        "--skeleton",
        skeleton,
        "--workteam-arn",
        WORKTEAM,
        "--workers",
        2,
    )
    assert "created: 2 images" in said
    assert "InProgress" in hosts.script("job_status.py", NAME)
    request = SageMaker.jobs[NAME]
    job = parse_labeling_job({**request, "CreationTime": NOW.isoformat(), "LastModifiedTime": NOW.isoformat()})
    manifest = hosts.loop.read(split_s3_uri(job.manifest_uri)[1])
    lines = list(documents.read_manifest(manifest))
    with hosts.function("PreAnnotationFunction", "pre_annotation.handler") as pre_annotation:
        for line in lines:
            event = {"version": "2018-10-16", "labelingJobArn": job.arn, "dataObject": line.data_object}
            answer = pre_annotation(event)
            assert answer["isHumanAnnotationRequired"] is True
            assert answer["taskInput"]["image_s3_uri"] == line.data_object["source-ref"]
    labels = consolidated(hosts, job, lines)
    made = [json.dumps({**line.data_object, **labels[line.object_id]}) for line in lines]
    put(hosts, f"output/{NAME}/{output_layout.OUTPUT_MANIFEST}", "\n".join(made) + "\n")
    request |= {
        "LabelingJobStatus": "Completed",
        "LastModifiedTime": (datetime.now(UTC) - timedelta(hours=2)).timestamp(),
        "LabelCounters": request["LabelCounters"] | {"TotalLabeled": 2, "HumanLabeled": 2},
        "LabelingJobOutput": {
            "OutputDatasetS3Uri": f"s3://{hosts.loop.stack.bucket}/output/{NAME}/{output_layout.OUTPUT_MANIFEST}"
        },
    }
    return recorded(COMPLETED) | {"resources": [job.arn], "region": "us-east-1"}


def consolidated(hosts: RealHosts, job: Any, lines: list[ManifestLine]) -> dict[str, dict[str, Any]]:
    """What post_annotation makes of two workers' answers, as attributes of each line of the output manifest."""
    marks = {"private.us-east-1.a": face(100, 80), "private.us-east-1.b": face(101, 81)}
    batch = []
    for line in lines:
        answers = {}
        for worker, instance in marks.items():
            content = {"updated_annotations": json.dumps([instance]), "image_s3_uri": line.data_object["source-ref"]}
            body = json.dumps(documents.worker_response(WorkerAnswer(worker, content, NOW, NOW)))
            put(hosts, f"output/{NAME}/{output_layout.WORKER_RESPONSES}{line.object_id}/{file_name(NOW)}", body)
            answers[worker] = content
        batch.append((line, answers))
    key = f"output/{NAME}/{output_layout.CONSOLIDATION_REQUESTS}{file_name(NOW)}"
    put(hosts, key, json.dumps(documents.consolidation_request(batch)))
    event = documents.consolidation_event(job, f"s3://{hosts.loop.stack.bucket}/{key}")
    with hosts.function("PostAnnotationFunction", "post_annotation.handler") as post_annotation:
        response = post_annotation(event)
    metadata = {
        f"{job.label_attribute}-metadata": {"type": "groundtruth/custom", "job-name": NAME, "human-annotated": "yes"}
    }
    return {r["datasetObjectId"]: r["consolidatedAnnotation"]["content"] | metadata for r in response}


def put(hosts: RealHosts, key: str, body: str) -> None:
    hosts.loop.s3.put_object(Bucket=hosts.loop.stack.bucket, Key=key, Body=body.encode())


def check_results(hosts: RealHosts) -> None:
    results = hosts.loop.results(NAME)
    assert (results["labeling_job_status"], results["lines"], results["written"]) == ("Completed", 2, 2)
    coco = json.loads(hosts.loop.read(job_keys(NAME).results + "coco.json"))
    assert [image["file_name"] for image in coco["images"]] == ["a.png", "b c+ü%.png"]
    nose = coco["annotations"][0]["keypoints"][:3]
    assert nose[2] == 2
    assert 100 < nose[0] < 101.2
    assert 80 < nose[1] < 81.4


def test_a_job_of_ground_truth_becomes_results(hosts: RealHosts, ended: dict[str, Any]) -> None:
    with hosts.function("JobCompletionFunction", "job_completion.handler", USES_GROUND_TRUTH="yes") as job_completion:
        assert job_completion(ended)["written"] == 2
        assert job_completion(ended)["written"] == 2  # Ground Truth's events may come twice
    check_results(hosts)
    assert "Completed" in hosts.script("job_status.py", NAME)
    hosts.script("download_results.py", NAME, hosts.folder / "downloaded")
    assert json.loads((hosts.folder / "downloaded" / "results.json").read_text()) == hosts.loop.results(NAME)


def test_two_processes_share_the_ranges(hosts: RealHosts, ended: dict[str, Any]) -> None:
    hosts.loop.s3.delete_object(Bucket=hosts.loop.stack.bucket, Key=job_keys(NAME).results_marker)
    log = hosts.folder / "JobCompletionFunction.log"
    with hosts.function("JobCompletionFunction", "job_completion.handler", LARGEST_RANGE="1") as job_completion:
        before = log.stat().st_size
        assert job_completion(ended)["written"] == 2
    assert "second process" not in log.read_text()[before:]
    check_results(hosts)


def test_every_step_of_a_large_job(hosts: RealHosts, ended: dict[str, Any]) -> None:
    hosts.loop.s3.delete_object(Bucket=hosts.loop.stack.bucket, Key=job_keys(NAME).results_marker)
    with hosts.function(
        "JobCompletionFunction", "job_completion.handler", USES_GROUND_TRUTH="yes", LARGEST_AT_ONCE="1"
    ) as job_completion:
        handed_over = job_completion(ended)["handed_over"]
    hosts.loop.execution(handed_over)
    given = json.loads(hosts.loop.client("stepfunctions").describe_execution(executionArn=handed_over)["input"])
    hosts.loop.s3.delete_object(Bucket=hosts.loop.stack.bucket, Key=job_keys(NAME).results_marker)
    with hosts.function("ResultsStepFunction", "results_step.handler", LARGEST_RANGE="1") as step:
        plan = step({"step": "plan", "job": given["job"]})
        assert plan["ranges"] == [0, 1]
        for name in ("survey", "join", "label", "merge"):
            for part in plan["ranges"] if name in ("survey", "label") else [0]:
                answer = step({"step": name, "run": plan["run"], "range": part})
                assert answer == ({"unfinished": False} if name in ("survey", "label") else {})
        assert step({"step": "announce", "run": plan["run"]})["written"] == 2
        with pytest.raises(FunctionError, match="StepError"):
            step({"step": "another"})
    check_results(hosts)


def test_the_sweep_finds_a_job_whose_event_was_lost(hosts: RealHosts, ended: dict[str, Any]) -> None:
    hosts.loop.s3.delete_object(Bucket=hosts.loop.stack.bucket, Key=job_keys(NAME).results_marker)
    with hosts.function("SweepFunction", "sweep.handler", USES_GROUND_TRUTH="yes") as sweep:
        assert NAME in sweep({})["announced"]


def test_a_missing_job_is_recognised_from_the_recorded_response(hosts: RealHosts) -> None:
    """DescribeLabelingJob answers ValidationException: nothing that is not there can be taken for an error."""
    with pytest.raises(AssertionError, match="there is no job 'nobody'"):
        hosts.script("job_status.py", "nobody")


def test_a_job_outside_ground_truth(hosts: RealHosts) -> None:
    """The tick as it runs on AWS loads the job, consolidates the answers and ends the job."""
    name = "real-hosts-outside"
    job = hosts.loop.job(name, images=1)
    assert store_answers(job, {"one": {"0.png": [face(50, 40)]}}, SECRET) == (1, True)
    forget_jobs(hosts.loop.emulator, hosts.loop.stack.portal_table)
    with hosts.function("PortalTickFunction", "portal_tick.handler") as tick:
        assert name in tick({})["loaded"]
        assert tick({})["moved"][name]["ended"]
    assert job.described.status == "Completed"
    assert job.wait_for_results()

    before = hosts.loop.results(name)
    assert name in hosts.script("rerun_results.py", "--job", name, "--force")
    assert hosts.loop.results(name) == before
    assert name not in hosts.script("rerun_results.py", "--all-missing", "--dry-run")
    hosts.script("redrive.py", "--dry-run")


def test_the_deployment_publishes_the_element(hosts: RealHosts) -> None:
    """CloudFormation hands out a presigned PUT, as AWS documents for custom resources."""
    bucket = hosts.loop.stack.bucket
    s3 = hosts.loop.session.client(
        "s3",
        endpoint_url=f"https://s3.{hosts.loop.stack.region}.amazonaws.com",
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )
    answer_url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "tmp/answer.json"})
    event = {
        "RequestType": "Update",
        "ResponseURL": answer_url,
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/truepoint/1",
        "RequestId": "1",
        "LogicalResourceId": "UiBundle",
        "PhysicalResourceId": "ui-bundle",
        "ResourceProperties": {"BucketName": bucket},
    }
    with hosts.function("UiPublisherFunction", "publisher.handler") as publisher:
        publisher(event)
    answer = json.loads(hosts.loop.read("tmp/answer.json"))
    assert answer["Status"] == "SUCCESS", answer
    assert hosts.loop.stack.script_url.endswith(answer["Data"]["Key"])
    assert answer["Data"]["Integrity"] == hosts.loop.stack.script_integrity


def test_every_host_was_reached(hosts: RealHosts, ended: dict[str, Any]) -> None:
    """The last test of this file: what came through the proxy."""
    came = " ".join(sorted(hosts.came()))
    for service in ("s3", "api.sagemaker", "events", "states", "lambda", "dynamodb", "cloudformation", "sqs"):
        assert f"{service}.us-east-1.amazonaws.com" in came or f"{service}.amazonaws.com" in came, came
