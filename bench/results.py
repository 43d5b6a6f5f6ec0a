#!/usr/bin/env python3
"""Measure the throughput of job_completion, and compare it with upper bounds and with other programs.

A simulated job of people with 17 keypoints each is processed in one invocation, with a local S3 (bench/local_s3.py).
The upper bounds are: reading the manifest and parsing its lines; putting the annotation files with the same client and
concurrency. The straightforward program is in bench/measured.py. datumaro and sleap-io convert coco.json to COCO again,
on disk. With a delay of 0 ms the local server needs a part of the CPU; a put to S3 takes 10 to 30 ms without CPU.

Example:
    python bench/results.py --images 3000 --runs 3        # or: make bench-results
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from finished_job import SKELETON, answers, lines
from local_s3 import local_s3
from measured import BUCKET, MANIFEST, NAME, SKELETON_KEY

from truepoint.results.ranges import LARGEST_RANGE

ROOT = Path(__file__).parents[1]
READERS = ROOT / ".venv-readers" / "bin" / "python"
TITLES = {
    "parsing": "read and parse only",
    "puts": "put only",
    "ours": "Truepoint, end to end",
    "straightforward": "json + boto3 in a loop",
    "coco": "Truepoint, coco.json only",
}
DELAYS = (0, 20)
"""Durations of a put, in milliseconds."""
AT_ONCE = (8, 16, 32, 64, 128)
"""Numbers of concurrent puts."""
ENVIRONMENT = {
    "BUCKET_NAME": BUCKET,
    "PROCESSES": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "33554432",
    "OPENBLAS_NUM_THREADS": "1",
}
"""Environment variables as in template.yaml, but for the name of the bucket."""
CROWDS = ((1, 2, 200), (3, 2, 60), (9, 30, 2))
"""Batches for post_annotation: workers, instances per worker, images."""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=3000, metavar="N", help="in a job; default: %(default)s")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of each, median told; default: %(default)s")
    parser.add_argument("--largest", type=int, default=40_000, metavar="N", help="images in the job for the ceilings")
    parser.add_argument("--most", type=int, default=1_000_000, metavar="N", help="lines for the peak of memory")
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        for delay in DELAYS:
            with local_s3(delay):
                boto3.client("s3").create_bucket(Bucket=BUCKET)
                for workers in (1, 3):
                    completion(workers, delay, options.images, options.runs, Path(folder) / f"{workers}-{delay}")
        with local_s3(DELAYS[-1]):
            boto3.client("s3").create_bucket(Bucket=BUCKET)
            for workers in (1, 3):
                largest(options.largest, workers, options.runs)
            concurrency(options.images, options.runs)
        with local_s3():
            boto3.client("s3").create_bucket(Bucket=BUCKET)
            consolidation(options.runs)
            memory(options.most, Path(folder))
    return 0


def completion(workers: int, delay: int, images: int, runs: int, folder: Path) -> None:
    """Measure job_completion and the other programs for a job, and print the comparison."""
    s3 = boto3.client("s3")
    figures_of = measured_alternately(list(TITLES), images, workers, runs)
    coco = folder / "annotations" / "person_keypoints_all.json"
    coco.parent.mkdir(parents=True)
    s3.download_file(BUCKET, f"results/{NAME}/coco.json", str(coco))
    (folder / "images" / "all").mkdir(parents=True)
    for image in json.loads(coco.read_bytes())["images"]:
        (folder / "images" / "all" / image["file_name"]).touch()  # sleap-io leaves out images without a file
    for rival in ("datumaro", "sleap") if delay == DELAYS[0] else ():
        script = ROOT / "bench" / "conversions" / f"{rival}_conversion.py"
        command = [READERS, script, folder, folder / f"{rival}-out"]
        cpu = middle(float(output(command)) for _ in range(runs))
        figures_of[f"{rival}, coco.json only"] = {"seconds": cpu, "cpu": cpu}
    print_figures(figures_of, images, workers, delay, runs)


def largest(images: int, workers: int, runs: int) -> None:
    """Measure job_completion and its upper bounds for about the largest job of a single invocation."""
    figures_of = measured_alternately(["parsing", "puts", "ours"], images, workers, runs)
    print_figures(figures_of, images, workers, DELAYS[-1], runs)


def concurrency(images: int, runs: int) -> None:
    """Measure throughput and memory by the number of concurrent puts, with annotation files of three workers."""
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=b"".join(lines(images, 3)))
    print(f"\nputs at once, {images} files of three workers' images, a put takes {DELAYS[-1]} ms; median of {runs}")
    print(f"{'':6}{'files/s':>10}{'CPU ms a file':>16}{'peak MB':>10}")
    for at_once in AT_ONCE:
        rounds = [measured("puts", str(at_once)) for _ in range(runs)]
        figures = {unit: middle(one_round[unit] for one_round in rounds) for unit in rounds[0]}
        print(
            f"{at_once:6}{images / figures['seconds']:10.0f}{1000 * figures['cpu'] / images:16.3f}"
            f"{figures['megabytes']:10.0f}"
        )


def measured_alternately(parts: list[str], images: int, workers: int, runs: int) -> dict[str, dict[str, float]]:
    """Return the medians of each part's figures for a job, by title.

    Parts alternate in each repetition, so that other load on the machine affects all of them.
    """
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key=SKELETON_KEY, Body=SKELETON)
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=b"".join(lines(images, workers)))
    rounds = [{part: measured(part, *[str(workers)] * (part == "ours")) for part in parts} for _ in range(runs)]
    return {TITLES[part]: {unit: middle(t[part][unit] for t in rounds) for unit in rounds[0][part]} for part in parts}


def print_figures(figures_of: dict[str, dict[str, float]], images: int, workers: int, delay: int, runs: int) -> None:
    """Print each part's figures, absolute and relative to the whole of job_completion."""
    crew = f"{workers} worker{'s' * (workers > 1)}"
    print(f"\n{images} images, two people of 17 keypoints, {crew}, a put takes {delay} ms; median of {runs}")
    whole = figures_of[TITLES["ours"]]
    print(f"{'':28}{'images/s':>10}{'x ours':>8}{'CPU ms an image':>18}{'x ours':>8}")
    for title, figures in figures_of.items():
        print(
            f"  {title:26}{images / figures['seconds']:10.0f}{whole['seconds'] / figures['seconds']:8.2f}"
            f"{1000 * figures['cpu'] / images:18.3f}{figures['cpu'] / whole['cpu']:8.2f}"
        )
    ceiling = max(figures_of[TITLES[part]]["seconds"] for part in ("parsing", "puts"))
    print(f"  end to end at {100 * ceiling / whole['seconds']:.0f} % of the slower ceiling")


