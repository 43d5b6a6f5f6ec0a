#!/usr/bin/env python3
"""Measure the start of the Lambda functions, relative to a function that does nothing.

Each start is a new interpreter with AWS's runtime interface client (awslambdaric). The function's code and libraries
are in a folder without byte code, as in Lambda. A local server stands for Lambda's runtime API; the measurement ends
when the client requests the first event. The result is the CPU time of the fastest of several starts, because other
load on the machine can only lengthen a start.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[1]
HANDLERS = ROOT / "src" / "handlers"
CLIENT = ROOT / ".venv-bench"
EMPTY = "empty"
FUNCTIONS = (EMPTY, "pre_annotation", "post_annotation", "job_completion")


class RuntimeApi(ThreadingHTTPServer):
    """A stand-in for Lambda's runtime API that never answers the request for the first event."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.ready = threading.Semaphore(0)
        self.stop = threading.Event()
        self.problem = b""


class _Answer(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_GET(self) -> None:
        self.server.ready.release()
        self.server.stop.wait()

    def do_POST(self) -> None:
        self.server.problem = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.ready.release()
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=25, metavar="N", help="of each function; default: %(default)s")
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder)
        assemble(task)
        seconds: dict[str, list[float]] = {name: [] for name in FUNCTIONS}
        for _ in range(options.runs):  # alternating, so that other load affects all functions
            for name in FUNCTIONS:
                seconds[name].append(start(name, task))
        megabytes = sum(f.stat().st_size for f in task.rglob("*") if f.is_file()) / 1e6
    empty = min(seconds[EMPTY])
    print(f"start of the functions, the fastest of {options.runs}, CPU time to the first request for an event")
    for name in FUNCTIONS:
        print(f"  {name:16} {min(seconds[name]) / empty:5.2f} x empty   {1000 * min(seconds[name]):6.1f} ms")
    print(f"  the package has {megabytes:.1f} MB unpacked")
    return 0


def assemble(task: Path) -> None:
    """Copy the functions' code, their pinned libraries and the empty function to a folder, as `sam build` does."""
    shutil.copytree(HANDLERS, task, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", sys.executable, "--require-hashes"]
    subprocess.run([*install, "--target", str(task), "-r", str(HANDLERS / "requirements.txt")], check=True)
    (task / f"{EMPTY}.py").write_text("def handler(event, context):\n    return {}\n")


def start(name: str, task: Path) -> float:
    """Return the CPU seconds of one start."""
    api = RuntimeApi()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    (libraries,) = CLIENT.glob("lib/python3*/site-packages")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{task}:{libraries}",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_REGION": "us-east-1",
        "BUCKET_NAME": "truepoint-bench",
        "OPENBLAS_NUM_THREADS": "1",
        "TZ": ":UTC",
    }
    command = [str(CLIENT / "bin" / "python"), "-B", "-s", "-m", "awslambdaric", f"{name}.handler"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, cwd=task, env=environment)
    try:
        if not api.ready.acquire(timeout=60):
            raise RuntimeError(f"expected {name} to start within a minute, it did not")
    finally:
        process.kill()
        process.wait()
        api.stop.set()
        api.shutdown()
        api.server_close()
    if api.problem:
        raise RuntimeError(f"{name} does not start: {api.problem[:500]!r}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
