"""Runs: the same bytes however a manifest is cut, in whatever order its ranges are worked on, and however often; and
what happens when a run is cut off, or the manifest changes under it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from moto.s3.models import s3_backends

import job_completion
import results_step
from job_manifests import SKELETON, labeled_lines, text
from sample_events import BUCKET, EVENTS, event
from truepoint.adapters.bucket import Bucket, ChangedError, NotReadableError, StoredObject
from truepoint.groundtruth.job import LabelingJob, read_description
from truepoint.keys import job_keys
from truepoint.results.result_set import AccountingError, Results
from truepoint.runs import all_ranges
from truepoint.runs.all_ranges import RESERVE
from truepoint.runs.completion import TRIES, HandOver, complete
from truepoint.runs.plan import read_step
from truepoint.runs.write_lock import SECONDS_BETWEEN_RUNS

MANIFEST = "output/crowd/manifests/output/output.manifest"
MARKER = "results/crowd/results.json"
JOB = LabelingJob(
    name="crowd", arn="arn:aws:sagemaker:us-east-1:123456789012:labeling-job/crowd", status="Completed",
    label_attribute_name="keypoints", output_manifest_uri=f"s3://{BUCKET}/{MANIFEST}", workers_per_object=3,
)  # fmt: skip


def mixed() -> bytes:
    """Lines of every outcome, an annotation by reference, a lost one, and every kind of line end."""
    labeled = labeled_lines("crowd", 3, 4)
    large, lost = labeled.pop(), labeled.pop()
    folder = f"s3://{BUCKET}/output/crowd/annotations/consolidated-annotation/large/"
    boto3.client("s3").put_object(
        Bucket=BUCKET, Key=f"{folder.split('/', 3)[3]}1.json", Body=msgspec.json.encode(large["keypoints"])
    )
    large["keypoints"], lost["keypoints"] = (
        {"annotation_s3_uri": folder + "1.json"},
        {"annotation_s3_uri": folder + "2.json"},
    )
    people = (EVENTS / "s3/output/people/manifests/output/output.manifest").read_bytes().splitlines()
    lines = [*people[:4], text([large]), b"", b"\xff\xfe", *people[4:], text([lost]), b"\r", b'{"source-ref":1}']
    lines.append(text(labeled))
    return b"\r\n".join(lines[:5]) + b"\n\n\n" + b"\n".join(lines[5:]) + b"\r\n"


# name: manifest, changes of the job, whether it has a skeleton and gold
JOBS: dict[str, Any] = {
    "one worker": (lambda: text(labeled_lines("crowd", 1, 9)), {"workers_per_object": 1}, True, False),
    "three workers": (lambda: text(labeled_lines("crowd", 3, 9)) + b"\n", {}, True, True),
    "no skeleton": (lambda: text(labeled_lines("crowd", 2, 6)[::-1]), {"workers_per_object": None}, False, False),
    "every outcome": (mixed, {"workers_per_object": None}, True, True),
    "stopped before the first label": (lambda: b"", {"status": "Stopped"}, True, False),
    "nothing but blank lines": (lambda: b"\n\r\n \n", {}, True, False),
    "failed without a manifest": (lambda: None, {"status": "Failed", "failure_reason": "no lines"}, True, False),
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truepoint.runs.steps.WAITS", ())


def prepared(s3: Any, name: str = "three workers") -> LabelingJob:
    """A job of the table with its objects in the bucket."""
    manifest, changed, skeleton, gold = JOBS[name]
    if skeleton:
        s3.put_object(Bucket=BUCKET, Key="jobs/crowd/skeleton.json", Body=SKELETON)
    if gold:
        s3.put_object(Bucket=BUCKET, Key="jobs/crowd/gold.json", Body=b'{"3.jpg": []}')
    if (body := manifest()) is not None:
        s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=body)
    return msgspec.structs.replace(JOB, **changed)


def stored() -> dict[str, Any]:
    """Every object of the bucket in moto itself, which needs no request for each."""
    return dict(s3_backends["123456789012"]["aws"].buckets[BUCKET].keys.items())


def bodies(s3: Any, prefix: str = "results/") -> dict[str, bytes]:
    """Every object below a prefix."""
    return {key: item.value for key, item in stored().items() if key.startswith(prefix)}


def forget(s3: Any) -> None:
    """Remove what runs have made."""
    for prefix in ("results/", "tmp/"):
        Bucket(BUCKET).delete(*bodies(s3, prefix))


def undisturbed(s3: Any, job: LabelingJob) -> dict[str, bytes]:
    """The results as they are to be, made in one go; afterwards there are none."""
    forget(s3)
    assert isinstance(complete(job, Bucket(BUCKET)), Results)
    found = bodies(s3)
    forget(s3)
    return found


def cut_small(monkeypatch: pytest.MonkeyPatch, largest: int = 1) -> None:
    """Ranges of so many bytes; 1 makes one of each line."""
    monkeypatch.setenv("LARGEST_RANGE", str(largest))


def let_pass(seconds: float) -> None:
    """Everything in S3 is so much older."""
    for key in stored().values():
        key.last_modified -= timedelta(seconds=seconds)


def plan(job: LabelingJob, context: Any) -> dict[str, Any]:
    """What the state machine's first step answers."""
    planned: dict[str, Any] = results_step.handler({"step": "plan", "job": msgspec.to_builtins(job)}, context)
    assert json.loads(json.dumps(planned)) == planned
    return planned


