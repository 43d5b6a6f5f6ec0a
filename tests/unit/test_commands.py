"""The command `truepoint`: its help, its exit codes, and what compare, reskeleton and convert find."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from truepoint.commands.main import SUBCOMMANDS, main

ROOT = Path(__file__).parents[2]
NAMES = [k["name"] for k in json.loads((ROOT / "skeletons/coco-person.json").read_text())["keypoints"]]


def people(*poses: Any, names: list[str] = NAMES, raters: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a COCO file of one image; poses are arrays of x, y, v."""
    return {
        "images": [{"id": 1, "file_name": "a/one.jpg", "width": 900, "height": 900}],
        "categories": [{"id": 1, "name": "person", "keypoints": names}],
        "annotations": [
            {
                "id": n + 1, "image_id": 1, "category_id": 1, "keypoints": np.ravel(pose).tolist(),
                "bbox": [9, 9, 300, 300], "area": 0.53 * 90_000, "iscrowd": 0, "num_keypoints": 17,
            } | ({"rater_id": raters[n]} if raters else {})
            for n, pose in enumerate(poses)
        ],
    }  # fmt: skip


def pose(seed: int = 0) -> Any:
    places = np.random.default_rng(seed).uniform(10, 300, (17, 2))
    places[5], places[6] = (20, 100), (280, 110)
    return np.column_stack([places, np.full(17, 2)])


def write(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.parametrize("given", [["--help"], *([name, "--help"] for name in SUBCOMMANDS)], ids=" ".join)
def test_the_help_fits_a_screen(
    given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    if len(given) == 1:
        assert main(given) == 0
    else:
        with pytest.raises(SystemExit) as stopped:
            main(given)
        assert stopped.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert any("example:" in line for line in lines)
    assert any("exit codes: 0 done, 1 bad input, 2 bad usage, 128 + signal if stopped" in line for line in lines)


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["analyse"],
        ["analyze"],
        ["analyze", "x", "--out", "y", "--processes", "0"],
        ["convert", "x", "--out", "y", "--rater", "ann"],
        ["convert", "x", "--out", "y", "--to", "coco", "--rater", "ann"],
        ["convert", "x", "--out", "y", "--label-attribute", "a", "--to", "coco"],
        *(
            ["convert", "x", "--out", "y", "--label-attribute", "a", option, "z"]
            for option in ("--rater", "--skeleton", "--keypoint-names", "--images")
        ),
    ],
)
def test_bad_usage_is_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: Any = main(given)
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert "truepoint" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("given", "lost"),
    [
        (["convert", "a.json"], "a.json"),
        (["convert", "a.json"], "./a.json"),
        (["convert", "a.json", "--keypoint-names", "names.json"], "names.json"),
        (["convert", "a.json", "--skeleton", "new.json"], "new.json"),
        (["convert", "job.manifest", "--label-attribute", "keypoints"], "job.manifest"),
        (["reskeleton", "a.json", "b.json", "--to", "coco-person"], "b.json"),
        (["reskeleton", "a.json", "--to", "new.json"], "new.json"),
        (["reskeleton", "a.json", "--to", "coco-person", "--from", "new.json"], "new.json"),
        (["reskeleton", "a.json", "--to", "coco-person", "--keypoints", "rules.json"], "rules.json"),
        (["thumbnails", "report.html", "--images", "photos"], "report.html"),
        (["thumbnails", "report.html", "--images", "photos"], "photos/one.jpg"),
        (["prelabel", "photos", "--model", "mine.py:predict"], "mine.py"),
        (["prelabel", "photos", "--model", "m.onnx", "--skeleton", "new.json"], "m.onnx"),
        (["prelabel", "photos", "--model", "m.onnx", "--skeleton", "new.json"], "new.json"),
        (["prelabel", "photos", "--model", "m.onnx", "--skeleton", "new.json", "--boxes", "a.json"], "a.json"),
        (["prelabel", "photos", "--model", "mine.py:predict"], "photos/one.jpg"),
        (["convert", "a.json"], "photos"),
        (["convert", "labels"], "labels/a.txt"),
        (["reskeleton", "labels", "--to", "coco-person"], "labels/../labels/a.txt"),
        (["convert", "done"], "done/coco.json"),
        (["reskeleton", "a.json", "--to", "coco-person"], "photos"),
    ],
)
def test_an_output_never_replaces_an_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: list[str], lost: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "labels", "done"):
        (tmp_path / name).mkdir()
    files = ("a.json", "b.json", "names.json", "rules.json", "new.json", "job.manifest", "report.html", "mine.py")
    for name in (*files, "m.onnx", "photos/one.jpg", "labels/a.txt", "done/results.json", "done/coco.json"):
        (tmp_path / name).write_bytes(b"precious")
    assert main([*given, "--out", lost]) == 1
    assert capsys.readouterr().err.startswith("error: argument --out: expected ")
    assert {path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == {b"precious"}


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("given", [["--help"], ["--version"], ["compare", "--help"]], ids=" ".join)
def test_a_reader_of_the_help_may_stop_early(given: list[str], unbuffered: str) -> None:
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    code = f"import sys; from truepoint.commands.main import main; sys.exit(main({given}))"
    read, written = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, stdout=written, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(written)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_named_and_leaves_the_earlier_file(tmp_path: Path) -> None:
    labels, out = write(tmp_path / "a.json", people(pose())), tmp_path / "b.json"
    out.write_text("earlier")
    code = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from truepoint.commands.main import main
sys.exit(main(["convert", {labels!r}, "--out", {str(out)!r}]))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: expected enough space to write the files, got: File too large; free some")
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("a.json", "b.json")] == []
    assert out.read_text() == "earlier"


