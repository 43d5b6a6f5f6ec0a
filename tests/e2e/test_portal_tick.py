"""The deployed tick, with IAM enforced: a job from its creation to its results, and every right of its role in turn."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from deployment import deployed_emulator, label_soon

from portal_jobs import description, put_manifest
from portal_site import ADA, Site
from truepoint.adapters.bucket import Bucket
from truepoint.demo.deployed_portal import PARAMETERS
from truepoint.emulator.emulator import Emulator
from truepoint.emulator.local_stack import function_log
from truepoint.jobs.stack import StackOutputs, read_stack
from truepoint.task_queue.table import Table
from truepoint.tasks.lead_actions import REOPENED_SECONDS

LINES = 200
PADDING = "x" * 45_000
"""Makes a manifest of 9 MB, whose output is written in segments."""


class Stand:
    """The emulator with a stack that has a portal."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.stack: StackOutputs = read_stack(self.client("cloudformation"))
        resource = self.client("cloudformation").describe_stack_resource(
            StackName="truepoint", LogicalResourceId="PortalTickFunction"
        )
        self.function = resource["StackResourceDetail"]["PhysicalResourceId"]

    def client(self, service: str) -> Any:
        return self.emulator.session().client(service, endpoint_url=self.emulator.endpoint)

    def tick(self) -> bool:
        """Invoke the function, and return whether it returned."""
        answer = self.client("lambda").invoke(FunctionName=self.function, Payload=b"{}")
        answer["Payload"].read()
        return "FunctionError" not in answer

    def log(self) -> str:
        return function_log(self.emulator, self.function)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with deployed_emulator(tmp_path_factory, PARAMETERS) as emulator:
        label_soon(emulator)
        yield Stand(emulator)


@pytest.fixture
def account(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the account's root: it does what workers and leads do."""
    for name, value in stand.emulator.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


class Life:
    """A job's life, from its creation to its reopening. Its clock is behind, so that nothing waits."""

    def __init__(self, stand: Stand, name: str) -> None:
        self.stand = stand
        self.site = Site(Bucket(stand.stack.bucket), Table(stand.stack.portal_table), name)
        self.site.now = time.time() - 2 * REOPENED_SECONDS
        images = f"s3://{stand.stack.bucket}/jobs/{name}/images"
        lines = [{"source-ref": f"{images}/{n}.jpg", "padding": PADDING} for n in range(LINES)]
        put_manifest(self.site.bucket, b"\n".join(json.dumps(line).encode() for line in lines), name)
        self.site.bucket.write(f"jobs/{name}/gold.json", b'{"0.jpg": []}', "application/json")
        document = description(stand.stack.bucket, name, workers=1, CreationTime="2026-11-29T00:00:00+00:00")
        task = document["HumanTaskConfig"]
        task["PreHumanTaskLambdaArn"] = stand.stack.pre_annotation_arn
        task["AnnotationConsolidationConfig"]["AnnotationConsolidationLambdaArn"] = stand.stack.post_annotation_arn
        text = json.dumps(document).encode()
        self.site.bucket.write(f"jobs/{name}/labeling_job.json", text, "application/json")

    def go_on(self) -> bool:
        """Go on from wherever the job is, and return whether it has reached the end of its life."""
        site = self.site
        if not self._is_loaded():
            self.stand.tick()
            if not self._is_loaded():
                return False
        if not site.job.is_ended and site.job.generation == 0:
            if site.job.status == "InProgress":
                site.take(ADA)
                site.submit(0, said="[]")
                site.lead.finish(site.job, site.now)
            self.stand.tick()
            if not site.job.is_ended:
                return False
        if site.job.generation == 0:
            site.bucket.write(f"results/{site.key}/results.json", b"{}", "application/json")
            site.lead.reopen(site.job, 100, site.now)
        self.stand.tick()
        return site.state.generation == 1

    def _is_loaded(self) -> bool:
        try:
            return self.site.job.open == LINES
        except KeyError:
            return False


def test_a_job_becomes_results(stand: Stand, account: None) -> None:
    life = Life(stand, "whole-life")
    assert life.go_on(), stand.log()
    output = life.site.output()
    assert len(output) == LINES
    assert [n for n, line in enumerate(output) if "keypoints" in line] == [0]
    assert life.site.row(ADA).gold_answers == 1
    assert list(life.site.bucket.keys("tmp/portal/whole-life", "")) == []


@contextmanager
def without(stand: Stand, sid: str) -> Iterator[None]:
    """The tick's role without one statement."""
    iam = stand.client("iam")
    role = stand.client("cloudformation").describe_stack_resource(
        StackName="truepoint", LogicalResourceId="PortalTickRole"
    )
    name = role["StackResourceDetail"]["PhysicalResourceId"]
    [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    kept = [statement for statement in document["Statement"] if statement["Sid"] != sid]
    assert len(kept) == len(document["Statement"]) - 1, sid
    less = json.dumps(document | {"Statement": kept})
    iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=less)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


@pytest.mark.parametrize(
    "sid",
    [
        "KeepTheQueue",
        "InvokeTheTwoFunctions",
        "SeeJobsAndAnswers",
        "ReadJobs",
        "KeepJobs",
        "ReadAnswersAndLabels",
        "KeepRequestsAndLabels",
        "WriteOutput",
        "KeepPartsOfOutput",
        "WithdrawResults",
        "AnnounceEndedJobs",
    ],
)
def test_each_right_is_needed(stand: Stand, account: None, sid: str) -> None:
    life = Life(stand, f"without-{sid.lower()}")
    with without(stand, sid):
        assert not life.go_on()
    # A try that failed waits a while.
    for _ in range(3):
        if life.go_on():
            return
        time.sleep(1)
    raise AssertionError(stand.log())
