"""Every command that docs/analysis.md shows is run here, in its order, as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/analysis.md").read_text()
BLOCKS = re.findall(r"```sh ([a-z]+)\n(.+?)```", PAGE, re.DOTALL)
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
    assert RULES
    (tmp_path / "rules.json").write_text(RULES[1])
    keypoints = [{"name": name} for name in ("head", "pelvis", "tail", "left_wrist")]
    (tmp_path / "stick.json").write_text(json.dumps({"name": "stick", "keypoints": keypoints}))
    assert [name for name, _ in BLOCKS] == [
        "analyze",
        "predictions",
        "thumbnails",
        "report",
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
