"""The deployed stack's CloudFormation outputs, parameters and tags that the commands need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

DEFAULT_STACK_NAME = "truepoint"


class StackError(RuntimeError):
    """A stack that does not exist, or that lacks outputs of a Truepoint stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOutputs:
    """The stack's outputs, its location, and the tags of its resources as pairs of key and value."""

    bucket: str
    script_url: str
    script_integrity: str
    creator_url: str
    guide_url: str
    pre_annotation_arn: str
    post_annotation_arn: str
    job_completion_arn: str
    sweep_arn: str
    execution_role_arn: str
    dead_letter_queue_url: str
    partition: str
    region: str
    account: str
    portal_table: str = ""
    portal_user_pool: str = ""
    portal_url: str = ""
    portal_function_arn: str = ""
    portal_tick_arn: str = ""
    uses_ground_truth: bool = True
    tags: tuple[tuple[str, str], ...] = ()


OUTPUT_NAMES = {  # name of the output in template.yaml, by field of StackOutputs
    "bucket": "BucketName",
    "script_url": "UiScriptUrl",
    "script_integrity": "UiScriptIntegrity",
    "creator_url": "SkeletonCreatorUrl",
    "guide_url": "LabelerGuideUrl",
    "pre_annotation_arn": "PreAnnotationFunctionArn",
    "post_annotation_arn": "PostAnnotationFunctionArn",
    "job_completion_arn": "JobCompletionFunctionArn",
    "sweep_arn": "SweepFunctionArn",
    "execution_role_arn": "LabelingJobExecutionRoleArn",
    "portal_table": "PortalTableName",
    "portal_user_pool": "PortalUserPoolId",
    "portal_url": "PortalUrl",
    "portal_function_arn": "PortalFunctionArn",
    "portal_tick_arn": "PortalTickFunctionArn",
    "dead_letter_queue_url": "DeadLetterQueueUrl",
}
NEWER = frozenset(
    {
        "LabelerGuideUrl",
        "PortalTableName",
        "PortalUserPoolId",
        "PortalUrl",
        "PortalFunctionArn",
        "PortalTickFunctionArn",
    }
)
"""Outputs that earlier versions, or stacks without a portal, lack. Their fields are then empty."""


def read_stack(cloudformation: CloudFormationClient, stack_name: str = DEFAULT_STACK_NAME) -> StackOutputs:
    """Return the outputs of the stack named `stack_name`.

    Raises:
        StackError: there is no such stack in this account and Region, or it lacks outputs.
    """
    try:
        stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError as error:
        # CloudFormation returns ValidationError for a stack that does not exist.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        where = cloudformation.meta.region_name
        raise StackError(f"there is no stack {stack_name!r} in {where}; deploy it first with `sam deploy`") from error
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", ())}
    missing = [name for name in OUTPUT_NAMES.values() if not outputs.get(name) and name not in NEWER]
    if missing:
        status = stack.get("StackStatus", "unknown")
        raise StackError(f"stack {stack_name!r} ({status}) has no output {', '.join(missing)}; deploy it again")
    # arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<id>
    _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
    values = {field: outputs.get(name, "") for field, name in OUTPUT_NAMES.items()}
    given = {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", ())}
    uses_ground_truth = given.get("UsesGroundTruth") != "no"
    return StackOutputs(
        **values,
        partition=partition,
        region=region,
        account=account,
        uses_ground_truth=uses_ground_truth,
        tags=tuple((tag["Key"], tag["Value"]) for tag in stack.get("Tags", ())),
    )
