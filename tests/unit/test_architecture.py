"""The house's rules that a machine can check."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HANDLERS = Path(__file__).parents[2] / "src" / "handlers"
AWS = {"boto3", "botocore", "obstore"}


def imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("file", sorted((HANDLERS / "keypoints").glob("*.py")), ids=lambda f: f.stem)
def test_the_core_imports_nothing_outward(file: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"msgspec", "keypoints"}
    assert imports(file) <= allowed - {"os", "time", "datetime", "random", "subprocess", "socket", "urllib.request"}


@pytest.mark.parametrize("file", sorted(HANDLERS.glob("*.py")), ids=lambda f: f.stem)
def test_only_adapters_talk_to_aws(file: Path) -> None:
    assert not imports(file) & AWS


@pytest.mark.parametrize("file", sorted(HANDLERS.rglob("*.py")), ids=lambda f: f.stem)
def test_one_reader_of_the_environment(file: Path) -> None:
    assert ("os.environ" in file.read_text()) == (file.name == "environment.py")


def loaded(module: str) -> set[str]:
    code = f"import sys; import {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=HANDLERS, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"boto3", "botocore.session", "pydantic", "numpy", "aws_xray_sdk"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("pre_annotation", HEAVY | {"obstore", "aws_lambda_powertools", "keypoints.consolidation"}),
        ("post_annotation", HEAVY),
        ("job_completion", HEAVY),
    ],
)
def test_what_a_cold_start_does_not_load(module: str, heavy: set[str]) -> None:
    assert not loaded(module) & heavy
