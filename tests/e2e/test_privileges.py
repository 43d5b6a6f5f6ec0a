"""Least privilege, by experiment, with IAM enforced.

Every statement of every role is taken away in turn, and what it is for must fail; given back, it must work. Statements
for what no emulator has (SageMaker, X-Ray, Ground Truth's own logs) or does by a role (Step Functions) are held by
tests/template.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from botocore.exceptions import ClientError
from loop import Loop, face

from job_runner import JobRunner, description_uri
from truepoint.groundtruth.anchoring import record_name
from truepoint.groundtruth.job import read_description
from truepoint.keys import job_keys


class DeniedError(Exception):
    """What was tried did not work."""


@contextmanager
def without(loop: Loop, role: str, sid: str) -> Iterator[None]:
    """The role, given by its name in the template, without one statement."""
    iam = loop.client("iam")
    name = loop.resource(role)
    [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    kept = [s for s in document["Statement"] if s["Sid"] != sid]
    assert len(kept) == len(document["Statement"]) - 1, f"{role} has no statement {sid}"
    less = json.dumps(document | {"Statement": kept})
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=less)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def invoke(loop: Loop, function: str, event: Any) -> Any:
    """A function of the template, called and waited for."""
    client = loop.client("lambda")
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise DeniedError(payload["errorMessage"])
    return payload


@pytest.fixture(scope="module")
def job(loop: Loop) -> str:
    """A job that went well, to repeat steps of."""
    loop.run(loop.job("privileged", images=1), {"ada": {"0.png": [face(9, 9)]}})
    return "privileged"


def publish(loop: Loop, _job: str) -> None:
    """What CloudFormation does when the element has changed."""
    answers: list[Any] = []

    class CloudFormation(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

    key = loop.stack.script_url.split("/", 3)[3]
    element = loop.read(key)
    loop.s3.delete_object(Bucket=loop.stack.bucket, Key=key)
    try:
        with HTTPServer(("127.0.0.1", 0), CloudFormation) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            request = {
                "RequestType": "Update", "ResponseURL": f"http://127.0.0.1:{server.server_port}/", "StackId": "s",
                "RequestId": "r", "LogicalResourceId": "UiBundle", "PhysicalResourceId": "ui-bundle",
                "ResourceProperties": {"BucketName": loop.stack.bucket},
            }  # fmt: skip
            invoke(loop, loop.resource("UiPublisherFunction"), request)
            thread.join()
        if answers[0]["Status"] != "SUCCESS":
            raise DeniedError(answers[0]["Reason"])
        assert loop.read(answers[0]["Data"]["Key"]) == element
    finally:
        loop.s3.put_object(
            Bucket=loop.stack.bucket, Key=key, Body=element, ContentType="application/javascript; charset=UTF-8"
        )


def consolidate(loop: Loop, job: str, note: str = "") -> list[Any]:
    """What Ground Truth does with a batch of answers; `note` makes one of any size."""
    folder = f"output/{job}/annotations/consolidated-annotation/"
    key = folder + "consolidation-request/iteration-1/2026-11-18_02:19:51.json"
    answer = {"updated_annotations": json.dumps([face(9, 9, note=note)]), "total_time_in_seconds": "1"}
    answers = [{"workerId": w, "annotationData": {"content": json.dumps(answer)}} for w in ("w1", "w2")]
    source = {"s3Uri": f"s3://{loop.stack.bucket}/jobs/{job}/images/0.png"}
    batch = [{"datasetObjectId": "0", "dataObject": source, "annotations": answers}]
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=key, Body=json.dumps(batch).encode())
    event = {"labelAttributeName": "keypoints", "payload": {"s3Uri": f"s3://{loop.stack.bucket}/{key}"}}
    return list(invoke(loop, loop.stack.post_annotation_arn, event))


def consolidate_treated(loop: Loop, job: str) -> None:
    """A batch of a job that measures anchoring, with a wrong pre-label that the workers left."""
    given, nothing = face(9, 9), {"label": "nose", "x": 60.0, "y": 60.0}
    shown = given | {"annotations": [nothing, *given["annotations"][1:]]}
    error = {"kind": "moved", "instance": 0, "labels": ["nose"]}
    record = {"version": "1.0", "treatment": "seeded", "given": [given], "shown": [shown], "error": error}
    settings = {"version": "1.0", "seed": 32 * "s", "withheld": 0.0, "seeded": 1.0}
    keys = job_keys(job)
    documents = {keys.anchoring: settings, f"{keys.anchoring_records}{record_name('0.png')}": record}
    for key, document in documents.items():
        loop.s3.put_object(Bucket=loop.stack.bucket, Key=key, Body=json.dumps(document).encode())
    try:
        [label] = consolidate(loop, job)
    finally:
        for key in documents:
            loop.s3.delete_object(Bucket=loop.stack.bucket, Key=key)
    assert {w["anchoring"]["kind"] for w in label["consolidatedAnnotation"]["content"]["keypoints"]["workers"]} == {
        "moved"
    }


def consolidate_much(loop: Loop, job: str) -> None:
    """A batch whose response would be too large for Lambda."""
    [label] = consolidate(loop, job, note="x" * 4_000_000)
    assert "annotation_s3_uri" in json.dumps(label)


def change_manifest(loop: Loop, job: str) -> None:
    """Give the manifest another second line, and leave a file of a line that it does not have."""
    manifest = f"output/{job}/manifests/output/output.manifest"
    first = loop.read(manifest).splitlines()[0]
    second = json.dumps({"source-ref": f"s3://{loop.stack.bucket}/jobs/{job}/images/{uuid4()}.png"}).encode()
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=manifest, Body=first + b"\n" + second + b"\n")
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=gone(job), Body=b"{}")
    loop.s3.delete_object(Bucket=loop.stack.bucket, Key=job_keys(job).write_lock)  # as if the results were a week old


def gone(job: str) -> str:
    """A file of a line that there is no longer."""
    return f"results/{job}/annotations/0009999-gone.json"


def check(loop: Loop, job: str, answer: Any) -> None:
    """Whether results are all there."""
    if answer["lines"] != 2:
        raise DeniedError(f"expected results of two lines, got {answer['lines']}")
    if answer["skeleton"]["source"] != "file":
        raise DeniedError("the skeleton was not found")
    if gone(job) in loop.keys(f"results/{job}/"):
        raise DeniedError("a file that is no result is still there")


def complete(loop: Loop, job: str) -> None:
    """What EventBridge does when a job has ended, after its manifest has changed."""
    change_manifest(loop, job)
    check(loop, job, invoke(loop, loop.stack.job_completion_arn, loop.ended(job)))


def hand_over(loop: Loop, job: str) -> None:
    """The same twice, of a job that is too large for one invocation."""
    change_manifest(loop, job)
    try:
        with loop.everything_is_large():
            answers = [invoke(loop, loop.stack.job_completion_arn, loop.ended(job)) for _ in range(2)]
        assert answers[0] == answers[1]
        assert loop.execution(answers[0]["handed_over"])["status"] == "SUCCEEDED"
    finally:
        loop.idle()


def make_steps(loop: Loop, job: str) -> None:
    """What the state machine does, which no emulator lets fail by its own role."""
    change_manifest(loop, job)
    step = loop.resource("ResultsStepFunction")
    described = msgspec.to_builtins(read_description(loop.ended(job)["detail"]["LabelingJob"]))
    run = {"run": invoke(loop, step, {"step": "plan", "job": described})["run"]}
    for event in ({"step": "survey", "range": 0}, {"step": "join"}, {"step": "label", "range": 0}, {"step": "merge"}):
        invoke(loop, step, event | run)
    check(loop, job, invoke(loop, step, {"step": "announce"} | run))


def run(loop: Loop, _job: str) -> None:
    """A whole job, by a job runner with the job execution role."""
    name = f"run-{uuid4().hex[:8]}"
    loop.job(name, images=1)
    runner = JobRunner(loop.execution_role(), loop.emulator.endpoint)
    try:
        runner.run(description_uri(loop.stack.bucket, name), {"ada": {"0.png": [face(9, 9)]}})
    except ClientError as error:
        raise DeniedError(str(error)) from error
    finally:
        # The portal's ticks need not bring it forward.
        loop.change_description(name, {"LabelingJobStatus": "Stopped"})


def show(loop: Loop, job: str) -> None:
    """Read a finished job's results as a job runner."""
    runner = JobRunner(loop.execution_role(), loop.emulator.endpoint)
    try:
        assert json.loads(runner.read(f"s3://{loop.stack.bucket}/results/{job}/results.json"))["lines"]
    except ClientError as error:
        raise DeniedError(str(error)) from error


