#!/usr/bin/env python3
"""Measure the cost of the portal's requests for next tasks and for an answer: calls, request units, CPU time.

The bench uses the emulator's DynamoDB and S3, for a small and a large job. Request units are computed from the sizes of
rows as DynamoDB bills them: a write unit is 1 kB, a strongly consistent read unit 4 kB, and a transaction counts twice.
No figure includes the emulator's time.

Example:
    python bench/portal_requests.py --lines 1000 1000000
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import boto3

import pre_annotation
from truepoint.adapters.bucket import Bucket
from truepoint.emulator.emulator import Emulator
from truepoint.task_queue import rows
from truepoint.task_queue.table import Action, Table
from truepoint.tasks import loading
from truepoint.web import sessions
from truepoint.web.application import respond
from truepoint.web.people import People
from truepoint.web.routes import Router
from truepoint.web.sessions import SESSION, Cookies, KeyStore, Session
from truepoint.web.workers import WorkerRoutes

ROOT = Path(__file__).parents[1]
ORIGIN = "https://portal.example"
WORKERS, PER_IMAGE = 6, 3
WARM_UP = 12
"""Number of first requests that are not measured, because they import modules and fill caches."""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[1000, 1_000_000], metavar="N")
    parser.add_argument("--answers", type=int, default=150, metavar="N", help="default: %(default)s")
    options = parser.parse_args(given)
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(ROOT / ".venv-emulator" / "bin" / "python", Path(folder)) as emulator,
    ):
        os.environ |= {name: value for name, value in emulator.environment().items() if name.startswith("AWS_")}
        for lines in options.lines:
            print(f"{lines:,} lines:", flush=True)
            for name, figures in measure(lines, options.answers).items():
                print(f"  {name}: {figures}", flush=True)
    return 0


class CountingTable(Table):
    """A table that counts requests and request units."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls = 0
        self.units: Counter[str] = Counter()

    def _call(self, method: str, **request: Any) -> Any:
        self.calls += 1
        answer = super()._call(method, **request)
        match method:
            case "batch_get_item":
                items = [row for of_table in answer["Responses"].values() for row in of_table]
                missing = sum(len(wanted["Keys"]) for wanted in request["RequestItems"].values()) - len(items)
                self.units["read"] += missing + sum(_units(row, 4096) for row in items)
            case "query":
                self.units["read"] += max(1, _units(answer["Items"], 4096))
            case "update_item":
                self.units["write"] += _units(answer.get("Attributes", {}), 1024)
            case "put_item":
                self.units["write"] += _units(request["Item"], 1024)
            case "transact_write_items":
                for action in request["TransactItems"]:
                    self.units["write"] += 2 * _units(next(iter(action.values())), 1024)
            case _:
                self.units["write"] += 1
        return answer


def _units(row: Any, size: int) -> int:
    return max(1, math.ceil(len(json.dumps(row)) / size))


def measure(lines: int, answers: int) -> dict[str, str]:
    """Return the figures of both types of requests, by type."""
    name = f"requests-{lines}"
    boto3.client("s3").create_bucket(Bucket=name)
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
    )
    store, table = Bucket(name), CountingTable(name)
    line = json.dumps({"source-ref": f"s3://{name}/jobs/bench/images/1.jpg"}).encode()
    store.write("jobs/bench/input.manifest", line, "application/jsonl")
    # All records refer to one line, because the size of the manifest has no effect on ranged reads.
    records = b"".join(loading.RECORD.pack(number, 0, len(line)) for number in range(lines))
    store.write("jobs/bench/portal/open-lines", records, "application/octet-stream")
    row = rows.Job(
        name="bench", status="InProgress", open=lines, lines=lines, workers_per_image=PER_IMAGE,
        manifest="jobs/bench/input.manifest", shards=min(4, 1 + lines // loading.LINES_PER_SHARD), time_limit=3600.0,
        deadline=time.time() + 1e6,
    )  # fmt: skip
    loading.add(table, row)
    keys, cookies = KeyStore(table), Cookies(secure=True)
    routes = WorkerRoutes(store, table, lambda _arn, event: pre_annotation.handler(dict(event), None)).routes()
    router = Router(routes, ORIGIN, People(table, keys, cookies).identify)
    figures: dict[str, list[tuple[int, int, int, float]]] = {"next tasks": [], "answer": []}

    def send(what: str, path: str, body: Any, worker: str) -> Any:
        value = sessions.seal(keys.keys(time.time()), SESSION, Session(worker, int(time.time() + 3600)))
        event = {
            "rawPath": path,
            "requestContext": {"http": {"method": "POST"}},
            "headers": {"origin": ORIGIN, "content-type": "application/json"},
            "cookies": [f"{cookies.name(SESSION)}={value}"],
            "body": json.dumps(body),
        }
        table.calls, before = 0, table.units.copy()
        cpu = time.process_time()
        made = respond(router, event, lambda said, error: print(said, repr(error), file=sys.stderr))
        cpu = time.process_time() - cpu
        if made["statusCode"] != 200:
            raise RuntimeError(f"expected 200, got {made['statusCode']}: {made['body']}")
        used = table.units - before
        figures[what].append((table.calls, used["read"], used["write"], 1000 * cpu))
        return json.loads(made["body"])

    workers = [f"p{n:019d}" for n in range(WORKERS)]
    for worker in workers:
        table.write(Action(*rows.person_key(worker), put={"name": worker, "signed_in": 1.0}))
    for n in range(WARM_UP + answers):
        worker = workers[n % WORKERS]
        task = send("next tasks", "/api/jobs/bench/tasks", {}, worker)["tasks"][0]
        answer = {"content": {"updated_annotations": "x" * 2000}, "seconds": 9}
        send("answer", f"/api/jobs/bench/answers/{task['line']}", answer, worker)
    return {what: summary(requests[WARM_UP:]) for what, requests in figures.items()}


def summary(requests: list[tuple[int, int, int, float]]) -> str:
    """Return the figures of all requests of a type in one line."""
    calls, read, write, cpu = zip(*requests, strict=True)
    count = len(requests)
    return (
        f"calls {sum(calls) / count:.2f} (at most {max(calls)}), read units {sum(read) / count:.1f}, "
        f"write units {sum(write) / count:.1f}, CPU median {median(cpu):.1f} ms, p95 {quantiles(cpu, n=20)[18]:.1f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
