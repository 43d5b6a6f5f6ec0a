"""Labels of other Ground Truth jobs as pre-labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import convert_manifest
from evidence import RECORDED
from truepoint.jobs.prelabels import Choices, read_prelabels
from truepoint.pose.skeleton import parse_skeleton

ROOT = Path(__file__).parents[2]
NOSE = {"label": "nose", "x": 1.5, "y": 2}
SKELETON = parse_skeleton((ROOT / "skeletons" / "coco-person.json").read_text())


def convert(folder: Path, *lines: Any, attribute: str = "labels") -> tuple[int, Any]:
    manifest, out = folder / "output.manifest", folder / "prelabels.json"
    manifest.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    code = convert_manifest.main([str(manifest), "--label-attribute", attribute, "--out", str(out)])
    return code, json.loads(out.read_text()) if out.exists() else None


def test_labels_of_both_elements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crowd = {"keypoints": [NOSE], "inputImageProperties": {"width": 640, "height": 480}}
    component = {"updated_annotations": json.dumps([{"id": "7", "name": "ada", "annotations": [NOSE]}])}
    code, found = convert(
        tmp_path,
        {"source-ref": "s3://b/x/a b+%C3.jpg", "labels": crowd, "labels-metadata": {"type": "groundtruth/custom"}},
        {"source-ref": "s3://b/x/b.jpg", "labels": component},
        {"source-ref": "s3://b/x/c.jpg", "labels-metadata": {"failure-reason": "ClientError: expired"}},
        {"source-ref": "s3://b/y/b.jpg", "labels": crowd},
        {"source-ref": "s3://b/y/b.jpg", "labels": component},
        "no JSON",
        {"source-ref": "s3://b/x/d.jpg", "labels": {"boundingBoxes": []}},
    )
    assert code == 0
    assert {name: [i["annotations"] for i in instances] for name, instances in found.items()} == {
        "a b+%C3.jpg": [[NOSE]], "s3://b/x/b.jpg": [[NOSE]], "s3://b/y/b.jpg": [[NOSE]],
    }  # fmt: skip
    (tmp_path / "found.json").write_text(json.dumps(found))
    sizes = dict.fromkeys(("a b+%C3.jpg", "x/b.jpg", "y/b.jpg"), (9, 9))
    assert set(read_prelabels(tmp_path / "found.json", SKELETON, sizes, Choices()).instances) == set(sizes)
    said = capsys.readouterr()
    assert "labels of 3 images; 4 of 7 lines left out" in said.out
    for reason in (
        "expected a label under",
        "the line is not JSON",
        "two lines have the image 's3://b/y/b.jpg'",
        "boundingBoxes",
    ):
        assert reason in said.err


@pytest.mark.parametrize("name", ["annotatedResult", "keypoints"])
def test_answers_that_nobody_consolidated(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As AWS's sample functions for custom jobs write labels, and others derived from them."""
    first, second = ({name: {"keypoints": [NOSE | {"x": x}]}} for x in (1, 2))
    if name == "keypoints":  # the element's answer is the whole answer
        first, second = first[name], second[name]
    workers = [
        {"workerId": f"private.us-east-1.{n}", "annotationData": {"content": json.dumps(answer)}}
        for n, answer in enumerate((first, second))
    ]
    code, found = convert(
        tmp_path,
        {"source-ref": "s3://b/a.jpg", "labels": {"annotationsFromAllWorkers": workers}},
        {"source-ref": "s3://b/b.jpg", "labels": {"workerId": "w", "result": second, "labeledContent": {}}},
        {"source-ref": "s3://b/c.jpg", "labels": {"annotationsFromAllWorkers": []}},
        {"source-ref": "s3://b/d.jpg", "labels": {"annotationsFromAllWorkers": [{"workerId": "w"}]}},
    )
    assert code == 0
    assert {image: i["annotations"][0]["x"] for image, [i] in found.items()} == {"a.jpg": 1, "b.jpg": 2}
    said = capsys.readouterr().err
    assert "left out 1 answers of further workers" in said
    assert "left out 2: expected answers of workers in annotationsFromAllWorkers" in said


def test_a_manifest_is_not_taken_for_pre_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "output.manifest").write_text('{"source-ref": "s3://b/a.jpg", "labels": {"keypoints": []}}\n' * 2)
    assert convert_manifest.main([str(tmp_path / "output.manifest"), "--out", str(tmp_path / "out")]) == 1
    assert "line 1: expected pre-labels, got a line of a Ground Truth manifest; convert" in capsys.readouterr().err


def test_a_manifest_without_keypoint_labels_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = (RECORDED / "manifests" / "custom_job.jsonl").read_text().splitlines()
    assert convert(tmp_path, *recorded, attribute="mock_job_name") == (1, None)
    assert "expected labels under 'mock_job_name'" in capsys.readouterr().err
