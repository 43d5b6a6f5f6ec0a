"""Files with the structure of other projects' own files. All content is made up; docstrings name the projects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from truepoint.commands.main import main
from truepoint.formats.detection import read_labels

HAND = {"version": "1.0", "name": "hand", "keypoints": [{"name": n} for n in ("wrist", "thumb", "palm")], "edges": []}


def converted(folder: Path, file: Path, to: str, *more: str) -> Any:
    out = folder / "converted"
    assert main(["convert", str(file), "--to", to, "--out", str(out), *more]) == 0
    return json.loads(out.read_text())


def region(kind: str, label: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": 0.25, kind: [label]} | more.pop("value", {})
    return {"type": kind, "to_name": "image", "value": value} | more


def task(result: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": 1, "data": {"image": "/data/upload/3/0123abcd-frame.png"}, "annotations": [{"result": result}]}]


def test_label_studio_states_the_sizes_of_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in sleap-io's multi_animal_from_dlc.json: rectangles named after individuals, relations, single keypoints."""
    size = {"original_width": 1280, "original_height": 720, "image_rotation": 0}
    sides = {"value": {"width": 10, "height": 5, "rotation": 0}}
    result = [
        region("keypointlabels", "nest", 50, 50, id="n", **size),
        region("rectanglelabels", "pup1", 50, 10, id="r1", **sides, **size),
        region("rectanglelabels", "pup2", 60, 10, id="r2", **sides, **size),
        region("keypointlabels", "snout", 25, 50, id="s1", **size),
        region("keypointlabels", "neck", 26, 51, id="s2", **size),
        region("keypointlabels", "snout", 75, 25, id="s3", **size),
        {"type": "relation", "from_id": "s1", "to_id": "r1", "direction": "right"},
        {"type": "relation", "from_id": "s2", "to_id": "r1", "direction": "right"},
        {"type": "relation", "from_id": "s3", "to_id": "r2", "direction": "right"},
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(task(result)))
    first, second = converted(tmp_path, tmp_path / "tasks.json", "prelabels")["frame.png"]
    assert [(p["label"], p["x"], p["y"]) for p in first["annotations"]] == [("snout", 320, 360), ("neck", 332.8, 367.2)]
    assert [(p["label"], p["x"], p["y"]) for p in second["annotations"]] == [("snout", 960, 180)]
    assert first["box"] == [640, 72, 128, 36]
    said = capsys.readouterr().err
    assert "2 categories were read as one: pup1, pup2" in said
    assert "1 instances left out, because their category '' does not match the skeleton" in said


def test_label_studio_sizes_that_contradict_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tasks.json").write_text(
        json.dumps(task([region("keypointlabels", "a", 5, 5, original_width=w, original_height=9) for w in (9, 10)]))
    )
    assert main(["convert", str(tmp_path / "tasks.json"), "--out", str(tmp_path / "out")]) == 1
    assert "expected the images' sizes" in capsys.readouterr().err


