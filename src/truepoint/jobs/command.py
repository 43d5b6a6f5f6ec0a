"""Parts that all operator commands share: the AWS options, and one line and an exit code for an expected error."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.utils import is_valid_endpoint_url

from truepoint.groundtruth.job import JobError
from truepoint.jobs.files import file_error
from truepoint.jobs.launch import JobExistsError, is_unknown_service
from truepoint.jobs.limits import JobRefusedError
from truepoint.jobs.prelabels import PrelabelError
from truepoint.jobs.rerun import EventRefusedError, NotEndedError
from truepoint.jobs.results import ResultsNotReadyError
from truepoint.jobs.stack import DEFAULT_STACK_NAME, StackError
from truepoint.jobs.status import NoSuchJobError
from truepoint.jobs.terminal import print_any_text
from truepoint.jobs.worker_template import WorkerTemplateError
from truepoint.pose.skeleton import SkeletonError

OK, AWS_ERROR, BAD_USAGE, STOPPED = 0, 1, 2, 128 + signal.SIGINT
MAX_NAMED = 10
"""Maximum number of left-out images to list by name, so that the list fits a terminal."""

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


_CREDENTIALS = (
    "set AWS_PROFILE or pass --profile, or run `aws configure`; for the demo's account: source .demo/environment"
)
_NEXT_STEPS: tuple[tuple[type[Exception], str], ...] = (
    (NoRegionError, "set AWS_REGION or pass --region; for the demo's account: source .demo/environment"),
    (NoCredentialsError, _CREDENTIALS),
    (PartialCredentialsError, _CREDENTIALS),
    (ProfileNotFound, "`aws configure list-profiles` lists the profiles that exist"),
    (
        EndpointConnectionError,
        "if this is the demo's account, start it (`make demo`) and source .demo/environment again; "
        "otherwise check the network and AWS_ENDPOINT_URL",
    ),
)
_CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


class UsageError(ValueError):
    """Options or arguments that cannot be used. The message says what was expected."""


def parser(description: str | None, example: str) -> argparse.ArgumentParser:
    """Return a parser with the help layout of all commands and the AWS options.

    Args:
        description: the first text of the help.
        example: a command line for the end of the help; `%(prog)s` stands for the command's name.
    """
    made = argparse.ArgumentParser(
        description=description,
        epilog=f"example:\n  {example}\n\nexit codes: 0 done, 1 refused by AWS or not ready, 2 bad usage or input, "
        "128 + signal if stopped",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    aws = made.add_argument_group("AWS", "AWS_ENDPOINT_URL and the other variables of the AWS SDK also apply")
    aws.add_argument("--stack-name", default=DEFAULT_STACK_NAME, metavar="NAME", help="default: %(default)s")
    aws.add_argument("--region", metavar="REGION", help="default: Region of the AWS configuration")
    aws.add_argument("--profile", metavar="PROFILE", help="profile of the AWS configuration")
    return made


def session(options: argparse.Namespace) -> boto3.Session:
    """Return a boto3 session for the options `--region` and `--profile`; for errors see `open_session`."""
    return open_session(options.region, options.profile)


def open_session(region: str | None = None, profile: str | None = None) -> boto3.Session:
    """Return a boto3 session.

    AWS_REGION counts, as it does for the AWS CLI: boto3 itself reads only AWS_DEFAULT_REGION.

    Args:
        region: the Region; None for that of the environment or the profile.
        profile: a profile of the AWS configuration; None for the default one.

    Raises:
        NoRegionError: no Region is set. Without this check an empty variable would fail later, in the request signer.
        UsageError: an AWS_ENDPOINT_URL variable does not contain a URL.
    """
    for name, value in os.environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and value and not is_valid_endpoint_url(value):
            raise UsageError(f"expected {name} to be a URL such as http://127.0.0.1:4566, got {value!r}")
    made = boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None)
    if not made.region_name:
        raise NoRegionError
    return made


def say_omitted(omitted: Sequence[str]) -> None:
    """Print to standard error which images a job leaves out and why: at most MAX_NAMED, then a count of the rest."""
    for reason in omitted[:MAX_NAMED]:
        print(f"left out: {reason}", file=sys.stderr)
    if len(omitted) > MAX_NAMED:
        print(f"left out: {len(omitted) - MAX_NAMED} more images", file=sys.stderr)


def run(work: Callable[[], int]) -> int:
    """Run a command and return its exit code; print an expected error in one line, without a traceback."""
    print_any_text()
    try:
        return work()
    except _AWS_ERRORS as error:
        step = _next_step(error)
        message = str(error).removesuffix(".") if step.startswith(";") else str(error)
        print(f"error: {message}{step}", file=sys.stderr)
        return AWS_ERROR
    except OSError as error:
        print(f"error: {file_error(error)}", file=sys.stderr)
        return BAD_USAGE
    except (UsageError, *_USAGE_ERRORS) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("\nstopped; run the command again to continue", file=sys.stderr)
        return STOPPED


def _next_step(error: Exception) -> str:
    """Return advice for an error of the AWS SDK, to append to its message; empty if there is none."""
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in _CREDENTIAL_CODES:
        return f"; {_CREDENTIALS}"
    if isinstance(error, ClientError) and is_unknown_service(error):
        return "this service is unknown here; in the demo's account, use --outside-ground-truth"
    return next((f"; {step}" for kind, step in _NEXT_STEPS if isinstance(error, kind)), "")
