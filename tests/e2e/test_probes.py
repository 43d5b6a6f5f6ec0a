"""What each role can do is what this table says, and nothing else: every action is tried, with IAM enforced.

The actions are tried by a role of its own with the same policies, because a function's role trusts Lambda only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from loop import Loop

KEYS = (
    "jobs/x/input.manifest",
    "jobs/x/skeleton.json",
    "jobs/x/gold.json",
    "jobs/x/labeling_job.json",
    "jobs/x/images/a.png",
    "output/x/manifests/output/output.manifest",
    "output/x/annotations/worker-response/a.json",
    "output/x/annotations/consolidated-annotation/large/0.json",
    "output/x/manifests/intermediate/1/output.manifest",
    "results/x/results.json",
    "results/x/coco.json",
    "results/x/annotations/0.json",
    "tmp/results/x/plan.json",
    "ui/x/crowd-2d-skeleton.js",
    "tmp/x/a",
    "elsewhere",
    "jobs/x/anchoring.json",
    "jobs/x/anchoring/0.json",
)
PREFIXES = ("", "jobs/", "output/", "results/", "tmp/", "ui/")
FUNCTIONS = ("PreAnnotation", "PostAnnotation", "JobCompletion", "ResultsStep", "Sweep", "UiPublisher")
ANCHORING = set(KEYS[-2:])
JOBS, OUTPUT, RESULTS = {*KEYS[:5], *ANCHORING}, set(KEYS[5:9]), set(KEYS[9:12])
MAKE_RESULTS: dict[str, set[str]] = {
    "read": {KEYS[5], KEYS[7], KEYS[8], "jobs/x/skeleton.json", "jobs/x/gold.json", "results/x/results.json", KEYS[12]},
    "write": RESULTS | {"tmp/results/x/plan.json"},
    "delete": {"results/x/results.json", "results/x/annotations/0.json"},
    "list": {"jobs/", "output/", "results/"},
    "also": {"events:PutEvents"},
}

# By role: the keys it may read, write and delete, the prefixes it may list, and what else it may do.
MAY: dict[str, dict[str, set[str]]] = {
    "UiPublisherRole": {"write": {"ui/x/crowd-2d-skeleton.js"}, "list": {"ui/"}, "also": {"sqs:SendMessage"}},
    "PreAnnotationRole": {"also": {"sqs:SendMessage"}},
    "PostAnnotationRole": {
        "read": {KEYS[6], KEYS[7], "jobs/x/skeleton.json", *ANCHORING},
        "write": {KEYS[7]},
        "list": {"jobs/"},
        "also": {"sqs:SendMessage"},
    },
    "JobCompletionRole": MAKE_RESULTS | {
        "read": MAKE_RESULTS["read"] | {"jobs/x/labeling_job.json"},
        "also": {"events:PutEvents", "sqs:SendMessage", "states:StartExecution", "states:DescribeExecution"},
    },
    "ResultsStepRole": MAKE_RESULTS,
    "ResultsStateMachineRole": {"also": {"lambda:InvokeFunction ResultsStep", "logs:DescribeLogGroups"}},
    "SweepRole": {
        "read": {"jobs/x/labeling_job.json"},
        "list": {"jobs/", "results/"},
        "also": {"sqs:SendMessage", "events:PutEvents"},
    },
    "LabelingJobExecutionRole": {
        "read": JOBS | OUTPUT | RESULTS,
        "write": OUTPUT | {"jobs/x/labeling_job.json"},
        "list": set(PREFIXES),
        "also": {"lambda:InvokeFunction PreAnnotation", "lambda:InvokeFunction PostAnnotation", "events:PutEvents",
                 "s3:GetBucketLocation"},
    },
}  # fmt: skip
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}


@pytest.fixture(scope="module", params=MAY)
def role(request: pytest.FixtureRequest, loop: Loop) -> tuple[str, boto3.Session]:
    """The role's name in the template, and a session that may do what it may."""
    return request.param, loop.session_as(request.param)


def allowed(attempt: Callable[[], Any]) -> bool:
    """Whether IAM lets it through; what becomes of it then does not matter."""
    try:
        attempt()
    except ClientError as error:
        return error.response["Error"]["Code"] not in DENIED
    return True


