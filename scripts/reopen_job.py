#!/usr/bin/env python3
"""Reopen a finished job outside Ground Truth: objects without a label, including failed ones, are open again.

Labels and answers stay. The script deletes the job's results.json. When the job ends again, its results are written
again, at least 16 minutes after the earlier results, because an earlier run may write until then. The portal
continues the job by itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime, timedelta

from truepoint.groundtruth.job import JobError, parse_description
from truepoint.jobs import command
from truepoint.jobs.rebuild import acting_as, reopen_in_portal
from truepoint.jobs.stack import read_stack
from truepoint.jobs.status import NoSuchJobError
from truepoint.keys import job_keys
from truepoint.tasks.labeling_job import LabelingJobError, parse_labeling_job, reopened

EXAMPLE = "%(prog)s people-1"
MOST_HOURS = 365 * 24
"""Maximum of --hours: one year. Much larger values exceed the range of dates."""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("name", metavar="JOB", help="name of the labelling job")
    parser.add_argument("--hours", type=float, default=24.0, help="minimum time for new answers; default: %(default)g")
    parser.add_argument("--dry-run", action="store_true", help="count the objects to reopen; write nothing")
    options = parser.parse_args(given)
    return command.run(lambda: reopen(options))


def reopen(options: argparse.Namespace) -> int:
    """Change the job's description and remove its results.json."""
    if not 0 < options.hours <= MOST_HOURS:
        raise command.UsageError(f"--hours: expected more than 0 and at most {MOST_HOURS}, got {options.hours:g}")
    session = command.session(options)
    stack = read_stack(session.client("cloudformation"), options.stack_name)
    bucket = stack.bucket
    s3, keys = session.client("s3"), job_keys(options.name)
    try:
        stored = s3.get_object(Bucket=bucket, Key=keys.labeling_job)
    except s3.exceptions.NoSuchKey as error:
        raise NoSuchJobError(f"there is no job {options.name!r} outside Ground Truth in s3://{bucket}/jobs/") from error
    try:
        document = parse_description(stored["Body"].read())
        changed = reopened(document, datetime.now(UTC), timedelta(hours=options.hours))
    except (LabelingJobError, JobError) as error:
        raise command.UsageError(str(error)) from error
    open_again, deadline = changed["LabelCounters"]["Unlabeled"], parse_labeling_job(changed).deadline
    print(f"{options.name}: {open_again} objects without a label, open until {deadline:%Y-%m-%d %H:%M} UTC")
    if options.dry_run:
        print("nothing done")
        return command.OK
    if stack.portal_table:
        with acting_as(session):
            reopen_in_portal(stack, options.name, options.hours)
        print("reopened: the portal hands out what is open within two minutes")
        return command.OK
    # Write the description before deleting results.json. Otherwise the sweep would write the ended job's results.
    body = json.dumps(changed, indent=2).encode()
    s3.put_object(
        Bucket=bucket, Key=keys.labeling_job, Body=body, ContentType="application/json", IfMatch=stored["ETag"]
    )
    s3.delete_object(Bucket=bucket, Key=keys.results_marker)
    print("reopened: start the job again to label the open objects and to consolidate stored answers")
    return command.OK


if __name__ == "__main__":
    sys.exit(main())
