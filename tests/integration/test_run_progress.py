"""How far a large job's results are, and the command that shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from test_sweep import keep, outside

import job_status
from sample_events import BUCKET
from truepoint.jobs.progress import RunProgress, latest_run, read_progress, run_progress
from truepoint.jobs.stack import OUTPUT_NAMES

RUN = "tmp/results/people/00112233445566778899aabbccddeeff/"
TEMPLATE = '{"Resources": {"B": {"Type": "AWS::SQS::Queue"}}, "Outputs": {%s}}'


@pytest.mark.parametrize(
    ("names", "progress", "steps"),
    [
        ({"plan.json"}, RunProgress("survey", 0, 3), (0, 8)),
        ({"plan.json", "survey-0.json", "survey-2.json"}, RunProgress("survey", 2, 3), (2, 8)),
        ({"joined.json", "survey-0.json"}, RunProgress("label", 0, 3), (4, 8)),
        ({"joined.json", "labels-1.json", "coco-1.jsonl", "labels-x.json"}, RunProgress("label", 1, 3), (5, 8)),
        ({"joined.json", "labels-0.json", "labels-1.json", "labels-2.json"}, RunProgress("merge", 3, 3), (7, 8)),
    ],
)
def test_progress_is_read_from_the_runs_files(names: set[str], progress: RunProgress, steps: tuple[int, int]) -> None:
    assert run_progress(names, 3) == progress
    assert progress.steps == steps


def put(s3: Any, name: str, body: Any = None) -> None:
    s3.put_object(Bucket=BUCKET, Key=name, Body=json.dumps(body).encode())


def test_only_files_newer_than_the_latest_plan_count() -> None:
    times = [datetime(2026, 11, 18, hour, tzinfo=UTC) for hour in range(5)]
    files = {
        "old/plan.json": times[1],
        "old/joined.json": times[4],
        "new/plan.json": times[3],
        "new/survey-0.json": times[2],
        "new/survey-1.json": times[3],
        "new/survey-2.json": times[4],
    }
    assert latest_run(files) == ("new/", {"plan.json", "survey-1.json", "survey-2.json"})
    assert latest_run({"old/joined.json": times[0]}) is None


@pytest.fixture
def stack(s3: Any) -> None:
    values = dict.fromkeys(OUTPUT_NAMES.values(), "x") | {"BucketName": BUCKET}
    outputs = ", ".join(f'"{name}": {{"Value": "{value}"}}' for name, value in values.items())
    boto3.client("cloudformation").create_stack(StackName="watched", TemplateBody=TEMPLATE % outputs)


def test_the_command_shows_the_run_and_waits_for_its_end(
    s3: Any, stack: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_progress(s3, BUCKET, "people") is None
    keep(s3, "people", outside("people"))
    put(s3, f"{RUN}plan.json", {"ranges": [1, 2]})
    put(s3, f"{RUN}survey-0.json")
    arguments = ["people", "--stack-name", "watched"]
    assert job_status.main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["run"]
    assert told == {"stage": "survey", "done": 1, "ranges": 2, "seconds": 0}

    def finish(_seconds: float) -> None:
        put(s3, "results/people/results.json")

    monkeypatch.setattr(job_status, "time", SimpleNamespace(sleep=finish))
    assert job_status.main([*arguments, "--watch"]) == 0
    said = capsys.readouterr()
    assert "survey: 1 of 2 ranges\n" in said.out
    assert said.out.endswith("results are complete\n")
    assert "survey:  17%" in said.err  # of 2 * 2 + 2 steps
    assert job_status.main([*arguments, "--watch"]) == 0
    assert "ranges" not in capsys.readouterr().out
    put(s3, "tmp/results/people/turn.json", {"of": "another manifest", "id": "1", "wait": 960})
    assert job_status.main(arguments) == 0
    assert "\nwaits for an earlier run with another manifest or skeleton, for at most 9" in capsys.readouterr().out


def test_a_run_that_waits_says_for_how_long(s3: Any) -> None:
    key = "tmp/results/people/turn.json"
    put(s3, f"{RUN}plan.json", {"ranges": [1, 2]})  # of the run before
    put(s3, key, {"of": "a", "id": "1", "wait": 960})
    found = read_progress(s3, BUCKET, "People")
    assert found
    assert (found.stage, found.steps) == ("wait", (0, 2))
    assert 900 < found.seconds <= 960
    assert str(found).endswith(f"for at most {found.seconds} seconds")
    for turn in ({"of": "a", "id": "2"}, {"of": "a", "id": "3", "over": True}):
        put(s3, key, turn)
        assert read_progress(s3, BUCKET, "people") == RunProgress("survey", 0, 2)
