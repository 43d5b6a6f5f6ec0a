"""Pre-labels from images and a model: models made here, whose predictions are known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from truepoint.commands.prelabel import main
from truepoint.jobs.images import images_in_folder
from truepoint.jobs.prelabels import Choices, read_prelabels
from truepoint.pose.skeleton import parse_skeleton
from truepoint.prediction import decoding
from truepoint.prediction.geometry import crop, letterbox
from truepoint.prediction.model import PredictionError, checked_instances
from truepoint.prediction.movenet import model_input, people
from truepoint.prediction.onnx_model import open_onnx
from truepoint.prediction.prelabel_file import progress_path, write_prelabels

SKELETON = parse_skeleton(json.dumps({"name": "two", "keypoints": [{"name": "head"}, {"name": "tail"}]}))
BACKGROUND, SPOT = (40, 40, 40), (255, 255, 255)


def spotted(size: tuple[int, int], at: tuple[int, int], radius: int = 6) -> Image.Image:
    """An image with a white square whose centre of mass is (at + .5) in coordinates from the corner."""
    image = Image.new("RGB", size, BACKGROUND)
    ImageDraw.Draw(image).rectangle((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=SPOT)
    return image


def saved(path: Path, nodes: list[Any], outputs: dict[str, Any], *, values: dict[str, Any], size: Any) -> Path:
    """Write an ONNX model with an input of (1, 3, *size); `outputs` are shapes by name."""
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def centroid_model(path: Path, *, after_suppression: bool) -> Path:
    """A one-stage model that sees: its keypoint is the centre of mass of what is brighter than the margins."""
    size, n = (320, 256), cast(Any, np.float32)
    grid_x = np.tile(np.arange(size[1], dtype=n) + n(0.5), (size[0], 1))[None, None]
    grid_y = np.tile((np.arange(size[0], dtype=n) + n(0.5))[:, None], (1, size[1]))[None, None]
    values = {"threshold": n(0.46), "x": grid_x, "y": grid_y, "axes": np.array([1, 2, 3]), "shape": np.array([1, 1])}
    nodes = [
        helper.make_node("Sub", ["images", "threshold"], ["above"]),
        helper.make_node("Relu", ["above"], ["bright"]),
        helper.make_node("ReduceSum", ["bright", "axes"], ["mass4"], keepdims=0),
    ]
    for axis in "xy":
        nodes += [
            helper.make_node("Mul", ["bright", axis], [f"moment_{axis}"]),
            helper.make_node("ReduceSum", [f"moment_{axis}", "axes"], [f"sum_{axis}"], keepdims=0),
            helper.make_node("Div", [f"sum_{axis}", "mass4"], [f"c_{axis}1"]),
            helper.make_node("Reshape", [f"c_{axis}1", "shape"], [f"c_{axis}"]),
        ]
    if after_suppression:  # corner box, score, class, two keypoints; a second row is padding
        values |= {"box": n([[10, 20, 110, 220, 0.9, 0]]), "s": n([[0.8]]), "none": np.zeros((1, 12), n)}
        parts = ["box", "c_x", "c_y", "s", "c_x", "c_y", "s"]
        nodes += [
            helper.make_node("Concat", parts, ["row"], axis=1),
            helper.make_node("Concat", ["row", "none"], ["rows"], axis=0),
        ]
        values["three"] = np.array([1, 2, 12])
    else:  # centre box, score, two keypoints; a lower copy is suppressed, a weak one is left out
        values |= {"box": n([[60, 120, 100, 200]]), "s": n([[0.8]])}
        values |= {f"conf{i}": n([[s]]) for i, s in enumerate((0.7, 0.9, 0.1))}
        for i in range(3):
            nodes.append(
                helper.make_node("Concat", ["box", f"conf{i}", "c_x", "c_y", "s", "c_x", "c_y", "s"], [f"r{i}"], axis=1)
            )
        nodes += [
            helper.make_node("Concat", ["r0", "r1", "r2"], ["stacked"], axis=0),
            helper.make_node("Transpose", ["stacked"], ["rows"], perm=[1, 0]),
        ]
        values["three"] = np.array([1, 11, 3])
    nodes.append(helper.make_node("Reshape", ["rows", "three"], ["output0"]))
    return saved(path, nodes, {"output0": values["three"].tolist()}, values=values, size=size)


@pytest.mark.parametrize("after_suppression", [False, True])
@pytest.mark.parametrize(("size", "at"), [((640, 480), (500, 90)), ((300, 900), (40, 800)), ((256, 320), (17, 300))])
def test_a_one_stage_model_finds_a_spot_to_a_fifth_of_a_pixel(
    after_suppression: bool, size: tuple[int, int], at: tuple[int, int], tmp_path: Path
) -> None:
    model = open_onnx(centroid_model(tmp_path / "m.onnx", after_suppression=after_suppression), ["head", "tail"])
    [instance] = model.predict(spotted(size, at, radius=12), "a.png")
    head, tail = instance["annotations"]
    # The model says where a point is from the corner of its input, as does the image.
    assert (head["x"], head["y"]) == pytest.approx((at[0] + 0.5, at[1] + 0.5), abs=0.2)
    assert head["score"] == pytest.approx(0.8)
    assert tail["label"] == "tail"
    assert instance["score"] == pytest.approx(0.9)
    gain = min(256 / size[0], 320 / size[1])
    assert instance["box"][2:] == pytest.approx([100 / gain, 200 / gain], rel=0.01)


def constant_model(path: Path, outputs: dict[str, Any], size: tuple[int, int]) -> Path:
    """A model whose outputs are constants."""
    nodes = [helper.make_node("Identity", [f"c_{name}"], [name]) for name in outputs]
    values = {f"c_{name}": np.asarray(value, np.float32) for name, value in outputs.items()}
    return saved(path, nodes, {name: np.shape(value) for name, value in outputs.items()}, values=values, size=size)


def test_simcc_decodes_to_half_a_pixel_of_its_input(tmp_path: Path) -> None:
    x, y = np.zeros((1, 2, 96)), np.zeros((1, 2, 128))
    x[0, 0, 31], y[0, 0, 100], x[0, 1, 95], y[0, 1, 0] = 0.9, 0.6, 0.5, 0.7
    model = open_onnx(
        constant_model(tmp_path / "m.onnx", {"simcc_x": x, "simcc_y": y}, (64, 48)),
        ["head", "tail"],
        boxes={"a.png": [(100, 50, 90, 40)]},
    )
    [instance] = model.predict(Image.new("RGB", (400, 300)), "a.png")
    # The box is wider than the input: 1.25 * 90 wide, 112.5 * 64 / 48 = 150 high, around (145, 70).
    head, tail = instance["annotations"]
    assert (head["x"], head["y"]) == pytest.approx((145 - 56.25 + 15.5 * 112.5 / 48, 70 - 75 + 50 * 150 / 64))
    assert (tail["x"], tail["y"]) == pytest.approx((145 - 56.25 + 47.5 * 112.5 / 48, 70 - 75))
    assert (head["score"], tail["score"]) == pytest.approx((0.6, 0.5))
    assert instance["box"] == [100, 50, 90, 40]
    assert model.predict(Image.new("RGB", (400, 300)), "other.png") == []


def bump(shape: tuple[int, int], x: float, y: float, sigma: float = 2.0) -> Any:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


def test_heatmaps_decode_below_a_pixel(tmp_path: Path) -> None:
    maps = np.stack([bump((64, 48), 20.3, 31.6), bump((64, 48), 0.0, 63.0)])
    found = decoding.heatmaps(maps, (192, 256), unbiased=True)
    assert found[0, :2] == pytest.approx([20.3 * 191 / 47, 31.6 * 255 / 63], abs=1e-6)
    assert found[1, :2] == pytest.approx([0, 255])
    quarter = decoding.heatmaps(maps, (192, 256), unbiased=False)
    assert quarter[0, :2] == pytest.approx([20.25 * 4, 31.75 * 4])
    model = open_onnx(constant_model(tmp_path / "m.onnx", {"heatmaps": maps[None]}, (256, 192)), ["head", "tail"])
    [instance] = model.predict(Image.new("RGB", (192, 256)), "a.png")
    # Without boxes the whole image is the box, and the crop is a quarter larger.
    head = instance["annotations"][0]
    assert (head["x"], head["y"]) == pytest.approx((found[0, 0] * 1.25 - 24, found[0, 1] * 1.25 - 32), abs=1e-3)


@pytest.mark.parametrize("box", [(100.0, 60.0, 80.0, 160.0), (10.5, 200.25, 300.0, 40.0), (-30.0, -20.0, 90.0, 120.0)])
def test_a_crop_shows_what_its_transform_says(box: tuple[float, float, float, float]) -> None:
    at = (int(box[0] + box[2] / 2) + 7, int(box[1] + box[3] / 2) - 5)
    cut, transform = crop(spotted((420, 360), at), box, (192, 256))
    values = np.asarray(cut, float)[..., 0]
    weight = np.maximum(values - 60, 0)
    rows, columns = np.mgrid[:256, :192]
    centre = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    # A tenth of a pixel of the input: the spot's edge is sampled without smoothing.
    assert transform.to_image(centre) == pytest.approx(at, abs=0.1 * max(1, *transform.scale))


def test_a_letterbox_is_centred_and_its_transform_inverts_it() -> None:
    boxed, transform = letterbox(Image.new("RGB", (640, 425), SPOT), (320, 320))
    assert boxed.size == (320, 320)
    columns = np.asarray(boxed)[..., 0].min(axis=1)
    assert (np.flatnonzero(columns == 255)[[0, -1]]).tolist() == [54, 265]  # 212 rows between margins of 54
    corners = np.array([[0, 54], [320, 266]])
    assert transform.to_image(corners) == pytest.approx(np.array([[0, 0], [640, 425]]))


def test_a_detector_gives_a_top_down_model_its_boxes(tmp_path: Path) -> None:
    rows = np.array([[50, 50, 20, 40, 0.9, 0.1], [51, 50, 20, 40, 0.8, 0.0], [10, 10, 5, 5, 0.1, 0.9]]).T
    detector = constant_model(tmp_path / "d.onnx", {"output0": rows[None]}, (100, 100))
    x, y = np.zeros((1, 1, 96)), np.zeros((1, 1, 128))
    x[0, 0, 48], y[0, 0, 64] = 1, 1
    path = constant_model(tmp_path / "m.onnx", {"x": x, "y": y}, (64, 48))
    [instance] = open_onnx(path, ["head"], detector=detector).predict(Image.new("RGB", (200, 200)), "a.png")
    assert instance["box"] == pytest.approx([80, 60, 40, 80])
    assert instance["score"] == pytest.approx(0.9)
    assert (instance["annotations"][0]["x"], instance["annotations"][0]["y"]) == pytest.approx((100, 100))


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (
            {"o": np.zeros((1, 30, 5))},
            r"expected an output of \(11, candidates\) or \(candidates, 12\) for 2 keypoints",
        ),
        ({"o": np.zeros((1, 5))}, "expected outputs of a pose model"),
        ({"o": np.zeros((1, 3, 8, 8))}, r"expected an output for 2 keypoints, got \(3, 8, 8\)"),
    ],
)
def test_other_tensors_are_refused(outputs: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = constant_model(tmp_path / "m.onnx", outputs, (32, 32))
    with pytest.raises(PredictionError, match=message):
        open_onnx(path, ["head", "tail"]).predict(Image.new("RGB", (64, 64)), "a.png")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("nothing")
    with pytest.raises(PredictionError, match="expected an ONNX model, got something else"):
        open_onnx(tmp_path / "m.onnx", ["head"])


def test_without_onnxruntime_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(PredictionError, match=r"pip install .truepoint\[onnx\]"):
        open_onnx(tmp_path / "m.onnx", ["head"])


def test_movenets_numbers_are_people_in_image_pixels() -> None:
    image = Image.new("RGB", (640, 425))
    pixels, gain = model_input(image)
    assert pixels.shape == (352, 512, 3)
    assert gain == 0.8
    output = np.zeros((6, 56))
    output[0, :3], output[0, 51:] = [0.5, 0.25, 0.7], [0.1, 0.2, 0.6, 0.4, 0.9]
    output[1, 55] = 0.1
    [person] = people(output.ravel().tolist(), (512 / gain, 352 / gain), 0.2)
    [nose] = person["annotations"]  # the others have no score
    assert (nose["label"], nose["x"], nose["y"], nose["score"]) == ("nose", 160, 220, pytest.approx(0.7))
    assert person["box"] == pytest.approx([128, 44, 128, 220])
    with pytest.raises(PredictionError, match="expected 336 numbers"):
        people([1.0], (1, 1), 0.2)


def test_predictions_become_plain_numbers() -> None:
    point = {"label": "head", "x": np.float32(1.23456), "y": np.array(2), "score": np.float64(0.123456)}
    [made] = checked_instances(
        [{"annotations": [point], "score": np.float32(0.5), "box": np.array([1, 2, 3, 4.567])}], "a"
    )
    assert made == {
        "annotations": [{"label": "head", "x": 1.23, "y": 2, "score": 0.1235}], "score": 0.5, "box": [1, 2, 3, 4.57]
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [{"annotations": [{"label": "a", "x": float("nan"), "y": 0}]}],
        [{"annotations": [{"label": "a", "x": 1, "y": 0, "score": "high"}]}],
        [{"annotations": [{"label": "a", "x": 1, "y": 0}] * 2}],
        [object()],
    ],
)
def test_the_error_of_an_invalid_prediction_names_the_image(value: Any) -> None:
    with pytest.raises(PredictionError, match=r"a\.png: expected a list of instances"):
        checked_instances(value, "a.png")


class Counting:
    """A model that puts the head where the image's name says, and counts its calls."""

    def __init__(self, version: int = 1, fail_at: str = "") -> None:
        self.identity = {"version": version}
        self.calls: list[str] = []
        self._fail_at = fail_at

    def predict(self, _image: Image.Image, name: str) -> Any:
        if name == self._fail_at:
            raise PredictionError("stop")
        self.calls.append(name)
        return [{"annotations": [{"label": "head", "x": len(self.calls), "y": 1.0, "score": 0.5}], "score": 0.9}]

    def close(self) -> None:
        """Nothing to do."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (20, 10), (ord(name), 0, 0)).save(folder / f"{name}.png")
    return folder


def test_a_stopped_run_continues_and_a_repeated_run_changes_nothing(photos: Path, tmp_path: Path) -> None:
    out, images = tmp_path / "out.jsonl", images_in_folder(photos).images
    with pytest.raises(PredictionError, match="stop"):
        write_prelabels(out, images, Counting(fail_at="c.png"))
    assert not out.exists()
    with progress_path(out).open("a") as file:
        file.write('{"name": "c.png", "md5"')  # a line that was cut off
    model = Counting()
    assert write_prelabels(out, images, model).predicted == 1
    assert model.calls == ["c.png"]
    text, again = out.read_bytes(), Counting()
    assert write_prelabels(out, images, again).predicted == 0
    assert out.read_bytes() == text
    assert again.calls == []
    Image.new("RGB", (20, 10), "blue").save(photos / "b.png")
    changed = Counting()
    write_prelabels(out, images_in_folder(photos).images, changed)
    assert changed.calls == ["b.png"]
    assert {p.name for p in tmp_path.iterdir()} == {"photos", "out.jsonl", "out.jsonl.progress.jsonl"}


def test_predictions_of_another_model_are_not_mixed(photos: Path, tmp_path: Path) -> None:
    out, images = tmp_path / "out.jsonl", images_in_folder(photos).images
    write_prelabels(out, images, Counting())
    before = out.read_bytes()
    with pytest.raises(PredictionError, match="of another model or other settings; write to another file"):
        write_prelabels(out, images, Counting(version=2))
    assert out.read_bytes() == before
    assert write_prelabels(out, images, Counting(version=2), restart=True).predicted == 3


def test_the_file_is_read_as_pre_labels(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    images = images_in_folder(photos).images
    write_prelabels(out, images, Counting())
    sizes = {image.name: (image.width, image.height) for image in images}
    found = read_prelabels(out, SKELETON, sizes, Choices())
    assert found.instances["b.png"][0]["annotations"] == [
        {"label": "head", "x": 2, "y": 1.0, "score": 0.5, "visibility": 2}
    ]
    assert found.instances["b.png"][0]["score"] == 0.9


SLOW = """
import time
def predict(image):
    time.sleep(0.05)
    return [{"annotations": [{"label": "head", "x": image.getpixel((0, 0))[0], "y": image.height, "score": 0.5}]}]
