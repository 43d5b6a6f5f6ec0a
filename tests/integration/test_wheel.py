"""The wheel in a fresh environment, without the repository, on each installed version of Python from 3.11 on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from truepoint.commands.main import SUBCOMMANDS

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
OLDEST = (3, 11)


def installed() -> dict[str, str]:
    """Return the interpreters on this machine by version: those that uv finds, and pyenv's, which are behind shims."""
    command = [UV, "python", "list", "--only-installed", "--output-format", "json"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    found: dict[str, str] = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    paths = [entry["path"] for entry in listed if entry["implementation"] == "cpython" and entry["path"]]
    paths += map(str, sorted((Path.home() / ".pyenv/versions").glob("3.*/bin/python")))
    for path in paths:
        asked = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        version = done.stdout.strip()
        if done.returncode == 0 and tuple(map(int, version.split("."))) >= OLDEST:
            found.setdefault(version, path)
    return found


PYTHONS = installed()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "-q", "--wheel", "-o", out, ROOT], check=True, capture_output=True)
    [made] = out.glob("*.whl")
    return made


def test_the_wheel_holds_both_folders_of_the_namespace(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"truepoint", f"{'-'.join(wheel.stem.split('-')[:2])}.dist-info"}
    for name in (
        "json_text.py",
        "results/report_page/report.js",
        "analysis/local_run.py",
        "skeletons/coco-person.json",
    ):
        assert f"truepoint/{name}" in names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


@pytest.mark.parametrize("version", PYTHONS)
def test_it_works_without_the_repository(version: str, wheel: Path, tmp_path: Path) -> None:
    environment, empty = tmp_path / "environment", tmp_path / "empty"
    subprocess.run([UV, "venv", "-q", "--python", PYTHONS[version], environment], check=True)
    subprocess.run([UV, "pip", "install", "-q", "--python", environment / "bin/python", wheel], check=True)
    empty.mkdir()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(environment / "bin/truepoint"), *arguments]
        return subprocess.run(
            command,
            cwd=empty,
            env={"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    labels = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 99, "height": 99}],
        "categories": [{"id": 1, "name": "thing", "keypoints": ["a", "b"]}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "rater_id": rater, "keypoints": [10, 10, 2, 50, 60, 1]}
            for n, rater in enumerate(("ann", "bob", "eve"), 1)
        ],
    }
    (empty / "labels.json").write_text(json.dumps(labels))
    for name in SUBCOMMANDS:
        assert run(name, "--help").returncode == 0
    done = run("analyze", "labels.json", "--out", "analysis", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar without a terminal
    assert json.loads(done.stdout)["raters"] == ["ann", "bob", "eve"]
    assert "Quality report" in (empty / "analysis/report.html").read_text()
    for arguments in (
        ("compare", "analysis/coco.json", "labels.json", "--rater-b", "ann"),
        ("convert", "labels.json", "--out", "converted.json"),
        ("export", "--results", "analysis", "--format", "yolo,coco,cvat,labelstudio,csv", "--out", "exports"),
        ("changes", "analysis", "analysis"),
    ):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
    (empty / "project.slp").write_bytes(b"")
    (empty / "CollectedData_x.h5").write_bytes(b"")
    for arguments, needed in (
        (("convert", "project.slp", "--out", "x"), "pip install sleap-io"),
        (("convert", "CollectedData_x.h5", "--out", "x"), "pip install pandas tables"),
        (("analyze", "labels.json", "--images", ".", "--out", "x"), "pip install 'truepoint[images]'"),
        (("export", "--results", "analysis", "--format", "parquet", "--out", "x"), "pip install pyarrow"),
    ):
        done = run(*arguments)
        assert (done.returncode, needed in done.stderr) == (1, True), done.stderr
    assert not (empty / "x").exists()
