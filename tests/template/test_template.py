"""The stack as CloudFormation sees it: template.yaml after the SAM transform."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import botocore.session
import msgspec
import pytest
from aws_lambda_builders.workflows.python_pip.packager import DependencyBuilder, get_lambda_abi
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from truepoint.adapters.bucket import ChangedError
from truepoint.groundtruth.job import LabelingJob
from truepoint.results.ranges import Range
from truepoint.results.result_set import SkeletonSource
from truepoint.runs.plan import Plan, read_step, run_folder
from truepoint.runs.write_lock import SECONDS_BETWEEN_RUNS, SupersededError

ROOT = Path(__file__).parents[2]
FUNCTIONS = (
    "UiPublisherFunction", "PreAnnotationFunction", "PostAnnotationFunction", "JobCompletionFunction", "SweepFunction",
    "PortalTickFunction",
)  # fmt: skip
"""Those that are invoked asynchronously; ResultsStepFunction is not: the state machine waits for it."""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The transformed template. SAM wants code in S3 by then, as `sam deploy` puts it."""
    source = yaml_parse((ROOT / "template.yaml").read_text())
    for resource in source["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    region = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"
    try:
        return dict(Translator({}, Parser()).translate(copy.deepcopy(source), {}))
    finally:
        os.environ.pop("AWS_DEFAULT_REGION")
        if region:
            os.environ["AWS_DEFAULT_REGION"] = region


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    return dict(template["Resources"])


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """Every statement of a role's policies, or of a policy that stands alone, optional ones included."""
    found = []
    for policy in role.get("Policies", [role]):
        for statement in policy["PolicyDocument"]["Statement"]:
            found.append(statement["Fn::If"][1] if "Fn::If" in statement else statement)
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_resources_that_write_into_the_bucket_are_created_last(resources: dict[str, Any]) -> None:
    """Else a first deployment that fails afterwards ends in ROLLBACK_FAILED: the bucket is not empty."""
    needed = {name: references(resource) & set(resources) for name, resource in resources.items()}
    before, found = {"UiBundle"}, {"UiBundle"}
    while found:
        found = set().union(*(needed[name] for name in found)) - before
        before |= found
    assert before == set(resources)
    assert [name for name, names in needed.items() if "UiBundle" in names] == []
    assert [name for name in resources["UiBundle"]["DependsOn"] if "Condition" in resources[name]] == []
    assert resources["UiBundle"]["Properties"]["CreatedBefore"]["Fn::If"][0] == "HasPortal"


def references(value: Any) -> set[str]:
    """Every name that a part of the template refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    names: set[str] = set()
    for key, inner in value.items():
        if key == "Ref":
            names.add(inner)
        elif key == "Fn::GetAtt":
            names.add(listed(inner)[0].split(".")[0])
        elif key == "DependsOn":
            names.update(listed(inner))
        elif key == "Fn::Sub":
            names.update(re.findall(r"\$\{(\w+)", listed(inner)[0]))
        names |= references(inner)
    return names


# What each role may do, whole. A right that is added, removed or widened must be changed here too.
BUCKET = {"Fn::GetAtt": ["Bucket", "Arn"]}
SEND_TRACES: tuple[list[str], list[Any]] = (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])
RESULTS: dict[str, tuple[list[str], list[Any]]] = {
    "ReadManifestAndSkeleton": (
        ["s3:GetObject"],
        [
            "output/*/manifests/*",
            "output/*/annotations/consolidated-annotation/large/*",
            "jobs/*/skeleton.json",
            "jobs/*/gold.json",
        ],
    ),
    "SeeWhatIsThere": (["s3:ListBucket"], [BUCKET]),
    "WriteResults": (["s3:PutObject", "s3:AbortMultipartUpload"], ["results/*"]),
    "ReplaceTheCompletionMarker": (["s3:GetObject", "s3:DeleteObject"], ["results/*/results.json"]),
    "AnnounceResults": (["events:PutEvents"], ["event-bus/default"]),
    "RemoveFilesOfLinesThatAreGone": (["s3:DeleteObject"], ["results/*/annotations/*"]),
    "KeepPartsUntilTheyAreMerged": (["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], ["tmp/results/*"]),
}
PRIVILEGES: dict[str, dict[str, tuple[list[str], list[Any]]]] = {
    "UiPublisherRole": {
        "WriteTheElement": (["s3:PutObject"], ["ui/*"]),
        "SeeWhatIsPublished": (["s3:ListBucket"], [BUCKET]),
    },
    "PreAnnotationRole": {},
    "PostAnnotationRole": {
        "ReadAnswers": (["s3:GetObject"], ["output/*/annotations/*"]),
        "StoreLargeAnnotations": (["s3:PutObject"], ["output/*/annotations/consolidated-annotation/large/*"]),
        "ReadSkeleton": (["s3:GetObject"], ["jobs/*/skeleton.json"]),
        "ReadAnchoring": (["s3:GetObject"], ["jobs/*/anchoring.json", "jobs/*/anchoring/*"]),
        "SeeWhetherThereIsASkeleton": (["s3:ListBucket"], [BUCKET]),
    },
    "JobCompletionRole": {
        "FindTheManifest": (["sagemaker:DescribeLabelingJob"], ["labeling-job/*"]),
        "ReadJobsRunOutsideGroundTruth": (["s3:GetObject"], ["jobs/*/labeling_job.json"]),
        "HandOverLargeJobs": (["states:StartExecution"], [{"Ref": "ResultsStateMachine"}]),
        "SeeWhetherAJobIsHandedOver": (
            ["states:DescribeExecution"],
            ["execution:${ResultsStateMachine.Name}:*"],
        ),
        **RESULTS,
    },
    "SweepRole": {
        "ListEndedJobs": (["sagemaker:ListLabelingJobs"], ["*"]),
        "FindTheirOutput": (["sagemaker:DescribeLabelingJob"], ["labeling-job/*"]),
        "SeeJobsAndResults": (["s3:ListBucket"], [BUCKET]),
        "ReadJobsRunOutsideGroundTruth": (["s3:GetObject"], ["jobs/*/labeling_job.json"]),
        "AnnounceEndedJobs": (["events:PutEvents"], ["event-bus/default"]),
    },
    "ResultsStepRole": {**RESULTS},
    "ResultsStateMachineRole": {
        "MakeSteps": (["lambda:InvokeFunction"], [{"Fn::GetAtt": ["ResultsStepFunction", "Arn"]}]),
        "DeliverLog": (
            [
                "logs:CreateLogDelivery",
                "logs:GetLogDelivery",
                "logs:UpdateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ],
            ["*"],
        ),
        "SendTraces": SEND_TRACES,
        "ChooseTraces": (["xray:GetSamplingRules", "xray:GetSamplingTargets"], ["*"]),
    },
    "LabelingJobExecutionRole": {
        "InvokeTheTwoFunctions": (
            ["lambda:InvokeFunction"],
            [{"Fn::GetAtt": ["PreAnnotationFunction", "Arn"]}, {"Fn::GetAtt": ["PostAnnotationFunction", "Arn"]}],
        ),
        "ReadInputs": (["s3:GetObject"], ["jobs/*", "output/*"]),
        "WriteOutput": (["s3:PutObject", "s3:AbortMultipartUpload"], ["output/*"]),
        "ListJobs": (["s3:ListBucket"], [BUCKET]),
        "LocateBucket": (["s3:GetBucketLocation"], [BUCKET]),
        "WriteGroundTruthLogs": (
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            ["log-group:/aws/sagemaker/*"],
        ),
        "SendGroundTruthMetrics": (["cloudwatch:PutMetricData"], ["*"]),
        "ReadImagesInPlace": (["s3:GetObject"], ["${ImageBucketName}/*"]),
        "KeepJobsRunOutsideGroundTruth": (["s3:PutObject"], ["jobs/*/labeling_job.json"]),
        "AnnounceJobsRunOutsideGroundTruth": (["events:PutEvents"], ["event-bus/default"]),
        "ShowResultsOfJobsRunOutsideGroundTruth": (["s3:GetObject"], ["results/*"]),
    },
}
# The portal's. The policy stands alone: its user pool needs the distribution, and that the function and its role.
PRIVILEGES |= {
    "PortalRole": {
        "ReadSettings": (["ssm:GetParameter"], ["parameter/truepoint/${AWS::StackName}/portal"]),
        "KeepTheQueue": (
            [
                "dynamodb:BatchGetItem",
                "dynamodb:Query",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "dynamodb:DeleteItem",
            ],
            [{"Fn::GetAtt": ["PortalTable", "Arn"]}],
        ),
        "MakeTaskInputs": (["lambda:InvokeFunction"], [{"Fn::GetAtt": ["PreAnnotationFunction", "Arn"]}]),
        "ReadJobs": (["s3:GetObject"], ["jobs/*"]),
        "KeepAnswers": (["s3:GetObject", "s3:PutObject"], ["output/*/annotations/worker-response/*"]),
        "KeepDecisions": (["s3:PutObject"], ["jobs/*/portal/*", "jobs/*/labeling_job.json"]),
        "KeepLeadsLog": (["s3:GetObject", "s3:PutObject"], ["portal/log/*"]),
        "ShowResults": (["s3:GetObject"], ["results/*"]),
        "SeeWhatIsThere": (["s3:ListBucket"], [BUCKET]),
        "ReadImagesInPlace": (["s3:GetObject"], ["${ImageBucketName}/*"]),
    },
    "PortalTickRole": {
        "KeepTheQueue": (
            [
                "dynamodb:BatchGetItem",
                "dynamodb:Query",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "dynamodb:DeleteItem",
                "dynamodb:BatchWriteItem",
            ],
            [{"Fn::GetAtt": ["PortalTable", "Arn"]}],
        ),
        "InvokeTheTwoFunctions": (
            ["lambda:InvokeFunction"],
            [{"Fn::GetAtt": ["PreAnnotationFunction", "Arn"]}, {"Fn::GetAtt": ["PostAnnotationFunction", "Arn"]}],
        ),
        "SeeJobsAndAnswers": (["s3:ListBucket"], [BUCKET]),
        "ReadJobs": (
            ["s3:GetObject"],
            [
                "jobs/*/input.manifest",
                "jobs/*/gold.json",
                "jobs/*/skeleton.json",
                "jobs/*/labeling_job.json",
                "jobs/*/portal/*",
                "output/*/manifests/*",
            ],
        ),
        "KeepJobs": (
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            ["jobs/*/labeling_job.json", "jobs/*/portal/open-lines"],
        ),
        "ReadAnswersAndLabels": (["s3:GetObject"], ["output/*/annotations/*"]),
        "KeepRequestsAndLabels": (
            ["s3:PutObject"],
            [
                "output/*/annotations/consolidated-annotation/consolidation-request/*",
                "output/*/annotations/consolidated-annotation/consolidation-response/*",
            ],
        ),
        "WriteOutput": (
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            ["output/*/manifests/output/output.manifest"],
        ),
        "KeepPartsOfOutput": (
            ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
            ["tmp/portal/*"],
        ),
        "WithdrawResults": (["s3:DeleteObject"], ["results/*/results.json"]),
        "AnnounceEndedJobs": (["events:PutEvents"], ["event-bus/default"]),
    },
    "PortalInvitationsPolicy": {
        "InvitePeople": (
            ["cognito-idp:AdminCreateUser", "cognito-idp:AdminGetUser", "cognito-idp:AdminAddUserToGroup"],
            [{"Fn::GetAtt": ["PortalUserPool", "Arn"]}],
        ),
    },
}
for _function in (*FUNCTIONS, "ResultsStepFunction", "PortalFunction"):
    _name = _function.removesuffix("Function")
    PRIVILEGES[f"{_name}Role"] |= {
        "WriteOwnLog": (
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [{"Fn::GetAtt": [f"{_name}LogGroup", "Arn"]}],
        ),
        "SendTraces": SEND_TRACES,
    }
for _function in FUNCTIONS:
    PRIVILEGES[_function.removesuffix("Function") + "Role"] |= {
        "KeepFailedInvocations": (["sqs:SendMessage"], [{"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}]),
    }
# What has no resource to name.
EVERY_RESOURCE = {"SendTraces", "ChooseTraces", "DeliverLog", "SendGroundTruthMetrics", "ListEndedJobs"}


def same_resource(actual: Any, expected: Any) -> bool:
    """Equal, or an ARN whose part after the account or bucket is the expected text."""
    if isinstance(actual, dict) and "Fn::Sub" in actual and isinstance(expected, str):
        text = actual["Fn::Sub"].replace("${Bucket.Arn}/", "::").replace(":::", "::")
        return str(text).endswith((":" + expected, "::" + expected))
    return bool(actual == expected)


LONGEST_STACK_NAME = "a" * 128
LONGEST_REGION = "ap-southeast-99"
STACK_ID = (
    f"arn:aws:cloudformation:{LONGEST_REGION}:123456789012:stack/{LONGEST_STACK_NAME}/"
    "3f3e1a10-ca00-11f0-9d2b-0e0f0a0b0c0d"
)


@pytest.mark.parametrize(
    ("resource", "path", "most"),
    [  # API references of CloudFront, CloudWatch and CloudWatch Logs
        ("OriginAccessControl", ("OriginAccessControlConfig", "Name"), 64),
        ("ResponseHeadersPolicy", ("ResponseHeadersPolicyConfig", "Name"), 128),
        ("CreatorHeadersPolicy", ("ResponseHeadersPolicyConfig", "Name"), 128),
        ("GuideHeadersPolicy", ("ResponseHeadersPolicyConfig", "Name"), 128),
        ("PortalOriginAccessControl", ("OriginAccessControlConfig", "Name"), 64),
        ("PortalHeadersPolicy", ("ResponseHeadersPolicyConfig", "Name"), 128),
        ("PortalRedirect", ("Name",), 64),
        ("Distribution", ("DistributionConfig", "Comment"), 128),
        ("PortalSignInPages", ("Domain",), 63),  # CreateUserPoolDomain
        ("PortalSettings", ("Name",), 1011),  # PutParameter, with its ARN's beginning
        ("Dashboard", ("DashboardName",), 255),
        ("ResultsStateMachineLogGroup", ("LogGroupName",), 512),
    ],
)
def test_resource_names_fit_for_any_stack_name(
    resources: dict[str, Any], resource: str, path: tuple[str, ...], most: int
) -> None:
    value = resources[resource]["Properties"]
    for part in path:
        value = value[part]
    assert 0 < len(resolved(value)) <= most


def resolved(value: Any) -> str:
    """What CloudFormation makes of a name, for the longest stack name and Region."""
    match value:
        case {"Ref": "AWS::StackId"}:
            return STACK_ID
        case {"Fn::Select": [index, {"Fn::Split": [separator, text]}]}:
            return resolved(text).split(separator)[int(index)]
        case {"Fn::Sub": [str(text), dict(names)]}:
            for name, of in names.items():
                text = text.replace(f"${{{name}}}", resolved(of))
            return text
        case {"Fn::Sub": str(text)}:
            return text.replace("${AWS::StackName}", LONGEST_STACK_NAME).replace("${AWS::Region}", LONGEST_REGION)
    raise AssertionError(f"expected a name that this test can resolve, got {value}")


def with_statements(resources: dict[str, Any]) -> dict[str, Any]:
    """Every role, and every policy that stands alone."""
    return of_type(resources, "AWS::IAM::Role") | of_type(resources, "AWS::IAM::Policy")


def test_there_are_no_other_roles(resources: dict[str, Any]) -> None:
    assert set(with_statements(resources)) == set(PRIVILEGES)


@pytest.mark.parametrize(("role", "sid"), [(role, sid) for role, sids in PRIVILEGES.items() for sid in sids])
def test_each_statement_has_exactly_the_expected_actions_and_resources(
    resources: dict[str, Any], role: str, sid: str
) -> None:
    found = {s["Sid"]: s for s in statements(resources[role]["Properties"])}
    assert sid in found
    actions, expected = PRIVILEGES[role][sid]
    assert listed(found[sid]["Action"]) == actions
    actual = listed(found[sid]["Resource"])
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert same_resource(one, other), (one, other)


def test_every_statement_is_listed_and_none_uses_an_unlisted_wildcard(resources: dict[str, Any]) -> None:
    for name, role in with_statements(resources).items():
        for statement in statements(role):
            assert statement["Sid"] in PRIVILEGES[name]
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in listed(statement["Action"]))
            assert (listed(statement["Resource"]) == ["*"]) == (statement["Sid"] in EVERY_RESOURCE)
            if statement["Action"] == "s3:ListBucket":
                # Ground Truth's role has none: HeadBucket, which names no prefix, would be denied.
                assert ("Condition" in statement) == (name != "LabelingJobExecutionRole")
                assert statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", ["all"])


def test_the_job_role_trusts_ground_truth_and_only_a_named_runner(resources: dict[str, Any]) -> None:
    first, second = resources["LabelingJobExecutionRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert first["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert first["Condition"] == {"StringEqualsIfExists": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert second["Fn::If"][0] == "HasJobRunner"
    assert second["Fn::If"][2] == {"Ref": "AWS::NoValue"}


@pytest.mark.parametrize("function", [*FUNCTIONS, "ResultsStepFunction", "PortalFunction"])
def test_every_function(function: str, resources: dict[str, Any]) -> None:
    properties = resources[function]["Properties"]
    assert properties["Runtime"] == {"Ref": "PythonRuntime"}
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert 0 < properties["Timeout"] <= 900
    group = properties["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionInDays"}
    assert properties["Role"]["Fn::GetAtt"][0] == function.removesuffix("Function") + "Role"


@pytest.mark.parametrize("function", [*FUNCTIONS, "ResultsStepFunction", "PortalFunction"])
def test_no_function_starts_a_thread_while_it_starts(function: str, resources: dict[str, Any]) -> None:
    """Threads of OpenBLAS use the processor while they wait."""
    properties = resources[function]["Properties"]
    variables = properties["Environment"]["Variables"]
    module = properties["Handler"].removesuffix(".handler")
    done = subprocess.run(
        [sys.executable, "-c", f"import os, {module}; print(len(os.listdir('/proc/self/task')))"],
        cwd=ROOT / "src" / ("ui" if module == "publisher" else "handlers"),
        env=os.environ | {name: value for name, value in variables.items() if isinstance(value, str)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_permanent_failures_go_to_the_dead_letter_queue(function: str, resources: dict[str, Any]) -> None:
    invoke = [
        p for p in of_type(resources, "AWS::Lambda::EventInvokeConfig").values()
        if p["FunctionName"] == {"Ref": function}
    ]  # fmt: skip
    assert len(invoke) == 1
    failure = invoke[0]["DestinationConfig"]["OnFailure"]["Destination"]
    assert failure == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}


# ----------------------------------------------------------------------------------- the state machine


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    """Every state of the state machine, also those inside its maps."""
    properties = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["ResultsStateMachine"]["Properties"]
    found = dict(properties["Definition"]["States"])
    for state in list(found.values()):
        found |= state.get("ItemProcessor", {}).get("States", {})
    return found


def test_the_state_machine_is_watched_and_logs_no_payload(resources: dict[str, Any]) -> None:
    machine = resources["ResultsStateMachine"]["Properties"]
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert (machine["LoggingConfiguration"]["Level"], machine["LoggingConfiguration"]["IncludeExecutionData"]) == (
        "ALL",
        False,
    )
    group = resources["ResultsStateMachineLogGroup"]["Properties"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionInDays"}
    assert group["LogGroupName"]["Fn::Sub"].startswith("/aws/vendedlogs/states/")


NOT_THE_STEPS_FAULT = {ChangedError.__name__: "Settle", SupersededError.__name__: "Superseded"}
"""Errors that are not tried again, and what comes then."""


def test_every_step_retries_faults_and_handles_a_changed_manifest(
    states: dict[str, Any], resources: dict[str, Any]
) -> None:
    timeout = resources["ResultsStepFunction"]["Properties"]["Timeout"]
    for name, state in states.items():
        if state["Type"] == "Task":
            changed, rest = state["Retry"]
            assert (changed["ErrorEquals"], changed["MaxAttempts"]) == ([*NOT_THE_STEPS_FAULT], 0)
            assert (rest["ErrorEquals"], rest["MaxAttempts"]) == (["States.ALL"], 4)
            assert state["TimeoutSeconds"] > timeout
            # Within a Map it is the Map that catches; once results are announced nothing reads the manifest.
            assert ("Catch" in state) == (name in ("Plan", "Join", "Merge"))
        if "Catch" in state:
            caught = {name: catch["Next"] for catch in state["Catch"] for name in catch["ErrorEquals"]}
            assert caught == NOT_THE_STEPS_FAULT
    maps = {name: state for name, state in states.items() if state["Type"] == "Map"}
    assert {name: state["MaxConcurrency"] for name, state in maps.items()} == {"Survey": 8, "Label": 4}
    assert all("Catch" in state for state in maps.values())
    assert states["Settle"]["Next"] == "Plan"


def test_a_run_waits_until_an_earlier_one_can_no_longer_write(
    states: dict[str, Any], resources: dict[str, Any]
) -> None:
    writers = [
        function
        for function in of_type(resources, "AWS::Lambda::Function").values()
        if "WriteResults" in PRIVILEGES[function["Role"]["Fn::GetAtt"][0]]
    ]
    assert len(writers) == 2
    for writer in writers:
        assert writer["Timeout"] + 60 == SECONDS_BETWEEN_RUNS
        assert writer["Environment"]["Variables"]["SECONDS_BETWEEN_RUNS"] == ""
    assert states["Plan"]["Next"] == "WhoseTurn"
    [wait] = states["WhoseTurn"]["Choices"]
    assert wait == {"Variable": "$.wait", "NumericGreaterThan": 0, "Next": "WaitForTheRunBefore"}
    assert states["WaitForTheRunBefore"] == {"Type": "Wait", "SecondsPath": "$.wait", "Next": "Plan"}


def test_every_state_machine_step_exists_in_the_function(states: dict[str, Any]) -> None:
    job = LabelingJob(
        name="people", arn="arn", status="Completed", label_attribute_name="keypoints", output_manifest_uri="s3://bbb/m"
    )
    plan = Plan(
        job=job,
        manifest=None,
        skeleton=None,
        skeleton_source=SkeletonSource("derived", "subject"),
        gold_etag=None,
        ranges=[Range(0, 0)],
    )
    values = {"$.job": msgspec.to_builtins(job), "$.run": run_folder(plan), "$$.Map.Item.Value": 3}
    asked = []
    for state in states.values():
        if given := state.get("Parameters") or state.get("ItemSelector"):
            event = {k.removesuffix(".$"): values[v] if k.endswith(".$") else v for k, v in given.items()}
            step = read_step(event)
            assert step.range == (3 if state["Type"] == "Map" else 0)
            asked.append(step.step)
    assert asked == ["plan", "survey", "join", "label", "merge", "announce"]


def test_what_the_api_says_about_comments_and_second_factors() -> None:
    """AWS's own models of its services state the facts on which template.yaml relies."""
    session = botocore.session.get_session()
    comment = session.get_service_model("cloudfront").shape_for("DistributionConfig").members["Comment"]
    assert "cannot be longer than 128 characters" in comment.documentation
    cognito = session.get_service_model("cognito-idp")
    factor = cognito.shape_for("SetUserPoolMfaConfigRequest").members["MfaConfiguration"]
    assert "<code>OPTIONAL</code>, managed login doesn't automatically prompt users" in factor.documentation
    sender = cognito.shape_for("EmailConfigurationType").members["SourceArn"]
    assert "The ARN of a verified email address" in sender.documentation


def test_a_second_factor_is_required_or_off(template: dict[str, Any]) -> None:
    assert template["Parameters"]["PortalMfa"]["AllowedValues"] == ["OFF", "ON"]


@pytest.mark.parametrize(
    ("arn", "fits"),
    [
        ("", True),
        ("arn:aws:ses:eu-west-1:123456789012:identity/labels@example.com", True),
        ("arn:aws:ses:eu-west-1:123456789012:identity/example.com", False),  # Cognito would not know the sender
    ],
)
def test_the_sender_of_invitations_is_an_address(template: dict[str, Any], arn: str, fits: bool) -> None:
    pattern = template["Parameters"]["PortalEmailIdentityArn"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, arn)) is fits