def consolidation(runs: int) -> None:
    """Measure the throughput of post_annotation's handler, in its first and in a later call."""
    print(f"\npost_annotation, objects a second of CPU, workers x instances of each, median of {runs}")
    print(f"{'':18}{'first call':>12}{'later call':>12}")
    for workers, instances, images in CROWDS:
        key = _batch(workers, instances, images)
        first, later = (middle(measured("consolidating", key, n)["cpu"] for _ in range(runs)) for n in ("0", "3"))
        print(f"  {workers} x {instances:<2} instances{images / first:12.1f}{images / later:12.1f}")


def _batch(workers: int, instances: int, images: int) -> str:
    """Put a batch in Ground Truth's format and return its key."""
    rng = np.random.default_rng(workers)
    entries = [
        {
            "datasetObjectId": str(number),
            "dataObject": {"s3Uri": f"s3://{BUCKET}/jobs/{NAME}/images/{number}.jpg"},
            "annotations": [
                {"workerId": worker, "annotationData": {"content": content}}
                for worker, content in answers(rng, workers, instances)
            ],
        }
        for number in range(images)
    ]
    key = f"output/{NAME}/annotations/consolidated-annotation/consolidation-request/iteration-1/{workers}.json"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(entries).encode())
    return key


def memory(most: int, folder: Path) -> None:
    """Measure peak memory by number of lines.

    Lines and ranges have a third of their usual length, so that a million lines take minutes.
    """
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key=SKELETON_KEY, Body=SKELETON)
    print("\npeak memory of completion in two processes together, one person of 6 keypoints an image")
    first = 0.0
    for count in (10_000, most):
        with (folder / "manifest").open("w+b") as file:
            file.writelines(lines(count, 1, 1, 6))
            file.seek(0)
            s3.upload_fileobj(file, BUCKET, MANIFEST)
        peak = measured("ours", "1", str(LARGEST_RANGE // 3))["megabytes"]
        first = first or peak
        print(f"  {count:9,} lines {peak:7.1f} MB {peak / first:6.2f} x")


def measured(part: str, *arguments: str | Path) -> dict[str, float]:
    """Run a part in a separate process and return its figures."""
    figures: dict[str, float] = json.loads(output([sys.executable, ROOT / "bench" / "measured.py", part, *arguments]))
    return figures


def output(command: list[Any]) -> str:
    """Run a program and return the last line of its output; its messages are only shown if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | ENVIRONMENT)
    if done.returncode:
        raise RuntimeError(f"{command[1]} {command[2]} failed: {done.stderr[-2000:]}")
    return done.stdout.splitlines()[-1]


def middle(values: Any) -> float:
    """Return the median."""
    return statistics.median(values)


if __name__ == "__main__":
    sys.exit(main())