def asked_for(job: LabelingJob, context: Any) -> Iterator[dict[str, Any]]:
    """The events that the state machine sends, those of a Map last to first; made as they are asked for."""
    while (planned := plan(job, context))["wait"]:
        let_pass(planned["wait"])
    run = {"run": planned["run"]}
    for each, then in (("survey", "join"), ("label", "merge")):
        yield from ({"step": each, **run, "range": place} for place in reversed(planned["ranges"]))
        yield {"step": then, **run}
    yield {"step": "announce", **run}


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("largest", [1, 9_000])
def test_any_division_into_ranges_gives_the_same_bytes(
    s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch, name: str, largest: int
) -> None:
    job = prepared(s3, name)
    expected = undisturbed(s3, job)
    cut_small(monkeypatch, largest)
    assert isinstance(complete(job, Bucket(BUCKET)), Results)
    assert bodies(s3) == expected


@pytest.mark.parametrize("name", JOBS)
def test_the_same_bytes_from_the_state_machines_steps(
    s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    job = prepared(s3, name)
    expected = undisturbed(s3, job)
    cut_small(monkeypatch)
    for step in asked_for(job, context):
        results_step.handler(step, context)
    assert bodies(s3) == expected


def test_the_test_manifest_contains_every_outcome(s3: Any) -> None:
    found = complete(prepared(s3, "every outcome"), Bucket(BUCKET))
    assert isinstance(found, Results)
    counts = (found.lines, found.written, found.rejected, found.failed, found.unlabeled)
    assert counts == (13, 6, 4, 1, 2)


# ---------------------------------------------------------------------------------------- the manifest changes


class Racing(Bucket):
    """A bucket in which the manifest is replaced by the next of some others before something of a name is done."""

    def __init__(self, s3: Any, method: str, key: str, others: list[bytes]) -> None:
        super().__init__(BUCKET)
        self.raced = (s3, method, key, others)

    def race(self, method: str, key: str) -> None:
        s3, when, where, others = self.raced
        if (method, key) == (when, where) and others:
            s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=others.pop(0))

    def find_object(self, key: str, largest: int) -> StoredObject | None:
        found = super().find_object(key, largest)
        self.race("find_object", key)
        return found

    def stream(self, key: str, *which: Any) -> Iterator[bytes]:
        self.race("stream", key)
        return super().stream(key, *which)

    def write(self, key: str, *what: Any) -> None:
        self.race("write", key)
        super().write(key, *what)


def other(lines: int) -> bytes:
    """A manifest of fewer lines, whose images have other names."""
    return text(labeled_lines("crowd", 3, lines)).replace(b".jpg", b"-again.jpg")


@pytest.mark.parametrize("largest", [1, 1_000_000])
def test_results_of_a_changed_manifest_contain_nothing_of_the_old_one(
    s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    job = prepared(s3)
    assert isinstance(complete(job, Bucket(BUCKET)), Results)
    before = bodies(s3)
    s3.put_object(Bucket=BUCKET, Key="results/crowd/annotations/notes.txt", Body=b"not ours")
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=other(4))
    cut_small(monkeypatch, largest)
    for step in asked_for(job, context):
        results_step.handler(step, context)
    after = bodies(s3)
    assert after.pop("results/crowd/annotations/notes.txt") == b"not ours"
    assert after == undisturbed(s3, job)
    assert len(set(before) - set(after)) == 9


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("stream", MANIFEST),
        ("write", "results/crowd/annotations/0000003-3.json"),
        ("write", "results/crowd/report.html"),
    ],
)
def test_a_manifest_replaced_during_a_run_makes_it_start_again(
    s3: Any, monkeypatch: pytest.MonkeyPatch, method: str, key: str
) -> None:
    job = prepared(s3)
    cut_small(monkeypatch, 9_000)
    found = complete(job, Racing(s3, method, key, [other(5)]))
    assert isinstance(found, HandOver)
    assert "may still write for 960 seconds" in found.reason
    let_pass(SECONDS_BETWEEN_RUNS)
    assert isinstance(complete(job, Bucket(BUCKET)), Results)
    assert bodies(s3) == undisturbed(s3, job)