def test_only_python_3_11_has_a_glibc_that_is_too_old_for_numpy(template: dict[str, Any]) -> None:
    """SAM CLI's builder knows the glibc of each runtime. The tags of the wheel state the one that numpy needs."""
    tags = re.findall(r"manylinux_(\d+)_(\d+)_", distribution("numpy").read_text("WHEEL") or "")
    needed = min(((int(major), int(minor)) for major, minor in tags), default=(2, 27))
    runtime = template["Parameters"]["PythonRuntime"]
    glibc = {name: DependencyBuilder._RUNTIME_GLIBC[get_lambda_abi(name)] for name in runtime["AllowedValues"]}
    assert [name for name, version in glibc.items() if version < needed] == ["python3.11"]
    assert "On AWS, at least python3.12." in runtime["Description"]


def test_defaults(template: dict[str, Any]) -> None:
    assert template["Parameters"]["PythonRuntime"]["Default"] == "python3.13"
    assert template["Parameters"]["Architecture"]["Default"] == "arm64"
    assert template["Parameters"]["JobRunnerPrincipalArn"]["Default"] == ""


def test_the_bucket_is_private_encrypted_versioned_and_kept(resources: dict[str, Any]) -> None:
    bucket = resources["Bucket"]
    assert bucket["DeletionPolicy"] == "RetainExceptOnCreate"
    assert bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    [encryption] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert properties["VersioningConfiguration"]["Status"] == "Enabled"
    assert properties["CorsConfiguration"]["CorsRules"] == [
        {
            "AllowedMethods": ["GET"],
            "AllowedOrigins": ["*"],
            "AllowedHeaders": [],
            "ExposedHeaders": ["Access-Control-Allow-Origin"],
        }
    ]
    expiring = [r for r in properties["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in r]
    assert [rule["Prefix"] for rule in expiring] == ["tmp/"]


def test_the_bucket_policy(resources: dict[str, Any]) -> None:
    deny, allow = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Action"], deny["Principal"]) == ("Deny", "s3:*", "*")
    assert len(deny["Resource"]) == 2
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert allow["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allow["Action"] == "s3:GetObject"
    assert allow["Resource"] == {"Fn::Sub": "${Bucket.Arn}/ui/*"}
    assert allow["Condition"]["StringEquals"]["AWS:SourceArn"]["Fn::Sub"].endswith(":distribution/${Distribution}")


def test_the_distribution(resources: dict[str, Any]) -> None:
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    origin, *others = config["Origins"]
    assert [other["Fn::If"][0] for other in others] == ["HasPortal", "HasPortal"]
    assert origin["OriginAccessControlId"] == {"Ref": "OriginAccessControl"}
    behavior = config["DefaultCacheBehavior"]
    assert behavior["ViewerProtocolPolicy"] == "https-only"
    assert behavior["AllowedMethods"] == ["GET", "HEAD"]
    assert behavior["ResponseHeadersPolicyId"] == {"Ref": "ResponseHeadersPolicy"}
    assert config["WebACLId"]["Fn::If"][0] == "HasWebAcl"
    assert config["Logging"]["Fn::If"][0] == "HasAccessLogs"
    headers = resources["ResponseHeadersPolicy"]["Properties"]["ResponseHeadersPolicyConfig"]
    assert headers["CorsConfig"]["AccessControlAllowOrigins"] == {"Items": ["*"]}
    assert headers["CorsConfig"]["AccessControlAllowMethods"] == {"Items": ["GET", "HEAD"]}
    assert headers["SecurityHeadersConfig"]["ContentTypeOptions"] == {"Override": True}


def content_policy(resources: dict[str, Any], policy: str) -> dict[str, list[str]]:
    """Sources by directive of a response headers policy's Content-Security-Policy."""
    config = resources[policy]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    text = config["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    directives = (text["Fn::Sub"] if isinstance(text, dict) else text).split(";")
    return {words[0]: words[1:] for words in map(str.split, directives)}


PAGES = {"ui/creator/*": "CreatorHeadersPolicy", "ui/guide/*": "GuideHeadersPolicy"}


def test_only_our_pages_may_do_anything_in_a_browser_and_no_more_than_they_need(resources: dict[str, Any]) -> None:
    config = resources["Distribution"]["Properties"]["DistributionConfig"]
    always = [behavior for behavior in config["CacheBehaviors"] if "Fn::If" not in behavior]
    policies = {b["PathPattern"]: b["ResponseHeadersPolicyId"]["Ref"] for b in always}
    assert policies == PAGES
    for behavior in always:
        same = ("TargetOriginId", "ViewerProtocolPolicy", "AllowedMethods", "CachePolicyId")
        assert [behavior[name] for name in same] == [config["DefaultCacheBehavior"][name] for name in same]
    closed = {"default-src": ["'none'"], "frame-ancestors": ["'none'"]}
    assert content_policy(resources, "ResponseHeadersPolicy") == closed
    assert content_policy(resources, "CreatorHeadersPolicy") == closed | {
        "script-src": ["'self'"],
        "img-src": ["blob:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    assert content_policy(resources, "GuideHeadersPolicy") == closed | {
        "style-src": ["'unsafe-inline'"],
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    script = resources["ResponseHeadersPolicy"]["Properties"]["ResponseHeadersPolicyConfig"]
    for policy in PAGES.values():
        page = resources[policy]["Properties"]["ResponseHeadersPolicyConfig"]
        assert "CorsConfig" not in page
        for name in ("ContentTypeOptions", "FrameOptions", "ReferrerPolicy", "StrictTransportSecurity"):
            assert page["SecurityHeadersConfig"][name] == script["SecurityHeadersConfig"][name]


def test_a_new_build_of_the_element_publishes_it(resources: dict[str, Any]) -> None:
    bundle = resources["UiBundle"]["Properties"]
    [version] = of_type(resources, "AWS::Lambda::Version")
    [alias] = of_type(resources, "AWS::Lambda::Alias")
    assert bundle["ServiceToken"] == {"Ref": alias}
    assert bundle["PublisherVersion"] == {"Ref": version}


def test_the_rule(resources: dict[str, Any]) -> None:
    rule = resources["JobCompletionFunctionJobEnded"]["Properties"]
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker", "truepoint.labeling"],
        "detail-type": ["SageMaker Ground Truth Labeling Job State Change"],
        "detail": {"LabelingJobStatus": ["Completed", "Stopped", "Failed"]},
    }
    [target] = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["JobCompletionFunction", "Arn"]}
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}


def test_the_schedule_of_the_sweep_can_be_changed_and_switched_off(
    template: dict[str, Any], resources: dict[str, Any]
) -> None:
    rule = resources["SweepFunctionSchedule"]["Properties"]
    assert rule["ScheduleExpression"] == {"Fn::If": ["HasSweep", {"Ref": "SweepSchedule"}, "rate(1 hour)"]}
    assert rule["State"] == {"Fn::If": ["HasSweep", "ENABLED", "DISABLED"]}
    assert template["Parameters"]["SweepSchedule"]["Default"] == "rate(1 hour)"
    [target] = rule["Targets"]
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}


def test_only_its_own_rules_invoke_a_function(resources: dict[str, Any]) -> None:
    permissions = [
        p for p in of_type(resources, "AWS::Lambda::Permission").values() if p["Principal"] == "events.amazonaws.com"
    ]
    assert {(p["Principal"], p["SourceArn"]["Fn::GetAtt"][0], p["FunctionName"]["Ref"]) for p in permissions} == {
        ("events.amazonaws.com", "JobCompletionFunctionJobEnded", "JobCompletionFunction"),
        ("events.amazonaws.com", "SweepFunctionSchedule", "SweepFunction"),
        ("events.amazonaws.com", "PortalTickFunctionSchedule", "PortalTickFunction"),
    }


def test_the_dead_letter_queue(resources: dict[str, Any]) -> None:
    assert resources["DeadLetterQueue"]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    allow, deny = resources["DeadLetterQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    rules = [{"Fn::GetAtt": [name, "Arn"]} for name in ("JobCompletionFunctionJobEnded", "SweepFunctionSchedule")]
    tick = {"Fn::GetAtt": ["PortalTickFunctionSchedule", "Arn"]}
    rules.append({"Fn::If": ["HasPortal", tick, {"Ref": "AWS::NoValue"}]})
    assert allow["Condition"]["ArnEquals"]["aws:SourceArn"] == rules
    assert deny["Effect"] == "Deny"


def test_resources_without_tags_cost_nothing(resources: dict[str, Any]) -> None:
    """docs/operations.md lists these; whatever else there is gets the stack's tags from CloudFormation."""
    types = {r["Type"] for r in resources.values() if not r["Type"].startswith("Custom::")}
    schemas = {kind: PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema for kind in types}
    assert {kind for kind, schema in schemas.items() if not schema.get("tagging", {}).get("taggable")} == {
        "AWS::CloudFront::OriginAccessControl", "AWS::CloudFront::ResponseHeadersPolicy", "AWS::Lambda::Alias",
        "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission", "AWS::Lambda::Version", "AWS::S3::BucketPolicy",
        "AWS::SQS::QueuePolicy",
        # The portal's
        "AWS::Cognito::UserPoolClient", "AWS::Cognito::UserPoolDomain",
        "AWS::Cognito::UserPoolGroup", "AWS::Cognito::UserPoolIdentityProvider", "AWS::IAM::Policy", "AWS::Lambda::Url",
    }  # fmt: skip
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert {settings[name]["deploy"]["parameters"]["tags"] for name in ("default", "local")} == {
        "application=truepoint"
    }


def test_every_parameter_that_is_optional_can_be_empty(template: dict[str, Any]) -> None:
    import re

    for name, parameter in template["Parameters"].items():
        if parameter.get("Default") == "" and "AllowedPattern" in parameter:
            assert re.fullmatch(parameter["AllowedPattern"], ""), name


def test_the_linters_are_clean() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_sam_validates() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "sam", "validate", "--lint", "--region", "us-east-1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SAM_CLI_TELEMETRY": "0"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
