"""Every sample event with the environment that `sam local invoke` gives its function, computed by SAM CLI's own code.

A container engine cannot be asked for in a test: the function runs in this interpreter, with exactly that environment.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from typing import Any
from unittest.mock import Mock

import pytest
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

from sample_events import BUCKET, EVENTS, event, names
from truepoint.emulator.local_stack import ARCHITECTURES

ROOT = EVENTS.parent
FUNCTIONS = {
    "pre_annotation": "PreAnnotationFunction",
    "post_annotation": "PostAnnotationFunction",
    "job_completion": "JobCompletionFunction",
    "sweep": "SweepFunction",
    "results_step": "ResultsStepFunction",
}
STEPS = ["plan.json", "survey.json", "join.json", "label.json", "merge.json", "announce.json"]
RUN = """
import importlib, json, sys
from types import SimpleNamespace
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=256, invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
    aws_request_id="0", get_remaining_time_in_millis=lambda: 900_000)
module, function = sys.argv[1].split(".")
answer = getattr(importlib.import_module(module), function)(json.load(sys.stdin), context)
print("\\n" + json.dumps(answer))
"""


def test_every_folder_of_events_has_a_function() -> None:
    assert {path.name for path in EVENTS.iterdir() if path.name != "s3"} == set(FUNCTIONS)
    assert sorted(STEPS) == names("results_step")


@pytest.fixture
def runner(s3: Any, aws: str, monkeypatch: pytest.MonkeyPatch) -> LocalLambdaRunner:
    """What `sam local invoke` makes of the template and of the shell of docs/operations.md."""
    return sam_local(aws, monkeypatch)


def sam_local(url: str, monkeypatch: pytest.MonkeyPatch, architecture: str = "x86_64") -> LocalLambdaRunner:
    for name, value in {"BUCKET_NAME": BUCKET, "ENDPOINT_URL": url}.items():
        monkeypatch.setenv(name, value)
    parameters = {"Architecture": architecture, "UsesGroundTruth": "no"}
    stacks, _ = SamLocalStackProvider.get_stacks(str(ROOT / "template.yaml"), parameter_overrides=parameters)
    provider = SamFunctionProvider(stacks, use_raw_codeuri=True)
    return LocalLambdaRunner(
        Mock(), provider, str(ROOT), real_path=str(ROOT), aws_region="us-east-1", env_vars_values={}, debug_context=None
    )


def invoke(runner: LocalLambdaRunner, folder: str, name: str) -> Any:
    function = runner.get_function(FUNCTIONS[folder])
    environment = runner.get_invoke_config(function).env_vars.resolve()
    assert "AWS_ENDPOINT_URL" not in environment
    done = subprocess.run(
        [sys.executable, "-c", RUN, function.handler],
        cwd=ROOT / "src" / "handlers",
        env=environment | {"PATH": os.defpath},
        input=json.dumps(event(f"{folder}/{name}")), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{folder}/{name}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("folder", "name"), [(folder, name) for folder in FUNCTIONS if folder != "results_step" for name in names(folder)]
)
def test_an_event_is_answered(runner: LocalLambdaRunner, folder: str, name: str) -> None:
    answer = invoke(runner, folder, name)
    member = {"pre_annotation": "taskInput", "sweep": "announced"}.get(folder)
    if folder == "post_annotation":
        assert answer[0]["consolidatedAnnotation"]["content"]
    elif folder == "job_completion":
        assert {"lines", "skipped"} & set(answer)
    else:
        assert member in answer


def test_all_events_are_answered_one_after_the_other(runner: LocalLambdaRunner, s3: Any) -> None:
    """In the order of the documentation, in one bucket. The steps of a large job's results build on each other."""
    for folder in ("post_annotation", "job_completion", "sweep"):
        for name in names(folder):
            invoke(runner, folder, name)
    for job in ("people", "people-stopped", "people-broken"):
        assert s3.get_object(Bucket=BUCKET, Key=f"results/{job}/results.json")["Body"].read()
    answers = [invoke(runner, "results_step", name) for name in STEPS]
    assert answers[0]["run"] == event("results_step/merge.json")["run"]
    assert s3.get_object(Bucket=BUCKET, Key="results/people/results.json")["Body"].read()


@pytest.mark.parametrize("architecture", sorted(set(ARCHITECTURES.values())))
def test_the_image_is_of_the_architecture_that_was_built(
    aws: str, monkeypatch: pytest.MonkeyPatch, architecture: str
) -> None:
    """On Intel and Arm hosts alike. The template's default is Arm, so that it must be given to both commands."""
    runner = sam_local(aws, monkeypatch, architecture)
    for name in FUNCTIONS.values():
        assert runner.get_function(name).architectures == [architecture]


def test_the_documented_command_names_this_machines_architecture() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    [line] = {text for text in page.splitlines() if text.startswith("ARCHITECTURE=")}
    shown = subprocess.run(["sh", "-c", f"{line}; echo $ARCHITECTURE"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ARCHITECTURES[platform.machine().lower()]
    on_arm = subprocess.run(
        ["sh", "-c", f"uname() {{ echo aarch64; }}; {line}; echo $ARCHITECTURE"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert on_arm.stdout.strip() == "arm64"
