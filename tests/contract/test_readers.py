"""Other projects' readers read the exports of a made-up job, and find what the manifest says."""

from __future__ import annotations

import csv
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from folders import PERSON, expected
from reading import ROOT, Read, Sample, run_reader

NAMES = PERSON.keypoint_names
SINGLE = 1e-3
"""Pixels: readers that keep 32-bit floats cannot do better in pictures of a thousand."""


def places(sample: Sample) -> dict[str, list[dict[str, list[float]]]]:
    """By image name: instances with keypoints as {name: [x, y]}; images without any are left out."""
    found = {
        name: [{label: [x, y] for label, (x, y, _) in instance.items()} for instance in image if instance]
        for name, image in zip(sample.names, expected(sample.records), strict=True)
    }
    return {name: image for name, image in found.items() if image}


@pytest.fixture(scope="module")
def sleap(sample: Sample, read: Read) -> Any:
    return read("sleap_reader.py", sample.folder)


@pytest.mark.parametrize("name", ["coco", "yolo", "labelstudio", "deeplabcut"])
def test_sleap_io_finds_every_place(sleap: Any, sample: Sample, name: str) -> None:
    found = {Path(image).name: poses for image, poses in sleap[name]["poses"].items() if poses}
    wanted = places(sample)
    assert found.keys() == wanted.keys()
    for image, poses in wanted.items():
        assert len(found[image]) == len(poses)
        for actual, pose in zip(found[image], poses, strict=True):
            assert actual.keys() == pose.keys()
            for keypoint, place in pose.items():
                assert actual[keypoint] == pytest.approx(place, abs=SINGLE), (image, keypoint)


@pytest.mark.parametrize("name", ["coco", "yolo"])
def test_sleap_io_finds_the_skeleton(sleap: Any, name: str) -> None:
    index = {keypoint: i for i, keypoint in enumerate(NAMES)}
    assert sleap[name]["skeleton"]["nodes"] == list(NAMES)
    assert sleap[name]["skeleton"]["edges"] == [[index[a], index[b]] for a, b, *_ in PERSON.edges]


def test_datumaro_finds_points_visibility_boxes_and_names(sample: Sample, read: Read, tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    shutil.copy(sample.folder / "results/coco.json", tmp_path / "annotations/person_keypoints_default.json")
    shutil.copytree(sample.folder / "exports/yolo/images/train", tmp_path / "images/default")
    found = read("datumaro_reader.py", tmp_path)
    assert found["names"] == list(NAMES)
    index = {keypoint: i for i, keypoint in enumerate(NAMES, 1)}
    assert found["joints"] == sorted([index[a], index[b]] for a, b, *_ in PERSON.edges)
    lines = {Path(name).stem: record for name, record in zip(sample.names, sample.records, strict=True)}
    assert found["images"].keys() == lines.keys()
    for name, record in lines.items():
        for shape, instance in zip(found["images"][name], record["keypoints"]["updated_annotations"], strict=True):
            labeled = {k["label"]: k for k in instance["annotations"]}
            assert shape["visibility"] == [labeled[n]["visibility"] if n in labeled else 0 for n in NAMES]
            flat = [labeled[n][axis] if n in labeled else 0 for n in NAMES for axis in "xy"]
            assert shape["points"] == pytest.approx(flat, abs=0.00501)  # datumaro rounds to two digits
            if "box" in instance:
                assert shape["box"] == pytest.approx(instance["box"], abs=0.0151)
            assert (shape["attributes"]["id"], shape["attributes"]["name"]) == (instance["id"], instance["name"])


def test_supervision_finds_the_boxes(sample: Sample, read: Read) -> None:
    found = read("supervision_reader.py", sample.folder)
    for name, record in zip(sample.names, sample.records, strict=True):
        instances = record["keypoints"]["updated_annotations"]
        for kind in ("coco", "yolo"):
            # COCO's box of two keypoints is as flat as they are; YOLO's never is
            drawn = [i["box"] for i in instances if "box" in i]
            boxes = [found[kind][name][place] for place, i in enumerate(instances) if "box" in i]
            corners = [[x, y, x + w, y + h] for x, y, w, h in drawn]
            assert len(found[kind][name]) == len(instances)
            for actual, wanted in zip(boxes, corners, strict=True):
                assert actual == pytest.approx(wanted, abs=SINGLE)


EVALUATORS = {"pycocotools": ".venv", "faster_coco_eval": ".venv-readers", "xtcocotools": ".venv-xtcocotools"}


@pytest.fixture(scope="module")
def evaluated(sample: Sample, read: Read, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """By evaluator: its verdict on perfect predictions, and on shaken ones."""
    folder = tmp_path_factory.mktemp("predictions")
    rng = random.Random(3)
    coco = json.loads((sample.folder / "results/coco.json").read_text())
    made: dict[str, list[Any]] = {"perfect": [], "shaken": []}
    for entry in coco["annotations"]:
        score = rng.random()
        shaken = [v if i % 3 == 2 else v + rng.gauss(0, 20) for i, v in enumerate(entry["keypoints"])]
        for name, keypoints in (("perfect", entry["keypoints"]), ("shaken", shaken)):
            made[name].append({"image_id": entry["image_id"], "category_id": 1, "score": score, "keypoints": keypoints})
    for name, predictions in made.items():
        (folder / f"{name}.json").write_text(json.dumps(predictions))
    truth = sample.folder / "results/coco.json"
    return {
        module: {
            name: read("evaluate.py", module, truth, folder / f"{name}.json", environment=environment) for name in made
        }
        for module, environment in EVALUATORS.items()
    }


@pytest.mark.parametrize("module", EVALUATORS)
def test_evaluators_score_the_labels_against_themselves_as_perfect(evaluated: Any, module: str) -> None:
    average_precision = evaluated[module]["perfect"]["stats"][0]
    assert average_precision == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("module", ["faster_coco_eval", "xtcocotools"])
def test_evaluators_agree_on_displaced_labels(evaluated: Any, module: str) -> None:
    ours, theirs = evaluated["pycocotools"]["shaken"], evaluated[module]["shaken"]
    assert 0.05 < ours["stats"][0] < 0.95
    assert theirs["stats"] == pytest.approx(ours["stats"], abs=1e-9)
    assert theirs["oks"].keys() == ours["oks"].keys()
    for image, rows in ours["oks"].items():
        assert len(theirs["oks"][image]) == len(rows)
        for actual, row in zip(theirs["oks"][image], rows, strict=True):
            assert actual == pytest.approx(row, abs=1e-9)


def test_parquet_and_csv_hold_the_same(sample: Sample, read: Read, tmp_path: Path) -> None:
    given = ["--results", sample.folder / "results", "--out", tmp_path, "--format", "parquet"]
    run_reader(".venv-readers", ROOT / "scripts/export.py", *given)
    tables = read("parquet_reader.py", tmp_path / "parquet")
    for name, rows in tables.items():
        with (sample.folder / f"exports/csv/{name}.csv").open(encoding="utf-8", newline="") as file:
            written = list(csv.DictReader(file))
        assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows] == written
    labeled = [row for row in tables["keypoints"] if row["visibility"]]
    places = {(r["line"], r["instance"], r["keypoint"]): [r["x"], r["y"], r["visibility"]] for r in labeled}
    assert places == {
        (line, number, name): values
        for line, image in enumerate(expected(sample.records))
        for number, instance in enumerate(image)
        for name, values in instance.items()
    }
    assert [row["image"] for row in tables["images"]] == sample.names
