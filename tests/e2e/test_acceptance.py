"""The acceptance run for an account's owner, here against the emulator, with our driver in Ground Truth's role.

ACCEPTANCE_REPORT=file keeps the report.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from loop import PROJECT

import acceptance
import sagemaker
from sagemaker import SageMaker
from truepoint.emulator.emulator import Emulator
from truepoint.emulator.local_stack import interpreter_of, parameter_overrides
from truepoint.portal.cloud import Cloud
from truepoint.portal.runner import JobRunner
from truepoint.portal.unattended import run_unattended
from truepoint.tasks.labeling_job import lower_case_arn

TEAM = "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/acceptance-team"
CROSS = [{"id": "1", "name": "", "annotations": [{"label": "cross", "x": 100.5, "y": 70.5, "visibility": 2}]}]


@contextmanager
def ground_truth(emulator: Emulator) -> Iterator[None]:
    """Label every job that SageMaker's double is given: all images, or one and then wait for the stop."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        done: set[str] = set()
        try:
            while not stop.wait(0.2):
                for name, job in list(SageMaker.jobs.items()):
                    if name not in done and (not name.endswith("-stop") or job["LabelingJobStatus"] == "Stopping"):
                        done.add(name)
                        end(job)
                    elif name not in done:
                        job["LabelCounters"] = job["LabelCounters"] | {"TotalLabeled": 1}
        except BaseException as error:  # noqa: BLE001 (shown by the test)
            errors.append(error)

    def end(job: dict[str, Any]) -> None:
        cloud = Cloud(emulator.session(), emulator.endpoint)
        bucket = job["OutputConfig"]["S3OutputPath"].split("/")[2]
        uri = f"s3://{bucket}/driver/{job['LabelingJobName']}.json"
        document = job | {
            "LabelingJobStatus": "InProgress", "LabelingJobArn": lower_case_arn(job["LabelingJobArn"]),
            "CreationTime": datetime.now(UTC).isoformat(), "LastModifiedTime": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        cloud.put(uri, json.dumps(document).encode())
        runner = JobRunner(cloud, uri)
        names = [Path(source).name for source in runner.sources()]
        stopped = job["LabelingJobStatus"] == "Stopping"
        marked = dict.fromkeys(names[: 1 if stopped else None], CROSS)
        if not stopped:
            marked[acceptance.LARGE_IMAGE] = acceptance.LARGE_PRELABELS
        run_unattended(runner, {"ada": marked}, b"secret")
        runner.consolidate()
        if stopped:
            runner.stop()
        else:
            assert runner.end_if_due()
        ended = json.loads(cloud.get(uri))
        output = {"OutputDatasetS3Uri": f"{runner.job.output_uri}/manifests/output/output.manifest"}
        job |= {name: ended[name] for name in ("LabelingJobStatus", "LabelCounters")} | {"LabelingJobOutput": output}

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        assert errors == []


def test_the_acceptance_run(tmp_path: Path) -> None:
    written = Path(os.environ.get("ACCEPTANCE_REPORT", tmp_path / "report.json")).absolute()
    python = PROJECT / ".venv-emulator" / "bin" / "python"
    with Emulator(python, tmp_path / "emulator") as emulator, sagemaker.serve() as url:
        settings = (PROJECT / "samconfig.toml").read_text()
        parameters = parameter_overrides(settings, *interpreter_of(python))
        command = [
            sys.executable, PROJECT / "scripts" / "acceptance.py", "--workteam-arn", TEAM, "--yes",
            "--report", written, "--sam-parameters", *parameters,
        ]  # fmt: skip
        environment = emulator.environment() | {"AWS_ENDPOINT_URL_SAGEMAKER": url}
        with ground_truth(emulator):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
        assert [b["Name"] for b in s3.list_buckets()["Buckets"] if "truepoint" in b["Name"]] == []
    text = written.read_text("utf-8")
    report = json.loads(text)
    outcomes = {check["name"]: check["outcome"] for check in report["checks"]}
    portal = {f"portal: {behavior}" for behavior, _ in acceptance.PORTAL_BEHAVIORS}
    assert {name for name, outcome in outcomes.items() if outcome == "not tried"} == {"script", "bucket"} | portal
    assert set(outcomes.values()) == {"passed", "not tried"}
    assert {
        "deployment",
        "missing job",
        "complete",
        "stop",
        "names",
        "large pre-labels",
        "submission",
        "removal",
    } <= set(outcomes)
    assert report["recorded"]["DescribeLabelingJob of a missing job"]["Code"] == "ValidationException"
    assert shown_in_the_documentation() == [
        (without_digits(check["name"]), acceptance.MARKS[check["outcome"]])
        for check in report["checks"]
        if check["name"] not in portal
    ]
    for secret in ("000000000000", "truepoint-bucket", "acceptance-team"):
        assert secret not in text.replace("truepoint-bucket-", "") or secret == "truepoint-bucket"
    for words in (
        "345 points already: change nothing",
        "all 3 images: click on the red cross",
        "only 1 image, then leave it",
        "send it back",
    ):
        assert words in done.stdout


def shown_in_the_documentation() -> list[tuple[str, str]]:
    """Return the checks of the example in docs/operations.md: name, without what differs between runs, and mark."""
    text = (PROJECT / "docs" / "operations.md").read_text("utf-8")
    [block] = re.findall(r"```text acceptance-output\n(.+?)\n\n", text, re.DOTALL)
    return [(without_digits(line[5:].split(": ", 1)[0]), line[:4]) for line in block.splitlines()]


def without_digits(name: str) -> str:
    return re.sub(r"\d{14}", "", name)


def test_a_failed_check_is_reported_and_the_run_fails(capsys: pytest.CaptureFixture[str]) -> None:
    report = acceptance.Report("2026-11-18")
    assert report.check("sum", "two", lambda a, b: a + b, 1, 1)
    assert not report.check("sum", "two", acceptance.expect, False, "three")
    assert not report.check("script", "served", _needs_aws)
    assert [(check.outcome, check.got) for check in report.checks] == [
        ("passed", "2"), ("failed", "UnexpectedError: three"), ("not tried", "needs AWS"),
    ]  # fmt: skip
    text = report.text({"bucket": "b-1a2b3c", "account": "210987654321"})
    assert "FAIL sum: UnexpectedError: three" in capsys.readouterr().out
    report.recorded["uri"] = "s3://b-1a2b3c/x of 210987654321 and 098765432109"
    assert '"s3://<bucket>/x of <account> and 123456789012"' in report.text(
        {"bucket": "b-1a2b3c", "account": "210987654321"}
    )
    assert json.loads(text)["began"] == "2026-11-18"


@pytest.mark.parametrize(
    ("typed", "goes_on"), [("y\n", True), ("Y \n", True), ("\n", False), ("no\n", False), ("", False)]
)
def test_the_acceptance_run_needs_a_confirmation(monkeypatch: pytest.MonkeyPatch, typed: str, *, goes_on: bool) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert acceptance.agreed() is goes_on


def _needs_aws() -> None:
    raise acceptance.NotTriedError("needs AWS")


def test_the_run_waits_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(acceptance, "time", clock)
    answer = {"LabelingJobStatus": "InProgress", "LabelCounters": {}}
    asked = SimpleNamespace(describe_labeling_job=lambda **_: answer)
    with pytest.raises(acceptance.UnexpectedError, match="still InProgress"):
        acceptance.wait(asked, "a", {"Completed"})
    assert now[0] == pytest.approx(acceptance.LABELER_SECONDS, abs=2 * acceptance.LOOK_SECONDS)