def test_predictions_of_label_studios_yolo_model(tmp_path: Path) -> None:
    """As label-studio-ml-backend writes them without boxes: a note `bbox-<number>` names the subject of a keypoint."""
    size = {"original_width": 200, "original_height": 100}
    result = [
        region("keypointlabels", label, x, 50, score=0.9, meta={"text": [f"bbox-{n}"]}, **size)
        for n, label, x in ((0, "hip", 10), (0, "knee", 20), (1, "hip", 30), (1, "knee", 40))
    ]
    given = [{"data": {"image": "a.jpg"}, "predictions": [{"model_version": "yolo", "result": result}]}]
    (tmp_path / "tasks.json").write_text(json.dumps(given))
    found = converted(tmp_path, tmp_path / "tasks.json", "prelabels")["a.jpg"]
    assert [[(p["label"], p["x"]) for p in i["annotations"]] for i in found] == [
        [("hip", 20), ("knee", 40)],
        [("hip", 60), ("knee", 80)],
    ]


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels>
<label><name>s1</name><type>skeleton</type><svg>{svg}</svg></label>
<label><name>mid</name><type>points</type><parent>s1</parent></label>
<label><name>tip</name><type>points</type><parent>s1</parent></label>
<label><name>end</name><type>points</type><parent>s1</parent></label>
</labels></task></meta>{body}</annotations>"""
DRAWING = (
    '&lt;line data-type="edge" data-node-from="2" data-node-to="3"&gt;&lt;/line&gt;'
    '&lt;line data-type="edge" data-node-from="1" data-node-to="2"&gt;&lt;/line&gt;'
    + "".join(
        f'&lt;circle data-node-id="{n}" data-label-name="{name}"&gt;&lt;/circle&gt;'
        for n, name in ((1, "tip"), (2, "mid"), (3, "end"))
    )
)


@pytest.mark.parametrize(("svg", "edges"), [(DRAWING, [[1, 3], [2, 1]]), ("", []), ("&lt;line", [])])
def test_cvats_skeletons_have_edges(
    tmp_path: Path, svg: str, edges: list[list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the description of CVAT's XML: the label's drawing numbers the nodes in another order than the labels."""
    body = """<image id="0" name="a b/é.jpg" width="16" height="12"><skeleton label="s1" source="manual" z_order="0">
      <points label="tip" outside="0" occluded="0" points="5.5,1"><attribute name="sure">no</attribute></points>
      <points label="mid" outside="0" occluded="1" points="6,2.25"></points>
      <points label="end" outside="0" occluded="0" points="1,2;3,4"></points></skeleton></image>"""
    (tmp_path / "a.xml").write_text(CVAT.format(svg=svg, body=body))
    found = converted(tmp_path, tmp_path / "a.xml", "coco")
    assert found["categories"][0]["keypoints"] == ["mid", "tip", "end"]
    assert found["categories"][0]["skeleton"] == edges
    assert found["annotations"][0]["keypoints"] == [6, 2.25, 1, 5.5, 1, 2, 0, 0, 0]
    said = capsys.readouterr().err
    assert "1 attributes 'sure' left out: keypoints have none: a b/é.jpg shape 1 tip" in said
    assert "1 keypoints left out, because one label has several positions: a b/é.jpg shape 1 end" in said


def test_an_error_names_what_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in CVAT for video, whose labels are tracks: without the reason, the file seems to be empty."""
    text = "<annotations><version>1.1</version><track id='0' label='dog'><box frame='0'/></track></annotations>"
    (tmp_path / "video.xml").write_text(text)
    assert main(["convert", str(tmp_path / "video.xml"), "--out", str(tmp_path / "out")]) == 1
    assert "tracks left out: only CVAT for images is read, not for video: dog" in capsys.readouterr().err


@pytest.mark.parametrize(("third", "noted"), [(1, True), (2, False)])
def test_keypoints_whose_visibility_is_one_or_nothing(
    tmp_path: Path, third: int, noted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in PoseTrack's and FreiHAND's files in MMPose's tests, where 1 means visible. COCO's 1 means occluded."""
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
        "categories": [{"id": 1, "name": "hand", "keypoints": ["wrist", "thumb", "palm"]}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "keypoints": [1, 2, 1, 3, 4, third, 0, 0, 0]}],
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    converted(tmp_path, tmp_path / "a.json", "coco")
    assert ("2 keypoints read as occluded (visibility 1)" in capsys.readouterr().err) == noted

    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(f"0 .5 .5 .5 .5 .1 .1 1 .2 .2 {third} 0 0 0\n")
    (tmp_path / "hand.json").write_text(json.dumps(HAND))
    options = ["--images", str(tmp_path), "--skeleton", str(tmp_path / "hand.json")]
    converted(tmp_path, tmp_path / "a.txt", "coco", *options)
    assert ("2 keypoints read as occluded (visibility 1)" in capsys.readouterr().err) == noted


