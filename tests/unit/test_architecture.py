"""The house's rules that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import distribution
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
    code = f"import sys; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=HANDLERS, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


HEAVY = {"boto3", "botocore.session", "pydantic", "numpy", "aws_xray_sdk", "asyncio", "multiprocessing", "ssl"}
UNUSED_BEFORE_A_TASK = {"obstore", "aws_lambda_powertools", "typing_extensions", "logging", "keypoints.consolidation"}


@pytest.mark.parametrize(
    ("module", "heavy", "most"),
    [
        ("pre_annotation", HEAVY | UNUSED_BEFORE_A_TASK, 19),
        ("post_annotation", HEAVY, 95),
        ("job_completion", HEAVY, 150),
        ("sweep", HEAVY | {"completion"}, 100),
    ],
)
def test_what_a_cold_start_loads(module: str, heavy: set[str], most: int) -> None:
    """`most` bounds the modules beside the standard library's; `make bench-start` tells what they cost."""
    found = loaded(module)
    assert not found & heavy
    assert len({m for m in found if m.partition(".")[0] not in sys.stdlib_module_names}) <= most


def test_the_package_is_small() -> None:
    """Lambda fetches and unpacks it before a cold start; its own limit is 250 MB."""
    pinned = re.findall(r"^([a-z0-9-]+)==", (HANDLERS / "requirements.txt").read_text(), re.MULTILINE)
    files = [Path(str(f.locate())) for name in pinned for f in distribution(name).files or ()]
    files += [f for f in HANDLERS.rglob("*") if "__pycache__" not in f.parts]
    assert len(pinned) >= 3
    assert sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc") < 25_000_000
