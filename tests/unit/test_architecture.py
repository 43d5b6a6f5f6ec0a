"""Rules of the code base that a test can check: who imports whom, what a cold start loads, how large it is."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from truepoint.commands.main import SUBCOMMANDS

SOURCE = Path(__file__).parents[2] / "src"
HANDLERS = SOURCE / "handlers"
AWS = {"boto3", "botocore", "obstore"}
IMPURE = {"os", "time", "datetime", "random", "subprocess", "socket", "http"}

# Each package, and the packages of ours that it may import. The core comes first: it has no AWS, environment or clock.
CORE = {
    "json_text": set[str](),
    "keys": set[str](),
    "pose": {"json_text"},
    "statistics": {"pose"},
    "consensus": {"pose"},
    "groundtruth": {"json_text", "keys", "pose", "consensus"},
    "errors": {"pose"},
    "measures": {"json_text", "keys", "pose", "statistics", "consensus", "groundtruth"},
    "results": {"json_text", "keys", "pose", "statistics", "consensus", "groundtruth", "errors", "measures"},
}
ALLOWED = CORE | {
    "adapters": {"results"},
    "runs": {*CORE, "adapters"},
    "task_queue": {"groundtruth", "adapters"},
    "tasks": {*CORE, "adapters", "runs", "task_queue"},
    "web": {*CORE, "adapters", "task_queue", "tasks"},
    "formats": {"json_text", "pose"},
    "jobs": {*CORE, "adapters", "runs", "task_queue", "tasks", "formats"},
    "analysis": {*CORE, "runs", "formats", "jobs"},
    "prediction": {"pose", "formats", "jobs"},
    "commands": {*CORE, "formats", "jobs", "analysis", "prediction"},
    "emulator": {"jobs", "adapters"},
    "acceptance": {"jobs", "task_queue"},
    "demo": {*CORE, "task_queue", "tasks", "web", "formats", "jobs", "emulator"},
}


def imported_modules(file: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from truepoint.pose import instance` and `from truepoint import keys` import modules too.
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def packages_of_ours(file: Path) -> set[str]:
    return {module.split(".")[1] for module in imported_modules(file) if module.startswith("truepoint.")}


def other_packages(file: Path) -> set[str]:
    return {module.split(".")[0] for module in imported_modules(file)} - {"truepoint"}


def files_of(package: str) -> list[Path]:
    roots = [HANDLERS / "truepoint" / package, SOURCE / "truepoint" / package]
    return [file for root in roots for file in (*root.rglob("*.py"), root.with_suffix(".py")) if file.is_file()]


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_in_one_direction(package: str) -> None:
    files = files_of(package)
    assert files
    for file in files:
        assert packages_of_ours(file) <= ALLOWED[package] | {package}, file


def test_every_package_is_in_the_table() -> None:
    folders = [HANDLERS / "truepoint", SOURCE / "truepoint"]
    entries = [entry for folder in folders for entry in folder.iterdir()]
    # Git leaves the compiled files of a removed package behind.
    assert {e.stem for e in entries if e.suffix == ".py" or any(e.glob("*.py"))} == set(ALLOWED)


def test_the_order_of_the_packages_has_no_cycle() -> None:
    names = list(ALLOWED)
    assert all(names.index(used) < names.index(package) for package, uses in ALLOWED.items() for used in uses)


@pytest.mark.parametrize("package", CORE)
def test_the_core_imports_only_the_standard_library_msgspec_and_numpy(package: str) -> None:
    for file in files_of(package):
        assert other_packages(file) <= (set(sys.stdlib_module_names) | {"msgspec", "numpy"}) - IMPURE, file


@pytest.mark.parametrize("file", sorted(HANDLERS.glob("*.py")), ids=lambda f: f.stem)
def test_only_adapters_call_aws(file: Path) -> None:
    assert not other_packages(file) & AWS


@pytest.mark.parametrize("file", files_of("runs"), ids=lambda f: f.stem)
def test_runs_call_aws_through_adapters(file: Path) -> None:
    assert not other_packages(file) & AWS


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_the_command_loads_nothing_of_aws_nor_an_optional_library(subcommand: str) -> None:
    """`pip install truepoint` installs msgspec, numpy, PyYAML and tqdm only."""
    found = {module.partition(".")[0] for module in loaded(f"truepoint.commands.{subcommand}")}
    optional = {
        "PIL",
        "onnxruntime",
        "pandas",
        "tables",
        "pyarrow",
        "sleap_io",
        "aws_lambda_powertools",
        "scipy",
        "jsonschema",
    }
    assert not found & (AWS | optional)


@pytest.mark.parametrize("file", sorted(HANDLERS.rglob("*.py")), ids=lambda f: f.stem)
def test_one_reader_of_the_environment(file: Path) -> None:
    assert ("os.environ" in file.read_text()) == (file.name == "environment.py")


def loaded(module: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], cwd=HANDLERS, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_post_annotation_creates_its_client_while_it_starts() -> None:
    code = "import post_annotation as p; print(p.bucket.cache_info().currsize)"
    environment = {**os.environ, "AWS_REGION": "us-east-1", "BUCKET_NAME": ""}
    for more, clients in (({}, "0"), ({"BUCKET_NAME": "b"}, "1")):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=HANDLERS, env=environment | more, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [clients]


HEAVY = {"boto3", "botocore.session", "pydantic", "numpy", "aws_xray_sdk", "asyncio", "multiprocessing", "ssl"}
UNUSED_BEFORE_A_TASK = {
    "obstore",
    "aws_lambda_powertools",
    "typing_extensions",
    "msgspec.inspect",
    "logging",
    "truepoint.consensus.consolidation",
}


@pytest.mark.parametrize(
    ("module", "heavy", "most"),
    [
        ("pre_annotation", HEAVY | UNUSED_BEFORE_A_TASK, 21),
        ("post_annotation", HEAVY - {"numpy"}, 300),
        ("job_completion", HEAVY - {"numpy"}, 350),
        ("sweep", HEAVY | {"truepoint.runs.completion"}, 100),
        ("portal_tick", HEAVY | {"truepoint.runs.completion"}, 125),
        ("portal", HEAVY | {"http.client", "truepoint.runs.completion", "truepoint.consensus.consolidation"}, 120),
    ],
)
def test_what_a_cold_start_loads(module: str, heavy: set[str], most: int) -> None:
    """`most` bounds the modules beside the standard library's; `make bench-start` tells what they cost."""
    found = loaded(module)
    assert not found & heavy
    assert len({m for m in found if m.partition(".")[0] not in sys.stdlib_module_names}) <= most


def test_pre_annotation_leaves_msgspec_whole() -> None:
    """It starts without the parts of msgspec that it does not need; other modules of its process may need them."""
    code = "import pre_annotation, msgspec; print(msgspec.inspect.type_info(int), msgspec.json.schema(int))"
    done = subprocess.run([sys.executable, "-c", code], cwd=HANDLERS, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("IntType(") and "'type': 'integer'" in done.stdout


def test_the_package_is_small() -> None:
    """Lambda fetches and unpacks it before a cold start; its own limit is 250 MB. numpy is 57 MB of it."""
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (HANDLERS / "requirements.txt").read_text(), re.MULTILINE))
    files = [Path(str(f.locate())) for name in pinned for f in distribution(name).files or ()]
    files += [f for f in HANDLERS.rglob("*") if "__pycache__" not in f.parts]
    assert len(pinned) >= 3
    assert sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc") < 85_000_000
