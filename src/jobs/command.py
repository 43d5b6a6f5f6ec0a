"""What the operator commands share: AWS options, and expected errors as one line and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from jobs.launch import JobExistsError
from jobs.limits import JobRefusedError
from jobs.prelabels import PrelabelError
from jobs.rerun import EventRefusedError, NotEndedError
from jobs.results import ResultsNotReadyError
from jobs.stack import DEFAULT_STACK_NAME, StackError
from jobs.status import NoSuchJobError
from jobs.worker_template import WorkerTemplateError
from keypoints.job import JobError
from keypoints.skeleton import SkeletonError

OK, AWS_ERROR, BAD_USAGE = 0, 1, 2
NAMED = 10
"""Images that are named of those that are left out."""

_AWS_ERRORS = (BotoCoreError, ClientError, EventRefusedError, NotEndedError, ResultsNotReadyError, StackError)
_USAGE_ERRORS = (
    JobError,
    JobExistsError,
    JobRefusedError,
    NoSuchJobError,
    PrelabelError,
    SkeletonError,
    WorkerTemplateError,
    OSError,
    UnicodeDecodeError,
)


class UsageError(ValueError):
    """The command line asks for something that cannot be."""


def parser(description: str | None, example: str) -> argparse.ArgumentParser:
    """A parser with the help's form and the AWS options; `example` may use %(prog)s."""
    made = argparse.ArgumentParser(
        description=description,
        epilog=f"example:\n  {example}\n\nexit codes: 0 done, 1 AWS refused or is not ready, 2 bad usage or input",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    aws = made.add_argument_group("AWS", "AWS_ENDPOINT_URL and the other variables of the AWS SDK are followed")
    aws.add_argument("--stack-name", default=DEFAULT_STACK_NAME, metavar="NAME", help="default: %(default)s")
    aws.add_argument("--region", metavar="REGION", help="default: the AWS configuration's")
    aws.add_argument("--profile", metavar="PROFILE", help="a profile of the AWS configuration")
    return made


def session(options: argparse.Namespace) -> boto3.Session:
    """The boto3 session that the options ask for."""
    return boto3.Session(profile_name=options.profile, region_name=options.region)


def say_omitted(omitted: Sequence[str]) -> None:
    """Name the images that a job leaves out, each with its reason; of many the first ten."""
    for reason in omitted[:NAMED]:
        print(f"left out: {reason}", file=sys.stderr)
    if len(omitted) > NAMED:
        print(f"left out: {len(omitted) - NAMED} more images", file=sys.stderr)


def run(work: Callable[[], int]) -> int:
    """Do the command's work; an error that an operator can understand is said in one line, without a traceback."""
    try:
        return work()
    except _AWS_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return AWS_ERROR
    except (UsageError, *_USAGE_ERRORS) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("\nstopped; run it again to go on", file=sys.stderr)
        return AWS_ERROR