@pytest.mark.parametrize("start", [b"\x1f\x8b\x08\x00", b"PK\x03\x04"])
def test_an_archive_with_another_ending_is_named(
    tmp_path: Path, start: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_bytes(start + bytes(99))
    assert main(["convert", str(tmp_path / "a.json"), "--out", str(tmp_path / "out")]) == 1
    assert "a.json: expected a file of labels, got an archive; unpack it" in capsys.readouterr().err


def mmpose_folder(folder: Path) -> None:
    folder.mkdir(parents=True)
    instance = {"keypoints": [[1.0, 2.0], [3.0, 4.0]], "keypoint_scores": [0.5, 0.75]}
    for name in ("a", "b"):
        document = {"meta_info": {"keypoint_id2name": {"0": "nose", "1": "tail"}}, "instance_info": [instance]}
        (folder / f"results_{name}.json").write_text(json.dumps(document))


@pytest.mark.parametrize("inner", ["", "predictions"])
def test_predictions_in_a_folder_are_never_replaced(
    tmp_path: Path, inner: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As MMPose's demo and its inferencer write them: one JSON file per image."""
    mmpose_folder(tmp_path / "out" / inner)
    own = tmp_path / "out" / inner / "results_a.json"
    before = own.read_bytes()
    assert main(["convert", str(tmp_path / "out"), "--out", str(own)]) == 1
    assert "which would be lost" in capsys.readouterr().err
    assert own.read_bytes() == before
    assert len(converted(tmp_path, tmp_path / "out", "prelabels")) == 2


def test_a_file_between_predictions_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mmpose_folder(tmp_path / "out")
    (tmp_path / "out" / "labels.json").write_text('{"images": [], "annotations": [], "categories": []}')
    assert main(["convert", str(tmp_path / "out"), "--out", str(tmp_path / "new")]) == 1
    expected = "labels.json: expected MMPose predictions, as the folder's other files, got something else"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("huge", ["1e400", "9" * 400, "-1e999"])
def test_numbers_that_64_bits_cannot_hold(tmp_path: Path, huge: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An image's size is text or a float in files that were made of tables, for example with pandas."""
    text = (
        '{"images": [{"id": 1, "file_name": "a.jpg", "width": "640", "height": 480.0}],'
        '"categories": [{"id": 1, "name": "t", "keypoints": ["a", "b"]}],'
        f'"annotations": [{{"id": 1, "image_id": 1, "category_id": 1, "keypoints": [1, 2, 2, 3, {huge}, 2]}}]}}'
    )
    (tmp_path / "a.json").write_text(text)
    found = converted(tmp_path, tmp_path / "a.json", "coco")
    assert found["annotations"][0]["keypoints"] == [1, 2, 2, 0, 0, 0]
    assert (found["images"][0]["width"], found["images"][0]["height"]) == (640, 480)
    assert "1 keypoints left out, because their coordinates are not numbers: annotation 1 b" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["2000000", 1e7, 0, -1, True])
def test_a_size_that_no_image_has(tmp_path: Path, size: Any) -> None:
    image = {"id": 1, "file_name": "a.jpg", "width": size, "height": "640"}
    categories = [{"id": 1, "name": "t", "keypoints": ["a"]}]
    (tmp_path / "a.json").write_text(json.dumps({"images": [image], "categories": categories, "annotations": []}))
    [found] = read_labels(tmp_path / "a.json", 1).images
    assert (found.width, found.height) == (None, 640)


def test_a_table_that_deeplabcut_did_not_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As SLEAP's analysis export, and a DeepLabCut table that a spreadsheet stored with semicolons."""
    for text in ("track,frame_idx,instance.score,A.x\n,0,nan,205.9\n", "scorer;me\nbodyparts;a\ncoords;x\n"):
        (tmp_path / "a.csv").write_text(text)
        assert main(["convert", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out")]) == 1
        assert f"scorer, bodyparts and coords, got {text.splitlines()[0]!r}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flipped", "pairs"),
    [
        ("[0, 2, 1]", [[1, 2]]),
        ("[0, 1, 2]", []),
        ("[1, 2, 0]", []),
        ("[2, x, 0, 9]", [[0, 2]]),
        ("none", []),
        ("[true, 0]", []),
    ],
)
def test_ultralytics_flip_idx_gives_the_pairs(tmp_path: Path, flipped: str, pairs: list[list[int]]) -> None:
    """As in Ultralytics' coco8-pose.yaml and tiger-pose.yaml. Names alone would not pair these keypoints."""
    description = (
        f"kpt_shape: [3, 3]\nflip_idx: {flipped}\nnames: {{0: tiger}}\nkpt_names: {{0: [nose, wing1, wing2]}}\n"
    )
    (tmp_path / "data.yaml").write_text(description)
    (tmp_path / "a.txt").write_text("0 .5 .5 .5 .5 .1 .1 2 .2 .2 2 0 0 0\n")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    found = converted(tmp_path, tmp_path, "coco", "--images", str(tmp_path))
    assert found["categories"][0]["flip_pairs"] == pairs
