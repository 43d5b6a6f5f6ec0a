"""A fast S3 on this machine: `rclone serve s3`, which keeps everything in memory. It takes 2,000 to 3,000 small objects
a second where Python's emulators take hundreds, so that what is measured is the client and what stands before it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RCLONE = Path(__file__).parents[1] / ".venv-bench" / "bin" / "rclone"
KEY = "testing"


@contextmanager
def local_s3() -> Iterator[str]:
    """Serve for as long as the block runs, and let this process and its children find it; gives the address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    command = [str(RCLONE), "serve", "s3", ":memory:", "--addr", address, "--auth-key", f"{KEY},{KEY}"]
    server = subprocess.Popen([*command, "--config", os.devnull, "--no-cleanup", "-q"], stderr=subprocess.DEVNULL)
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{address}", "AWS_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0:
                    break
            time.sleep(0.05)
        else:
            raise RuntimeError(f"expected {RCLONE} to serve S3 at {address} within ten seconds, it does not")
        yield address
    finally:
        server.terminate()
        server.wait()
