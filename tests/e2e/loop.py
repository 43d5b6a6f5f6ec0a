"""Makes jobs in the deployed stack and reads what comes out of them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from deployment import PROJECT
from PIL import Image, ImageDraw

from truepoint.demo.deployed_portal import Ticks
from truepoint.demo.scripted_workers import reload_job, store_answers
from truepoint.demo.stored_job import StoredJob
from truepoint.emulator.emulator import Emulator
from truepoint.groundtruth.job import ENDED, SOURCE
from truepoint.jobs.images import images_in_folder
from truepoint.jobs.launch import Document, create_outside_ground_truth, prepare_job
from truepoint.jobs.prelabels import Instances
from truepoint.jobs.request import JobSettings
from truepoint.jobs.stack import StackOutputs
from truepoint.keys import job_keys
from truepoint.pose.skeleton import parse_skeleton
from truepoint.task_queue import rows

VENV = Path(sys.executable).parent
SECRET = b"secret"
SIZE = (640, 480)
END_SECONDS = 120
EXECUTION_SECONDS = 240
"""With a step that fails: it is tried again four times, after up to three minutes in all."""
SKELETON = {
    "version": "1.0",
    "name": "face",
    "keypoints": [
        {"name": "nose", "sigma": 0.03, "template": [10, 10]},
        {"name": "left_eye", "pair": "right_eye", "sigma": 0.03, "template": [14, 6]},
        {"name": "right_eye", "pair": "left_eye", "sigma": 0.03, "template": [6, 6]},
    ],
    "edges": [["nose", "left_eye"], ["nose", "right_eye"]],
}


def face(x: float, y: float, **changes: Any) -> dict[str, Any]:
    """An instance whose coordinates have many digits, one keypoint occluded."""
    return {
        "id": "n1",
        "name": "",
        "annotations": [
            {"label": "nose", "x": x + 0.123456789, "y": y + 1 / 3, "visibility": 2},
            {"label": "left_eye", "x": x + 4.5, "y": y - 4.25, "visibility": 1},
            {"label": "right_eye", "x": x - 4.5, "y": y - 4.25, "visibility": 2},
        ],
        **changes,
    }


def draw(path: Path, marks: tuple[tuple[float, float], ...] = ()) -> None:
    """A plain picture with magenta discs at the marks (image pixels)."""
    image = Image.new("RGB", SIZE, "#dfe5e8")
    pen = ImageDraw.Draw(image)
    for x, y in marks:
        # Pixel n covers n to n+1, so a disc around a corner of four pixels has its centre there.
        pen.ellipse((x - 4, y - 4, x + 3, y + 3), fill="#ff00ff")
    image.save(path)


@dataclass
class Loop:
    """The deployed stack and what tests do with it; `deployed` is a copy of its state from before any job."""

    emulator: Emulator
    stack: StackOutputs
    deployed: Path
    _folders: pytest.TempPathFactory
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A service of the account, as its root. Each is made once, which takes a fifth of a second."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, endpoint_url=self.emulator.endpoint)
        return self._clients[service]

    @property
    def s3(self) -> Any:
        """S3 as the account's root."""
        return self.client("s3")

    @property
    def session(self) -> boto3.Session:
        """The account's root."""
        return self.emulator.session()

    def session_as(self, role: str) -> boto3.Session:
        """A session that may do what a role of the template may; a copy of the role, because it trusts Lambda only."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        deployed, copy = self.resource(role), f"as-{role}"
        try:
            arn = iam.create_role(RoleName=copy, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        except iam.exceptions.EntityAlreadyExistsException:
            arn = iam.get_role(RoleName=copy)["Role"]["Arn"]
        for policy in iam.list_role_policies(RoleName=deployed)["PolicyNames"]:
            statements = iam.get_role_policy(RoleName=deployed, PolicyName=policy)["PolicyDocument"]
            iam.put_role_policy(RoleName=copy, PolicyName=policy, PolicyDocument=json.dumps(statements))
        return self._assumed(arn)

    def execution_role(self) -> boto3.Session:
        """A session of the job execution role, which the account's root may assume as a job runner."""
        return self._assumed(self.stack.execution_role_arn)

    def _assumed(self, arn: str) -> boto3.Session:
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return boto3.Session(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=self.stack.region
        )

    def job(
        self,
        name: str,
        *,
        images: int = 3,
        workers: int = 1,
        marks: tuple[tuple[float, float], ...] = (),
        prelabels: Mapping[str, Instances] | None = None,
        documents: Sequence[Document] = (),
        language: str = "en",
    ) -> StoredJob:
        """A new job over images 0.png, 1.png, …, ready to run."""
        folder = self._folders.mktemp("images")
        for number in range(images):
            draw(folder / f"{number}.png", marks)
        template = (PROJECT / "src/ui/worker-task.liquid.html").read_text()
        settings = JobSettings(name=name, workers_per_object=workers, language=language)
        skeleton = parse_skeleton(json.dumps(SKELETON))
        prepared = prepare_job(
            settings,
            self.stack,
            skeleton,
            images_in_folder(folder).images,
            template_source=template,
            prelabels=prelabels,
            documents=documents,
        )
        create_outside_ground_truth(prepared, self.s3, self.stack, datetime.now(UTC))
        return self.open(name)

    def open(self, name: str) -> StoredJob:
        """A job as it is in the bucket now."""
        return StoredJob(self.emulator, self.stack.bucket, name)

    @property
    def ticks(self) -> Ticks:
        """Calls the function that advances the portal's jobs."""
        return Ticks(self.emulator, self.stack.portal_tick_arn)

    def change_description(self, name: str, change: Mapping[str, Any]) -> None:
        """Overwrite members of a job's description."""
        key = job_keys(name).labeling_job
        document = json.loads(self.read(key)) | change
        self.s3.put_object(Bucket=self.stack.bucket, Key=key, Body=json.dumps(document).encode())

    def answer(self, job: StoredJob, answers: Mapping[str, Mapping[str, Any]]) -> bool:
        """Scripted workers answer, and the portal knows of it; whether every image now has all its answers."""
        _, is_complete = store_answers(job, answers, SECRET)
        reload_job(self.emulator, job, self.stack.portal_table, self.ticks)
        return is_complete

    def run(self, job: StoredJob, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """Scripted workers answer, then the job ends: by itself if all is answered or its time is over, else it is
        stopped."""
        _, is_complete = store_answers(job, answers, SECRET)
        if not is_complete and job.described.deadline > datetime.now(UTC):
            job.stop()
        reload_job(self.emulator, job, self.stack.portal_table, self.ticks)
        self.end(job)

    def end(self, job: StoredJob) -> None:
        """Call ticks until a job has ended and its results are there."""
        deadline = time.monotonic() + END_SECONDS
        while not job.described.ended:
            assert time.monotonic() < deadline, f"{job.name} is still {job.described.status}"
            self.forget_requests(job)
            self.ticks.once()
        assert job.wait_for_results()

    def forget_requests(self, job: StoredJob) -> None:
        """Spare a job that is being ended the wait for requests that may still be under way. Here there are none."""
        pk, sk = rows.job_key(job.name.lower())
        table = self.client("dynamodb")
        with suppress(table.exceptions.ConditionalCheckFailedException):
            table.update_item(
                TableName=self.stack.portal_table,
                Key={"pk": {"S": pk}, "sk": {"S": sk}},
                UpdateExpression="SET drained = :zero",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":zero": {"N": "0"}},
            )

    def read(self, key: str) -> bytes:
        """An object of the stack's bucket."""
        return bytes(self.s3.get_object(Bucket=self.stack.bucket, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        """Keys below a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def output(self, name: str) -> list[dict[str, Any]]:
        """The lines of a job's output manifest."""
        return [json.loads(line) for line in self.read(job_keys(name).output_manifest).splitlines()]

    def resource(self, name: str) -> str:
        """The physical id of a resource of the template."""
        client = self.client("cloudformation")
        found = client.describe_stack_resource(StackName="truepoint", LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def ended(self, name: str) -> dict[str, Any]:
        """EventBridge's event that a job has ended."""
        description = json.loads(self.read(job_keys(name).labeling_job))
        return {
            "detail-type": ENDED, "source": SOURCE, "resources": [description["LabelingJobArn"]],
            "detail": {"LabelingJobStatus": "Completed", "LabelingJob": description},
        }  # fmt: skip

    @contextmanager
    def everything_is_large(self) -> Iterator[None]:
        """Every manifest goes to the state machine, each of its lines is a range, and a run waits for another for a
        second."""
        client = self.client("lambda")
        before = {}
        for name in ("JobCompletionFunction", "ResultsStepFunction"):
            function = self.resource(name)
            before[function] = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
            changed = before[function] | {"LARGEST_AT_ONCE": "1", "LARGEST_RANGE": "1", "SECONDS_BETWEEN_RUNS": "1"}
            client.update_function_configuration(FunctionName=function, Environment={"Variables": changed})
        try:
            yield
        finally:
            for function, variables in before.items():
                client.update_function_configuration(FunctionName=function, Environment={"Variables": variables})

    def idle(self) -> None:
        """Wait until no execution is under way."""
        client = self.client("stepfunctions")
        machine = self.resource("ResultsStateMachine")
        for found in client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
            self.execution(found["executionArn"])

    def execution(self, arn: str) -> dict[str, Any]:
        """An execution of the state machine, once it has ended."""
        client = self.client("stepfunctions")
        deadline = time.monotonic() + EXECUTION_SECONDS
        while (found := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{arn} is still running"
            time.sleep(0.1)
        return dict(found)

    def results(self, name: str) -> dict[str, Any]:
        """A job's results.json."""
        return dict(json.loads(self.read(job_keys(name).results_marker)))
