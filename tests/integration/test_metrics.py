"""The metrics that the functions really emit are those that dashboard and alarms look at."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

import job_completion
import post_annotation
import sweep
from adapters.telemetry import logger
from monitoring import ALARMS, of_alarm, on_dashboard
from sample_events import event

NAMESPACE = "Truepoint"


def emitted(text: str) -> list[dict[str, Any]]:
    """The log lines in CloudWatch's embedded metric format."""
    return [found for line in text.splitlines() if "_aws" in (found := json.loads(line))]


@pytest.fixture
def lines(s3: Any, context: Any, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What every function that has metrics emits for a sample event."""
    post_annotation.handler(event("post_annotation/three_workers.json"), context)
    job_completion.handler(event("job_completion/completed.json"), context)
    sweep.handler(event("sweep/hourly.json"), context)
    return emitted(capsys.readouterr().out)


def metrics(lines: list[dict[str, Any]]) -> dict[str, float]:
    """Value by name."""
    found = {}
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == NAMESPACE
            assert directive["Dimensions"] == [["service"]]
            found |= {metric["Name"]: line[metric["Name"]][0] for metric in directive["Metrics"]}
    return found


def test_what_is_emitted_is_what_is_shown(lines: list[dict[str, Any]]) -> None:
    shown = {metric.name for metric in on_dashboard() if metric.namespace == NAMESPACE}
    watched = {metric.name for metric in map(of_alarm, ALARMS.values()) if metric.namespace == NAMESPACE}
    assert set(metrics(lines)) == shown
    assert watched <= shown


def test_the_numbers(lines: list[dict[str, Any]]) -> None:
    found = metrics(lines)
    assert found["PercentFailed"] == pytest.approx(100 * 3 / 7)
    assert {name: found[name] for name in found if name != "PercentFailed"} == {
        "ObjectsConsolidated": 1, "ObjectsInvalid": 0, "JobsFoundWithoutResults": 0, "JobsProcessed": 1,
        "LinesRead": 7, "LinesWritten": 3, "LinesRejected": 2, "LinesFailed": 1, "LinesUnlabeled": 1,
    }  # fmt: skip


def test_no_metric_is_of_one_job_only(lines: list[dict[str, Any]]) -> None:
    """Each new dimension's value is a new metric for ever, and paid for."""
    assert all("labeling_job" not in line for line in lines)


def test_log_lines_carry_the_labeling_job(s3: Any, context: Any) -> None:
    text = io.StringIO()
    previous = logger.registered_handler.setStream(text)  # it has kept the standard output of its import
    try:
        post_annotation.handler(event("post_annotation/three_workers.json"), context)
        job_completion.handler(event("job_completion/completed.json"), context)
    finally:
        logger.registered_handler.setStream(previous)
    logged = [json.loads(line) for line in text.getvalue().splitlines()]
    assert [(line["message"], line["labeling_job"], line["service"]) for line in logged] == [
        ("batch consolidated", "people", "truepoint"),
        ("results ready", "people", "truepoint"),
    ]


def test_a_job_without_lines_has_no_share(
    s3: Any, context: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steps.WAITS", ())
    job_completion.handler(event("job_completion/failed_without_manifest.json"), context)
    assert metrics(emitted(capsys.readouterr().out))["PercentFailed"] == 0
