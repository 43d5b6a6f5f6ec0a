"""A stack and a workteam for tests of jobs."""

from __future__ import annotations

from truepoint.jobs.stack import StackOutputs

STACK = StackOutputs(
    bucket="truepoint-bucket",
    script_url="https://d111.cloudfront.net/ui/ab/crowd-2d-skeleton.js",
    script_integrity="sha384-abc",
    creator_url="https://d111.cloudfront.net/ui/creator/cd/creator.html",
    guide_url="https://d111.cloudfront.net/ui/guide/ef/labeler-guide.html",
    pre_annotation_arn="arn:aws:lambda:eu-west-1:123456789012:function:pre",
    post_annotation_arn="arn:aws:lambda:eu-west-1:123456789012:function:post",
    job_completion_arn="arn:aws:lambda:eu-west-1:123456789012:function:completion",
    sweep_arn="arn:aws:lambda:eu-west-1:123456789012:function:sweep",
    execution_role_arn="arn:aws:iam::123456789012:role/truepoint-job",
    dead_letter_queue_url="https://sqs.eu-west-1.amazonaws.com/123456789012/truepoint-dead",
    partition="aws",
    region="eu-west-1",
    account="123456789012",
    tags=(("application", "truepoint"),),
)
WORKTEAM = "arn:aws:sagemaker:eu-west-1:123456789012:workteam/private-crowd/team"
