"""SageMaker's two operations on labelling jobs, which no emulator has, as a server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


class SageMaker(BaseHTTPRequestHandler):
    """Plays the two operations that no emulator has: one job in memory."""

    job: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = 200, self.job
        if self.headers["X-Amz-Target"] == "SageMaker.CreateLabelingJob":
            counters = {"TotalLabeled": 1, "FailedNonRetryableError": 0, "Unlabeled": 1}
            arn = f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{given['LabelingJobName']}"
            state = {"LabelingJobStatus": "InProgress", "LabelCounters": counters, "LabelingJobArn": arn}
            self.job.update(given | state)
            answer = {"LabelingJobArn": arn}
        elif not self.job:
            status, answer = 400, {"__type": "ResourceNotFound", "message": "no such job"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def serve() -> Iterator[str]:
    """A SageMaker without jobs, for the length of a `with` block; gives its URL."""
    SageMaker.job.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), SageMaker) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()
