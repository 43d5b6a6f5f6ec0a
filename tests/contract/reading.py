"""Other projects' readers, run as programs in environments of their own; and the job that they read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
READERS = Path(__file__).parent / "readers"

Read = Callable[..., Any]


def run_reader(environment: str, script: Path, *arguments: object) -> str:
    """Run a program in another environment; what it prints. There is no way around a missing one: `make readers`."""
    python = ROOT / environment / "bin" / "python"
    path = os.pathsep.join(str(ROOT / folder) for folder in ("src", "src/handlers"))
    done = subprocess.run(
        [python, "-W", "ignore", script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@dataclass(frozen=True)
class Sample:
    """`folder` holds results/ and exports/; `records` are the manifest's lines, `names` the images' paths."""

    folder: Path
    records: list[dict[str, Any]]
    names: list[str]
