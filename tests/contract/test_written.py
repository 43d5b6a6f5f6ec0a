"""Exports whose own readers are too large to run here, held against what those readers demand; and hostile jobs."""

from __future__ import annotations

import csv
import io
import json
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from folders import HOSTILE, PERSON, expected, keypoint, line, write_results
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reading import Sample

import changed_images
import export
from truepoint.jobs.changes import changed_images as changes_between
from truepoint.jobs.exports import FORMATS, MARKER, NEEDED
from truepoint.jobs.exports import export as export_format
from truepoint.jobs.exports.finished import ExportError, ExportImage, data_set, image_path
from truepoint.jobs.exports.mmpose import dataset_info
from truepoint.jobs.exports.yolo import DIGITS, data_yaml
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

NAMES = PERSON.keypoint_names
TEXT = [name for name in FORMATS if name not in NEEDED]


def run(folder: Path, *formats: str, more: tuple[str, ...] = ()) -> Path:
    """Export the results in `folder`/results."""
    out = folder / "exports"
    given = ["--results", str(folder / "results"), "--out", str(out), "--format", ",".join(formats), *more]
    assert export.main(given) == 0
    return out


def without_names(file: Path) -> Any:
    """A COCO file's content but for the names of images and of the job."""
    document = json.loads(file.read_text())
    for image in document["images"]:
        del image["file_name"]
    return document


