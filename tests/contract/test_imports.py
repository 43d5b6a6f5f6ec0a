"""Our own import reads our exports, and what other projects wrote, and finds the same labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from folders import PERSON, SKELETONS, expected, line, write_results
from reading import ROOT, Read, Sample, run_reader

import export
from truepoint.jobs.prelabels import Choices, read_prelabels

MICRO = 1e-5
"""Pixels: formats that hold shares or percent of an image's size."""

EXPORTS: dict[str, tuple[str, float, bool, bool]] = {
    "coco": ("results/coco.json", 0, True, True),
    "coco export": ("exports/coco/annotations/person_keypoints_default.json", 0, True, True),
    "mmpose": ("exports/mmpose/annotations.json", 0, True, True),
    "yolo": ("exports/yolo", MICRO, True, True),
    "cvat": ("exports/cvat/annotations.xml", 1e-9, True, True),
    "labelstudio": ("exports/labelstudio/tasks.json", MICRO, True, True),
    "deeplabcut": ("exports/deeplabcut", 0, False, False),
}
"""By format: where it is, how exact its places are, and whether it holds visibility and boxes."""


def sizes(sample: Sample) -> dict[str, tuple[int, int]]:
    labels = [record["keypoints"] for record in sample.records]
    return {n: (found["image_width"], found["image_height"]) for n, found in zip(sample.names, labels, strict=True)}


def compare(found: Any, sample: Sample, exact: float, visibility: bool) -> None:
    """Hold instances against the manifest's: all of them, in order, with every keypoint."""
    for name, image in zip(sample.names, expected(sample.records), strict=True):
        instances = found.get(name, ())
        assert len(instances) == len(image), name
        for actual, wanted in zip(instances, image, strict=True):
            points = {p["label"]: [p["x"], p["y"], p.get("visibility", 2)] for p in actual["annotations"]}
            assert points.keys() == wanted.keys()
            for label, (x, y, v) in wanted.items():
                assert points[label] == [
                    pytest.approx(x, abs=exact),
                    pytest.approx(y, abs=exact),
                    v if visibility else 2,
                ]


@pytest.mark.parametrize("name", EXPORTS)
def test_our_import_restores_our_exports(sample: Sample, name: str) -> None:
    path, exact, visibility, boxes = EXPORTS[name]
    found = read_prelabels(sample.folder / path, PERSON, sizes(sample), Choices())
    compare(found.instances, sample, exact, visibility)
    assert not [line for line in found.report if line.startswith(("note", "left out", "warning"))]
    for image, record in zip(sample.names, sample.records, strict=True):
        pairs = zip(found.instances.get(image, ()), record["keypoints"]["updated_annotations"], strict=True)
        for actual, wanted in pairs if boxes else ():
            # YOLO's box is drawn or made from keypoints: the format does not say which.
            drawn = wanted.get("box", actual["box"] if name == "yolo" else None)
            assert actual.get("box") == (None if drawn is None else pytest.approx(drawn, abs=exact or 1e-12))
            if name in ("coco", "coco export", "mmpose", "cvat", "labelstudio"):
                assert (actual["id"], actual.get("name", "")) == (wanted["id"], wanted["name"])


@pytest.mark.parametrize("name", [name for name in EXPORTS if "results" not in EXPORTS[name][0]])
def test_instances_of_every_kind_come_back_in_order(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Boxes alone between people, one keypoint, and comments, which some formats cannot hold but count."""
    path, exact, _, boxes = EXPORTS[name]
    nose = {"label": "nose", "x": 100.5, "y": 50.25, "visibility": 2}
    given: list[dict[str, Any]] = [
        {"id": "b1", "name": "Box", "annotations": [], "box": [1.5, 2, 30, 40], "comment": "far"},
        {"id": "p1", "name": "Ann", "annotations": [nose | {"comment": "dim"}]},
        {"id": "b2", "name": "", "annotations": [], "box": [5, 6, 70, 80.125]},
        {"id": "p2", "name": "Eve", "annotations": [nose], "box": [90, 40, 30, 40]},
    ]
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", given), line("s3://b-b/none.jpg", [])])
    options = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "exports")]
    assert export.main([*options, "--format", name.split(maxsplit=1)[0]]) == 0
    said = capsys.readouterr().out
    found = read_prelabels(tmp_path / path, PERSON, dict.fromkeys(("a.jpg", "none.jpg"), (640, 480)), Choices())
    instances = found.instances["a.jpg"]
    assert [len(i["annotations"]) for i in instances] == ([0, 1, 0, 1] if boxes else [1, 1])
    lost = {"coco": 0, "mmpose": 0, "labelstudio": 1}.get(name.split(maxsplit=1)[0], 2)
    assert (f"comments left out: {lost}" in said) == (lost > 0)
    if name == "deeplabcut":
        return
    assert [i["box"] for i in instances if not i["annotations"]] == [
        pytest.approx(i["box"], abs=exact) for i in (given[0], given[2])
    ]
    if name != "yolo":
        assert [(i["id"], i.get("name", "")) for i in instances] == [(i["id"], i["name"]) for i in given]
        assert instances[0].get("comment") == (None if name == "cvat" else "far")


def test_our_import_restores_sleaps_file_exactly(sample: Sample, read: Read) -> None:
    """Written and read in the environment that has sleap-io."""
    given = ["--results", sample.folder / "results", "--out", sample.folder / "sleap", "--format", "sleap"]
    run_reader(".venv-readers", ROOT / "scripts/export.py", *given)
    skeleton = SKELETONS / "coco-person.json"
    found = read("our_import.py", sample.folder / "sleap/sleap/labels.slp", skeleton, json.dumps(sizes(sample)))
    compare(found["instances"], sample, 0, visibility=True)


def test_files_that_other_projects_wrote(tmp_path: Path, read: Read) -> None:
    read("other_writers.py", tmp_path)
    skeleton = SKELETONS / "coco-person.json"
    images = json.dumps({"walk/img3.png": [640, 480], "walk/img12.png": [640, 480]})

    sleap = read("our_import.py", tmp_path / "project.slp", skeleton, images)
    nose, eye = {"label": "nose", "x": 1.25, "y": 2.5}, {"label": "left_eye", "x": 3.0, "y": 4.0}
    # Scores have 32 bits in the file: 0.8 is not 0.800000011920929. One that is not a number is left out.
    scored = [nose | {"score": 0.1, "visibility": 2}, eye]
    assert sleap["instances"]["walk/img3.png"] == [{"annotations": scored, "score": 0.8}]
    assert any("1 scores left out, because they are not numbers" in line for line in sleap["report"])
    [own] = sleap["instances"]["walk/img12.png"]
    assert own == {"name": "Ann", "annotations": [{"label": "nose", "x": 5.0, "y": 6.0, "visibility": 2}]}
    assert any("1 predictions left out, because a person replaced them" in line for line in sleap["report"])

    package = read("our_import.py", tmp_path / "project.pkg.slp", skeleton, images)
    assert [len(i["annotations"]) for i in package["instances"]["walk/img12.png"]] == [2]

    table = read("our_import.py", tmp_path / "CollectedData_me.h5", skeleton, images)
    first, second = (table["instances"][name][0]["annotations"] for name in ("walk/img3.png", "walk/img12.png"))
    assert first == [{"label": "nose", "x": 1.25, "y": 2.5}]
    assert second[1] == {"label": "left_eye", "x": 0.1, "y": 0.2}
