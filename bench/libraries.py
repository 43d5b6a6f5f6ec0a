#!/usr/bin/env python3
"""Compare libraries that read JSON or write to S3 by their CPU time; the source of the figures in docs/decisions/0003.

The JSON lines are those of bench/results.py for one worker. Objects of 5 kB are written to bench/local_s3.py. Each
library runs in a separate process. The import time of an S3 library includes the creation of a client.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
from finished_job import lines
from local_s3 import local_s3
from measured import BUCKET

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
COLUMNS = {"decode": "decode µs", "encode": "encode µs", "put": "put µs", "import": "import ms", "megabytes": "MB"}


def main() -> int:
    """Run the command."""
    print(f"{'':10}" + "".join(f"{title:>12}" for title in COLUMNS.values()))
    with local_s3(), tempfile.NamedTemporaryFile() as file:
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        file.write(b"".join(lines(500)))
        file.flush()
        for name in ("json", "orjson", "msgspec", "boto3", "minio", "obstore"):
            command = [str(PYTHON), str(ROOT / "bench" / "library_calls.py"), name, file.name, BUCKET]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            figures = json.loads(done.stdout)
            figures["import"] *= 1000
            print(f"{name:10}" + "".join(f"{figures[c]:12.1f}" if c in figures else " " * 12 for c in COLUMNS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
