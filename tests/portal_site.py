"""A portal in this process on the emulator's table and bucket: workers, leads and ticks, at a time that tests set."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import portal_tick
import pre_annotation
from old_rules import output_by_the_old_rules
from portal_jobs import NOW
from truepoint.adapters.bucket import Bucket
from truepoint.keys import split_s3_uri
from truepoint.task_queue import rows
from truepoint.task_queue.queue import TaskQueue, Verdict
from truepoint.task_queue.rows import Image, Job, TickState, Worker
from truepoint.task_queue.table import Table
from truepoint.tasks import output_layout
from truepoint.tasks.answers import Answers
from truepoint.tasks.consolidating import CORRECTION_SECONDS
from truepoint.tasks.dependencies import Dependencies
from truepoint.tasks.interrupted import REQUEST_SECONDS
from truepoint.tasks.labeling_job import parse_labeling_job
from truepoint.tasks.lead_actions import LeadActions
from truepoint.tasks.loading import OpenLines
from truepoint.tasks.ticking import Moved, move

ADA, BEA, CEM, DOE = ("p" + letter * 19 for letter in "abcd")
MINUTE = 60.0


def consolidate(store: Bucket, event: Mapping[str, Any]) -> bytes:
    """Return labels that say of whose answers they are made: a consolidation function as a customer may write one."""
    _, key = split_s3_uri(event["payload"]["s3Uri"])
    return json.dumps(
        [
            {
                "datasetObjectId": entry["datasetObjectId"],
                "consolidatedAnnotation": {
                    "content": {
                        event["labelAttributeName"]: {
                            one["workerId"]: json.loads(one["annotationData"]["content"])["updated_annotations"]
                            for one in entry["annotations"]
                        }
                    }
                },
            }
            for entry in json.loads(store.read(key))
        ]
    ).encode()


class CountingTable(Table):
    """A table that counts its requests."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls = 0

    def _call(self, method: str, **request: Any) -> Any:
        self.calls += 1
        return super()._call(method, **request)


class Site:
    """The portal, with a clock of its own."""

    def __init__(self, bucket: Bucket, table: Table, name: str = "People-1") -> None:
        self.bucket, self.table, self.name = bucket, table, name
        self.now = NOW
        self.events: list[tuple[str, str, list[str], dict[str, Any]]] = []
        self.requests: list[Mapping[str, Any]] = []
        self.left = 900.0

    # -- what functions do; tests replace these

    def invoke(self, _arn: str, event: Mapping[str, Any]) -> Any:
        return pre_annotation.handler(json.loads(json.dumps(event)), None)

    def invoke_text(self, _arn: str, event: Mapping[str, Any], _seconds: float) -> bytes:
        self.requests.append(event)
        return consolidate(self.bucket, event)

    def announce(self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        self.events.append((source, detail_type, resources, detail))

    def dependencies(self, bucket: Bucket | None = None, table: Table | None = None) -> Dependencies:
        return Dependencies(
            bucket or self.bucket,
            table or self.table,
            self.invoke,
            self.invoke_text,
            self.announce,
            lambda: self.now,
            lambda: self.left,
            CORRECTION_SECONDS,
        )

    # -- the job

    @property
    def key(self) -> str:
        return self.name.lower()

    @property
    def job(self) -> Job:
        key = rows.job_key(self.key)
        found: Job = rows.read(self.table.get([key])[key], Job)
        return found

    @property
    def state(self) -> TickState:
        key = rows.tick_key(self.key)
        found: TickState = rows.read(self.table.get([key]).get(key), TickState)
        return found

    @property
    def description(self) -> dict[str, Any]:
        return dict(json.loads(self.bucket.read(f"jobs/{self.key}/labeling_job.json")))

    @property
    def lead(self) -> LeadActions:
        return LeadActions(self.bucket, self.table)

    def image(self, line: int) -> Image:
        key = rows.image_key(self.key, line)
        found: Image = rows.read(self.table.get([key]).get(key), Image)
        return found

    def row(self, worker: str) -> Worker:
        key = rows.worker_key(self.key, worker)
        found: Worker = rows.read(self.table.get([key]).get(key), Worker)
        return found

    # -- workers

    @property
    def queue(self) -> TaskQueue:
        return TaskQueue(self.table, self.job, OpenLines(self.bucket, self.name))

    @property
    def answers(self) -> Answers:
        return Answers(self.bucket, self.queue, self.job)

    def take(self, worker: str = ADA, held: int = 1) -> list[int]:
        return [lease.line for lease in self.queue.next_tasks(worker, self.row(worker), self.now, held).leases]

    def submit(self, line: int, worker: str = ADA, said: str = "") -> Verdict:
        self.now += 0.01
        content = {"updated_annotations": said or f"{worker[1]}{line}"}
        return self.answers.submit(worker, self.row(worker), line, content, seconds=5.0, now=self.now)

    def skip(self, line: int, worker: str = ADA) -> Verdict:
        return self.answers.skip(worker, self.row(worker), line, reason="other", note="", now=self.now)

    def correct(self, line: int, worker: str = ADA, said: str = "corrected") -> Verdict:
        return self.answers.correct(worker, line, {"updated_annotations": said}, self.now)

    def label_all(self, *workers: str) -> None:
        """Let workers answer whatever they are given, until there is nothing for them."""
        given = True
        while given:
            given = False
            for worker in workers or (ADA, BEA):
                for line in self.take(worker):
                    self.submit(line, worker)
                    given = True

    # -- ticks

    def tick(self, minutes: float = 1, holder: str = "tick") -> dict[str, Any]:
        self.now += minutes * MINUTE
        return portal_tick.tick(self.dependencies(), holder)

    def move(self, holder: str = "tick", **parts: Any) -> Moved | None:
        return move(self.dependencies(**parts), self.key, holder)

    def run_until_ended(self, most: int = 40) -> None:
        for _ in range(most):
            self.tick()
            if self.job.is_ended:
                return
        raise AssertionError(f"expected the job to end in {most} ticks, it is {self.job.status}: {self.state}")

    def finish(self) -> None:
        """As a lead: end the job, and let ticks run until it has ended."""
        self.lead.finish(self.job, self.now)
        self.now += REQUEST_SECONDS
        self.run_until_ended()

    # -- results

    def output(self) -> list[dict[str, Any]]:
        text = self.bucket.read(f"output/{self.name}/{output_layout.OUTPUT_MANIFEST}")
        return [json.loads(line) for line in text.splitlines()]

    def files(self, folder: str) -> list[str]:
        return list(self.bucket.keys(f"output/{self.name}/{folder.rstrip('/')}", ""))

    def by_the_old_rules(self, *needless: str) -> tuple[bytes, dict[str, int]]:
        """Return the output that the previous portal's rules give for the files in the bucket.

        `needless` are the objects for which the pre-annotation function asks for no worker.
        """

        def read(folder: str) -> list[tuple[str, bytes]]:
            return [(key, self.bucket.read(key)) for key in self.files(folder)]

        described = self.description
        return output_by_the_old_rules(
            parse_labeling_job(described),
            self.bucket.read(f"jobs/{self.key}/input.manifest"),
            read(output_layout.WORKER_RESPONSES),
            read(output_layout.CONSOLIDATION_RESPONSES),
            needless,
        )

    def labels(self) -> dict[int, Any]:
        """Return the label of each line of the output that has one."""
        return {n: line["keypoints"] for n, line in enumerate(self.output()) if "keypoints" in line}

    def failures(self) -> Counter[str]:
        found = (line.get("keypoints-metadata", {}).get("failure-reason") for line in self.output())
        return Counter(reason for reason in found if reason)