@pytest.mark.parametrize("name", ["x" * 250 + ".json", "é" * 125 + ".json"], ids=["ASCII", "two bytes each"])
def test_an_output_may_have_the_longest_name(tmp_path: Path, name: str) -> None:
    assert main(["convert", write(tmp_path / "a.json", people(pose())), "--out", str(tmp_path / name)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", name}


def test_an_output_that_is_a_link_stays_a_link(tmp_path: Path) -> None:
    labels = write(tmp_path / "a.json", people(pose()))
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "disk" / "real.json")
    for _ in range(2):  # the file that it names does not exist at first
        assert main(["convert", labels, "--out", str(tmp_path / "link.json")]) == 0
        assert (tmp_path / "link.json").is_symlink()
        assert len(json.loads((tmp_path / "disk" / "real.json").read_text())["annotations"]) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["convert"], "{out}: labels of 1 images\n"),
        (["convert", "--to", "prelabels"], "{out}: labels of 1 images\n"),
        (["reskeleton", "--to", "coco-person"], "no labelled keypoint is lost\n{out}: 1 images\n"),
        (["reskeleton", "--to", "coco-person", "--json"], '{{"version":"1.0","out":"{out}","images":1,'),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("out", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_that_is_a_file(given: list[str], message: str, out: str, tmp_path: Path) -> None:
    labels = write(tmp_path / "a.json", people(pose()))
    command = [sys.executable, "-m", "truepoint.commands", given[0], labels, *given[1:], "--out", out]
    with (tmp_path / "b.json").open("wb") as file:
        file.write(b"earlier\n")
        file.flush()
        done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, text=True, check=True)
    first, document = (tmp_path / "b.json").read_text().split("\n", 1)
    assert first == "earlier"
    json.loads(document)  # nothing else is in it
    assert done.stderr.startswith(message.format(out=out))


def test_thumbnails_and_a_manifest_on_standard_output(tmp_path: Path) -> None:
    flipped = pose()
    flipped[0] = (5000, 5000, 2)  # outside the image, so that the report has an image
    assert main(["analyze", write(tmp_path / "a.json", people(flipped)), "--out", str(tmp_path / "out")]) == 0
    (tmp_path / "photos/a").mkdir(parents=True)
    Image.new("RGB", (900, 900)).save(tmp_path / "photos/a/one.jpg")
    line = {"source-ref": "s3://b/one.jpg", "label": {"keypoints": [{"label": "nose", "x": 1, "y": 2}]}}
    manifest = write(tmp_path / "output.manifest", line)
    for given in (
        ["thumbnails", f"{tmp_path}/out/report.html", "--images", f"{tmp_path}/photos"],
        ["convert", manifest, "--label-attribute", "label"],
    ):
        written = [*given, "--out", str(tmp_path / "written")]
        command = [sys.executable, "-m", "truepoint.commands", *given, "--out", "/dev/stdout"]
        assert main(written) == 0
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stdout == (tmp_path / "written").read_bytes()
        assert done.stderr.startswith(b"/dev/stdout")


