"""The commands that docs/prelabels.md shows: those that need no published weights are run, as they stand there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import create_labeling_job
from truepoint.commands.prelabel import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/prelabels.md").read_text(encoding="utf-8")
BLOCKS = {name: text.splitlines() for name, text in re.findall(r"```sh ([a-z]+)\n(.+?)```", PAGE, re.DOTALL)}
FUNCTION, COLLECT = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (640, 480), "grey").save(tmp_path / "photos" / "a.jpg")
    (tmp_path / "skeletons").symlink_to(ROOT / "skeletons")
    return tmp_path


def test_every_command_has_a_line_of_its_own() -> None:
    assert set(BLOCKS) == {"function", "onnx", "movenet", "anchoring"}
    for line in [line for name, block in BLOCKS.items() if name != "anchoring" for line in block]:
        assert len(re.findall(r"\btruepoint prelabel |\bpip install |scripts/prelabel\.py ", line)) == 1
    assert not re.search(r"^    (pip|truepoint|python) ", PAGE, re.MULTILINE)


def test_the_function_of_the_page_makes_pre_labels(folder: Path) -> None:
    (folder / "my_model.py").write_text(FUNCTION, encoding="utf-8")
    [line] = BLOCKS["function"]
    script = f'truepoint() {{ "{sys.executable}" -m truepoint.commands "$@"; }}\n{line}'
    done = subprocess.run(["bash", "-euc", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [made] = (folder / "people.jsonl").read_text(encoding="utf-8").splitlines()
    assert '"nose"' in made
    assert "120.5" in made


@pytest.mark.parametrize("line", BLOCKS["onnx"][1:])
def test_the_arguments_of_the_other_models_are_understood(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """Published weights are not here: the model's file is all that is missing."""
    monkeypatch.chdir(folder)
    words = shlex.split(line)
    assert words[:2] == ["truepoint", "prelabel"]
    assert main(words[2:]) == 1
    assert re.search(r"(yolo11n-pose|rtmpose-m)\.onnx", capsys.readouterr().err)


def test_the_objects_of_a_batch_transform_are_combined(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.jpg.out").write_text('[{"annotations": []}]', encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", COLLECT, str(tmp_path)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"deep/a.jpg": [{"annotations": []}]}


def test_the_command_of_an_anchoring_experiment_is_understood() -> None:
    [line] = BLOCKS["anchoring"]
    python, script, *given = shlex.split(line)
    assert (python, script) == ("python", "scripts/create_labeling_job.py")
    options = create_labeling_job.arguments().parse_args(given)
    assert (options.withhold, options.seed_errors) == (0.1, 0.1)
