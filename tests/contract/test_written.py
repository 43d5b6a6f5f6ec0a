"""Exports whose own readers are too large to run here, held against what those readers demand; and hostile jobs."""

from __future__ import annotations

import csv
import io
import json
import runpy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from folders import HOSTILE, PERSON, expected, keypoint, line, write_results
from hypothesis import given
from hypothesis import strategies as st
from reading import Sample

import export
from truepoint.jobs.exports import FORMATS
from truepoint.jobs.exports.finished import image_path, open_results
from truepoint.jobs.exports.mmpose import dataset_info
from truepoint.jobs.exports.yolo import DIGITS, data_yaml
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

NAMES = PERSON.keypoint_names
TEXT = [name for name in FORMATS if name != "parquet"]


def run(folder: Path, *formats: str, more: tuple[str, ...] = ()) -> Path:
    """Export the results in `folder`/results."""
    out = folder / "exports"
    given = ["--results", str(folder / "results"), "--out", str(out), "--format", ",".join(formats), *more]
    assert export.main(given) == 0
    return out


def table(file: Path) -> list[list[str]]:
    """A CSV file's rows."""
    return list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))


# --------------------------------------------------------------------------------------------------------- YOLO


def test_yolo_passes_the_checks_of_ultralytics(sample: Sample) -> None:
    """Those of `verify_image_label`: columns, no negative number, no place beyond the image, no row twice."""
    data = yaml.safe_load((sample.folder / "exports/yolo/data.yaml").read_text())
    count, dimensions = data["kpt_shape"]
    assert (count, dimensions) == (17, 3)
    for name, record in zip(sample.names, sample.records, strict=True):
        text = (sample.folder / "exports/yolo/labels/train" / name).with_suffix(".txt").read_text()
        rows = [list(map(float, row.split())) for row in text.splitlines()]
        assert len(rows) == len(record["keypoints"]["updated_annotations"])
        assert len({tuple(row) for row in rows}) == len(rows)
        for row in rows:
            assert len(row) == 5 + count * dimensions
            assert min(row) >= 0
            places = [row[5 + axis :: 3] for axis in (0, 1)]
            assert max(max(axis) for axis in places) <= 1
            assert max(row[1:5]) <= 1
            assert row[0] < len(data["names"])


def test_yolo_holds_places_and_visibility(sample: Sample) -> None:
    for name, record, image in zip(sample.names, sample.records, expected(sample.records), strict=True):
        size = [record["keypoints"][f"image_{side}"] for side in ("width", "height")]
        text = (sample.folder / "exports/yolo/labels/train" / name).with_suffix(".txt").read_text()
        for row, instance in zip(text.splitlines(), image, strict=True):
            values = [float(value) for value in row.split()[5:]]
            for place, keypoint_name in enumerate(NAMES):
                x, y, v = values[3 * place : 3 * place + 3]
                actual = [x * size[0], y * size[1], v]
                assert actual == pytest.approx(instance.get(keypoint_name, [0, 0, 0]), abs=max(size) * 10**-DIGITS)


def test_yolos_flips_come_back() -> None:
    flips = yaml.safe_load(data_yaml(PERSON))["flip_idx"]
    assert [flips[i] for i in flips] == list(range(17))
    assert flips[:3] == [0, 2, 1]


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=5, unique=True))
def test_any_name_is_a_name_in_yaml(names: list[str]) -> None:
    skeleton = Skeleton(names[0], tuple(SkeletonKeypoint(name) for name in names))
    data = yaml.safe_load(data_yaml(skeleton))
    assert data["kpt_names"] == {0: names}
    assert data["names"] == {0: names[0]}


# ------------------------------------------------------------------------------------------------------- MMPose


def test_mmpose_metainfo_is_what_its_parser_asks_for(sample: Sample) -> None:
    """The rules of `parse_pose_metainfo`: five parts, unique names, mutual swaps, links between known names."""
    folder = sample.folder / "exports/mmpose"
    info = runpy.run_path(str(folder / "metainfo.py"))["dataset_info"]
    assert {"dataset_name", "keypoint_info", "skeleton_info", "joint_weights", "sigmas"} <= info.keys()
    keypoints = info["keypoint_info"]
    by_name = {entry["name"]: entry for entry in keypoints.values()}
    assert list(by_name) == list(NAMES)
    assert [entry["id"] for entry in keypoints.values()] == list(keypoints) == list(range(17))
    for entry in keypoints.values():
        assert not entry["swap"] or by_name[entry["swap"]]["swap"] == entry["name"]
        assert [0 <= value <= 255 for value in entry["color"]] == [True] * 3
    assert all(set(entry["link"]) <= by_name.keys() for entry in info["skeleton_info"].values())
    assert len(info["joint_weights"]) == len(info["sigmas"]) == 17
    assert (folder / "annotations.json").read_bytes() == (sample.folder / "results/coco.json").read_bytes()


