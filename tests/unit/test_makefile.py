"""The Makefile works with make 3.81 too, which macOS ships: it ignores .SHELLFLAGS and lacks later functions."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LATER = (
    "$(file ",
    "$(guile ",
    "$(let ",
    "$(intcmp ",
    "!=",
    "::=",
    ":::=",
    ".ONESHELL",
    "undefine ",
    "private ",
    "$(load ",
)
"""What GNU make got after 3.81 (its NEWS file)."""


def makefile() -> str:
    return (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("feature", LATER)
def test_nothing_later_than_make_3_81_is_used(feature: str) -> None:
    assert feature not in makefile()


def test_the_shell_is_named_so_that_the_exported_path_counts() -> None:
    """make 3.81 looks simple commands up on its own PATH, unless SHELL is another than the default /bin/sh."""
    assert re.search(r"^SHELL := /bin/bash$", makefile(), re.MULTILINE)


@pytest.mark.parametrize("target", ["fuzz", "lock"])
def test_a_loop_fails_with_its_first_command_without_shellflags(target: str, tmp_path: Path) -> None:
    """`.SHELLFLAGS=-c` is what make 3.81 makes of any .SHELLFLAGS."""
    calls = tmp_path / "calls"
    for name in ("uv", "npm", "bin/pip-audit", "bin/python"):
        tool = tmp_path / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/sh\necho {name} >> {calls}\nexit 3\n")
        tool.chmod(0o755)
    ready = tmp_path / ".ready"
    ready.touch()
    done = subprocess.run(
        ["make", ".SHELLFLAGS=-c", f"AUDIT={tmp_path}", f"FUZZ={tmp_path}", f"BIN={tmp_path}",
         "-o", "setup", "-o", str(ready), target],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0, done.stdout
    assert len(calls.read_text().splitlines()) == 1


def test_uv_and_npm_have_a_cache_where_home_cannot_be_written(tmp_path: Path) -> None:
    """Without one, uv fails and npm hangs."""
    show = f"include {ROOT / 'Makefile'}\nshow:\n\t@echo $${{UV_CACHE_DIR:-}},$${{npm_config_cache:-}},$$PYTHONUTF8\n"
    (tmp_path / "show.mk").write_text(show)

    def caches(home: str) -> str:
        done = subprocess.run(
            ["make", "-s", "-f", tmp_path / "show.mk", "show"],
            cwd=tmp_path, env={"PATH": os.defpath, "HOME": home}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    assert caches(str(tmp_path)) == ",,1"
    assert caches("/proc/nowhere") == f"{tmp_path}/.cache/uv,{tmp_path}/.cache/npm,1"


def test_a_path_with_spaces_stays_one_word() -> None:
    """A word of a recipe that begins with the checkout's folder is quoted."""
    assert [line for line in makefile().splitlines() if re.search(r'(?<!")\$\(BIN\)/', line)] == []