@pytest.mark.parametrize(
    "given", [["analyze"], ["export", "--format", "coco", "--results"]], ids=lambda given: given[0]
)
def test_a_folder_cannot_be_written_to_standard_output(given: list[str], tmp_path: Path) -> None:
    labels = write(tmp_path / "a.json", people(pose()))
    assert main(["analyze", labels, "--out", str(tmp_path / "out")]) == 0
    source = labels if len(given) == 1 else str(tmp_path / "out")
    command = [sys.executable, "-m", "truepoint.commands", *given, source, "--out", "/dev/stdout"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "/dev/stdout: expected " in done.stderr


def test_messages_without_the_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = write(tmp_path / "a.json", people(pose()))
    assert main(["reskeleton", labels, "--to", "coco-person", "--json", "--out", "/dev/null"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 1


def test_predictions_in_shared_memory(tmp_path: Path) -> None:
    """/dev/shm contains ordinary files."""
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "model.py").write_text("def predict(image):\n    return []\n")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        out = Path(folder) / "x.jsonl"
        for _ in range(2):
            assert main(["prelabel", str(tmp_path), "--model", f"{tmp_path}/model.py:predict", "--out", str(out)]) == 0
        assert json.loads(out.read_text()) == {"a.png": []}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["prelabel", "{0}", "--model", "{0}/stop.py:predict", "--out", "{0}/x.jsonl"],
            "finished predictions are kept",
        ),
        (["export", "--results", "{0}/out", "--format", "coco", "--out", "{0}/exports"], "may be incomplete"),
        (["convert", "{0}/a.json", "--out", "/dev/stdout"], "may be incomplete"),
        (["convert", "{0}/a.json", "--out", "{0}/b.json"], "nothing was written"),
    ],
)
def test_a_stopped_command_says_what_remains(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    assert main(["analyze", write(tmp_path / "a.json", people(pose())), "--out", str(tmp_path / "out")]) == 0
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "stop.py").write_text("def predict(image):\n    raise KeyboardInterrupt\n")
    monkeypatch.setattr("truepoint.commands.export.export", stop)
    monkeypatch.setattr("truepoint.commands.convert.write_whole", stop)
    capsys.readouterr()
    assert main([part.format(tmp_path) for part in given]) == 130
    assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("out", ["/dev/stdout", "/dev/null", "pipe"])
def test_predictions_need_a_file_beside_which_progress_is_stored(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "model.py").write_text("def predict(image):\n    return []\n")
    options = ["--model", f"{tmp_path}/model.py:predict", "--out", str(tmp_path / out)]
    assert main(["prelabel", str(tmp_path), *options]) == 1
    assert "expected a file, because the progress is stored beside it, got" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "model.py", "pipe"}


def test_images_are_read_without_the_packages_for_aws(tmp_path: Path) -> None:
    """The wheel does not require them (pyproject.toml)."""
    Image.new("RGB", (40, 20)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("0 .5 .5 .5 .5 .25 .5 2\n")
    (tmp_path / "data.yaml").write_text("{names: [x], kpt_shape: [1, 3], kpt_names: {0: [nose]}}")
    (tmp_path / "model.py").write_text("def predict(image):\n    return []\n")
    code = f"""
import os, sys
from truepoint.commands.main import main
class Missing:
    def find_spec(self, name, *rest):
        if name in ("boto3", "botocore", "obstore", "aws_lambda_powertools"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
os.chdir({str(tmp_path)!r})
codes = [
    main(["convert", ".", "--images", ".", "--to", "prelabels", "--out", "labels.json"]),
    main(["prelabel", ".", "--model", "model.py:predict", "--out", "predictions.jsonl"]),
    main(["analyze", "labels.json", "--images", ".", "--out", "analysis"]),
    main(["thumbnails", "analysis/report.html", "--images", ".", "--out", "report.html"]),
]
sys.exit(codes != [0, 0, 0, 0])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    [found] = json.loads((tmp_path / "labels.json").read_text())["a.png"]
    assert found["annotations"] == [{"label": "nose", "x": 10, "y": 10, "visibility": 2}]


def test_stopping_a_command_that_is_not_yet_loaded(tmp_path: Path) -> None:
    """Loading takes a second. A traceback would look like an error, and a script must see that it was stopped."""
    code = f"""
import sys
from truepoint.commands.main import main
class Stopping:
    def find_spec(self, name, *rest):
        if name == "truepoint.commands.convert":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stopping())
