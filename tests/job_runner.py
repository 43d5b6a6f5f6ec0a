"""A program that runs a labelling job outside the stack, in Ground Truth's role: the parameter `JobRunnerPrincipalArn`
is for one. Its workers answer from a script. It runs a whole job at once, and repeats nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from truepoint.demo.answers_file import answer_for, form_fields
from truepoint.groundtruth.job import ENDED, SOURCE
from truepoint.keys import s3_uri, split_s3_uri
from truepoint.tasks import documents, output_layout
from truepoint.tasks.documents import Label, ManifestLine, WorkerAnswer
from truepoint.tasks.labeling_job import JobDescription, parse_labeling_job, state_change_detail, with_status

Answers = Mapping[str, Mapping[str, Any]]
"""Answers by worker and image, as an answers file has them."""


class JobRunner:
    """Runs jobs with the rights of a session, such as that of the job execution role."""

    def __init__(self, session: boto3.Session, endpoint: str | None = None) -> None:
        self._s3: Any = session.client("s3", endpoint_url=endpoint)
        self._lambda: Any = session.client("lambda", endpoint_url=endpoint)
        self._events: Any = session.client("events", endpoint_url=endpoint)

    def read(self, uri: str) -> bytes:
        """An object."""
        bucket, key = split_s3_uri(uri)
        return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def write(self, uri: str, text: str | bytes) -> None:
        """Write an object."""
        bucket, key = split_s3_uri(uri)
        self._s3.put_object(Bucket=bucket, Key=key, Body=text if isinstance(text, bytes) else text.encode())

    def run(self, description_uri: str, answers: Answers, *, status: str = "Completed") -> dict[str, Any]:
        """Run the job of a description to its end; the description afterwards.

        With the status `Stopped`, objects without an answer stay as they are. Otherwise every object needs one.
        """
        document = json.loads(self.read(description_uri))
        job = parse_labeling_job(document)
        self._expect_no_output(job)
        lines = list(documents.read_manifest(self.read(job.manifest_uri)))
        answered = {line.object_id: given for line in lines if (given := self._answer(job, line, answers))}
        assert status == "Stopped" or len(answered) == len(lines)
        labels = self._labels(job, [(line, answered[line.object_id]) for line in lines if line.object_id in answered])
        output = [
            documents.output_line(line, job.name, job.label_attribute, labels.get(line.object_id)) for line in lines
        ]
        self.write(f"{job.output_uri}/{output_layout.OUTPUT_MANIFEST}", b"\n".join(output) + b"\n")
        counters = documents.label_counters(len(lines), len(labels), 0)
        document = with_status(document, status, datetime.now(UTC), counters)
        self.write(description_uri, json.dumps(document))
        entry = {
            "Source": SOURCE, "DetailType": ENDED, "Resources": [job.arn],
            "Detail": json.dumps(state_change_detail(document)),
        }  # fmt: skip
        assert self._events.put_events(Entries=[entry])["FailedEntryCount"] == 0
        return document

    def _expect_no_output(self, job: JobDescription) -> None:
        bucket, prefix = split_s3_uri(f"{job.output_uri}/")
        assert self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0

    def _answer(self, job: JobDescription, line: ManifestLine, answers: Answers) -> dict[str, Mapping[str, Any]]:
        event = {"version": "2018-10-16", "labelingJobArn": job.arn, "dataObject": line.data_object}
        made = self._invoke(job.pre_annotation_arn, event)
        assert made["isHumanAnnotationRequired"] is True
        contents: dict[str, Mapping[str, Any]] = {}
        for number, (name, given) in enumerate(answers.items()):
            answer = answer_for(given, made["taskInput"])
            if answer is not None:
                time = datetime.now(UTC) + timedelta(seconds=number)
                worker = f"private.us-east-1.{name}"
                contents[worker] = form_fields(answer, made["taskInput"], self.read)
                response = documents.worker_response(WorkerAnswer(worker, contents[worker], time, time))
                key = f"{output_layout.WORKER_RESPONSES}{line.object_id}/{file_name(time)}"
                self.write(f"{job.output_uri}/{key}", json.dumps(response))
        return contents

    def _labels(
        self, job: JobDescription, answered: list[tuple[ManifestLine, dict[str, Mapping[str, Any]]]]
    ) -> dict[str, Label]:
        now = datetime.now(UTC)
        request = f"{job.output_uri}/{output_layout.CONSOLIDATION_REQUESTS}{file_name(now)}"
        self.write(request, json.dumps(documents.consolidation_request(answered)))
        text = json.dumps(self._invoke(job.consolidation_arn, documents.consolidation_event(job, request))).encode()
        self.write(f"{job.output_uri}/{output_layout.CONSOLIDATION_RESPONSES}{file_name(now)}", text)
        return documents.parse_consolidation_response(text, job.label_attribute, now)

    def _invoke(self, arn: str, event: Mapping[str, Any]) -> Any:
        answer = self._lambda.invoke(FunctionName=arn, Payload=json.dumps(event).encode())
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())


def file_name(time: datetime) -> str:
    """The name of an answer's or a batch's file in Ground Truth: `YYYY-MM-DD_HH:MM:SS.json`, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d_%H:%M:%S}.json"


def description_uri(bucket: str, job: str) -> str:
    """The URI of the description of a job."""
    return s3_uri(bucket, f"jobs/{job}/labeling_job.json")
