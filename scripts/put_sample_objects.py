"""Put the S3 objects that the sample events speak of (events/s3) into a bucket of that name, in an emulator.

The bucket's name is fixed in the events, and bucket names are the world's: on AWS itself it may be somebody else's, so
this refuses to work there.

Example:
    source .demo/environment
    python scripts/put_sample_objects.py
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import boto3

BUCKET = "truepoint-events"
OBJECTS = Path(__file__).parents[1] / "events" / "s3"


def main() -> int:
    """Create the bucket and upload; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    if "AWS_ENDPOINT_URL" not in os.environ:
        print("expected AWS_ENDPOINT_URL to name an emulator, it is not set", file=sys.stderr)
        return 2
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    files = sorted(file for file in OBJECTS.rglob("*") if file.is_file())
    for file in files:
        s3.upload_file(str(file), BUCKET, file.relative_to(OBJECTS).as_posix())
    print(f"{len(files)} objects in s3://{BUCKET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
