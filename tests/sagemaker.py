"""SageMaker's operations on labelling jobs, which no emulator has, as a server on loopback.

It answers as tests/recorded says that AWS answers; tests/unit/test_recorded.py compares them.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from evidence import NO_SUCH_JOB, recorded

ALREADY_EXISTS = "sagemaker_errors/create_existing_job.json"


class SageMaker(BaseHTTPRequestHandler):
    """Labelling jobs in memory, by their names in lower case: two names that differ in case only are one job's."""

    jobs: ClassVar[dict[str, dict[str, Any]]] = {}

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].removeprefix("SageMaker.")
        status, answer = getattr(self, operation)(given)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def CreateLabelingJob(self, given: dict[str, Any]) -> tuple[int, Any]:  # noqa: N802
        name = given["LabelingJobName"]
        if name.lower() in self.jobs:
            return _error(ALREADY_EXISTS)
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{name.lower()}"
        zeros = dict.fromkeys(recorded("describe_labeling_job/in_progress.json")["LabelCounters"], 0)
        self.jobs[name.lower()] = {
            **given,
            "LabelingJobStatus": "InProgress",
            "LabelCounters": zeros,
            "LabelingJobArn": arn,
            "JobReferenceCode": "123456789012AbCdEfGh",
            "CreationTime": time.time(),
            "LastModifiedTime": time.time(),
            "OutputConfig": {"KmsKeyId": "", **given["OutputConfig"]},
        }
        return 200, {"LabelingJobArn": arn}

    def DescribeLabelingJob(self, given: dict[str, Any]) -> tuple[int, Any]:  # noqa: N802
        job = self.jobs.get(given["LabelingJobName"].lower())
        return (200, job) if job else _error(NO_SUCH_JOB)

    def StopLabelingJob(self, given: dict[str, Any]) -> tuple[int, Any]:  # noqa: N802
        job = self.jobs.get(given["LabelingJobName"].lower())
        if not job:
            return _error(NO_SUCH_JOB)
        job["LabelingJobStatus"] = "Stopping"
        return 200, {}

    def DescribeWorkteam(self, given: dict[str, Any]) -> tuple[int, Any]:  # noqa: N802
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/{given['WorkteamName']}"
        team = {"WorkteamName": given["WorkteamName"], "WorkteamArn": arn, "Description": "", "MemberDefinitions": []}
        return 200, {"Workteam": team | {"SubDomain": "example.labeling.us-east-1.sagemaker.aws"}}

    def ListLabelingJobs(self, given: dict[str, Any]) -> tuple[int, Any]:  # noqa: N802
        members = recorded("list_labeling_jobs/first_page.json")["LabelingJobSummaryList"][0]
        wanted = given.get("StatusEquals")
        return 200, {
            "LabelingJobSummaryList": [
                {name: job[name] for name in members if name in job}
                | {"WorkteamArn": job["HumanTaskConfig"]["WorkteamArn"]}
                for job in self.jobs.values()
                if wanted in (None, job["LabelingJobStatus"])
            ]
        }

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


def _error(path: str) -> tuple[int, Any]:
    answer = recorded(path)
    return answer["status"], answer["body"]


@contextmanager
def serve() -> Iterator[str]:
    """A SageMaker without jobs, for the length of a `with` block; gives its URL."""
    SageMaker.jobs.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), SageMaker) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()
