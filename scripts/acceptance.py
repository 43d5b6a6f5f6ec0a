#!/usr/bin/env python3
"""Test the stack on a real AWS account, and write a report that you can send us.

Deploys a temporary stack with a portal, creates a labelling job of three images in the portal, and tells you what to
label. With a private team of Ground Truth, it also creates two jobs there, of which it completes one and stops the
other. It checks the results and removes the stack. This takes about half an hour, including five minutes of labelling,
and costs less than 1 USD (docs/operations.md, Acceptance run).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from PIL import Image, ImageDraw

import delete_bucket
from truepoint.acceptance import portal
from truepoint.acceptance.portal import Portal
from truepoint.acceptance.report import MARKS, NotTriedError, Report, UnexpectedError, expect, now, only_on_aws
from truepoint.groundtruth.lost_events import ENDED_STATUSES
from truepoint.jobs import command
from truepoint.jobs.images import images_in_folder
from truepoint.jobs.launch import (
    PreparedJob,
    create_in_ground_truth,
    create_outside_ground_truth,
    describe_in_ground_truth,
    describe_outside_ground_truth,
    prepare_job,
)
from truepoint.jobs.prelabels import Instances
from truepoint.jobs.request import JobSettings
from truepoint.jobs.stack import StackOutputs, read_stack
from truepoint.jobs.status import exists
from truepoint.jobs.worker_template import TEMPLATE_PATH
from truepoint.keys import OUTPUT_PREFIX, job_keys
from truepoint.pose.skeleton import parse_skeleton

if TYPE_CHECKING:
    from boto3 import Session

PROJECT = Path(__file__).resolve().parents[1]
SAM = Path(sys.executable).parent / "sam"
EXAMPLE = (
    "%(prog)s --region us-east-1 \\\n"
    "      --workteam-arn arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/team"
)
IMAGES = ("plain.png", "a second photo.png", "50% + ü.png")
"""Names of the images: a plain one, one with spaces, and one with characters that URLs and forms encode specially."""

SKELETON = {
    "version": "1.0",
    "name": "mark",
    "keypoints": [{"name": "cross", "sigma": 0.05, "template": [50, 50]}],
    "edges": [],
}
LARGE_IMAGE = IMAGES[1]
"""Name of the image with pre-labels."""

LARGE_PLACES = tuple(product(range(20, 480, 20), range(20, 320, 20)))
LARGE_PRELABELS = tuple(
    {"id": str(n), "name": "", "annotations": [{"label": "cross", "x": x, "y": y, "visibility": 2}]}
    for n, (x, y) in enumerate(LARGE_PLACES, start=1)
)
"""Pre-labels with more than the 20,000 characters that an attribute of a manifest line may have, so that they are in a
separate object."""

LABELER_SECONDS = 2 * 3600
"""Maximum time to wait for the labeller, in seconds."""
RESULTS_SECONDS = 900
"""Maximum time to wait for results, in seconds: for the event, one invocation of job_completion, and a first retry."""

LOOK_SECONDS = 5.0
"""Interval between polls, in seconds."""
HTTP_SECONDS = 30
"""Timeout of an HTTP request, in seconds."""
REGIONS = frozenset(
    {
        "us-east-1", "us-east-2", "us-west-2", "ca-central-1", "eu-west-1", "eu-west-2", "eu-central-1", "ap-south-1",
        "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2",
    }
)  # fmt: skip
"""Regions with Ground Truth, from AWS's list of the Regions of its built-in Lambda functions."""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.set_defaults(stack_name="truepoint-acceptance")
    parser.add_argument(
        "--workteam-arn", default="", metavar="ARN", help="your private team in Ground Truth, to test Ground Truth too"
    )
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("acceptance-report.json"),
        metavar="FILE",
        help="file of the report (%(default)s)",
    )
    parser.add_argument("--keep", action="store_true", help="do not remove the stack and its bucket at the end")
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is deployed")
    parser.add_argument("--sam-parameters", nargs="*", default=[], metavar="NAME=VALUE", help="parameters of the stack")
    parser.add_argument("--portal-origin", default="", help=argparse.SUPPRESS)  # a proxy in CloudFront's place
    options = parser.parse_args(given)
    return command.run(lambda: accept(options))