"""


def test_a_killed_command_continues(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(40):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(photos / f"{number:02}.png")
    (tmp_path / "slow.py").write_text(SLOW)
    command = [sys.executable, "-m", "truepoint.commands", "prelabel", "photos", "--model", "slow.py:predict", "--out"]
    process = subprocess.Popen([*command, "out.jsonl"], cwd=tmp_path, stderr=subprocess.PIPE)
    journal = progress_path(tmp_path / "out.jsonl")
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 4) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "out.jsonl").exists()
    done = subprocess.run([*command, "out.jsonl"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "0 before" not in done.stdout
    assert done.stderr == ""  # no bar where no terminal is
    subprocess.run([*command, "other.jsonl"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "other.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["photos", "--model", "nothing"], "or a model as module:function"),
        (["photos", "--model", "absent_module:f"], "absent_module: the model's module cannot be imported"),
        (["photos", "--model", "absent.py:f"], "expected a Python file, got 'absent.py'"),
        (["photos", "--model", "json:nothing"], "expected a function 'nothing' in json, got nothing"),
        (["photos", "--model", "json:loads"], "a.png: the model failed: TypeError"),
        (["photos", "--model", "m.onnx", "--skeleton", "s.json"], "expected an ONNX file, got 'm.onnx'"),
        (["absent", "--model", "json:loads"], "expected a folder of images"),
        (["empty", "--model", "json:loads"], "expected images in 'empty', got none"),
        (["damaged", "--model", "json:loads"], "expected usable images, got 1 others"),
    ],
)
def test_invalid_requests_are_refused_with_a_reason(
    given: list[str], message: str, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path = photos.parent
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "x.png").write_text("no image")
    (tmp_path / "s.json").write_text(json.dumps({"name": "one", "keypoints": [{"name": "head"}]}))
    assert main([*given, "--out", "out.jsonl"]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()


def test_boxes_come_from_labels_of_any_format(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    boxes = {
        "images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 8, 4]}],
        "categories": [{"id": 1, "name": "one"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    (tmp_path / "s.json").write_text(json.dumps({"name": "one", "keypoints": [{"name": "head"}]}))
    x, y = np.zeros((1, 1, 96)), np.zeros((1, 1, 128))
    x[0, 0, 48], y[0, 0, 64] = 1, 1
    constant_model(tmp_path / "m.onnx", {"x": x, "y": y}, (64, 48))
    given = ["photos", "--model", "m.onnx", "--skeleton", "s.json", "--boxes", "boxes.json", "--out", "out.jsonl"]
    assert main(given) == 0
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [next(iter(line.values())) for line in lines[1:]] == [[], []]
    [instance] = lines[0]["a.png"]
    assert (instance["annotations"][0]["x"], instance["annotations"][0]["y"]) == (6, 5)
    assert "2 images have no instance" in capsys.readouterr().out


def test_images_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10)).save(tmp_path / "turned.jpg", exif=exif)
    sizes: list[tuple[int, int]] = []

    class Seeing(Counting):
        def predict(self, image: Image.Image, _name: str) -> Any:
            sizes.append(image.size)
            return []

    write_prelabels(tmp_path / "o.jsonl", images_in_folder(tmp_path).images, Seeing())
    assert sizes == [(10, 20)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["m.onnx"], "argument --skeleton: expected a skeleton for the ONNX"),
        (["json:loads", "--boxes", "b.json"], "argument --boxes: expected only with an ONNX model"),
        (["json:loads", "--biased-heatmaps"], "argument --biased-heatmaps: expected only with an ONNX model"),
        (["m.onnx", "--skeleton", "s", "--boxes", "b", "--detector", "d"], "--detector: expected only without --boxes"),
        (["json:loads", "--min-instance-score", "0.5"], "got a function"),
        (["movenet", "--min-instance-score", "7"], "expected a number from 0 to 1, got 7"),
    ],
)
def test_options_that_do_not_fit_are_bad_usage(
    given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["photos", "--out", "out.jsonl", "--model", *given])
    assert message in capsys.readouterr().err