@pytest.mark.parametrize(
    ("color", "blue_green_red"),
    [("#102030", [48, 32, 16]), ("#123", [51, 34, 17]), (None, [128] * 3), ("tomato", [128] * 3), ("#12", [128] * 3)],
)
def test_mmpose_colours(color: str | None, blue_green_red: list[int]) -> None:
    info = dataset_info(Skeleton("a", (SkeletonKeypoint("b", color=color),)), "job")
    assert info["keypoint_info"][0]["color"] == blue_green_red


# --------------------------------------------------------------------------------------------------------- CVAT


def test_cvat_holds_every_keypoint_to_the_last_digit(sample: Sample) -> None:
    root = ET.parse(sample.folder / "exports/cvat/annotations.xml").getroot()
    assert root.findtext("version") == "1.1"
    labels = {label.findtext("name"): label for label in root.iterfind("meta/task/labels/label")}
    assert labels["person"].findtext("type") == "skeleton"
    assert all(labels[name].findtext("parent") == "person" for name in NAMES)
    drawing = ET.fromstring(f"<svg>{labels['person'].findtext('svg')}</svg>")
    assert [node.get("data-label-name") for node in drawing.iterfind("circle")] == list(NAMES)
    assert len(drawing.findall("line")) == len(PERSON.edges)
    images = root.findall("image")
    assert [image.get("name") for image in images] == sample.names
    for image, record, instances in zip(images, sample.records, expected(sample.records), strict=True):
        skeletons = image.findall("skeleton")
        assert len(skeletons) == len(instances)
        for skeleton, instance in zip(skeletons, instances, strict=True):
            for points in skeleton.iterfind("points"):
                x, y = map(float, (points.get("points") or "").split(","))
                v = 0 if points.get("outside") == "1" else 2 - int(points.get("occluded") or 0)
                assert [x, y, v] == instance.get(points.get("label") or "", [0, 0, 0])
        raw = [instance for instance in record["keypoints"]["updated_annotations"] if "box" in instance]
        corners = [
            [float(box.get(side) or 0) for side in ("xtl", "ytl", "xbr", "ybr")] for box in image.iterfind("box")
        ]
        assert corners == [[x, y, x + w, y + h] for x, y, w, h in (instance["box"] for instance in raw)]


# ------------------------------------------------------------------------------------- Label Studio, DeepLabCut


def test_label_studio_says_what_is_occluded(sample: Sample) -> None:
    tasks = json.loads((sample.folder / "exports/labelstudio/tasks.json").read_text())
    assert [task["data"]["image"] for task in tasks] == [record["source-ref"] for record in sample.records]
    for task, image in zip(tasks, expected(sample.records), strict=True):
        [annotation] = task["annotations"]
        points = [region for region in annotation["result"] if region["type"] == "keypointlabels"]
        occluded = [region.get("meta") == {"text": ["occluded"]} for region in points]
        assert occluded == [v == 1 for instance in image for _, _, v in instance.values()]
        ids = {region.get("id") for region in annotation["result"]}
        assert all(r["from_id"] in ids and r["to_id"] in ids for r in annotation["result"] if r["type"] == "relation")
    config = ET.parse(sample.folder / "exports/labelstudio/config.xml")
    assert [label.get("value") for label in config.iterfind("KeyPointLabels/Label")] == list(NAMES)


def test_deeplabcut_without_occluded_keypoints(tmp_path: Path) -> None:
    shown = [{"annotations": [keypoint("nose", 1, 2), keypoint("left_eye", 3, 4, 1)]}]
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/jobs/people/images/x/a.jpg", shown)])
    out = run(tmp_path, "deeplabcut", more=("--drop-occluded",))
    rows = table(out / "deeplabcut/labeled-data/people/CollectedData_truepoint.csv")
    assert rows[4][:7] == ["labeled-data", "people", "x-a.jpg", "1.0", "2.0", "", ""]