sys.exit(main(["convert", "a.json", "--out", {str(tmp_path / "b.json")!r}]))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "\nstopped; nothing was written\n")


def test_a_folder_that_was_converted_is_converted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.yaml").write_text("kpt_shape: [1, 3]\nnames: {0: a}\nkpt_names: {0: [nose]}\n")
    (tmp_path / "a.txt").write_text("0 .5 .5 .1 .1 .5 .5 2\n")
    Image.new("L", (64, 48)).save(tmp_path / "a.jpg")
    for _ in range(2):
        assert main(["convert", ".", "--images", ".", "--out", "coco.json"]) == 0
    assert json.loads((tmp_path / "coco.json").read_text())["annotations"][0]["keypoints"] == [32, 24, 2]


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    labels, pipe = write(tmp_path / "a.json", people(pose())), tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        assert main(["convert", labels, "--out", str(pipe)]) == 0
        assert json.loads(read.result())["images"]
    assert pipe.is_fifo()


def test_a_link_to_itself_is_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert main(["analyze", str(tmp_path / "loop"), "--out", str(tmp_path / "out")]) == 1
    assert "loop: expected a file or a folder, got no such file" in capsys.readouterr().err


def test_sides_without_pairs_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["nose", "LEye", "REye", "knee_left", "knee_right", "l_ear", "r_ear"]
    keypoints = [{"name": name} | ({"pair": "r_ear"} if name == "l_ear" else {}) for name in names]
    keypoints[-1]["pair"] = "l_ear"
    skeleton = write(tmp_path / "s.json", {"name": "face", "keypoints": keypoints})
    labels = write(tmp_path / "a.json", people(np.ones((7, 3)), names=names))
    for given in (["analyze", labels, "--skeleton", skeleton], ["convert", labels, "--skeleton", skeleton]):
        assert main([*given, "--out", str(tmp_path / given[0])]) == 0
        told = capsys.readouterr().err
        assert "skeleton 'face': expected `pair` for left and right keypoints" in told
        assert "got none for LEye/REye, knee_left/knee_right;" in told
    assert main(["reskeleton", labels, "--to", "coco-person", "--out", str(tmp_path / "b.json")]) == 0
    assert "`pair`" not in capsys.readouterr().err


def test_a_truncated_file_is_not_taken_for_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.json").write_text(json.dumps(people(pose()), indent=1)[:300])
    assert main(["analyze", str(tmp_path / "cut.json"), "--out", str(tmp_path / "out")]) == 1
    assert re.search(r"cut\.json: expected JSON, .*: line [1-9]\d+ column", capsys.readouterr().err)


def test_a_report_whose_images_are_all_elsewhere_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flipped = pose()
    flipped[0] = (5000, 5000, 2)  # outside the image, so that the report has an image
    assert main(["analyze", write(tmp_path / "a.json", people(flipped)), "--out", str(tmp_path / "out")]) == 0
    (tmp_path / "photos").mkdir()
    given = ["thumbnails", str(tmp_path / "out/report.html"), "--images", str(tmp_path / "photos")]
    assert main([*given, "--out", str(tmp_path / "shown.html")]) == 1
    assert "expected at least one of the report's images (a/one.jpg), got none of them" in capsys.readouterr().err
    assert not (tmp_path / "shown.html").exists()


