#!/usr/bin/env python3
"""Download the results of a finished labeling job; only a complete set, and of it only what has changed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from truepoint.jobs import command
from truepoint.jobs.results import download_results
from truepoint.jobs.stack import read_stack

EXAMPLE = "%(prog)s people-1 results/people-1"


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("name", metavar="JOB", help="the labeling job's name")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to put them; made if it is not there")
    options = parser.parse_args(given)
    return command.run(lambda: download(options))


def download(options: argparse.Namespace) -> int:
    """Make the folder hold the results."""
    session = command.session(options)
    bucket = read_stack(session.client("cloudformation"), options.stack_name).bucket
    with tqdm(desc="download", unit="file", disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        done = download_results(session.client("s3"), bucket, options.name, options.folder, progress)
    print(f"{options.folder}: {done.written} files written, {done.unchanged} unchanged")
    if done.left_over:
        print(f"note: {len(done.left_over)} files there are not of these results, the first is {done.left_over[0]}")
    return command.OK


if __name__ == "__main__":
    sys.exit(main())
