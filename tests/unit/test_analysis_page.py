"""Every command that docs/analysis.md shows is run here, in its order, as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from truepoint.commands.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/analysis.md").read_text()
BLOCKS = re.findall(r"```sh ([a-z]+)\n(.+?)```", PAGE, re.DOTALL)
PHOTOGRAPHS = ROOT / "examples/photographs"
RULES = re.search(r"`rules\.json` is an object: `(.+?)`", PAGE)


def test_the_examples_run(tmp_path: Path) -> None:
    names = [k["name"] for k in json.loads((ROOT / "skeletons/coco-person.json").read_text())["keypoints"]]
    rng = np.random.default_rng(1)
    (tmp_path / "photos").mkdir()
    for number in range(4):
        Image.new("RGB", (640, 480), "grey").save(tmp_path / f"photos/{number}.jpg")
    poses = rng.uniform(50, 400, (4, len(names), 2))
    for file in ("ann", "bob", "eve", "predictions"):
        annotations = [
            {
                "id": n + 1,
                "image_id": n + 1,
                "category_id": 1,
                "keypoints": np.column_stack([xy, [2] * 17]).ravel().tolist(),
            }
            for n, xy in enumerate(poses + rng.normal(0, 3, poses.shape))
        ]
        images = [{"id": n + 1, "file_name": f"{n}.jpg", "width": 640, "height": 480} for n in range(4)]
        category = {"id": 1, "name": "person", "keypoints": names}
        document = {"images": images, "annotations": annotations, "categories": [category]}
        (tmp_path / f"{file}.json").write_text(json.dumps(document))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    assert RULES
    (tmp_path / "rules.json").write_text(RULES[1])
    keypoints = [{"name": name} for name in ("head", "pelvis", "tail", "left_wrist")]
    (tmp_path / "stick.json").write_text(json.dumps({"name": "stick", "keypoints": keypoints}))
    assert [name for name, _ in BLOCKS] == [
        "analyze",
        "predictions",
        "thumbnails",
        "report",
        "photographs",
        "compare",
        "reskeleton",
        "convert",
    ]
    for name, block in BLOCKS:
        script = f'truepoint() {{ "{sys.executable}" -m truepoint.commands "$@"; }}\n{block}'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"
    assert "data:image/jpeg" in (tmp_path / "report.html").read_text()
    assert "data:image/jpeg" not in (tmp_path / "analysis/report.html").read_text()
    assert json.loads((tmp_path / "summary.json").read_text())["raters"] == ["ann", "bob"]
    assert (tmp_path / "exports/yolo/data.yaml").is_file()


def suspicious(labels: str, out: Path) -> list[dict[str, Any]]:
    assert main(["analyze", str(PHOTOGRAPHS / labels), "--out", str(out)]) == 0
    return [json.loads(line) for line in (out / "suspicious.jsonl").read_text().splitlines()]


def test_the_list_of_suspicious_photographs_is_as_the_page_says(tmp_path: Path) -> None:
    rows = re.findall(r"^\| (\S+\.jpg) \| (.+?) \| (\d)(, .+?)? \|$", PAGE, re.MULTILINE)
    ranked = suspicious("labels.json", tmp_path / "ranking")
    assert [image["source_ref"] for image in ranked] == [name for name, *_ in rows]
    assert [position for _, _, position, _ in rows] == [str(n + 1) for n in range(6)]
    wrong, right = (json.loads((PHOTOGRAPHS / name).read_text()) for name in ("labels.json", "truth.json"))
    names = {image["id"]: image["file_name"] for image in right["images"]}
    pairs = list(zip(wrong["annotations"], right["annotations"], strict=True))
    changed = {names[b["image_id"]]: str(b["id"]) for a, b in pairs if a["keypoints"] != b["keypoints"]}
    assert changed.keys() == {name for name, *_ in rows}
    assert sum(bool(annotation["num_keypoints"]) for annotation in right["annotations"]) == 14
    for image, (name, _, _, otherwise) in zip(ranked, rows, strict=True):
        assert (changed[name] in {instance["id"] for instance in image["instances"]}) == (not otherwise)
    [alarm] = suspicious("truth.json", tmp_path / "truth")
    assert alarm == ranked[4]