def test_a_manifest_replaced_again_and_again_is_an_error(s3: Any) -> None:
    job = prepared(s3)
    others = [other(lines) for lines in range(1, TRIES + 1)]
    with pytest.raises(ChangedError, match=r"expected s3://truepoint-events/output/crowd/.* with the ETag"):
        complete(job, Racing(s3, "find_object", job_keys("crowd").write_lock, others))
    assert others == []
    assert bodies(s3) == {}


def test_steps_of_an_old_plan_fail(s3: Any, context: Any) -> None:
    job = prepared(s3)
    old = list(asked_for(job, context))
    for step in old[:2]:
        results_step.handler(step, context)
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=other(4))
    for step in (old[0], old[2]):
        with pytest.raises(ChangedError, match="no longer has the ETag"):
            results_step.handler(step, context)
    assert MARKER not in bodies(s3)


# --------------------------------------------------------------------------- repeated, broken off, side by side


@pytest.mark.parametrize("now", [b'{"4.jpg": []}', b"no gold", None])
def test_changed_gold_restarts_the_run(
    s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch, now: bytes | None
) -> None:
    job = prepared(s3)
    cut_small(monkeypatch)
    *_, last, _, _ = steps = list(asked_for(job, context))
    for step in steps[:-3]:
        results_step.handler(step, context)
    if now is None:
        s3.delete_object(Bucket=BUCKET, Key="jobs/crowd/gold.json")
    else:
        s3.put_object(Bucket=BUCKET, Key="jobs/crowd/gold.json", Body=now)
    with pytest.raises(ChangedError):
        results_step.handler(last, context)
    for step in asked_for(job, context):
        results_step.handler(step, context)
    assert bodies(s3) == undisturbed(s3, job)


def test_steps_repeated_after_a_failure_change_nothing(s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = prepared(s3)
    expected = undisturbed(s3, job)
    cut_small(monkeypatch, 9_000)

    def broken(*_: Any) -> None:
        raise OSError("no space in the cloud")

    for step in asked_for(job, context):
        if step["step"] != "announce":
            with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
                patch.setattr(Bucket, "write", broken)
                results_step.handler(step, context)
        for _ in range(2):
            results_step.handler(step, context)
    assert bodies(s3) == expected


def test_two_runs_at_once_change_nothing(s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = prepared(s3)
    expected = undisturbed(s3, job)
    cut_small(monkeypatch, 9_000)
    first, second = asked_for(job, context), asked_for(job, context)
    for mine, theirs in zip_longest(first, second):
        results_step.handler(mine, context)
        results_step.handler(theirs, context)
    assert bodies(s3) == expected


def test_a_missing_or_wrong_part_is_an_error(s3: Any, context: Any) -> None:
    job = prepared(s3)
    *earlier, merge, _ = asked_for(job, context)
    for step in earlier:
        results_step.handler(step, context)
    key = merge["run"] + "joined.json"
    joined = bodies(s3, key)[key]
    s3.put_object(Bucket=BUCKET, Key=key, Body=joined.replace(b'"firsts":[0,9]', b'"firsts":[0,10]'))
    with pytest.raises(AccountingError, match="10 lines"):
        results_step.handler(merge, context)
    s3.delete_object(Bucket=BUCKET, Key=merge["run"] + "labels-0.json")
    with pytest.raises(NotReadableError):
        results_step.handler(merge, context)
    assert MARKER not in bodies(s3)


# ------------------------------------------------------------------------------------------- handed over


@pytest.fixture
def own_ranges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[int]]]:
    """The ranges that this process itself takes in an invocation with two processes; each range is a line."""
    taken: list[tuple[str, list[int]]] = []
    run_over = all_ranges._run_over

    def noted(step: str, run: str, indexes: Any, *others: Any) -> None:
        taken.append((step, list(indexes)))
        run_over(step, run, indexes, *others)

    monkeypatch.setattr(all_ranges, "_run_over", noted)
    monkeypatch.setenv("PROCESSES", "2")
    cut_small(monkeypatch)
    return taken


@pytest.mark.parametrize("name", ["three workers", "every outcome"])
def test_two_processes_write_the_same_bytes(s3: Any, own_ranges: list[tuple[str, list[int]]], name: str) -> None:
    job = prepared(s3, name)
    with pytest.MonkeyPatch.context() as alone:
        alone.setenv("PROCESSES", "1")
        right = undisturbed(s3, job)
    count = own_ranges[0][1][-1] + 1
    own_ranges.clear()
    assert isinstance(complete(job, Bucket(BUCKET)), Results)
    assert bodies(s3) == right
    assert own_ranges == [(step, list(range(0, count, 2))) for step in ("survey", "label")]


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python", "", None])
def test_without_a_second_process_the_first_does_everything(
    s3: Any, own_ranges: list[tuple[str, list[int]]], monkeypatch: pytest.MonkeyPatch, program: str | None
) -> None:
    job = prepared(s3)
    right = undisturbed(s3, job)
    own_ranges.clear()
    monkeypatch.setattr(sys, "executable", program)
    assert isinstance(complete(job, Bucket(BUCKET)), Results)
    assert bodies(s3) == right
    assert [indexes[0] for _, indexes in own_ranges] == [0, 1, 0, 1]


