"""scripts/sam_local.py without a container engine, which a test cannot ask for.

Every sample event runs in this interpreter, with exactly the environment that SAM CLI's own code gives its function.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from samcli.commands.local.invoke import cli
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

import sam_local
from sam_local import FUNCTIONS, PORTAL
from sample_events import BUCKET, EVENTS, event, names
from truepoint.emulator.emulator import CONTAINER_HOST
from truepoint.emulator.local_stack import ARCHITECTURES
from truepoint.jobs import command

ROOT = EVENTS.parent
STEPS = [f"{step}.json" for step in sam_local.STEPS]
RUN = """
import importlib, json, sys, time
from types import SimpleNamespace
time.sleep = lambda _seconds: None  # a function waits a minute for a manifest that one event's job does not have
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=256, invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
    aws_request_id="0", get_remaining_time_in_millis=lambda: 900_000)
module, function = sys.argv[1].split(".")
answer = getattr(importlib.import_module(module), function)(json.load(sys.stdin), context)
print("\\n" + json.dumps(answer))
"""


def test_every_folder_of_events_has_a_function() -> None:
    # s3 holds objects, and results_ready is the event that we put, for consumers.
    assert {path.name for path in EVENTS.iterdir()} - {"s3", "results_ready"} == set(FUNCTIONS)
    assert sorted(STEPS) == names("results_step")


@pytest.fixture
def runner(s3: Any, aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalLambdaRunner]:
    """What `sam local invoke` makes of the template and of the script's environment."""
    dynamodb = boto3.client("dynamodb")
    sam_local.put_portal(dynamodb, boto3.client("ssm"))
    yield local_runner(aws, monkeypatch)
    dynamodb.delete_table(TableName=PORTAL["PORTAL_TABLE"])


def local_runner(url: str, monkeypatch: pytest.MonkeyPatch, architecture: str = "x86_64") -> LocalLambdaRunner:
    for name, value in {"BUCKET_NAME": BUCKET, "ENDPOINT_URL": url, **PORTAL}.items():
        monkeypatch.setenv(name, value)
    parameters = {"Architecture": architecture, "UsesGroundTruth": "no", "Portal": "yes"}
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
    elif folder == "portal":
        assert answer["statusCode"] == (302 if name == "sign_in.json" else 401)
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
    runner = local_runner(aws, monkeypatch, architecture)
    for name in FUNCTIONS.values():
        assert runner.get_function(name).architectures == [architecture]


@pytest.mark.parametrize(("machine", "architecture"), sorted(ARCHITECTURES.items()))
@pytest.mark.parametrize("gateway", [None, "172.17.0.1"])
def test_sam_cli_understands_the_command(
    monkeypatch: pytest.MonkeyPatch, machine: str, architecture: str, gateway: str | None
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    events = sam_local.all_events()
    # Each event is tried once, as SAM CLI needs a tenth of a second for each.
    for path in events if (machine, gateway) == ("x86_64", None) else events[:1]:
        words = sam_local.invocation(path, str(ROOT / "template.yaml"), gateway)
        assert words[:2] == ["local", "invoke"]
        given = cli.cli.make_context("invoke", words[2:]).params
        assert given["function_logical_id"] == FUNCTIONS[path.parent.name]
        assert given["parameter_overrides"] == {
            "Architecture": architecture,
            "UsesGroundTruth": "no",
            "Portal": "yes",
        }
        assert given["add_host"] == ({CONTAINER_HOST: gateway} if gateway else {})
        assert Path(given["event"]) == path


def test_every_event_is_run() -> None:
    everything = {path for path in EVENTS.rglob("*.json") if not {"s3", "results_ready"} & set(path.parts)}
    assert set(sam_local.all_events()) == everything
    assert len(sam_local.all_events()) == len(everything) > 16


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b'{"name": "\xfc"}', b"{", b""])
def test_an_event_that_a_function_could_not_read_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    for folder in FUNCTIONS:
        (tmp_path / folder).mkdir()
    (tmp_path / "sweep" / ".DS_Store").write_bytes(b"no event")
    event = tmp_path / "sweep" / "mine.json"
    event.write_bytes(content)
    monkeypatch.setattr(sam_local, "EVENTS", tmp_path)
    monkeypatch.setattr(sam_local, "engine_gateway", Mock(side_effect=AssertionError("started")))
    assert sam_local.main([str(event)]) == 2
    assert "mine.json: expected JSON in UTF-8 without a byte order mark" in capsys.readouterr().err


def test_a_folder_or_a_file_of_no_function_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (*FUNCTIONS, "another"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "event.json").write_text("{}")
    (tmp_path / "sweep" / "hourly.json~").write_text("{}")
    monkeypatch.setattr(sam_local, "EVENTS", tmp_path)
    assert sam_local.sample_event(tmp_path / "sweep" / "event.json")
    for path in (tmp_path / "another" / "event.json", tmp_path / "sweep" / "hourly.json~", tmp_path / "event.json"):
        with pytest.raises(command.UsageError, match=r"expected a file of events/ \(pre_annotation/, "):
            sam_local.sample_event(path)


def engine(system: str) -> Callable[[], Any]:
    bridge = SimpleNamespace(attrs={"IPAM": {"Config": [{"Gateway": "172.17.0.1"}]}})
    found = SimpleNamespace(
        info=lambda: {"OperatingSystem": system}, networks=SimpleNamespace(get={"bridge": bridge}.get)
    )
    return lambda: found


@pytest.mark.parametrize(
    ("platform_name", "system", "gateway"),
    [("linux", "Debian GNU/Linux 12", "172.17.0.1"), ("linux", "Docker Desktop", None), ("darwin", "Alpine", None)],
)
def test_the_address_of_this_machine_is_given_where_containers_do_not_know_it(
    monkeypatch: pytest.MonkeyPatch, platform_name: str, system: str, gateway: str | None
) -> None:
    monkeypatch.setattr(sys, "platform", platform_name)
    monkeypatch.setattr(sam_local.docker, "from_env", engine(system))
    assert sam_local.engine_gateway() == gateway


def test_connections_to_the_bridge_are_forwarded_while_the_command_runs() -> None:
    """Another address of loopback stands for the bridge's."""
    with socket.create_server(("127.0.0.1", 0)) as emulator:
        port = emulator.getsockname()[1]

        def answer() -> None:
            connection, _ = emulator.accept()
            with connection:
                connection.sendall(b"got " + connection.recv(100))

        thread = threading.Thread(target=answer)
        thread.start()
        with (
            sam_local.forwarded(port, "127.0.0.2"),
            socket.create_connection(("127.0.0.2", port), timeout=10) as container,
        ):
            container.sendall(b"request")
            assert container.recv(100) == b"got request"
        thread.join()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=10)


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ('{"lines": 4}', False),
        ('START\n[{"a": 1}]', False),
        ('{"errorMessage": "no", "errorType": "BatchError"}', True),
        ("", True),
        ("not JSON", True),
    ],
)
def test_a_failing_function_is_reported(capsys: pytest.CaptureFixture[str], answer: str, failed: bool) -> None:
    assert sam_local.shown(EVENTS / "sweep" / "hourly.json", answer) == failed
    assert capsys.readouterr().out.startswith("FAIL sweep/hourly.json" if failed else "ok   sweep/hourly.json")


def test_a_file_that_is_no_event_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sam_local.main([str(tmp_path / "mine.json")]) == 2
    assert "expected a file of events/ (pre_annotation/, " in capsys.readouterr().err
