"""The variables that `source .demo/environment` gives a shell: those of the emulated account and no other of AWS."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from truepoint.emulator.emulator import Emulator

MINE = {
    "AWS_PROFILE": "mine",
    "AWS_SESSION_TOKEN": "mine",
    "AWS_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com",
    "AWS_CA_BUNDLE": "/mine.pem",
    "AWS_ACCESS_KEY_ID": "mine",
}


@pytest.mark.parametrize("mine", [{}, MINE])
def test_the_account_is_the_demos_alone(tmp_path: Path, mine: dict[str, str]) -> None:
    emulator = Emulator(tmp_path / "python", tmp_path, port=4566)
    script = tmp_path / "environment"
    script.write_text(emulator.shell())
    done = subprocess.run(
        ["sh", "-eu", "-c", f". {script}; env"], env=mine | {"PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("AWS_"))
    expected = {name: value for name, value in emulator.environment().items() if name.startswith("AWS_")}
    assert found == expected
    assert (found["AWS_REGION"], found["AWS_DEFAULT_REGION"]) == ("us-east-1", "us-east-1")
