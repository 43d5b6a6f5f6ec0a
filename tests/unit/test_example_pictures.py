"""The pictures in examples/ fit their truth, and their truth fits the skeleton of the same name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from truepoint.jobs.images import images_in_folder
from truepoint.jobs.prelabels import Choices, read_prelabels
from truepoint.pose.skeleton import parse_skeleton

ROOT = Path(__file__).resolve().parents[2]
SKELETONS = {"person": "coco-person.json", "box-truck": "box-truck.json"}


@pytest.mark.parametrize("subject", SKELETONS)
def test_the_truth_fits_the_skeleton_and_the_pictures(subject: str) -> None:
    folder = ROOT / "examples" / subject
    skeleton = parse_skeleton((ROOT / "skeletons" / SKELETONS[subject]).read_bytes())
    sizes = {image.name: (image.width, image.height) for image in images_in_folder(folder).images}
    truth = json.loads((folder / "truth.json").read_text())
    assert sizes.keys() == truth.keys()
    assert len(set(sizes.values())) == 6, "expected pictures of six sizes"
    read_prelabels(folder / "truth.json", skeleton, sizes, Choices())
    keypoints = [
        (name, keypoint) for name, instances in truth.items() for i in instances for keypoint in i["annotations"]
    ]
    for name, keypoint in keypoints:
        width, height = sizes[name]
        assert 0 <= keypoint["x"] < width
        assert 0 <= keypoint["y"] < height
    assert {k["label"] for _, k in keypoints if k["visibility"] == 2} == set(skeleton.keypoint_names)
    assert {k["visibility"] for _, k in keypoints} == {1, 2}
