#!/usr/bin/env python3
"""Rebuild the portal's table from the bucket, after the table was lost or restored to another state.

Jobs in the table are not changed. Workers must request their tasks again, and all people must sign in again. The portal
can stay open: its tick also rebuilds every open job within one or two minutes.
"""

from __future__ import annotations

import argparse
import sys

from tqdm import tqdm

from truepoint.groundtruth.job import JobError
from truepoint.jobs import command
from truepoint.jobs.rebuild import Rebuild, acting_as
from truepoint.jobs.stack import read_stack

EXAMPLE = "%(prog)s --all"


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--job", metavar="NAME", action="append", help="this job; may be given several times")
    which.add_argument("--all", action="store_true", help="every job outside Ground Truth")
    parser.add_argument("--dry-run", action="store_true", help="only say which jobs")
    options = parser.parse_args(given)
    return command.run(lambda: rebuild(options))


def rebuild(options: argparse.Namespace) -> int:
    """Rebuild the jobs, one after another. A failure does not stop the others."""
    session = command.session(options)
    stack = read_stack(session.client("cloudformation"), options.stack_name)
    failed = 0
    with acting_as(session):
        portal = Rebuild(stack)
        names = list(dict.fromkeys(options.job or portal.names()))
        for name in names:
            if options.dry_run:
                print(name)
                continue
            with tqdm(desc=name, unit="image", disable=None) as bar:
                try:
                    job = portal.job(name, bar.update)
                except JobError as error:
                    print(f"error: {error}", file=sys.stderr)
                    failed += 1
                    continue
            print(f"{job.name}: {job.status}, {job.open} images")
    if options.dry_run or not names:
        print("nothing done")
    return command.BAD_USAGE if failed else command.OK


if __name__ == "__main__":
    sys.exit(main())
