"""A job that ended without all its labels is reopened by the command, labelled, and has the right results."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from loop import PROJECT, Loop, face

from truepoint.keys import job_keys

NAME = "reopened"
ANSWERS = {f"{n}.png": [face(100 + n, 200)] for n in range(4)}


def command(loop: Loop, *given: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the emulated account."""
    program = [sys.executable, str(PROJECT / "scripts" / "reopen_job.py"), *given]
    return subprocess.run(program, env=loop.emulator.environment(), capture_output=True, text=True, check=False)


def counts(loop: Loop) -> tuple[int, ...]:
    results = loop.results(NAME)
    return tuple(results[count] for count in ("lines", "written", "rejected", "failed", "unlabeled"))


def test_a_job_that_ended_wrongly_is_reopened_and_labelled(loop: Loop) -> None:
    with loop.everything_is_large():  # then a run waits for another for a second, not for 16 minutes
        loop.run(loop.job(NAME, images=4), {"ada": {"0.png": ANSWERS["0.png"]}})
        long_ago = datetime.now(UTC) - timedelta(days=31)  # the availability lifetime is 30 days
        loop.change_description(NAME, {"CreationTime": long_ago.isoformat(), "LabelingJobStatus": "InProgress"})
        loop.run(loop.open(NAME), {"ada": {}})
        assert counts(loop) == (4, 1, 0, 3, 0)
        marker, described = job_keys(NAME).results_marker, job_keys(NAME).labeling_job
        before = loop.read(described)

        dry = command(loop, NAME, "--dry-run")
        assert (dry.returncode, "3 objects without a label" in dry.stdout) == (0, True), dry.stderr
        assert (loop.read(described), loop.keys(marker)) == (before, [marker])

        done = command(loop, NAME)
        assert (done.returncode, "reopened: the portal hands out" in done.stdout) == (0, True), done.stderr
        again = command(loop, NAME)
        assert (again.returncode, "expected an ended job" in again.stderr) == (2, True)
        assert json.loads(loop.read(described))["LabelCounters"] == {
            "FailedNonRetryableError": 0, "TotalLabeled": 1, "HumanLabeled": 1, "MachineLabeled": 0, "Unlabeled": 3,
        }  # fmt: skip

        job = loop.open(NAME)
        loop.ticks.once()
        assert loop.keys(marker) == []
        loop.run(job, {"bob": ANSWERS})
        assert job.described.status == "Completed"
        assert counts(loop) == (4, 4, 0, 0, 0)
        output = loop.output(NAME)
        assert [line["keypoints"]["updated_annotations"] for line in output] == list(ANSWERS.values())
        workers = [line["keypoints"]["workers"][0]["worker_id"] for line in output]
        assert len({*workers[1:]}) == 1, "the label of the first end stays, the others are new"
        assert workers[0] != workers[1]
        assert len(loop.keys(f"{job_keys(NAME).results}annotations/")) == 4


def test_a_job_that_cannot_be_reopened_is_refused_with_a_reason(loop: Loop) -> None:
    for given, told in (
        ([NAME + "-nobody"], "there is no job 'reopened-nobody' outside Ground Truth"),
        ([NAME, "--hours", "nan"], "--hours: expected more than 0"),
        ([NAME, "--hours", "-1"], "--hours: expected more than 0"),
    ):
        done = command(loop, *given)
        assert done.returncode in (1, 2)
        assert told in done.stderr
        assert "Traceback" not in done.stderr
