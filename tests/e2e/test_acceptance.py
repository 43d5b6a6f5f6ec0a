"""The acceptance run for an account's owner, here against the emulator.

Our driver takes Ground Truth's place, the local front CloudFront's, and a thread that of the person who labels.
ACCEPTANCE_REPORT=file keeps the report.
"""

from __future__ import annotations

import asyncio
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
from botocore.exceptions import ClientError
from front import Browser, Stand, served
from loop import PROJECT

import acceptance
import sagemaker
from job_runner import JobRunner
from sagemaker import SageMaker
from truepoint.acceptance import portal as behaviors
from truepoint.acceptance.portal import BEHAVIORS
from truepoint.acceptance.report import MARKS, NotTriedError, Report, UnexpectedError, expect
from truepoint.demo.deployed_portal import Ticks
from truepoint.emulator.emulator import Emulator, free_port
from truepoint.emulator.local_stack import interpreter_of, parameter_overrides
from truepoint.jobs.stack import StackError
from truepoint.tasks.labeling_job import lower_case_arn

STACK = "truepoint-acceptance"
TEAM = "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/acceptance-team"
UNSIGNED, E_MAIL = (b.name for b in BEHAVIORS if b.tried in (behaviors.unsigned, behaviors.email))
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
        runner = JobRunner(emulator.session(), emulator.endpoint)
        bucket = job["OutputConfig"]["S3OutputPath"].split("/")[2]
        uri = f"s3://{bucket}/driver/{job['LabelingJobName']}.json"
        document = job | {
            "LabelingJobStatus": "InProgress", "LabelingJobArn": lower_case_arn(job["LabelingJobArn"]),
            "CreationTime": datetime.now(UTC).isoformat(), "LastModifiedTime": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        runner.write(uri, json.dumps(document))
        manifest = runner.read(document["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"])
        names = [Path(json.loads(line)["source-ref"]).name for line in manifest.splitlines()]
        stopped = job["LabelingJobStatus"] == "Stopping"
        marked = dict.fromkeys(names[: 1 if stopped else None], CROSS)
        if not stopped:
            marked[acceptance.LARGE_IMAGE] = acceptance.LARGE_PRELABELS
        ended = runner.run(uri, {"ada": marked}, status="Stopped" if stopped else "Completed")
        job |= {name: ended[name] for name in ("LabelingJobStatus", "LabelCounters", "LabelingJobOutput")}

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        assert errors == []


class Front:
    """The local front of a stack that is not deployed yet: requests wait until it is."""

    def __init__(self) -> None:
        self.stand: Stand | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while self.stand is None and scope["type"] == "http":
            await asyncio.sleep(0.05)
        if self.stand is not None:
            await self.stand.front.application(scope, receive, send)


@contextmanager
def portal(emulator: Emulator, port: int) -> Iterator[None]:
    """Serve the portal once it is deployed, run its ticks, and label the job in it as the user of the run."""
    front, leaving = Front(), threading.Event()
    errors: list[BaseException] = []

    def connected() -> Stand:
        while True:
            try:
                return Stand(emulator, port, STACK)
            except (StackError, ClientError, LookupError):
                if leaving.wait(0.2):
                    raise

    def work() -> None:
        try:
            front.stand = connected()
            with Ticks(emulator, front.stand.stack.portal_tick_arn):
                browser = Browser(front.stand)
                while True:
                    try:
                        browser.sign_in("Acceptance")
                        break
                    except KeyError:  # the run has not created its user yet
                        leaving.wait(0.5)
                [job] = [card["name"] for card in browser.json("GET", "/api/me")[1]["jobs"]]
                while tasks := browser.json("POST", f"/api/jobs/{job}/tasks", {})[1]["tasks"]:
                    large = tasks[0]["input"]["image_name"] == acceptance.LARGE_IMAGE
                    marks = acceptance.LARGE_PRELABELS if large else CROSS
                    answer = {"content": {"updated_annotations": json.dumps(marks)}, "seconds": 2}
                    path = f"/api/jobs/{job}/answers/{tasks[0]['line']}"
                    assert browser.json("POST", path, answer) == (200, {"verdict": "accepted"})
                leaving.wait()
        except BaseException as error:  # noqa: BLE001 (shown by the test)
            errors.append(error)

    thread = threading.Thread(target=work)
    with served(front, port):
        thread.start()
        try:
            yield
        finally:
            leaving.set()
            thread.join()
    assert errors == []


def test_the_acceptance_run(tmp_path: Path) -> None:
    written = Path(os.environ.get("ACCEPTANCE_REPORT", tmp_path / "report.json")).absolute()
    python = PROJECT / ".venv-emulator" / "bin" / "python"
    port = free_port()
    origins = frozenset({f"http://127.0.0.1:{port}"})
    with Emulator(python, tmp_path / "emulator", origins=origins) as emulator, sagemaker.serve() as url:
        settings = (PROJECT / "samconfig.toml").read_text()
        parameters = parameter_overrides(settings, *interpreter_of(python), {"PortalCorrectionSeconds": "1"})
        command = [
            sys.executable, PROJECT / "scripts" / "acceptance.py", "--workteam-arn", TEAM, "--yes",
            "--report", written, "--portal-origin", f"http://127.0.0.1:{port}", "--sam-parameters", *parameters,
        ]  # fmt: skip
        environment = emulator.environment() | {"AWS_ENDPOINT_URL_SAGEMAKER": url}
        with ground_truth(emulator), portal(emulator, port):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
        assert [b["Name"] for b in s3.list_buckets()["Buckets"] if "truepoint" in b["Name"]] == []
    text = written.read_text("utf-8")
    report = json.loads(text)
    outcomes = {check["name"]: check["outcome"] for check in report["checks"]}
    assert {name for name, outcome in outcomes.items() if outcome == "not tried"} == {
        "script", "bucket", f"portal: {UNSIGNED}", f"portal: {E_MAIL}",
    }  # fmt: skip
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
    shown = shown_in_the_documentation()
    expected = [f"{MARKS[check['outcome']]} {without_digits(check['name'])}: " for check in report["checks"]]
    assert [line[: len(start)] for line, start in zip(shown, expected, strict=True)] == expected
    for secret in ("000000000000", "truepoint-bucket", "acceptance-team"):
        assert secret not in text.replace("truepoint-bucket-", "") or secret == "truepoint-bucket"
    for words in (
        "345 points already: change nothing",
        "all 3 images: click on the red cross",
        "only 1 image, then leave it",
        "send it back",
    ):
        assert words in done.stdout


def shown_in_the_documentation() -> list[str]:
    """Return the lines of the example in docs/operations.md, one for each check, without what differs between runs."""
    text = (PROJECT / "docs" / "operations.md").read_text("utf-8")
    [block] = re.findall(r"```text acceptance-output\n(.+?)\n\n", text, re.DOTALL)
    return [without_digits(line) for line in block.splitlines()]


def without_digits(name: str) -> str:
    return re.sub(r"\d{14}", "", name)


def test_a_failed_check_is_reported_and_the_run_fails(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("2026-11-18")
    assert report.check("sum", "two", lambda a, b: a + b, 1, 1)
    assert not report.check("sum", "two", expect, False, "three")
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
    raise NotTriedError("needs AWS")


def test_the_run_waits_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(acceptance, "time", clock)
    answer = {"LabelingJobStatus": "InProgress", "LabelCounters": {}}
    asked = SimpleNamespace(describe_labeling_job=lambda **_: answer)
    with pytest.raises(UnexpectedError, match="still InProgress"):
        acceptance.wait(asked, "a", {"Completed"})
    assert now[0] == pytest.approx(acceptance.LABELER_SECONDS, abs=2 * acceptance.LOOK_SECONDS)
