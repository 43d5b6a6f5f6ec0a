#!/usr/bin/env python3
"""Write the results of finished jobs again, and wait until they are complete.

Sends the event that a job has ended again. Complete results of an unchanged manifest stay as they are, unless you use
--force.
"""

from __future__ import annotations

import argparse
import sys
import time

from tqdm import tqdm

from truepoint.jobs import command
from truepoint.jobs.rerun import Rerun
from truepoint.jobs.results import ResultsNotReadyError
from truepoint.jobs.stack import read_stack

EXAMPLE = "%(prog)s --job people-1"
LOOK_SECONDS = 2.0
"""Interval between polls, in seconds."""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--job", metavar="NAME", action="append", help="name of the job; can be repeated")
    which.add_argument("--all-missing", action="store_true", help="every finished job of the stack without results")
    parser.add_argument("--force", action="store_true", help="also if results are complete: delete results.json first")
    parser.add_argument("--dry-run", action="store_true", help="list the jobs; send nothing")
    parser.add_argument(
        "--wait",
        type=float,
        default=3600,
        metavar="SECONDS",
        help="maximum time to wait for results; default: %(default)s",
    )
    options = parser.parse_args(given)
    return command.run(lambda: rerun(options))


def rerun(options: argparse.Namespace) -> int:
    """Publish the events and wait for the results."""
    session = command.session(options)
    stack = read_stack(session.client("cloudformation"), options.stack_name)
    again = Rerun(session, stack)
    jobs = list(again.missing()) if options.all_missing else [again.job(name) for name in dict.fromkeys(options.job)]
    for job in jobs:
        complete = "results complete" if again.has_results(job.name) else "no results"
        print(f"{job.name}: {job.status}, {complete}")
    if options.dry_run or not jobs:
        print("nothing done")
        return command.OK
    for job in jobs:
        if options.force:
            again.forget_results(job.name)
        again.announce(job)
    waiting, deadline = {job.name for job in jobs}, time.monotonic() + options.wait
    with tqdm(total=len(jobs), desc="results", unit="job", disable=None) as bar:
        while waiting:
            ready = {name for name in waiting if again.has_results(name)}
            waiting -= ready
            bar.update(len(ready))
            if waiting and time.monotonic() > deadline:
                names = ", ".join(sorted(waiting))
                raise ResultsNotReadyError(f"no results after {options.wait:g} s: {names}; see docs/operations.md")
            if waiting:
                time.sleep(LOOK_SECONDS)
    print(f"results are complete: {', '.join(job.name for job in jobs)}")
    return command.OK


if __name__ == "__main__":
    sys.exit(main())
