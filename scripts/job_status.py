#!/usr/bin/env python3
"""Show how far a labeling job is, in Ground Truth or outside it, and whether its results can be read."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from jobs import command
from jobs.stack import read_stack
from jobs.status import read_status

EXAMPLE = "%(prog)s people-1"


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("name", metavar="JOB", help="the labeling job's name")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    options = parser.parse_args(given)
    return command.run(lambda: show(options))


def show(options: argparse.Namespace) -> int:
    """Print the job's status."""
    session = command.session(options)
    bucket = read_stack(session.client("cloudformation"), options.stack_name).bucket
    status = read_status(session.client("s3"), session.client("sagemaker"), bucket, options.name)
    if options.json:
        print(json.dumps(asdict(status)))
        return command.OK
    where = "outside Ground Truth" if status.outside_ground_truth else "Ground Truth"
    print(f"{status.name}: {status.status} ({where})")
    print(f"[{status.bar()}] {status.labeled} of {status.total} labelled, {status.failed} failed")
    if status.failure_reason:
        print(f"failure reason: {status.failure_reason}")
    print(f"results: {status.results or 'not ready'}")
    return command.OK


if __name__ == "__main__":
    sys.exit(main())
