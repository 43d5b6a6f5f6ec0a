"""The metrics that the functions really emit are those that dashboard and alarms look at."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import msgspec
import pytest

import job_completion
import portal
import portal_tick
import post_annotation
import results_step
import sweep
from monitoring import ALARMS, of_alarm, on_dashboard
from sam_local import PORTAL, put_portal
from sample_events import BUCKET, event
from truepoint.adapters.telemetry import logger
from truepoint.groundtruth.job import JobError, read_description
from truepoint.keys import job_keys
from truepoint.runs.plan import StepError
from truepoint.task_queue import rows
from truepoint.task_queue.table import Action, Table

NAMESPACE = "Truepoint"


def emitted(text: str) -> list[dict[str, Any]]:
    """The log lines in CloudWatch's embedded metric format."""
    return [document for line in text.splitlines() if "_aws" in (document := json.loads(line))]


@pytest.fixture
def lines(
    s3: Any, context: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """What every function that has metrics emits for a sample event."""
    post_annotation.handler(event("post_annotation/three_workers.json"), context)
    job_completion.handler(event("job_completion/completed.json"), context)
    sweep.handler(event("sweep/hourly.json"), context)
    portal_troubles(context, monkeypatch)
    return emitted(capsys.readouterr().out)


def portal_troubles(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the portal while its settings are damaged, and advance a job whose files are gone."""
    client, parameters = boto3.client("dynamodb"), boto3.client("ssm")
    put_portal(client, parameters)
    for name, value in PORTAL.items():
        monkeypatch.setenv(name, value)
    parameters.put_parameter(Name=PORTAL["PORTAL_SETTINGS"], Value="damaged", Type="String", Overwrite=True)
    job = rows.Job(name="gone", status="InProgress", lines=1, open=1, manifest="jobs/gone/input.manifest")
    table = Table(PORTAL["PORTAL_TABLE"])
    table.write_all([Action(rows.JOBS, "gone", put={}), Action(*rows.job_key("gone"), put=msgspec.to_builtins(job))])
    portal._application.cache_clear()
    try:
        assert portal.handler(event("portal/me.json"), context)["statusCode"] == 503
        portal_tick.handler({}, context)
    finally:
        portal._application.cache_clear()
        client.delete_table(TableName=PORTAL["PORTAL_TABLE"])


def metrics(lines: list[dict[str, Any]]) -> dict[str, float]:
    """Value by name."""
    found = {}
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == NAMESPACE
            assert directive["Dimensions"] == [["service"]]
            found |= {metric["Name"]: line[metric["Name"]][0] for metric in directive["Metrics"]}
    return found


def test_emitted_metrics_are_those_on_the_dashboard(lines: list[dict[str, Any]]) -> None:
    shown = {metric.name for metric in on_dashboard() if metric.namespace == NAMESPACE}
    watched = {metric.name for metric in map(of_alarm, ALARMS.values()) if metric.namespace == NAMESPACE}
    assert set(metrics(lines)) == shown
    assert watched <= shown


def test_the_numbers(lines: list[dict[str, Any]]) -> None:
    found = metrics(lines)
    assert found["PercentFailed"] == pytest.approx(100 * 3 / 7)
    assert {name: found[name] for name in found if name != "PercentFailed"} == {
        "ObjectsConsolidated": 1, "ObjectsInvalid": 0, "JobsFoundWithoutResults": 0, "JobsProcessed": 1,
        "PortalFailures": 1, "PortalJobsStuck": 1,
        "LinesRead": 7, "LinesWritten": 3, "LinesRejected": 2, "LinesFailed": 1, "LinesUnlabeled": 1,
    }  # fmt: skip


def test_no_metric_is_of_one_job_only(lines: list[dict[str, Any]]) -> None:
    """Each new dimension's value is a new metric for ever, and paid for."""
    assert all("labeling_job" not in line for line in lines)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the functions log."""
    text = io.StringIO()
    previous = logger.registered_handler.setStream(text)  # it has kept the standard output of its import
    yield text
    logger.registered_handler.setStream(previous)


def steps_of(described: dict[str, Any], context: Any) -> dict[str, Any]:
    """What the state machine does with a job; returns what its first step answered."""
    job = msgspec.to_builtins(read_description(described))
    planned = results_step.handler({"step": "plan", "job": job}, context)
    for step in ("survey", "join", "label", "merge", "announce") if planned["run"] else ():
        results_step.handler({"step": step, "run": planned["run"]}, context)
    return planned


def test_every_log_line_about_a_job_names_it(s3: Any, context: Any, log: io.StringIO) -> None:
    completed = event("job_completion/completed.json")
    described = completed["detail"]["LabelingJob"]
    s3.put_object(Bucket=BUCKET, Key="jobs/people/gold.json", Body=b"no gold")
    post_annotation.handler(event("post_annotation/three_workers.json"), context)
    job_completion.handler(completed, context)
    job_completion.handler(completed, context)
    s3.put_object(Bucket=BUCKET, Key="jobs/people/skeleton.json", Body=b"no skeleton")
    post_annotation.handler(event("post_annotation/three_workers.json"), context)
    assert steps_of(described, context)["wait"]
    s3.delete_object(Bucket=BUCKET, Key=job_keys("people").write_lock)
    assert steps_of(described | {"LabelingJobName": "People"}, context)["run"]
    s3.delete_object(Bucket=BUCKET, Key="results/people/results.json")
    old = {"LastModifiedTime": datetime.fromtimestamp(time.time() - 7200, UTC).isoformat()}
    s3.put_object(Bucket=BUCKET, Key="jobs/people/labeling_job.json", Body=json.dumps(described | old).encode())
    s3.put_object(Bucket=BUCKET, Key="jobs/Broken/labeling_job.json", Body=b"none")
    assert sweep.handler(event("sweep/hourly.json"), context)["announced"] == ["people"]
    logged = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {line["service"] for line in logged} == {"truepoint"}
    assert [line["message"] for line in logged if "labeling_job" not in line] == []
    assert {line["labeling_job"] for line in logged} == {"people", "broken"}
    assert {line["message"] for line in logged} == {
        "batch consolidated", "results ready", "results are there already", "the job's skeleton cannot be used",
        "the job's gold cannot be used", "waits", "ended without results: its event is put again",
        "the job's description cannot be read",
    }  # fmt: skip


def test_log_keys_do_not_leak_into_the_next_invocation(s3: Any, context: Any, log: io.StringIO) -> None:
    completed = event("job_completion/completed.json")
    job_completion.handler(completed, context)
    with pytest.raises(JobError):
        job_completion.handler({}, context)
    assert "labeling_job" not in logger.get_current_keys()
    steps_of(completed["detail"]["LabelingJob"], context)
    with pytest.raises(StepError):
        results_step.handler({}, context)
    assert not {"labeling_job", "run", "step", "range"} & logger.get_current_keys().keys()


def test_a_job_without_lines_has_no_share(
    s3: Any, context: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("truepoint.runs.steps.WAITS", ())
    job_completion.handler(event("job_completion/failed_without_manifest.json"), context)
    assert metrics(emitted(capsys.readouterr().out))["PercentFailed"] == 0