def test_a_second_process_that_hangs_is_ended(
    s3: Any, own_ranges: list[tuple[str, list[int]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    ends = time.monotonic() + RESERVE + 3
    told = complete(prepared(s3), Bucket(BUCKET), seconds_left=lambda: ends - time.monotonic())
    assert isinstance(told, HandOver)
    assert own_ranges == [("survey", [0, 2, 4, 6, 8]), ("survey", [1, 3, 5, 7])]
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_a_second_process_that_runs_out_of_time_is_logged_and_its_ranges_are_done(
    s3: Any, own_ranges: list[tuple[str, list[int]]], capfd: pytest.CaptureFixture[str]
) -> None:
    job = prepared(s3)
    right = undisturbed(s3, job)
    own_ranges.clear()
    capfd.readouterr()
    clock = iter([RESERVE / 2])  # the time passed to the first step's second process
    assert isinstance(complete(job, Bucket(BUCKET), seconds_left=lambda: next(clock, 900.0)), Results)
    assert bodies(s3) == right
    assert [indexes[0] for _, indexes in own_ranges] == [0, 1, 0]
    (line,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert (line["level"], line["labeling_job"], line["exception_name"]) == ("WARNING", "crowd", "OutOfTimeError")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_second_process_ends_when_the_first_is_killed(aws: str, number: int) -> None:
    program = f"""if True:
        from truepoint.adapters.bucket import Bucket
        from truepoint.runs.all_ranges import _second_process
        process = _second_process("label", "tmp/results/crowd/{"0" * 32}/", [1], Bucket("{BUCKET}"), 900.0)
        print(process.wait(), flush=True)"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        settings = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        first = subprocess.Popen(
            [sys.executable, "-c", program],
            env=os.environ | settings | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        request, _ = silent.accept()
        with request:  # the second process waits for its plan
            first.send_signal(number)
            # Both processes hold the pipe of standard error, so this returns when both have ended.
            assert first.communicate(timeout=20) == (b"", b"")
        assert first.returncode == -number


def test_an_error_ends_the_second_process(
    s3: Any, own_ranges: list[tuple[str, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> bool:
        raise NotReadableError("lost")

    started: list[Any] = []
    start = all_ranges._second_process

    def noted(*arguments: Any) -> Any:
        started.append(start(*arguments))
        return started[-1]

    monkeypatch.setattr(all_ranges, "_second_process", noted)
    monkeypatch.setitem(all_ranges.STEPS, "survey", fail)
    with pytest.raises(NotReadableError, match="lost"):
        complete(prepared(s3), Bucket(BUCKET))
    assert [process.returncode for process in started] == [-signal.SIGKILL]


@pytest.mark.parametrize("seconds", [[RESERVE - 1], [800, 700, 600, 300], [900, 880, 800, 780, 760, 740, 100]])
def test_a_job_that_would_exceed_the_timeout_is_handed_over(
    s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch, seconds: list[float]
) -> None:
    job = prepared(s3)
    expected = undisturbed(s3, job)
    cut_small(monkeypatch, 9_000)
    clock = iter([*seconds, *[0.0] * 99])
    found = complete(job, Bucket(BUCKET), seconds_left=lambda: next(clock))
    assert isinstance(found, HandOver)
    assert "seconds left at range" in found.reason
    assert MARKER not in bodies(s3)
    for step in asked_for(job, context):
        results_step.handler(step, context)
    assert bodies(s3) == expected


def test_a_large_job_starts_one_execution(s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("stepfunctions")
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}})
    machine = client.create_state_machine(
        name="results", definition=definition, roleArn="arn:aws:iam::123456789012:role/results"
    )["stateMachineArn"]
    monkeypatch.setenv("STATE_MACHINE_ARN", machine)
    monkeypatch.setenv("LARGEST_AT_ONCE", "100")
    sample = event("job_completion/completed.json")
    first, again = (job_completion.handler(sample, context)["handed_over"] for _ in range(2))
    assert first == again
    assert bodies(s3) == {}
    told = json.loads(client.describe_execution(executionArn=first)["input"])
    assert read_step({"step": "plan", **told}).job == read_description(sample["detail"]["LabelingJob"])

    client.stop_execution(executionArn=first)
    second = job_completion.handler(sample, context)["handed_over"]
    assert (first[-2:], second[-2:]) == ("-1", "-2")
    assert first[:-2] == second[:-2]