def accept(options: argparse.Namespace) -> int:
    """Make all checks and write the report; return 0 if no check failed, else 1."""
    session = command.session(options)
    account = session.client("sts").get_caller_identity()["Account"]
    if options.workteam_arn and session.region_name not in REGIONS:
        regions = ", ".join(sorted(REGIONS))
        raise command.UsageError(f"expected a Region that has Ground Truth ({regions}), got {session.region_name}")
    where = f"account {account}, {session.region_name}"
    jobs = "a labelling job of 3 images in its portal" + (" and 2 in Ground Truth" if options.workteam_arn else "")
    if exists_already(session, options.stack_name):
        raise command.UsageError(
            f"expected no stack {options.stack_name!r} in {where}, because it is removed at the end; it exists. "
            "Delete it first, or choose another --stack-name"
        )
    print(f"This deploys a stack {options.stack_name!r} in {where}, with {jobs}.")
    if not options.yes and not agreed():
        return command.AWS_ERROR
    report = Report(now())
    secrets = {"account": account, "workteam ARN": options.workteam_arn, "stack": options.stack_name}
    try:
        with deployed(options, session, report) as stack:
            site = Portal(session, stack, options.portal_origin)
            secrets |= {
                "bucket": stack.bucket,
                "role ARN": stack.execution_role_arn,
                "user pool": stack.portal_user_pool,
            }
            secrets |= {"host": urlsplit(stack.portal_url).netloc}
            check_stack(report, stack)
            run_in_portal(site, report)
            report.check("Ground Truth", "a private team labels in it", has_team, options.workteam_arn)
            if options.workteam_arn:
                run_in_ground_truth(options.workteam_arn, session, stack, report)
    finally:
        options.report.write_text(report.text(secrets) + "\n", encoding="utf-8")
        count = {outcome: sum(c.outcome == outcome for c in report.checks) for outcome in MARKS}
        print(f"\n{count['passed']} passed, {count['failed']} failed, {count['not tried']} not tried")
        print(f"Please look through {options.report} and send it back. Names and ids of your account are replaced.")
    return command.AWS_ERROR if count["failed"] else command.OK


