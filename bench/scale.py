#!/usr/bin/env python3
"""What results cost, in time and money, by the number of images: the table of docs/scale.md, from measured figures,
list prices and the limits of the services. `--write` puts it there; a test holds it to be what this computes."""

from __future__ import annotations

import argparse
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from truepoint.results.ranges import LARGEST_RANGE, MOST_RANGES
from truepoint.runs.completion import LARGEST_AT_ONCE

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)

# AWS public list prices in US dollars, us-east-1, as known in November 2026: look them up before relying on them.
S3_PUT = 0.005 / 1000
S3_GET = 0.0004 / 1000
S3_GB_MONTH = 0.023
LAMBDA_GB_SECOND = 0.0000133334  # arm64
LAMBDA_REQUEST = 0.20 / 1e6
TRANSITION = 0.025 / 1000  # Step Functions, standard workflows

# Limits.
PUTS_A_SECOND = 3500  # S3, below one prefix, until it divides the prefix by itself
AT_ONCE = 8, 4  # ranges, in the first pass and in the second; MaxConcurrency in template.yaml
CORE_MB = 1769  # of memory come with one core, and that is what the functions have
PIECE = 4 * 1024 * 1024  # bytes of the manifest that one GET asks for


@dataclass(frozen=True)
class Job:
    """One kind of job, of two people with 17 keypoints an image.

    By image: `line` and `written` are bytes of the manifest and of the results; `survey` and `label` are core seconds
    of the first pass and of the second with its put, `merge` those to put the combined files together. Bytes are
    counted, seconds measured with bench/results.py and rounded.
    """

    workers: int
    line: int
    written: int
    survey: float
    label: float
    merge: float


JOBS = (
    Job(workers=1, line=2_876, written=6_890, survey=0.00002, label=0.0007, merge=0.00002),
    Job(workers=3, line=11_069, written=26_000, survey=0.0003, label=0.0011, merge=0.00003),
)
FIXED = 1.5
"""Core seconds a job: norms of a sample, the report, and waiting for S3 at each step."""


@dataclass(frozen=True)
class Estimate:
    """Of one job: ranges that it is cut into, seconds from its event to the marker, and dollars by service."""

    ranges: int
    seconds: float
    puts_a_second: float
    gb_seconds: float
    functions: float
    s3: float
    steps: float
    month: float

    @property
    def total(self) -> float:
        """Dollars, storage apart."""
        return self.functions + self.s3 + self.steps


def estimate(job: Job, images: int) -> Estimate:
    """What a job of so many images takes."""
    size = job.line * images
    whole = size <= LARGEST_AT_ONCE
    ranges = 1 if whole else min(math.ceil(size / LARGEST_RANGE), MOST_RANGES)
    survey, label = (
        math.ceil(ranges / at_once) * core_seconds * images / ranges
        for core_seconds, at_once in zip((job.survey, job.label), AT_ONCE, strict=True)
    )
    limited = max(label, images / PUTS_A_SECOND)
    seconds = FIXED + survey + limited + job.merge * images
    # While S3 makes the functions wait, they are paid for.
    paid = FIXED + (job.survey + job.label * limited / label + job.merge) * images
    gb_seconds = paid * CORE_MB / 1024
    # Survey, label and their fragments of each range; plan, joined, and the files of the job as a whole.
    puts = images + 9 * ranges + 15
    gets = 2 * math.ceil(size / PIECE) + 12 * ranges + 20
    return Estimate(
        ranges=ranges,
        seconds=seconds,
        puts_a_second=images / limited,
        gb_seconds=gb_seconds,
        functions=gb_seconds * LAMBDA_GB_SECOND + (2 * ranges + 5) * LAMBDA_REQUEST,
        s3=puts * S3_PUT + gets * S3_GET,
        steps=0.0 if whole else (2 * ranges + 8) * TRANSITION,
        month=job.written * images / 1e9 * S3_GB_MONTH,
    )


def table() -> str:
    """The table, in Markdown."""
    rows = [
        "| workers | images | manifest | ranges | time | puts/s | GB-s | functions | S3 | steps | all | a month |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for job in JOBS:
        for images in SIZES:
            e = estimate(job, images)
            money = (e.functions, e.s3, e.steps, e.total, e.month)
            cells = [str(job.workers), f"{images:,}", _bytes(job.line * images), str(e.ranges), _time(e.seconds)]
            cells += [f"{e.puts_a_second:,.0f}", f"{e.gb_seconds:,.0f}", *(f"${dollars:,.2f}" for dollars in money)]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def page(text: str) -> str:
    """The page with the table in its place."""
    return re.sub(r"(?<=<!-- table -->\n).*?(?=\n<!-- end -->)", lambda _: table(), text, flags=re.DOTALL)


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/scale.md")
    if parser.parse_args(given).write:
        PAGE.write_text(page(PAGE.read_text()))
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