def test_objects(loop: Loop, role: tuple[str, boto3.Session]) -> None:
    name, session = role
    s3, bucket = session.client("s3", endpoint_url=loop.emulator.endpoint), loop.stack.bucket
    may: dict[str, set[str]] = {
        "read": {k for k in KEYS if allowed(lambda k=k: s3.get_object(Bucket=bucket, Key=k))},
        "write": {k for k in KEYS if allowed(lambda k=k: s3.put_object(Bucket=bucket, Key=k, Body=b""))},
        "delete": {k for k in KEYS if allowed(lambda k=k: s3.delete_object(Bucket=bucket, Key=k))},
        "list": {p for p in PREFIXES if allowed(lambda p=p: s3.list_objects_v2(Bucket=bucket, Prefix=p))},
    }
    for key in may["write"]:
        loop.s3.delete_object(Bucket=bucket, Key=key)
    assert may == {what: MAY[name].get(what, set()) for what in may}


def test_everything_else(loop: Loop, role: tuple[str, boto3.Session]) -> None:
    name, session = role
    bucket, queue = loop.stack.bucket, loop.stack.dead_letter_queue_url

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=loop.emulator.endpoint)

    s3, iam, sqs, functions = client("s3"), client("iam"), client("sqs"), client("lambda")
    states, machine = client("stepfunctions"), loop.resource("ResultsStateMachine")
    execution = machine.replace(":stateMachine:", ":execution:") + ":probe"
    execution_role = loop.stack.execution_role_arn
    entry = {"Source": "truepoint.labeling", "DetailType": "probe", "Detail": "{}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    tried: dict[str, Callable[[], Any]] = {
        "s3:ListAllMyBuckets": s3.list_buckets,
        "s3:GetBucketLocation": lambda: s3.get_bucket_location(Bucket=bucket),
        "s3:ListBucketVersions": lambda: s3.list_object_versions(Bucket=bucket),
        "s3:GetBucketPolicy": lambda: s3.get_bucket_policy(Bucket=bucket),
        "s3:PutBucketPolicy": lambda: s3.put_bucket_policy(Bucket=bucket, Policy=document),
        "s3:DeleteBucketPolicy": lambda: s3.delete_bucket_policy(Bucket=bucket),
        "s3:DeleteBucket": lambda: s3.delete_bucket(Bucket=bucket),
        "s3:CreateBucket": lambda: s3.create_bucket(Bucket="probe"),
        "iam:PassRole": lambda: functions.create_function(
            FunctionName="probe", Role=execution_role, Code={"ZipFile": b""}, Runtime="python3.11", Handler="a.b"
        ),
        "iam:CreateRole": lambda: iam.create_role(RoleName="probe", AssumeRolePolicyDocument=document),
        "iam:PutRolePolicy": lambda: iam.put_role_policy(RoleName="probe", PolicyName="p", PolicyDocument=document),
        "sts:AssumeRole": lambda: client("sts").assume_role(RoleArn=execution_role, RoleSessionName="probe"),
        "sqs:SendMessage": lambda: sqs.send_message(QueueUrl=queue, MessageBody="probe"),
        "sqs:ReceiveMessage": lambda: sqs.receive_message(QueueUrl=queue),
        "sqs:PurgeQueue": lambda: sqs.purge_queue(QueueUrl=queue),
        "events:PutEvents": lambda: client("events").put_events(Entries=[entry]),
        "events:PutRule": lambda: client("events").put_rule(Name="probe", ScheduleExpression="rate(1 day)"),
        "events:ListRules": client("events").list_rules,
        "logs:DescribeLogGroups": client("logs").describe_log_groups,
        "cloudformation:DescribeStacks": client("cloudformation").describe_stacks,
        "lambda:ListFunctions": functions.list_functions,
        "lambda:UpdateFunctionCode": lambda: functions.update_function_code(FunctionName="probe", ZipFile=b""),
        "cloudfront:ListDistributions": client("cloudfront").list_distributions,
        "dynamodb:ListTables": client("dynamodb").list_tables,
        "secretsmanager:ListSecrets": client("secretsmanager").list_secrets,
        "states:ListStateMachines": states.list_state_machines,
        "states:StartExecution": lambda: states.start_execution(stateMachineArn=machine, name="probe", input="{"),
        "states:StopExecution": lambda: states.stop_execution(executionArn=execution),
        "states:DescribeExecution": lambda: states.describe_execution(executionArn=execution),
    }
    for function in FUNCTIONS:
        name_of_it = loop.resource(f"{function}Function")
        tried[f"lambda:InvokeFunction {function}"] = lambda it=name_of_it: functions.invoke(
            FunctionName=it, InvocationType="DryRun"
        )
    may = {action for action, attempt in tried.items() if allowed(attempt)}
    loop.client("sqs").purge_queue(QueueUrl=queue)
    assert may == MAY[name].get("also", set())
