"""Emulators with a deployed stack. All processes of a test run share one deployment for each set of parameters."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from truepoint.demo.deployed_portal import PARAMETERS
from truepoint.emulator.emulator import Emulator
from truepoint.emulator.local_stack import deploy, stack_outputs

PROJECT = Path(__file__).resolve().parents[2]
SAM = Path(sys.executable).parent / "sam"
PYTHON = PROJECT / ".venv-emulator" / "bin" / "python"


def deployed_state(folders: pytest.TempPathFactory, parameters: Mapping[str, str]) -> Path:
    """Return the folder of an emulator that has stopped, in which the stack is deployed. It may only be copied."""
    run = folders.getbasetemp()
    run = run.parent if "PYTEST_XDIST_WORKER" in os.environ else run
    folder = run / "-".join(["stack", *(name + value for name, value in sorted(parameters.items()))])
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            with Emulator(PYTHON, unfinished, keep=True) as emulator:
                deploy(PROJECT, emulator, SAM, parameters)
                _stop_ticks(emulator)
            for made in ("tmp", "cache", ".aws-sam"):
                shutil.rmtree(unfinished / made, ignore_errors=True)
            for archive in (unfinished / "build").glob("*.zip"):  # the folders have the same code
                archive.unlink()
            unfinished.rename(folder)
    return folder


@contextmanager
def deployed_emulator(
    folders: pytest.TempPathFactory, parameters: Mapping[str, str], origins: frozenset[str] = frozenset()
) -> Iterator[Emulator]:
    """A running emulator with a deployed stack of its own; its state is kept on disk."""
    folder = folders.mktemp("emulator") / "state-of-one"
    state = deployed_state(folders, parameters)
    shutil.copytree(state, folder, ignore=shutil.ignore_patterns("build"))
    (folder / "build").symlink_to(state / "build")
    with Emulator(PYTHON, folder, keep=True, origins=origins) as emulator:
        yield emulator


def _stop_ticks(emulator: Emulator) -> None:
    """Disable the schedule of the portal's tick. Tests call it; the emulator would also call it each minute."""
    events = emulator.session().client("events", endpoint_url=emulator.endpoint)
    [rule] = [rule["Name"] for rule in events.list_rules()["Rules"] if "PortalTickFunctionSchedule" in rule["Name"]]
    events.disable_rule(Name=rule)


def label_soon(emulator: Emulator) -> None:
    """Let a deployed portal give images their labels a second after their last answer."""
    stack = stack_outputs(emulator)
    assert stack is not None
    client = emulator.session().client("lambda", endpoint_url=emulator.endpoint)
    before = client.get_function_configuration(FunctionName=stack.portal_tick_arn)["Environment"]["Variables"]
    assert before["PORTAL_CORRECTION_SECONDS"] == PARAMETERS["PortalCorrectionSeconds"]
    changed = before | {"PORTAL_CORRECTION_SECONDS": "1"}
    client.update_function_configuration(FunctionName=stack.portal_tick_arn, Environment={"Variables": changed})