def test_a_reader_of_the_output_that_stops_is_no_error(tmp_path: Path) -> None:
    labels = write(tmp_path / "a.json", people(pose()))
    read, written = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "truepoint.commands", "compare", labels, labels]
    done = subprocess.run(command, stdout=written, stderr=subprocess.PIPE, check=False)
    os.close(written)
    assert (done.returncode, done.stderr) == (1, b"")


# ----------------------------------------------------------------------------------------------------------- compare


def test_oks_is_pycocotools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shaken = pose()
    shaken[:, :2] += np.random.default_rng(1).normal(0, 6, (17, 2))
    a, b = write(tmp_path / "a.json", people(pose())), write(tmp_path / "b.json", people(shaken))
    assert main(["compare", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    right = COCO(a)
    results = right.loadRes([{"image_id": 1, "category_id": 1, "keypoints": np.ravel(shaken).tolist(), "score": 1.0}])
    evaluation = COCOeval(right, results, "keypoints")
    evaluation.evaluate()
    assert found["oks"] == pytest.approx(float(evaluation.ious[1, 1][0, 0]), abs=1e-9)
    assert (found["found"], found["missed"]["count"], found["added"]["count"]) == (1, 0, 0)


def test_people_without_keypoints_are_ignored_as_pycocotools_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reference has a person with keypoints and one with only a box; the other file has them and somebody else."""
    reference = people(pose(), np.zeros((17, 3)))
    reference["annotations"][1] |= {"bbox": [500, 500, 100, 150], "num_keypoints": 0, "area": 0.53 * 15_000}
    hidden, nobody = pose(1), pose(2)
    hidden[:, :2] = hidden[:, :2] / 3 + [480, 500]
    nobody[:, :2] = nobody[:, :2] / 3 + [620, 20]
    a, b = write(tmp_path / "a.json", reference), write(tmp_path / "b.json", people(pose(), hidden, nobody))
    assert main(["compare", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["found"], found["missed"]["n"], found["missed"]["count"]) == (1, 1, 0)
    right = COCO(a)
    scored = [
        {"image_id": 1, "category_id": 1, "keypoints": np.ravel(one).tolist(), "score": 1.0}
        for one in (pose(), hidden, nobody)
    ]
    evaluation = COCOeval(right, right.loadRes(scored), "keypoints")
    evaluation.evaluate()
    least = evaluation.evalImgs[0]  # of all areas; its rows are OKS thresholds from .5
    counted = ~least["dtIgnore"][0].astype(bool)
    assert found["added"]["n"] == np.count_nonzero(counted) == 2
    assert found["added"]["count"] == np.count_nonzero(counted & (least["dtMatches"][0] == 0)) == 1
    capsys.readouterr()  # pycocotools prints its progress
    assert main(["compare", b, a, "--json"]) == 0  # the person with only a box is not among the added ones
    turned = json.loads(capsys.readouterr().out)
    assert (turned["found"], turned["missed"]["count"], turned["added"]["count"]) == (1, 2, 0)


def test_kinds_of_errors_by_keypoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = pose()
    wrong[[5, 6], :2] = wrong[[6, 5], :2]  # shoulders exchanged
    wrong[9] = 0  # left wrist not labelled
    wrong[0, :2] = 850  # nose far off
    wrong[16, 2] = 1
    a, b = write(tmp_path / "a.json", people(pose())), write(tmp_path / "b.json", people(wrong))
    assert main(["compare", a, b, "--json"]) == 0
    found = {k["name"]: k["errors"] for k in json.loads(capsys.readouterr().out)["keypoints"]}
    wanted = {"left_shoulder": "inversion", "right_shoulder": "inversion", "left_wrist": "missing", "nose": "miss"}
    for name, errors in found.items():
        kinds = [kind for kind, share in errors.items() if share["count"]]
        assert kinds == (["good", "visibility"] if name == "right_ankle" else [wanted.get(name, "good")]), name
    assert main(["compare", a, b]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_images_are_matched_by_name_and_raters_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write(tmp_path / "a.json", people(pose()))
    several = people(pose(), pose(), raters=("ann", "bob"))
    several["images"][0]["file_name"] = "other\\A\\ONE.jpg"
    b = write(tmp_path / "b.json", several)
    assert main(["compare", a, b]) == 1
    assert "expected labels of one rater, got those of ann, bob; choose with --rater-b" in capsys.readouterr().err
    assert main(["compare", a, b, "--rater-b", "eve"]) == 1
    assert "expected a rater of ann, bob, got 'eve'" in capsys.readouterr().err
    assert main(["compare", a, b, "--rater-b", "ann", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["oks"] == 1
    several["images"][0]["file_name"] = "two.jpg"
    assert main(["compare", a, write(tmp_path / "b.json", several), "--rater-b", "ann"]) == 1
    assert "expected images that are in both files, got none" in capsys.readouterr().err


# -------------------------------------------------------------------------------------------------------- reskeleton


def test_reskeleton_renames_reorders_derives_and_lists_what_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_hip, whole = pose(1), pose()
    without_hip[12] = 0
    whole[5, 2] = 1
    labels = write(tmp_path / "a.json", people(whole, without_hip, raters=("ann", "bob")))
    new = {"name": "stick", "keypoints": [{"name": n} for n in ("pelvis", "LWrist", "neck", "tail", "head")]}
    skeleton = write(tmp_path / "stick.json", new)
    rules = {"pelvis": ["left_hip", "right_hip"], "neck": ["left_shoulder", "right_shoulder"], "head": "nose"}
    keypoints, out = write(tmp_path / "rules.json", rules), tmp_path / "out/b.json"
    given = ["reskeleton", labels, "--to", skeleton, "--keypoints", keypoints, "--out", str(out)]
    assert main(given) == 0
    said = capsys.readouterr().out
    for line in (
        "pelvis ← mean of left_hip, right_hip",
        "LWrist ← left_wrist",
        "head ← nose",
        "lost: 2 labelled keypoints 'left_eye': the new skeleton does not have them",
        "lost: 1 keypoints 'pelvis' were not derived: only some of their sources are labelled",
        "never labelled: tail: no keypoint of the labels maps to these",
    ):
        assert line in said
    document = json.loads(out.read_text())
    first, second = (np.reshape(a["keypoints"], (5, 3)) for a in document["annotations"])
    assert first[0] == pytest.approx([*whole[[11, 12], :2].mean(axis=0), 2])
    assert first[1].tolist() == whole[9].tolist()
    assert first[2] == pytest.approx([*whole[[5, 6], :2].mean(axis=0), 1])
    assert first[4].tolist() == whole[0].tolist()
    assert first[3].tolist() == second[0].tolist() == second[3].tolist() == [0, 0, 0]
    assert [a["rater_id"] for a in document["annotations"]] == ["ann", "bob"]
    assert document["images"][0]["rater_list"] == ["ann", "bob"]
    before = out.read_bytes()
    assert main([*given, "--json"]) == 0
    assert out.read_bytes() == before
    told = json.loads(capsys.readouterr().out)
    assert told["dropped"]["left_eye"] == 2
    assert (told["not_derived"], told["never_filled"], told["instances_lost"]) == ({"pelvis": 1}, ["tail"], 0)


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"neck": "shoulder"}, "expected names of the labels"),
        ({"neck": 3}, "expected an old name, a list of old names or null, got 3"),
        ({"knee": "nose"}, "expected names of the new skeleton (neck), got 'knee'"),
        (["nose"], "expected a JSON object"),
        ({"neck": None}, "expected a keypoint of 'stick' that maps from the labels"),
    ],
)
def test_bad_rules(rules: Any, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = write(tmp_path / "a.json", people(pose()))
    skeleton = write(tmp_path / "stick.json", {"name": "stick", "keypoints": [{"name": "neck"}]})
    given = ["reskeleton", labels, "--to", skeleton, "--keypoints", write(tmp_path / "rules.json", rules)]
    assert main([*given, "--out", str(tmp_path / "out.json")]) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_an_unknown_skeleton(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = write(tmp_path / "a.json", people(pose()))
    assert main(["reskeleton", labels, "--to", "dog", "--out", str(tmp_path / "b.json")]) == 1
    assert "expected a skeleton file or one of box-truck, coco-person, got 'dog'" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------------------- convert


def test_convert_to_coco_and_to_prelabels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = write(tmp_path / "a.json", people(pose(), pose(1), raters=("ann", "bob")))
    assert main(["convert", labels, "--out", str(tmp_path / "b.json")]) == 0
    found = json.loads((tmp_path / "b.json").read_text())
    assert [a["keypoints"] for a in found["annotations"]] == [np.ravel(pose(n)).tolist() for n in (0, 1)]
    assert main(["convert", labels, "--to", "prelabels", "--out", str(tmp_path / "c.json")]) == 1
    assert "--rater: expected one of ann, bob, got" in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()
    assert main(["convert", labels, "--to", "prelabels", "--rater", "bob", "--out", str(tmp_path / "c.json")]) == 0
    [[instance]] = json.loads((tmp_path / "c.json").read_text()).values()
    assert [[k["x"], k["y"], k["visibility"]] for k in instance["annotations"]] == pose(1).tolist()


# --------------------------------------------------------------------------------------------------- files of strangers


def test_numbers_that_are_text_are_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As tables have them that became JSON."""
    document = people(pose())
    as_text = people(pose())
    [entry] = as_text["annotations"]
    entry |= {"keypoints": [str(v) for v in entry["keypoints"]], "bbox": ["9", "9.0", "3e2", "300"], "area": "47700"}
    given = [write(tmp_path / name, d) for name, d in (("a.json", document), ("b.json", as_text))]
    assert main(["compare", *given]) == 0
    words = capsys.readouterr()
    assert words.err == ""
    assert "nose                 1 1.00 1.00 100.0" in words.out
    made = []
    for n, path in enumerate(given):
        assert main(["analyze", path, "--out", str(tmp_path / f"out{n}")]) == 0
        made.append(json.loads((tmp_path / f"out{n}" / "coco.json").read_text())["annotations"])
    assert made[0] == made[1]


@pytest.mark.parametrize("text", ["", " ", "1 2", "0x10", "nan", "1e999", "1_0", "٣", "1" * 40])
def test_text_that_is_no_number_is_left_out_with_a_note(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = people(pose())
    document["annotations"][0]["keypoints"][0] = text
    assert main(["convert", write(tmp_path / "a.json", document), "--out", str(tmp_path / "c.json")]) == 0
    assert (
        "1 keypoints left out, because their coordinates are not numbers: annotation 1 nose" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "document",
    [
        {"version": "5.0", "shapes": [{"label": "nose", "points": [[1, 2]]}], "imagePath": "a.jpg"},  # LabelMe
        {"version": 1.3, "people": [{"pose_keypoints_2d": [1, 2, 0.5]}]},  # OpenPose
        {"a.jpg1": {"filename": "a.jpg", "regions": []}},  # VIA
        {"type": "FeatureCollection", "features": []},
        {
            "dm_format_version": "1.0",
            "info": {},
            "categories": {},
            "items": [{"id": "a", "annotations": []}],
        },  # Datumaro
    ],
)
def test_json_of_another_tool_is_told_what_is_read(
    document: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.json", document)
    for given in (
        ["analyze", path, "--out", str(tmp_path / "o")],
        ["convert", path, "--out", str(tmp_path / "c.json")],
    ):
        assert main(given) == 1
        words = capsys.readouterr().err
        assert "expected a list of instances" in words
        assert "; expected our own pre-labels (JSON or JSON Lines), COCO annotations" in words
    ours = write(tmp_path / "b.json", {"a.jpg": [{"annotations": []}], "b.jpg": "x"})
    assert main(["convert", ours, "--out", str(tmp_path / "c.json")]) == 1
    assert "COCO annotations" not in capsys.readouterr().err


def test_an_error_in_the_present_folder_names_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("hello world\n")
    monkeypatch.chdir(tmp_path)
    assert main(["convert", ".", "--out", "c.json"]) == 1
    assert capsys.readouterr().err.startswith("error: .: a.txt:1: expected numbers, got 'hello world'")