def draw(file: Path, size: tuple[int, int] = (640, 480)) -> None:
    """Write a picture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(file)


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


def test_yolos_flip_idx_is_its_own_inverse() -> None:
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


def test_mmpose_metainfo_passes_its_parser(sample: Sample) -> None:
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
    assert without_names(folder / "annotations.json") == without_names(sample.folder / "results/coco.json")


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
        drawn = [[x, y, x + w, y + h] for x, y, w, h in (instance["box"] for instance in raw)]
        assert corners == [pytest.approx(box, abs=1e-9) for box in drawn]


# ------------------------------------------------------------------------------------- Label Studio, DeepLabCut


def test_label_studio_notes_occluded_keypoints(sample: Sample) -> None:
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


def test_deeplabcut_rows_are_distinct_and_pandas_reads_all_of_them(tmp_path: Path) -> None:
    shown = [{"annotations": [keypoint("nose", 1, 2)]}]
    images = "s3://b-b/jobs/people/images/"
    given = {"0.jpg": [], "cam-1/f.jpg": shown, "cam/1-f.jpg": shown, "cam-1-f.jpg": shown}
    records = [line(f"{images}{name}", instances) for name, instances in given.items()]
    write_results(tmp_path / "results", PERSON, records)
    for name in given:
        draw(tmp_path / "photos" / name)
    out = run(tmp_path, "deeplabcut", more=("--images", str(tmp_path / "photos"))) / "deeplabcut"
    rows = table(out / "labeled-data/people/CollectedData_truepoint.csv")[4:]
    assert len({row[2] for row in rows}) == 4
    assert [bool(row[3]) for row in rows] == [True, True, True, False]  # pandas takes an empty first row for names
    listed = json.loads((out / "images.json").read_text())
    assert {f"labeled-data/people/{row[2]}" for row in rows} == set(listed)
    assert all((out / path).is_file() for path in listed)
    # The rules of DeepLabCut: a video's labels are in the folder of its name; the fifth line starts like that.
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert [Path(video).stem for video in config["video_sets"]] == ["people"]
    assert (config["scorer"], config["bodyparts"], config["multianimalbodyparts"]) == (
        "truepoint",
        "MULTI!",
        list(NAMES),
    )
    assert config["project_path"] == str(out.resolve())
    assert rows[0][0] == "labeled-data"


def labels_of(picture: Path) -> Path:
    """Where Ultralytics looks for a picture's labels: `img2label_paths` of its data/utils.py."""
    return Path("/labels/".join(str(picture).rsplit("/images/", 1)).rsplit(".", 1)[0] + ".txt")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two jobs of ten images, some below a folder called `images`, and their pictures."""
    shown = [{"annotations": [keypoint("nose", 10, 20), keypoint("left_eye", 60, 90)]}]
    for job in ("people", "more"):
        names = [f"{folder}{n:04}.jpg" for n in range(5) for folder in ("train/images/", "plain/")]
        records = [line(f"s3://b-b/jobs/{job}/images/{name}", shown) for name in names]
        write_results(tmp_path / job, PERSON, records, job=job)
        for name in names:
            draw(tmp_path / "photos" / job / name)
    return tmp_path


def test_ultralytics_finds_the_labels_of_every_picture_and_trains_unchanged(folders: Path) -> None:
    arguments = ["--results", str(folders / "people"), "--format", "yolo,coco", "--out", str(folders / "out")]
    chosen = ["--images", str(folders / "photos/people"), "--split", "train=0.8,val=0.2", "--seed", "3"]
    assert export.main([*arguments, *chosen]) == 0
    root = folders / "out/yolo"
    data = yaml.safe_load((root / "data.yaml").read_text())
    assert (data["train"], data["val"]) == ("./images/train", "./images/val")
    counts = {}
    for part in ("train", "val"):
        found = sorted((root / data[part]).rglob("*.jpg"))
        counts[part] = len(found)
        assert all(labels_of(picture.resolve()).read_text() for picture in found)
    assert counts == {"train": 8, "val": 2}
    ids = []
    for part in ("train", "val"):
        coco = json.loads((folders / f"out/coco/annotations/person_keypoints_{part}.json").read_text())
        assert len(coco["images"]) == len(coco["annotations"]) == counts[part]
        assert all((folders / "out/coco/images" / part / image["file_name"]).is_file() for image in coco["images"])
        ids += [image["id"] for image in coco["images"]]
    assert len(set(ids)) == 10
    once = snapshot(folders / "out")
    assert export.main([*arguments, *chosen]) == 0
    assert snapshot(folders / "out") == once
    assert export.main([*arguments, *chosen[:-1], "4"]) == 0
    assert snapshot(folders / "out").keys() != once.keys()


def test_several_results_are_one_set_without_clashes(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = ["--results", str(folders / "people"), str(folders / "more"), "--out", str(folders / "out")]
    (folders / "val.txt").write_text("people/plain/0001.jpg\nmore/train/images/0004.jpg\n")
    others = [f"{j}/{f}{n:04}.jpg" for j in ("people", "more") for n in range(5) for f in ("train/images/", "plain/")]
    (folders / "train.txt").write_text("\n".join(sorted({*others} - {*(folders / "val.txt").read_text().split()})))
    lists = f"train={folders / 'train.txt'},val={folders / 'val.txt'}"
    chosen = ["--format", "yolo,coco,mmpose,csv,deeplabcut", "--images", str(folders / "photos"), "--split", lists]
    assert export.main([*both, *chosen]) == 0
    assert "20 images (18 train, 2 val)" in capsys.readouterr().out
    val = json.loads((folders / "out/mmpose/annotations_val.json").read_text())
    assert {image["file_name"] for image in val["images"]} == {"people/plain/0001.jpg", "more/train/images_/0004.jpg"}
    assert all((folders / "out/mmpose/images" / image["file_name"]).is_file() for image in val["images"])
    train = json.loads((folders / "out/coco/annotations/person_keypoints_train.json").read_text())
    assert len({image["id"] for image in [*train["images"], *val["images"]]}) == 20
    rows = table(folders / "out/csv/images.csv")
    assert {(row[8], row[9]) for row in rows[1:]} == {(j, p) for j in ("people", "more") for p in ("train", "val")}
    refused = ["--results", str(folders / "people"), str(folders / "people"), "--out", str(folders / "no")]
    assert export.main([*refused, "--format", "csv"]) == 1
    assert "expected every job once, got people, people" in capsys.readouterr().err


def test_names_that_match_no_image_are_reported(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"{folder}{n:04}.jpg" for n in range(5) for folder in ("train/images/", "plain/")]
    (folders / "train.txt").write_text("\n".join([*names[1:], names[1], "elsewhere/9999.jpg"]))
    (folders / "valid.txt").write_text(f"./images/{names[0]}\n")
    lists = f"train={folders / 'train.txt'},valid={folders / 'valid.txt'}"
    arguments = ["--results", str(folders / "people"), "--format", "yolo", "--out", str(folders / "out")]
    assert export.main([*arguments, "--split", lists]) == 0
    assert "1 names in the lists match no image: elsewhere/9999.jpg" in capsys.readouterr().out
    data = yaml.safe_load((folders / "out/yolo/data.yaml").read_text())
    assert (data["train"], data["val"]) == ("./images/train", "./images/valid")


@pytest.mark.parametrize("orientation", [1, 6])
def test_pictures_have_the_size_that_was_labelled(
    folders: Path, orientation: int, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--results", str(folders / "people"), "--format", "yolo", "--out", str(folders / "out")]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (480, 640)).save(folders / "photos/people/plain/0001.jpg", exif=exif)
    code = export.main([*arguments, "--images", str(folders / "photos/people")])
    said = capsys.readouterr().err
    if orientation == 6:  # turned upright, it is 640 wide
        assert code == 0
    else:
        assert code == 1
        assert "got 1 of another size: plain/0001.jpg (640x480 in the labels, 480x640 in the folder)" in said
        assert not (folders / "out").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--split", "train=0.8"], "expected shares with the sum 1, got train=0.8"),
        (["--split", "train=0.8,val=x"], "expected shares with the sum 1"),
        (["--split", "train"], "expected parts such as train=0.8,val=0.2 or train=FILE,val=FILE, got 'train'"),
        (["--split", "../x=1"], "expected parts such as"),
        (["--split", "train=1.5,val=0.2"], "expected shares above 0 and up to 1, got 1.5"),
        (["--split", "train=0.99,val=0.01"], "expected images in every part, got none of 10 in val"),
        (["--split", "train=0.5,Train=0.5"], "train=FILE,val=FILE, got 'Train=0.5'"),
        (["--split", "con=0.5,train=0.5"], "train=FILE,val=FILE, got 'con=0.5'"),
        (["--split", "train=/nowhere"], "--split train: "),
        (["--split", "train={folder}/one.txt"], "expected every image in a list, got 9 in none: "),
        (["--split", "train={folder}/one.txt,val={folder}/one.txt"], "in one list, got it in 'train' and 'val'"),
        (["--images", "/nowhere"], "expected a folder of images, got /nowhere"),
        (["--images", "{folder}/more"], "expected all 10 images, got no file for 10"),
    ],
)
def test_a_wrong_request_leaves_nothing(
    folders: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folders / "one.txt").write_text("plain/0001.jpg\n")
    chosen = [text.replace("{folder}", str(folders)) for text in more]
    arguments = ["--results", str(folders / "people"), "--format", "yolo", "--out", str(folders / "out"), *chosen]
    assert export.main(arguments) == 1
    assert words in capsys.readouterr().err
    assert not (folders / "out").exists()


def test_an_image_in_two_lines_did_not_change(tmp_path: Path) -> None:
    records = [line("s3://b-b/a.jpg", [{"annotations": [keypoint("nose", x, 1)]}]) for x in (1, 2)]
    old = write_results(tmp_path / "old", PERSON, records)
    assert list(changes_between(old, old)) == []
    records[1]["keypoints"]["updated_annotations"][0]["annotations"][0]["x"] = 3
    new = write_results(tmp_path / "new", PERSON, records)
    assert [found.change for found in changes_between(old, new)] == ["changed"]
    assert [found.change for found in changes_between(old, write_results(tmp_path / "one", PERSON, records[:1]))] == [
        "removed"
    ]


def test_images_that_changed_since_earlier_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nose, eye = keypoint("nose", 1, 2), keypoint("left_eye", 3, 4)
    images = "s3://b-b/jobs/people/images/"

    def records(*labels: tuple[str, list[Any]]) -> list[dict[str, Any]]:
        return [line(f"{images}{name}", [{"annotations": points}], total_time_in_seconds=3) for name, points in labels]

    write_results(tmp_path / "old", PERSON, records(("a.jpg", [nose, eye]), ("b.jpg", [nose]), ("c.jpg", [nose])))
    moved = keypoint("nose", 1.5, 2)
    new = records(("d.jpg", [nose]), ("a.jpg", [eye, nose]), ("b.jpg", [moved]))
    write_results(tmp_path / "new", PERSON, new, job="final")
    assert changed_images.main([str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    found = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [(image["source_ref"].removeprefix(images), image["change"]) for image in found] == [
        ("d.jpg", "added"), ("b.jpg", "changed"), ("c.jpg", "removed"),
    ]  # fmt: skip
    assert changed_images.main([str(tmp_path / "old"), str(tmp_path / "old")]) == 0
    assert capsys.readouterr().out == ""
    assert changed_images.main([str(tmp_path / "old"), str(tmp_path)]) == 1
    assert "expected the results of a finished job" in capsys.readouterr().err


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
    for note in ("images left out: their size is unknown: 1", "keypoints moved to the image's edge: 1",
                 "keypoints left out: the skeleton does not have them: 1",
                 "instances left out: they have neither a keypoint nor a box: 1"):  # fmt: skip
        assert note in said
    labels = sorted(file.name for file in (out / "yolo/labels/train").glob("*.txt"))
    assert len(labels) == 2
    assert labels[0].startswith("A-")  # told from a.jpg by its digest


def test_every_picture_has_a_name_of_its_own(hostile: Path) -> None:
    images = list(data_set([hostile / "results"]).images())
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
    assert export.main(["--results", str(results), "--out", str(out), "--format", formats]) == 1
    return capsys.readouterr().err


def test_incomplete_results_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no usable results.json" in refuse(capsys, tmp_path, tmp_path / "out")
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    file = next((tmp_path / "results/annotations").iterdir())
    file.write_text("{}")
    assert "expected an annotation file" in refuse(capsys, tmp_path / "results", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    file.unlink()
    assert "expected 1 annotation files, got 0" in refuse(capsys, tmp_path / "results", tmp_path / "out")
    (tmp_path / "results/skeleton.json").unlink()
    assert "expected the job's skeleton" in refuse(capsys, tmp_path / "results", tmp_path / "out")


def test_only_files_of_an_earlier_export_are_replaced_or_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", []), line("s3://b-b/deep/b.jpg", [])])
    out = run(tmp_path, "yolo")
    (out / "yolo/images/train/a.jpg").write_bytes(b"a picture, where data.yaml says")
    (out / "yolo/labels/train/mine.txt").write_text("")
    run(tmp_path, "yolo")
    left = {file.relative_to(out / "yolo").as_posix() for file in (out / "yolo").rglob("*") if file.is_file()}
    shutil.rmtree(tmp_path / "results")
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])  # one image less
    run(tmp_path, "yolo")
    assert (out / "yolo/images/train/a.jpg").read_bytes() == b"a picture, where data.yaml says"
    now = {file.relative_to(out / "yolo").as_posix() for file in (out / "yolo").rglob("*") if file.is_file()}
    assert left - now == {"labels/train/deep/b.txt"}
    assert not (out / "yolo/labels/train/deep").exists()
    (out / "cvat").mkdir()
    (out / "cvat/mine.txt").write_text("")
    before = snapshot(out)
    assert "expected nothing or an earlier export" in refuse(capsys, tmp_path / "results", out, "yolo,cvat")
    assert snapshot(out) == before


def test_a_file_that_is_not_ours_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    out = run(tmp_path, "yolo")
    (out / "yolo/images/train/a.jpg").write_bytes(b"mine")
    draw(tmp_path / "photos/a.jpg")
    before = snapshot(out)
    arguments = ["--results", str(tmp_path / "results"), "--out", str(out), "--format", "yolo"]
    assert export.main([*arguments, "--images", str(tmp_path / "photos")]) == 1
    assert "expected only unchanged files of an earlier export, got images/train/a.jpg" in capsys.readouterr().err
    assert snapshot(out) == before


def test_an_existing_file_with_the_same_content_is_not_treated_as_exported(tmp_path: Path) -> None:
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    draw(tmp_path / "photos/a.jpg")
    out = run(tmp_path, "yolo")
    (out / "yolo/images/train").rmdir()
    (out / "yolo/images/train").symlink_to(tmp_path / "photos")  # instead of a copy
    arguments = ["--results", str(tmp_path / "results"), "--out", str(out), "--format", "yolo"]
    assert export.main([*arguments, "--images", str(tmp_path / "photos")]) == 0
    assert export.main(arguments) == 0  # removes the pictures that the export before copied
    assert (tmp_path / "photos/a.jpg").is_file()


def test_a_file_that_was_changed_since_the_export_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = [{"annotations": [keypoint("nose", 10, 20)]}]
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", shown), line("s3://b-b/b.jpg", shown)])
    out = run(tmp_path, "yolo")
    (out / "yolo/data.yaml").write_text("# mine\n")
    before = snapshot(out)
    said = refuse(capsys, tmp_path / "results", out)
    assert "expected only unchanged files of an earlier export, got data.yaml" in said
    assert snapshot(out) == before
    (out / "yolo/data.yaml").unlink()
    (out / "yolo/labels/train/b.txt").write_text("# mine\n")
    shutil.rmtree(tmp_path / "results")
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])  # one image less
    run(tmp_path, "yolo")
    assert (out / "yolo/labels/train/b.txt").read_text() == "# mine\n"
    assert (out / "yolo/labels/train/a.txt").read_text() == ""


@pytest.mark.parametrize(
    "marker",
    [
        "{",
        "[]x",
        '{"a": 1}',
        '{"labeling_job": "people", "files": 5}',
        b"\xff\xfe",
        '{"labeling_job": "people", "files": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"labeling_job": "people", "files": {"../../mine.txt": "unknown"}}',
        '{"labeling_job": "people", "files": ["../../mine.txt"]}',
    ],
)
def test_an_invalid_marker_removes_no_file(
    marker: str | bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "exports/yolo").mkdir(parents=True)
    (tmp_path / "exports/yolo" / MARKER).write_bytes(marker if isinstance(marker, bytes) else marker.encode())
    said = refuse(capsys, tmp_path / "results", tmp_path / "exports")
    assert any(
        words in said for words in ("expected an export's list of files", "got one of '[]x'", "names of files in")
    )
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_an_image_in_two_lines_has_one_picture_and_one_part(tmp_path: Path) -> None:
    write_results(tmp_path / "results", PERSON, [line(f"s3://b-b/{name}.jpg", []) for name in "aab"])
    for name in "ab":
        draw(tmp_path / f"photos/{name}.jpg")
        (tmp_path / f"{name}.txt").write_text(f"{name}.jpg")
    lists = f"train={tmp_path / 'a.txt'},val={tmp_path / 'b.txt'}"
    arguments = ["--results", str(tmp_path / "results"), "--out", str(tmp_path / "out"), "--format", "yolo"]
    assert export.main([*arguments, "--images", str(tmp_path / "photos"), "--split", lists]) == 0
    found = [file.parent.name for file in (tmp_path / "out/yolo/images").rglob("*.jpg")]
    assert sorted(found) == ["train", "train", "val"]


def test_instances_outside_the_image_are_no_yolo_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = [
        {"annotations": [keypoint("nose", 700, 500)]},
        {"annotations": [], "box": [-10, 5, 5, 5]},
        {"annotations": [keypoint("nose", 640, 480)]},
        {"annotations": [keypoint("nose", -5, 5), keypoint("left_eye", 30, 60)]},
    ]
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", outside)])
    rows = (run(tmp_path, "yolo") / "yolo/labels/train/a.txt").read_text().splitlines()
    assert "instances left out: they are outside the image: 2" in capsys.readouterr().out
    assert len(rows) == 2
    for row in rows:
        _, x, y, width, height = map(float, row.split()[:5])
        assert width > 0
        assert height > 0
        assert 0 <= x - width / 2 <= x + width / 2 <= 1
        assert 0 <= y - height / 2 <= y + height / 2 <= 1


def test_an_export_that_fails_midway_leaves_nothing_half_written(tmp_path: Path) -> None:
    records = [line("s3://b-b/a.jpg", []), line("s3://b-b/b.jpg", [])]
    data = data_set([write_results(tmp_path / "results", PERSON, records)])
    assert export_format(data, "yolo", tmp_path / "out", data.images()) is not None
    before = snapshot(tmp_path / "out")

    def damaged() -> Iterator[ExportImage]:
        yield next(data.images())
        raise ExportError("the second file is damaged")

    for name in ("yolo", "csv", "deeplabcut"):
        with pytest.raises(ExportError, match="damaged"):
            export_format(data, name, tmp_path / "out", damaged())
        assert snapshot(tmp_path / "out") == before


def test_another_jobs_export_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    write_results(tmp_path / "others", PERSON, [line("s3://b-b/c.jpg", [])], job="others")
    out = run(tmp_path, "csv")
    before = snapshot(out)
    for formats in ("csv", "cvat"):
        assert "got one of 'people'; choose another folder" in refuse(capsys, tmp_path / "others", out, formats)
        assert snapshot(out) == before
    (out / MARKER).unlink()
    (out / "csv" / MARKER).write_text("people\n")  # as earlier versions wrote it
    assert "got one of 'people'" in refuse(capsys, tmp_path / "others", out, "csv")
    assert run(tmp_path, "csv") == out
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/images.csv").write_text("my own")
    assert "expected nothing or an earlier export" in refuse(capsys, tmp_path / "results", tmp_path / "mine", "csv")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_missing_package_is_named_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(tmp_path / "results", PERSON, [line("s3://b-b/a.jpg", [])])
    for formats in ("parquet", "csv,parquet"):
        assert "pip install pyarrow" in refuse(capsys, tmp_path / "results", tmp_path / "out", formats)
    assert "pip install sleap-io" in refuse(capsys, tmp_path / "results", tmp_path / "out", "sleap")
    assert not (tmp_path / "out").exists()


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
