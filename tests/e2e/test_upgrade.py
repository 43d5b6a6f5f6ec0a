"""A stack of commit c574846 is updated in place: its jobs, open or finished, its answers and its results stay usable.

tests/upgrade/c574846 holds that commit's template, and the objects of two jobs that its demo made.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loop import PROJECT, VENV, face

from truepoint.demo.deployed_portal import PARAMETERS, Ticks
from truepoint.demo.scripted_workers import reload_job, run_until_ended, store_answers
from truepoint.demo.stored_job import StoredJob
from truepoint.emulator.emulator import Emulator
from truepoint.emulator.local_stack import deploy, interpreter_of, parameter_overrides, stack_outputs, zip_code
from truepoint.jobs.stack import StackOutputs

OLD = PROJECT / "tests" / "upgrade" / "c574846"
PYTHON = PROJECT / ".venv-emulator" / "bin" / "python"
KEPT = (
    "Bucket",
    "DeadLetterQueue",
    "Distribution",
    "LabelingJobExecutionRole",
    "PreAnnotationFunction",
    "PostAnnotationFunction",
)
"""Resources whose names are in a running job's description, or that hold something."""


def deploy_old(emulator: Emulator, folder: Path) -> None:
    """Deploy the old template. Its functions get today's code: what is tested is the template's change."""
    overrides = parameter_overrides((PROJECT / "samconfig.toml").read_text(), *interpreter_of(PYTHON))
    common = [
        "--config-file",
        str(PROJECT / "samconfig.toml"),
        "--config-env",
        "local",
        "--parameter-overrides",
        *overrides,
    ]
    environment = emulator.environment()
    environment |= {"PATH": f"{VENV}:{environment['PATH']}", "SAM_CLI_POLL_DELAY": "0.5"}
    build = [
        "build",
        "--template-file",
        str(OLD / "template.yaml"),
        "--base-dir",
        str(PROJECT),
        "--build-dir",
        str(folder / "build"),
    ]
    folder.mkdir()
    for command in (build, ["deploy", "--template-file", str(folder / "build" / "template.yaml")]):
        if command[0] == "deploy":
            zip_code(folder / "build")
        done = subprocess.run(
            [VENV / "sam", *command, *common], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def physical(emulator: Emulator) -> dict[str, str]:
    client = emulator.session().client("cloudformation", endpoint_url=emulator.endpoint)
    found = client.describe_stack_resources(StackName="truepoint")["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def put_objects(s3: Any, stack: StackOutputs) -> dict[str, bytes]:
    """Put the old jobs' objects into the stack's bucket, with the names of this stack's resources."""
    names = {
        "BUCKET": stack.bucket,
        "role/LabelingJobExecutionRole": f"role/{stack.execution_role_arn.rsplit('/', 1)[1]}",
        "function:PreAnnotationFunction": f"function:{stack.pre_annotation_arn.rsplit(':', 1)[1]}",
        "function:PostAnnotationFunction": f"function:{stack.post_annotation_arn.rsplit(':', 1)[1]}",
    }
    objects = {}
    for key, content in json.loads((OLD / "objects.json").read_text()).items():
        if isinstance(content, dict):
            body = base64.b64decode(content["base64"])
        else:
            for name, value in names.items():
                content = content.replace(name, value)  # noqa: PLW2901
            body = content.encode()
        s3.put_object(Bucket=stack.bucket, Key=key, Body=body)
        objects[key] = body
    return objects


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emulator, StackOutputs, dict[str, bytes]]]:
    folder = tmp_path_factory.mktemp("upgrade")
    with Emulator(PYTHON, folder / "emulator") as emulator:
        deploy_old(emulator, folder / "old")
        old = stack_outputs(emulator)
        assert old is not None
        before = physical(emulator)
        s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
        objects = put_objects(s3, old)
        deploy(PROJECT, emulator, VENV / "sam", PARAMETERS)
        stack = stack_outputs(emulator)
        assert stack is not None
        after = physical(emulator)
        assert {name: after[name] for name in KEPT} == {name: before[name] for name in KEPT}
        assert stack.bucket == old.bucket
        yield emulator, stack, objects


def test_an_update_keeps_all_objects(upgraded: tuple[Emulator, StackOutputs, dict[str, bytes]]) -> None:
    emulator, stack, objects = upgraded
    s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
    for key, body in objects.items():
        assert s3.get_object(Bucket=stack.bucket, Key=key)["Body"].read() == body


def script(emulator: Emulator, name: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, PROJECT / "scripts" / name, *arguments],
        env=emulator.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_earlier_results_are_read_exported_and_reviewed(
    upgraded: tuple[Emulator, StackOutputs, dict[str, bytes]], tmp_path: Path
) -> None:
    emulator, stack, objects = upgraded
    assert "2 of 2 labelled, 0 failed" in script(emulator, "job_status.py", "finished")
    script(emulator, "download_results.py", "finished", tmp_path / "results")
    assert (tmp_path / "results" / "coco.json").read_bytes() == objects["results/finished/coco.json"]
    script(
        emulator, "export.py", "--results", tmp_path / "results", "--format", "yolo,csv", "--out", tmp_path / "export"
    )
    review = ("create_review_job.py", "finished", "--name", "review", "--outside-ground-truth", "--top", "2")
    assert "images to review" in script(emulator, *review)
    made = json.loads(objects["results/finished/results.json"])
    assert "complete" in script(emulator, "rerun_results.py", "--job", "finished", "--force")
    s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
    again = json.loads(s3.get_object(Bucket=stack.bucket, Key="results/finished/results.json")["Body"].read())
    counts = ("lines", "written", "rejected", "failed", "unlabeled")
    assert [again[name] for name in counts] == [made[name] for name in counts]


def test_an_open_job_continues_with_its_answers(upgraded: tuple[Emulator, StackOutputs, dict[str, bytes]]) -> None:
    """The answer was stored by the portal of that time, for one job, under the name that Ground Truth gives a file."""
    emulator, stack, objects = upgraded
    answered = [key for key in objects if key.startswith("output/open/annotations/worker-response/")]
    assert len(answered) == 1
    job, ticks = StoredJob(emulator, stack.bucket, "open"), Ticks(emulator, stack.portal_tick_arn)
    assert job.progress() == (2, 0, 1)
    ticks.once()
    [first] = json.loads(objects[answered[0]])["answers"]
    table: Any = emulator.session().resource("dynamodb", endpoint_url=emulator.endpoint)
    rows = table.Table(stack.portal_table).scan(ConsistentRead=True)["Items"]
    [image] = [row for row in rows if "#I#" in row["pk"]]
    assert {worker: done["key"] for worker, done in image["done"].items()} == {first["workerId"]: answered[0]}

    everything = {Path(line.source).name: [face(20, 20)] for line in job.lines}
    stored, is_complete = store_answers(job, {"bob": everything, "eve": everything}, b"another secret")
    assert (stored, is_complete) == (3, True)
    reload_job(emulator, job, stack.portal_table, ticks)
    run_until_ended(job, ticks)
    assert job.described.status == "Completed"
    assert job.wait_for_results()
    assert (job.results() or {})["written"] == 2
    s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
    output = s3.get_object(Bucket=stack.bucket, Key="output/open/manifests/output/output.manifest")["Body"].read()
    assert first["workerId"] in output.decode()