def exists_already(session: Session, stack_name: str) -> bool:
    """Return whether there is a stack of this name."""
    try:
        session.client("cloudformation").describe_stacks(StackName=stack_name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":  # "does not exist"
            raise
        return False
    return True


def agreed() -> bool:
    """Ask whether to continue. Without an answer, for example on a CI server, return False."""
    try:
        return input("It is removed at the end. Go on? [y/N] ").strip().lower() == "y"
    except EOFError:
        print("\nnobody answered; --yes goes on without asking")
        return False


@contextmanager
def deployed(options: argparse.Namespace, session: Session, report: Report) -> Iterator[StackOutputs]:
    """Deploy the stack and yield it; on leaving, delete the stack and its bucket, also after an error."""
    cloudformation = session.client("cloudformation")
    created = report.check(
        "deployment", "sam build and sam deploy create the stack (R8, R10)", deploy, options, session
    )
    if not created:
        cloudformation.delete_stack(StackName=options.stack_name)  # resources of a failed deployment
        raise command.UsageError("the stack could not be deployed and is being deleted; nothing else was tried")
    stack = read_stack(cloudformation, options.stack_name)
    try:
        yield stack
    finally:
        if options.keep:
            print(f"kept: the stack {options.stack_name} and s3://{stack.bucket}")
        else:
            report.check("removal", "stack and bucket are gone", remove, options, session, stack)
            expected = "the portal's table and user pool outlive the stack, and can be deleted"
            report.check("portal: removal", expected, portal.remove, Portal(session, stack))


def deploy(options: argparse.Namespace, session: Session) -> str:
    """Build and deploy the stack; return the duration."""
    began = time.monotonic()
    parameters = ["--parameter-overrides", *options.sam_parameters, "Portal=yes"]
    with tempfile.TemporaryDirectory() as folder:
        sources = ["--template-file", str(PROJECT / "template.yaml")]
        sam(["build", *sources, "--build-dir", f"{folder}/build", *parameters], options, session, folder)
        built = ["--template-file", f"{folder}/build/template.yaml", "--stack-name", options.stack_name]
        sam(["deploy", *built, "--no-confirm-changeset", *parameters], options, session, folder)
    return f"{time.monotonic() - began:.0f} s"


def sam(arguments: list[str], options: argparse.Namespace, session: Session, folder: str | Path = PROJECT) -> None:
    """Call SAM CLI. `PATH` includes the folder of SAM CLI, because it calls `uv`, which is installed there.

    Args:
        arguments: the subcommand and its options.
        options: the options of this script, for the profile.
        session: gives the Region.
        folder: working directory, in which `sam build` creates .aws-sam. A separate one avoids a conflict with another
            build in the project.

    Raises:
        OSError: the command failed; the message is the end of its output.
    """
    environment = os.environ | {"PATH": f"{SAM.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    aws = ["--region", session.region_name, *(["--profile", options.profile] if options.profile else [])]
    done = subprocess.run(
        [SAM, *arguments, "--config-file", PROJECT / "samconfig.toml", *aws],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(f"sam {arguments[0]}: {(done.stdout + done.stderr)[-2000:]}")


def remove(options: argparse.Namespace, session: Session, stack: StackOutputs) -> str:
    """Remove the stack and its bucket, and check that the bucket no longer exists."""
    cloudformation = session.client("cloudformation")
    cloudformation.delete_stack(StackName=options.stack_name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=options.stack_name)
    again = argparse.Namespace(**vars(options) | {"bucket": stack.bucket, "delete_every_label": True})
    delete_bucket.delete(again)
    names = [bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]]
    expect(stack.bucket not in names, f"{stack.bucket} is still there")
    return "gone; job names in Ground Truth stay taken, which costs nothing"


def check_stack(report: Report, stack: StackOutputs) -> None:
    """Check that browsers can load the labelling element, and that nobody can read the bucket without a signature."""
    report.check("script", "CloudFront serves the element with its digest and CORS (access control)", script, stack)
    report.check("bucket", "S3 refuses an unsigned request for the element", unsigned, stack)


def script(stack: StackOutputs) -> str:
    """Fetch the labelling element as a worker's browser does, and check its digest and CORS header."""
    only_on_aws()
    request = urllib.request.Request(stack.script_url, headers={"Origin": "https://example.com"})
    with urllib.request.urlopen(request, timeout=HTTP_SECONDS) as answer:
        body, allowed = answer.read(), answer.headers.get("access-control-allow-origin")
    digest = "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()
    expect((digest, allowed) == (stack.script_integrity, "*"), f"digest {digest}, CORS {allowed}")
    return f"{len(body)} bytes"


def unsigned(stack: StackOutputs) -> str:
    """Request the element from S3 without a signature, and check that S3 refuses."""
    only_on_aws()
    path = stack.script_url.split("/", 3)[3]
    try:
        with urllib.request.urlopen(
            f"https://{stack.bucket}.s3.{stack.region}.amazonaws.com/{path}", timeout=HTTP_SECONDS
        ):
            raise UnexpectedError("it was served")
    except urllib.error.HTTPError as error:
        expect(error.code == 403, f"status {error.code}")
        return "403"


def has_team(workteam: str) -> str:
    """Report whether the jobs in Ground Truth are tried.

    Raises:
        NotTriedError: there is no team.
    """
    if not workteam:
        raise NotTriedError("needs a private team: add --workteam-arn (WORKTEAM=)")
    return "with your team"


def run_in_portal(site: Portal, report: Report) -> None:
    """Check how AWS answers the portal's requests, create a job, wait for the labeller, and check the results."""
    portal.check_behaviors(report, site)
    name = f"acceptance-{stamp()}-portal"
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
        prepared = prepare(name, None, site.stack, Path(folder), {LARGE_IMAGE: LARGE_PRELABELS})
        if not report.check("portal: create", "the job's files are in the bucket", create_outside, prepared, site):
            return
    if not report.check("portal: load", "the job is in the portal after a minute or two", portal.loaded, site, name):
        return
    with portal.labeller(site) as password:
        tell_portal(site, name, password)
        expected = "all images are labelled in the portal, and the job ends by itself"
        report.check("portal: complete", expected, wait_outside, site, name)
        expected = "Cognito's id token names the person, and their group in cognito:groups"
        report.check("portal: person", expected, portal.signed_in, site)
    report.check("portal: results", "results.json is written after the event", results, site.session, site.stack, name)
    check_results("portal: ", name, site.session, site.stack, report)
    report.check("portal: counts", "every line is counted once", counts, site.session, site.stack, name, "Completed")


def create_outside(prepared: PreparedJob, site: Portal) -> str:
    """Create the job outside Ground Truth, and check that a second call changes nothing."""
    s3, created_at = site.session.client("s3"), datetime.now(UTC)
    expect(create_outside_ground_truth(prepared, s3, site.stack, created_at)[1], "a job of this name was there")
    expect(not create_outside_ground_truth(prepared, s3, site.stack, created_at)[1], "a second call created it again")
    return "created; the same call again changes nothing"


def tell_portal(site: Portal, name: str, password: str) -> None:
    """Print instructions for the labeller in the portal."""
    print(
        f"\nPlease label now in the portal:\n"
        f"  1. Open {site.origin}/portal/index.html and sign in as {portal.EMAIL}\n"
        f"     with the password {password}\n"
        f"  2. Job 'Acceptance: {name}', all 3 images: click on the red cross, then Submit.\n"
        f"     One image shows {len(LARGE_PRELABELS)} points already: change nothing, tick 'No changes needed',\n"
        f"     then Submit.\n"
        f"Waiting up to {LABELER_SECONDS // 60} minutes …\n",
        flush=True,
    )


def wait_outside(site: Portal, name: str) -> str:
    """Wait until a job outside Ground Truth has ended."""
    deadline, s3 = time.monotonic() + LABELER_SECONDS, site.session.client("s3")
    while True:
        job = describe_outside_ground_truth(s3, site.stack.bucket, name) or {}
        status = job.get("LabelingJobStatus")
        if status in ENDED_STATUSES:
            break
        expect(time.monotonic() < deadline, f"still {status}")
        time.sleep(LOOK_SECONDS)
    expect(status == "Completed", f"{status}: {job.get('FailureReason')}")
    return f"{status} with {job['LabelCounters']}"


def stamp() -> str:
    """Return the time as a part of jobs' names."""
    return datetime.now(UTC).strftime("%Y%m%d%H%M%S")


def run_in_ground_truth(workteam: str, session: Session, stack: StackOutputs, report: Report) -> None:
    """Create both jobs, wait for the labeller, stop one job, and check the results of both."""
    complete, stop = f"acceptance-{(at := stamp())}-complete", f"acceptance-{at}-stop"
    sagemaker = session.client("sagemaker")
    report.check("missing job", "a job that does not exist is recognised (R2)", missing, sagemaker, complete, report)
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
        for name in (complete, stop):
            prelabels = {LARGE_IMAGE: LARGE_PRELABELS} if name == complete else {}
            prepared = prepare(name, workteam, stack, Path(folder), prelabels)
            if not report.check(
                f"create {name}", "CreateLabelingJob takes the job (R9, R12)", create, prepared, session
            ):
                return
    tell(session, workteam, complete, stop)
    report.check("complete", "all images of the first job are labelled", wait, sagemaker, complete, {"Completed"})
    report.check("stop", "the second job is stopped after its first label", stop_job, sagemaker, stop)
    for name, status in ((complete, "Completed"), (stop, "Stopped")):
        report.recorded[f"DescribeLabelingJob {status}"] = describe_in_ground_truth(sagemaker, name)
        report.recorded[f"manifests {status}"] = keys(session, stack, f"{OUTPUT_PREFIX}{name}/manifests/")
        expected = "results.json is written after the event (R1, R6, R7)"
        report.check(f"results {status}", expected, results, session, stack, name)
        report.check(f"counts {status}", "every line is counted once", counts, session, stack, name, status)
    check_results("", complete, session, stack, report)


def check_results(prefix: str, name: str, session: Session, stack: StackOutputs, report: Report) -> None:
    """Check the content of a completed job's results and answers.

    Args:
        prefix: the first part of the checks' names.
        name: the job's name.
        session: the account's credentials.
        stack: the stack.
        report: to which the checks are added.
    """
    expected = "every image name is whole in coco.json"
    report.check(f"{prefix}names", expected, names, session, stack, name)
    expected = "pre-labels that exceed a line's limit reach the page by reference, and the results (R11)"
    report.check(f"{prefix}large pre-labels", expected, referenced, session, stack, name)
    expected = "answers carry the element's fields and no signed URL (R3, R4)"
    report.check(f"{prefix}submission", expected, answers, session, stack, name, report)


def missing(sagemaker: Any, name: str, report: Report) -> str:
    """Describe a job that does not exist, and record AWS's error in the report."""
    try:
        sagemaker.describe_labeling_job(LabelingJobName=name)
    except ClientError as error:
        report.recorded["DescribeLabelingJob of a missing job"] = error.response["Error"]
    expect(describe_in_ground_truth(sagemaker, name) is None, "the job is said to exist")
    return str(report.recorded.get("DescribeLabelingJob of a missing job"))


def draw(folder: Path) -> None:
    """Draw the images, each with a cross for the labeller at a different position."""
    for number, name in enumerate(IMAGES, start=1):
        image = Image.new("RGB", (480, 320), "#dfe5e8")
        x, y = 100 * number, 70 * number
        pen = ImageDraw.Draw(image)
        pen.line((x - 20, y, x + 20, y), "#c00000", 5)
        pen.line((x, y - 20, x, y + 20), "#c00000", 5)
        image.save(folder / name)


def prepare(
    name: str, workteam: str | None, stack: StackOutputs, folder: Path, prelabels: Mapping[str, Instances]
) -> PreparedJob:
    """Prepare a job with the images in a folder."""
    settings = JobSettings(name=name, title=f"Acceptance: {name}", workteam_arn=workteam)
    skeleton = parse_skeleton(json.dumps(SKELETON))
    images = images_in_folder(folder).images
    template = TEMPLATE_PATH.read_text(encoding="utf-8")
    return prepare_job(settings, stack, skeleton, images, template_source=template, prelabels=prelabels)


def create(prepared: PreparedJob, session: Session) -> str:
    """Create the job in Ground Truth, and check that a second call changes nothing."""
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    arn, created = create_in_ground_truth(prepared, s3, sagemaker)
    expect(created, "a job of this name was there")
    expect(create_in_ground_truth(prepared, s3, sagemaker) == (arn, False), "a second call is not the first's")
    return "created; the same call again changes nothing"


def tell(session: Session, workteam: str, complete: str, stop: str) -> None:
    """Print instructions for the labeller."""
    try:
        answer = session.client("sagemaker").describe_workteam(WorkteamName=workteam.rsplit("/", 1)[1])
        portal = f"https://{answer['Workteam']['SubDomain']}"
    except (ClientError, KeyError):
        portal = "your workforce's labeling portal (console: SageMaker, Labeling workforces)"
    print(
        f"\nPlease label now, as a member of the team (tasks appear after a few minutes):\n"
        f"  1. Open {portal} and sign in.\n"
        f"  2. Job 'Acceptance: {complete}', all 3 images: click on the red cross, then Submit.\n"
        f"     In one image move the point once more before Submit; in one use Ctrl+Enter in place of the button.\n"
        f"     One image shows {len(LARGE_PRELABELS)} points already: change nothing, tick 'No changes needed',\n"
        f"     then Submit.\n"
        f"  3. Job 'Acceptance: {stop}': only 1 image, then leave it. It is stopped by itself.\n"
        f"Waiting up to {LABELER_SECONDS // 60} minutes …\n",
        flush=True,
    )


def wait(sagemaker: Any, name: str, statuses: set[str]) -> str:
    """Wait until the job has one of these statuses."""
    deadline = time.monotonic() + LABELER_SECONDS
    while (job := sagemaker.describe_labeling_job(LabelingJobName=name))["LabelingJobStatus"] not in statuses:
        ended = job["LabelingJobStatus"] in ENDED_STATUSES
        expect(not ended, f"{job['LabelingJobStatus']}: {job.get('FailureReason')}")
        expect(time.monotonic() < deadline, f"still {job['LabelingJobStatus']} with {job['LabelCounters']}")
        time.sleep(LOOK_SECONDS)
    return f"{job['LabelingJobStatus']} with {job['LabelCounters']}"


def stop_job(sagemaker: Any, name: str) -> str:
    """Wait for the first label of a job, and stop it."""
    deadline = time.monotonic() + LABELER_SECONDS
    while not sagemaker.describe_labeling_job(LabelingJobName=name)["LabelCounters"]["TotalLabeled"]:
        expect(time.monotonic() < deadline, "nobody labelled an image of it")
        time.sleep(LOOK_SECONDS)
    sagemaker.stop_labeling_job(LabelingJobName=name)
    return wait(sagemaker, name, {"Stopped"})


def results(session: Session, stack: StackOutputs, name: str) -> str:
    """Wait for a job's results."""
    began, s3 = time.monotonic(), session.client("s3")
    while not exists(s3, stack.bucket, job_keys(name).results_marker):
        expect(time.monotonic() - began < RESULTS_SECONDS, f"none within {RESULTS_SECONDS} s")
        time.sleep(LOOK_SECONDS)
    return f"after {time.monotonic() - began:.0f} s"


def counts(session: Session, stack: StackOutputs, name: str, status: str) -> str:
    """Check the counts in results.json."""
    marker = read(session, stack, job_keys(name).results_marker)
    four = {kind: marker[kind] for kind in ("written", "rejected", "failed", "unlabeled")}
    expect(marker["labeling_job_status"] == status, marker["labeling_job_status"])
    expect(marker["lines"] == sum(four.values()) == len(IMAGES), f"{marker['lines']} lines, {four}")
    expect(four["written"] >= (len(IMAGES) if status == "Completed" else 1), str(four))
    return str(four)


def names(session: Session, stack: StackOutputs, name: str) -> str:
    """Check that manifest, page, answer and results left each image's name unchanged."""
    coco = read(session, stack, f"{job_keys(name).results}coco.json")
    file_names = {image["file_name"].rsplit("/", 1)[-1] for image in coco["images"]}
    expect(file_names == set(IMAGES), str(sorted(file_names)))
    return ", ".join(sorted(file_names))


def referenced(session: Session, stack: StackOutputs, name: str) -> str:
    """Check that pre-labels that exceed the limit of an attribute are in a separate object and in the results."""
    manifest = session.client("s3").get_object(Bucket=stack.bucket, Key=job_keys(name).manifest)["Body"].read()
    [reference] = [json.loads(line)["annotations_ref"] for line in manifest.splitlines() if b"annotations_ref" in line]
    coco = read(session, stack, f"{job_keys(name).results}coco.json")
    [image] = [image["id"] for image in coco["images"] if image["file_name"].endswith(LARGE_IMAGE)]
    points = [entry["keypoints"][:2] for entry in coco["annotations"] if entry["image_id"] == image]
    given = [[x, y] for x, y in LARGE_PLACES]
    expect(sorted(points) == sorted(given), f"{len(points)} of {len(given)} instances, or at other places")
    return f"{len(points)} instances by {reference.rsplit('/', 1)[-1]}"


def answers(session: Session, stack: StackOutputs, name: str, report: Report) -> str:
    """Check the stored answers, and record the fields of one in the report."""
    response_keys = keys(session, stack, f"{OUTPUT_PREFIX}{name}/annotations/worker-response/")
    report.recorded[f"worker-response keys of {name}"] = response_keys
    submitted = [answer for key in response_keys for answer in read(session, stack, key)["answers"]]
    for answer in submitted:
        content = answer["answerContent"]
        expect("updated_annotations" in content, f"fields {sorted(content)}")
        expect("X-Amz-Signature" not in json.dumps(content), "a signed URL is in an answer")
    expect(len(submitted) == len(IMAGES), f"{len(submitted)} answers")
    report.recorded["fields of an answer"] = sorted(submitted[0]["answerContent"])
    return f"{len(submitted)} answers with {len(submitted[0]['answerContent'])} fields"


def keys(session: Session, stack: StackOutputs, prefix: str) -> list[str]:
    """Return the keys below a prefix."""
    pages = session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stack.bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ())]


def read(session: Session, stack: StackOutputs, key: str) -> dict[str, Any]:
    """Return a JSON object of the bucket."""
    return dict(json.loads(session.client("s3").get_object(Bucket=stack.bucket, Key=key)["Body"].read()))


if __name__ == "__main__":
    sys.exit(main())