# ------------------------------------------------------------------------------------------------- hostile jobs


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Names that would be code, markup, paths or formulas if anybody let them; images without size or instances."""
    hostile_skeleton = Skeleton(HOSTILE, (SkeletonKeypoint(HOSTILE), SkeletonKeypoint("../..", color="<b>")))
    instance = {
        "id": HOSTILE,
        "name": HOSTILE,
        "annotations": [keypoint(HOSTILE, -5, 1e6, 1), keypoint("unknown", 1, 1)],
    }
    bare, boxed = {"annotations": []}, {"annotations": [], "box": [0, 0, 5, 5]}
    images = "s3://b-b/jobs/people/images/"
    records = [
        line(f"{images}../../../etc/{HOSTILE}.jpg", [instance]),
        line(f"{images}a.jpg", [bare, boxed]),
        line(f"{images}A.png", []),  # the same label file, and on some systems the same picture
        line(f"{images}con.jpg", [], None, None),
    ]
    write_results(tmp_path / "results", hostile_skeleton, records)
    return tmp_path


def test_a_hostile_job_is_harmless(hostile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(hostile, *TEXT)
    for file in out.rglob("*"):
        assert file.resolve().is_relative_to(out.resolve())
        assert not set(file.relative_to(out).as_posix()) & set("\\:*?\"<>|\x1b\u2028')("), file
    for file in out.rglob("*.csv"):
        cells = [cell for row in table(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
    root = ET.parse(out / "cvat/annotations.xml").getroot()
    visible = HOSTILE.replace("\x1b", "\ufffd")
    assert root.find("image/skeleton").get("label") == visible  # type: ignore[union-attr]
    assert runpy.run_path(str(out / "mmpose/metainfo.py"))["dataset_info"]["dataset_name"] == HOSTILE
    assert yaml.safe_load((out / "yolo/data.yaml").read_text(encoding="utf-8"))["names"] == {0: HOSTILE}
    said = capsys.readouterr().out
    for note in ("images left out: their size is not known: 1", "keypoints moved to the image's edge: 1",
                 "keypoints left out: the skeleton does not have them: 1",
                 "instances left out: they have neither a keypoint nor a box: 1"):  # fmt: skip
        assert note in said
    labels = sorted(file.name for file in (out / "yolo/labels/train").glob("*.txt"))
    assert len(labels) == 2
    assert labels[0].startswith("A-")  # told from a.jpg by its digest


def test_every_picture_has_a_name_of_its_own(hostile: Path) -> None:
    images = list(open_results(hostile / "results").images())
    assert len({Path(image.path).with_suffix("").as_posix().casefold() for image in images}) == 4


@given(st.text(max_size=60))
def test_any_key_gives_a_path_that_stays_inside(key: str) -> None:
    path = image_path(f"s3://bucket-name/{key}", "people")
    assert not Path(path).is_absolute()
    assert ".." not in Path(path).parts
    assert path
    assert not set(path) & set('\\:*?"<>|\n\r\0')


# ----------------------------------------------------------------------------------------------- what is refused


def refuse(capsys: pytest.CaptureFixture[str], results: Path, out: Path, formats: str = "yolo") -> str:
    assert export.main(["--results", str(results), "--out", str(out), "--format", formats]) == 2
    return capsys.readouterr().err


def test_results_that_are_not_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no usable results.json" in refuse(capsys, tmp_path, tmp_path / "out")
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    file = next((tmp_path / "results/annotations").iterdir())
    file.write_text("{}")
    assert "expected an annotation file" in refuse(capsys, tmp_path / "results", tmp_path / "out")
    assert not (tmp_path / "out/yolo").exists()
    file.unlink()
    assert "expected 1 annotation files, got 0" in refuse(capsys, tmp_path / "results", tmp_path / "out")
    (tmp_path / "results/skeleton.json").unlink()
    assert "expected the job's skeleton" in refuse(capsys, tmp_path / "results", tmp_path / "out")


def test_only_an_earlier_export_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    out = run(tmp_path, "csv")
    (out / "csv/stale.txt").write_text("")
    run(tmp_path, "csv")
    assert not (out / "csv/stale.txt").exists()
    (out / "cvat").mkdir()
    (out / "cvat/mine.txt").write_text("")
    assert "expected nothing or an earlier export" in refuse(capsys, tmp_path / "results", out, "cvat")
    assert (out / "cvat/mine.txt").exists()


def test_parquet_without_pyarrow_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    assert "pip install pyarrow" in refuse(capsys, tmp_path / "results", tmp_path / "out", "parquet")


@pytest.mark.parametrize("formats", ["", "yolo,png"])
def test_an_unknown_format(formats: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        export.main(["--results", str(tmp_path), "--out", str(tmp_path), "--format", formats])
    assert stopped.value.code == 2
    assert "expected some of yolo" in capsys.readouterr().err


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        export.main(["--help"])
    assert stopped.value.code == 0
    assert "example:" in capsys.readouterr().out


def test_the_table_of_losses_names_every_format() -> None:
    text = (Path(__file__).parents[2] / "docs/exports.md").read_text()
    missing: list[Any] = [name for name in FORMATS if f"| `{name}` |" not in text]
    assert missing == []
