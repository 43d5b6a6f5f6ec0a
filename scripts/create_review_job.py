#!/usr/bin/env python3
"""Create a review job of the most suspicious images of a finished job.

Workers see the consolidated labels as pre-labels, and the reasons why they look wrong. The images are not copied.
Afterwards, `merge_review.py` replaces the first job's labels by the corrected ones. The command is idempotent.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from truepoint.jobs import command
from truepoint.jobs.launch import create_in_ground_truth, create_outside_ground_truth, prepare_objects
from truepoint.jobs.request import DEFAULT_LABEL_ATTRIBUTE, JobSettings
from truepoint.jobs.review import ReviewError, review_objects
from truepoint.jobs.stack import read_stack
from truepoint.jobs.worker_template import TEMPLATE_PATH, plain_instructions

EXAMPLE = (
    "%(prog)s people-1 --name people-1-review --top 200 \\\n"
    "      --workteam-arn arn:aws:sagemaker:eu-west-1:123456789012:workteam/private-crowd/team"
)
INSTRUCTIONS = (
    "These labels look unusual; the list shows why. Correct the wrong ones. If all are right, tick “No changes needed”."
)


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("job", metavar="JOB", help="the job to review, which must have results")
    parser.add_argument("--name", required=True, help="the review job's name, lower case; can never be used again")
    parser.add_argument(
        "--top", type=int, default=100, metavar="N", help="number of images, the most suspicious first (100)"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--workteam-arn", metavar="ARN", help="Ground Truth team that labels")
    where.add_argument("--outside-ground-truth", action="store_true", help="create the job for Truepoint's own portal")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="workers for each image, 1 to 9 (1)")
    parser.add_argument("--dry-run", action="store_true", help="print the request and the first lines; write nothing")
    options = parser.parse_args(given)
    return command.run(lambda: create(options))


def create(options: argparse.Namespace) -> int:
    """Prepare the job, and create it unless it is a dry run."""
    if options.top < 1:
        raise command.UsageError(f"--top: expected at least 1, got {options.top}")
    session = command.session(options)
    s3 = session.client("s3")
    stack = read_stack(session.client("cloudformation"), options.stack_name)
    try:
        objects, skeleton, too_long = review_objects(s3, stack.bucket, options.job, options.top)
    except ReviewError as error:
        raise command.UsageError(str(error)) from error
    settings = JobSettings(
        name=options.name,
        title="Check the keypoints",
        description="Check keypoints that look unusual, and correct the wrong ones.",
        workers_per_object=options.workers,
        label_attribute_name=DEFAULT_LABEL_ATTRIBUTE,
        workteam_arn=options.workteam_arn,
    )
    prepared = prepare_objects(
        settings,
        stack,
        skeleton,
        objects,
        template_source=TEMPLATE_PATH.read_text(encoding="utf-8"),
        instructions=plain_instructions(INSTRUCTIONS),
    )
    command.say_omitted((*too_long, *prepared.omitted))
    if options.dry_run:
        print(json.dumps(prepared.request, indent=2, ensure_ascii=False))
        for entry in objects[:10]:
            print(entry["source-ref"], *(issue["reason"] for issue in entry["annotation_issues"]), sep="\n  ")
        print(f"\n{prepared.object_count} images; dry run: nothing was written")
        return command.OK
    if options.outside_ground_truth:
        document, created = create_outside_ground_truth(prepared, s3, stack, datetime.now(UTC))
        arn = str(document["LabelingJobArn"])
    else:
        arn, created = create_in_ground_truth(prepared, s3, session.client("sagemaker"))
    state = "created" if created else "already exists, unchanged"
    print(f"{arn}\n{state}: {prepared.object_count} images to review")
    return command.OK


if __name__ == "__main__":
    sys.exit(main())
