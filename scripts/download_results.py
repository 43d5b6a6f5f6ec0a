#!/usr/bin/env python3
"""Download the results of a finished labelling job: only complete results, and only files that have changed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from truepoint.analysis.bucket_pictures import BucketPictures
from truepoint.analysis.pictures import illustrated
from truepoint.formats.labels import FormatError
from truepoint.jobs import command
from truepoint.jobs.files import write_whole
from truepoint.jobs.results import download_results
from truepoint.jobs.stack import read_stack
from truepoint.results.result_set import Files

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WITH_IMAGES = "report_with_images.html"
"""Name of the report with thumbnails. The downloaded report without images stays unchanged and can be shared."""
EXAMPLE = "%(prog)s people-1 results/people-1"


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("name", metavar="JOB", help="name of the labelling job")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the results; created if missing")
    parser.add_argument(
        "--thumbnails", action="store_true",
        help=f"also write {WITH_IMAGES}, whose drawings show the images, which are read from S3",
    )  # fmt: skip
    options = parser.parse_args(given)
    return command.run(lambda: download(options))


def download(options: argparse.Namespace) -> int:
    """Download the results to the folder, and write the report with thumbnails on request."""
    session = command.session(options)
    s3 = session.client("s3")
    bucket = read_stack(session.client("cloudformation"), options.stack_name).bucket
    with tqdm(desc="download", unit="file", disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        done = download_results(s3, bucket, options.name, options.folder, progress)
    print(f"{options.folder}: {done.written} files written, {done.unchanged} unchanged")
    left_over = [name for name in done.left_over if name != WITH_IMAGES]
    if left_over:
        print(f"note: {len(left_over)} files in the folder are not part of these results, first: {left_over[0]}")
    if options.thumbnails:
        _with_thumbnails(options.folder, s3)
    return command.OK


def _with_thumbnails(folder: Path, s3: S3Client) -> None:
    """Write the report with thumbnails of the images that it draws."""
    report = folder / Files().report
    try:
        with tqdm(desc="thumbnails", unit="image", disable=None) as bar:
            content, missing = illustrated(report.read_bytes(), BucketPictures(s3, bar.update), str(report))
    except FormatError as error:
        raise command.UsageError(str(error)) from error
    write_whole(folder / WITH_IMAGES, content)
    for name in missing:
        print(f"no thumbnail of s3://{name}: it is missing, may not be read, or is no image", file=sys.stderr)
    print(folder / WITH_IMAGES)


if __name__ == "__main__":
    sys.exit(main())
