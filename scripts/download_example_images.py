#!/usr/bin/env python3
"""Download ten openly licensed photographs of people (CC BY 2.0) to try a job with, and list their authors."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import urllib3
from tqdm import tqdm

from truepoint.jobs.example_images import DownloadError, attribution, fetch, read_list

EXAMPLE = "example:\n  %(prog)s photos\n\nexit codes: 0 all downloaded, 1 some could not be downloaded, 2 bad usage"
LIST = Path(__file__).with_name("example_images.csv")


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the photographs; created if missing")
    parser.add_argument("--list", type=Path, default=LIST, metavar="CSV", help="another list with the same columns")
    parser.add_argument("--dry-run", action="store_true", help="print the list without downloading")
    options = parser.parse_args(given)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # no warning for each retry
    try:
        return download(options.folder, options.list, dry_run=options.dry_run)
    except (OSError, DownloadError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def download(folder: Path, listed: Path, *, dry_run: bool) -> int:
    """Fetch the photographs that are missing in the folder. A failure does not stop the others."""
    photos = read_list(listed)
    if dry_run:
        for photo in photos:
            print(f"{photo.file_name}  {photo.size:>9,} bytes  {photo.author}  {photo.url}")
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ATTRIBUTION.txt").write_text(attribution(photos), encoding="utf-8")
    fetched, failures = 0, []
    with urllib3.PoolManager() as pool:
        for photo in tqdm(photos, desc="download", unit="photograph", disable=None):
            try:
                fetched += fetch(photo, folder, pool)
            except DownloadError as error:
                failures.append(str(error))
    print(f"{folder}: {fetched} photographs downloaded, {len(photos) - fetched - len(failures)} already existed")
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