def sweep(loop: Loop, job: str) -> None:
    """What the schedule does, for a job whose results are not there."""
    loop.s3.delete_object(Bucket=loop.stack.bucket, Key=f"results/{job}/results.json")
    ended = (datetime.now(UTC) - timedelta(hours=2)).isoformat(timespec="milliseconds")
    loop.change_description(job, {"LastModifiedTime": ended})
    try:
        if job not in invoke(loop, loop.stack.sweep_arn, {})["announced"]:
            raise DeniedError("the job was not found")
        # The event that the sweep put makes the results. Without this wait they would come during a later test.
        marker = {"Bucket": loop.stack.bucket, "Key": f"results/{job}/results.json"}
        loop.s3.get_waiter("object_exists").wait(**marker, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    finally:
        complete(loop, job)


ROLES: dict[str, dict[str, Callable[[Loop, str], object]]] = {
    "UiPublisherRole": {"WriteTheElement": publish, "SeeWhatIsPublished": publish},
    "PostAnnotationRole": {
        "ReadAnswers": consolidate,
        "StoreLargeAnnotations": consolidate_much,
        "ReadSkeleton": consolidate,
        "ReadAnchoring": consolidate_treated,
        "SeeWhetherThereIsASkeleton": consolidate,
    },
    "JobCompletionRole": {
        "ReadJobsRunOutsideGroundTruth": complete,
        "ReadManifestAndSkeleton": complete,
        "SeeWhatIsThere": complete,
        "WriteResults": complete,
        "ReplaceTheCompletionMarker": complete,
        "RemoveFilesOfLinesThatAreGone": complete,
        "KeepPartsUntilTheyAreMerged": complete,
        "AnnounceResults": complete,
        "HandOverLargeJobs": hand_over,
        "SeeWhetherAJobIsHandedOver": hand_over,
    },
    "ResultsStepRole": {
        "ReadManifestAndSkeleton": make_steps,
        "SeeWhatIsThere": make_steps,
        "WriteResults": make_steps,
        "ReplaceTheCompletionMarker": make_steps,
        "RemoveFilesOfLinesThatAreGone": make_steps,
        "KeepPartsUntilTheyAreMerged": make_steps,
        "AnnounceResults": make_steps,
    },
    "SweepRole": {
        "SeeJobsAndResults": sweep,
        "ReadJobsRunOutsideGroundTruth": sweep,
        "AnnounceEndedJobs": sweep,
    },
    "LabelingJobExecutionRole": {
        "InvokeTheTwoFunctions": run,
        "ReadInputs": run,
        "WriteOutput": run,
        "ListJobs": run,
        "KeepJobsRunOutsideGroundTruth": run,
        "AnnounceJobsRunOutsideGroundTruth": run,
        "ShowResultsOfJobsRunOutsideGroundTruth": show,
    },
}


@pytest.mark.parametrize(("role", "sid"), [(role, sid) for role, sids in ROLES.items() for sid in sids])
def test_the_operation_fails_without_its_policy_statement(loop: Loop, job: str, role: str, sid: str) -> None:
    attempt = ROLES[role][sid]
    attempt(loop, job)
    with without(loop, role, sid), pytest.raises(DeniedError):
        attempt(loop, job)
    attempt(loop, job)
