#!/usr/bin/env python3
"""Make the results of ended jobs again, and wait until they are there.

The event that a job has ended is put again, so everything happens as it does by itself. Results that are complete and
whose manifest has not changed stay as they are, unless --force says otherwise.
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


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--job", metavar="NAME", action="append", help="this job; may be given several times")
    which.add_argument("--all-missing", action="store_true", help="every ended job of the stack without results")
    parser.add_argument("--force", action="store_true", help="also where results are complete: their marker goes first")
    parser.add_argument("--dry-run", action="store_true", help="only say which jobs")
    parser.add_argument(
        "--wait", type=float, default=3600, metavar="SECONDS", help="how long to wait for results; default: %(default)s"
    )
    options = parser.parse_args(given)
    return command.run(lambda: rerun(options))


def rerun(options: argparse.Namespace) -> int:
    """Put the events and wait."""
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
