"""`truepoint analyze`: the results of label files are those of the job that the labels come from."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sample_job
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from truepoint.analysis import local_run, pictures
from truepoint.analysis.local_run import OURS, Request, analyze
from truepoint.commands.main import main
from truepoint.formats.labels import FormatError
from truepoint.groundtruth.job import LabelingJob
from truepoint.groundtruth.manifest import Line
from truepoint.groundtruth.output_line import read_line
from truepoint.jobs.exports.finished import open_results
from truepoint.pose.skeleton import Skeleton, parse_skeleton
from truepoint.results.coco import CocoWriter, coco_file
from truepoint.results.first_pass import JobSurvey
from truepoint.results.second_pass import Refiner
from truepoint.runs.result_files import pretty, tally_files

SKELETON = parse_skeleton(sample_job.SKELETON)
NAMES = SKELETON.keypoint_names
TIMES = frozenset({"time_in_seconds", "mean_time_in_seconds", "active_seconds_per_keypoint", "active_z"})
LINES = frozenset({"lines", "rejected", "failed", "unlabeled"})
"""What a file of labels does not hold: times, and lines without a label."""


def job_files(lines: list[bytes], skeleton: Skeleton) -> dict[str, bytes]:
    """Return the files of a job with these lines, put together as completion does."""
    outcomes = [read_line(Line(n, text, len(text)), "keypoints", lambda _uri: b"") for n, text in enumerate(lines)]
    survey = JobSurvey(skeleton)
    survey.add_all(outcomes)
    known = survey.surveyed()
    refiner = Refiner(sample_job.JOB, known, {})
    refined = list(refiner.add_all(outcomes))
    job = LabelingJob(
        name=sample_job.JOB, arn="", status="Completed", label_attribute_name="keypoints", output_manifest_uri=""
    )
    found = {}
    for file in tally_files(job, known, refiner.tally):
        found[file.key] = file.content if isinstance(file.content, bytes) else b"".join(file.content())
    writer = CocoWriter(known.skeleton, sample_job.JOB)
    for name, written in (("coco.json", writer.accepted), ("coco_workers.json", writer.raters)):
        parts = [written(outcome) for outcome in refined if hasattr(outcome, "annotation")]
        images, entries = [image for image, _ in parts], [entry for _, entries in parts for entry in entries]
        found[name] = b"".join(coco_file(known.skeleton, sample_job.JOB, images, entries))
    return found


def without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: without(inner, names) for key, inner in value.items() if key not in names}
    return [without(inner, names) for inner in value] if isinstance(value, list) else value


def equal_to_the_job(out: Path, job: dict[str, bytes]) -> None:
    for name in ("coco.json", "coco_workers.json", "skeleton.json", "suspicious.jsonl", "review.manifest"):
        assert (out / name).read_bytes() == job[name], name
    for name in ("quality.json", "workers.json"):
        found, wanted = (without(json.loads(text), TIMES | LINES) for text in ((out / name).read_bytes(), job[name]))
        assert found == wanted, name


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), images=st.integers(1, 25))
def test_a_jobs_own_workers_file_gives_the_jobs_results_number_by_number(
    seed: int, images: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("job")
    job = job_files(list(sample_job.lines(images, seed)), SKELETON)
    file = folder / "coco_workers.json"
    file.write_bytes(job["coco_workers.json"])
    if not json.loads(job["coco_workers.json"])["images"]:
        return
    analyze(Request(paths=[file], out=folder / "out", name=sample_job.JOB))
    equal_to_the_job(folder / "out", job)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workers' file of thirty images and five raters."""
    file = tmp_path_factory.mktemp("sample") / "coco_workers.json"
    file.write_bytes(job_files(list(sample_job.lines(30, 3)), SKELETON)["coco_workers.json"])
    return file


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_indented_file_is_the_same(sample: Path, end: str, tmp_path: Path) -> None:
    """As MMPose's test data and most files that people look at: an annotation has many lines."""
    indented = tmp_path / "coco_workers.json"
    indented.write_bytes(json.dumps(json.loads(sample.read_text()), indent=4).replace("\n", end).encode())
    for file, out in ((sample, "out"), (indented, "indented")):
        analyze(Request(paths=[file], out=tmp_path / out, name="same", processes=1))
    assert contents(tmp_path / "indented") == contents(tmp_path / "out")


def test_one_file_a_rater_is_the_same_as_one_file(sample: Path, tmp_path: Path) -> None:
    document = json.loads(sample.read_text())
    for rater in document["images"][0]["rater_list"]:
        mine = [
            {k: v for k, v in a.items() if k != "rater_id"} for a in document["annotations"] if a["rater_id"] == rater
        ]
        images = [{k: v for k, v in image.items() if k != "rater_list"} for image in document["images"]]
        (tmp_path / f"{rater}.json").write_text(json.dumps(document | {"images": images, "annotations": mine}))
    files = sorted(tmp_path.glob("*.json"))
    analyze(Request(paths=files, out=tmp_path / "several", name="same"))
    analyze(Request(paths=[sample], out=tmp_path / "one", name="same"))
    found, wanted = (contents(tmp_path / name) for name in ("several", "one"))
    assert found.keys() == wanted.keys()
    assert not [name for name in found if found[name] != wanted[name]]


def test_ranges_processes_and_repetitions_change_nothing(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze(Request(paths=[sample], out=tmp_path / "once"))
    wanted = contents(tmp_path / "once")
    analyze(Request(paths=[sample], out=tmp_path / "once"))
    assert contents(tmp_path / "once") == wanted
    monkeypatch.setattr(local_run, "LARGEST_RANGE", 20_000)
    monkeypatch.setattr(local_run, "LEAST_FOR_PROCESSES", 1)
    seen: list[tuple[str, int, int]] = []
    analyze(Request(paths=[sample], out=tmp_path / "shared", processes=2), lambda *done: seen.append(done))
    assert contents(tmp_path / "shared") == wanted
    assert seen[-1] == ("check", seen[-1][2], seen[-1][2])
    assert len(seen) > 6
    assert {p.name for p in tmp_path.iterdir()} == {"once", "shared"}


def test_the_folder_is_a_set_of_results_that_exports_read(sample: Path, tmp_path: Path) -> None:
    analyze(Request(paths=[sample], out=tmp_path / "out"))
    assert {p.name for p in (tmp_path / "out").iterdir()} == OURS
    images = list(open_results(tmp_path / "out").images())
    assert len(images) == len(json.loads(sample.read_text())["images"])
    assert main(["export", "--results", str(tmp_path / "out"), "--format", "coco", "--out", str(tmp_path / "ex")]) == 0


def coco(raters: dict[str, list[float]], **category: Any) -> dict[str, Any]:
    """Return a file of one image with one instance a rater; keypoints are a, left_b, right_b."""
    described = {"id": 1, "name": "thing", "keypoints": ["a", "left_b", "right_b"], "skeleton": [[1, 2]]} | category
    return {
        "images": [{"id": 7, "file_name": "x/one.jpg", "width": 100, "height": 80}],
        "categories": [described],
        "annotations": [
            {"id": n, "image_id": 7, "category_id": 1, "keypoints": values, "rater_id": rater}
            for n, (rater, values) in enumerate(raters.items(), 1)
        ],
    }


def test_a_skeleton_derived_from_a_foreign_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "thing.json"
    places = [10.0, 10.0, 2, 50.0, 10.0, 2, 10.0, 50.0, 1]
    file.write_text(
        json.dumps(coco({"ann": places, "bob": places, "eve": [v + 0.5 * (i % 3 < 2) for i, v in enumerate(places)]}))
    )
    assert main(["analyze", str(file), "--out", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["images"], told["instances"], told["raters"]) == (1, 1, ["ann", "bob", "eve"])
    assert told["agreement"]["images"] == 1
    assert [s["source"] for s in told["sigmas"]] == ["default"] * 3
    skeleton = json.loads((tmp_path / "out/skeleton.json").read_text())
    assert [k.get("pair") for k in skeleton["keypoints"]] == [None, "right_b", "left_b"]
    [image] = json.loads((tmp_path / "out/coco.json").read_text())["images"]
    assert (image["id"], image["file_name"]) == (7, "x/one.jpg")
    [line] = (tmp_path / "out/table/annotations.jsonl").read_text().splitlines()
    assert json.loads(line)["worker_ids"] == ["ann", "bob", "eve"]


def test_a_rater_who_marked_nothing_in_an_image_counts(tmp_path: Path) -> None:
    places = [10.0, 10.0, 2, 50.0, 10.0, 2, 10.0, 50.0, 1]
    document = coco({"ann": places, "bob": places})
    document["images"][0]["rater_list"] = ["ann", "bob", "eve"]
    (tmp_path / "thing.json").write_text(json.dumps(document))
    found = analyze(Request(paths=[tmp_path / "thing.json"], out=tmp_path / "out"))
    by_id = {worker.worker_id: worker for worker in found.workers.workers}
    assert (by_id["eve"].tasks, by_id["eve"].instances, by_id["ann"].instances) == (1, 0, 1)


def test_labels_without_a_rater_are_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = coco({key: [10.0, 10.0, 2, 50.0, 10.0, 2, 10.0, 50.0, 1] for key in ("ann", "bob")})
    del document["annotations"][1]["rater_id"]
    (tmp_path / "thing.json").write_text(json.dumps(document))
    assert main(["analyze", str(tmp_path / "thing.json"), "--out", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["raters"] == ["ann", "thing"]


def test_one_rater_alone_has_no_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "alone.json"
    document = coco({"": [10.0, 10.0, 2, 50.0, 10.0, 2, 0, 0, 0]})
    del document["annotations"][0]["rater_id"]
    file.write_text(json.dumps(document))
    assert main(["analyze", str(file), "--out", str(tmp_path / "out")]) == 0
    assert "No image has labels of two raters" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------ what goes wrong


BAD: dict[str, tuple[bytes, str]] = {
    "empty.json": (b"", "expected our own pre-labels"),
    "text.json": (b"hello", "expected our own pre-labels"),
    "half.json": (b'{"images": [{"id": 1, "file_na', "expected JSON"),
    "deep.json": (b"[" * 5000, "levels of nesting"),
    "none.json": (b'{"images": [], "annotations": [], "categories": []}', "expected a category with keypoints"),
    "names.json": (b'{"images": [{"id": 1}], "annotations": []}', "expected images with id and file_name"),
    "labels.xml": (b"<annotations>", "expected"),
    "table.csv": (b"a,b\n1,2\n", "expected DeepLabCut's header rows"),
    "data.txt": (b"0 a b c\n", "expected"),
    "labels.zip": (b"PK", "got an archive"),
    "labels.pkl": (b"x", "got a pickle"),
    "binary.json": (bytes(range(256)), "expected our own pre-labels"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unreadable_file_gives_a_one_line_error_and_no_output(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, reason = BAD[name]
    (tmp_path / name).write_bytes(text)
    assert main(["analyze", str(tmp_path / name), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert line.startswith("error: ")
    assert reason in line
    assert "got" in line
    assert name in line
    assert {p.name for p in tmp_path.iterdir()} == {name}


def test_a_bad_annotation_far_inside_leaves_an_earlier_analysis_as_it_was(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    analyze(Request(paths=[sample], out=out))
    before = contents(out)
    document = json.loads(sample.read_text())
    document["annotations"][-1] = 7
    (tmp_path / "bad.json").write_text(json.dumps(document))
    assert main(["analyze", str(tmp_path / "bad.json"), "--out", str(out)]) == 1
    assert "expected a list of objects, got 7" in capsys.readouterr().err
    assert contents(out) == before
    assert {p.name for p in tmp_path.iterdir()} == {"bad.json", "out"}


def test_a_damaged_annotation_is_left_out_by_name(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(sample.read_text())
    document["annotations"][-1]["keypoints"].pop()
    (tmp_path / "bad.json").write_text(json.dumps(document))
    assert main(["analyze", str(tmp_path / "bad.json"), "--out", str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    assert "keypoints were left out, because they are not 51 numbers" in captured.out + captured.err


def test_a_folder_with_anything_else_is_not_replaced(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["analyze", str(sample), "--out", str(tmp_path)]) == 1
    assert "got a folder with 'notes.txt'" in capsys.readouterr().err
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert main(["analyze", str(sample), "--out", str(tmp_path / "notes.txt")]) == 1
    assert "got a file" in capsys.readouterr().err


def test_the_same_rater_in_two_files(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "again.json").write_bytes(sample.read_bytes())
    with pytest.raises(FormatError, match="in one file, got them in two"):
        analyze(Request(paths=[sample, tmp_path / "again.json"], out=tmp_path / "out"))
    with pytest.raises(FormatError, match="expected every file once"):
        analyze(Request(paths=[sample, sample], out=tmp_path / "out"))


def test_shares_without_sizes_of_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "set/labels"
    labels.mkdir(parents=True)
    (labels / "one.txt").write_text("0 .5 .5 .5 .5 .25 .25 2 .5 .5 2 .75 .75 1\n")
    (tmp_path / "set/data.yaml").write_text(
        "kpt_shape: [3, 3]\nnames: {0: thing}\nkpt_names: {0: [a, left_b, right_b]}\n"
    )
    given = ["analyze", str(tmp_path / "set/data.yaml"), "--out", str(tmp_path / "out")]
    assert main(given) == 1
    assert "give the folder of the images in --images" in capsys.readouterr().err
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (200, 100)).save(tmp_path / "photos/one.png")
    assert main([*given, "--images", str(tmp_path / "photos")]) == 0
    [found] = json.loads((tmp_path / "out/coco.json").read_text())["annotations"]
    assert found["keypoints"] == [50, 25, 2, 100, 50, 2, 150, 75, 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_analysis_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    lines = b",".join(b'{"id":%d,"file_name":"%d.jpg","width":9,"height":9}' % (n, n) for n in range(1, 200_000))
    (tmp_path / "big.json").write_bytes(
        b'{"images":[' + lines + b'],"annotations":[],"categories":[{"id":1,"name":"t","keypoints":["a"]}]}'
    )
    command = [
        sys.executable,
        "-m",
        "truepoint.commands",
        "analyze",
        str(tmp_path / "big.json"),
        "--out",
        str(tmp_path / "out"),
    ]

    def heed() -> None:
        """Let the signal end the process: what a shell starts in the background ignores Ctrl+C."""
        signal.signal(number, signal.SIG_DFL)

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as process:  # noqa: PLW1509
        until = time.monotonic() + 60
        while not list(tmp_path.glob(".out.*/new")) and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "stopped; nothing was written" in said
    assert {p.name for p in tmp_path.iterdir()} == {"big.json"}


# ------------------------------------------------------------------------------------------------------- thumbnails


def drawn(out: Path) -> tuple[str, list[str]]:
    page = (out / "report.html").read_text()
    [data] = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)
    return page, [image["drawing"].get("picture", "") for image in json.loads(data)["worst"]]


def test_thumbnails_are_bounded_and_off_by_default(sample: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    document = json.loads(sample.read_text())
    for image in document["images"]:
        noise = Image.effect_noise((1200, 900), 90).convert("RGB")
        noise.save(photos / image["file_name"].rsplit("/", 1)[-1])
    analyze(Request(paths=[sample], out=tmp_path / "plain"))
    page, shown = drawn(tmp_path / "plain")
    assert "img-src" not in page
    assert set(shown) == {""}
    found = analyze(Request(paths=[sample], out=tmp_path / "with", images=photos))
    page, shown = drawn(tmp_path / "with")
    assert "img-src data:;" in page
    assert all(url.startswith("data:image/jpeg;base64,") for url in shown)
    assert max(map(len, shown)) < 1.34 * pictures.LARGEST + 30
    assert len(page) < 4_000_000
    assert not [note for note in found.notes if "thumbnail" in note]
    for photo in list(photos.iterdir())[1:]:
        photo.write_bytes(b"no image")
    missing = analyze(Request(paths=[sample], out=tmp_path / "with", images=photos))
    assert any("no thumbnails of" in note for note in missing.notes)


def test_the_labels_and_the_results_of_a_job_are_not_replaced(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    analyze(Request(paths=[sample], out=tmp_path / "out"))
    before = contents(tmp_path / "out")
    assert main(["analyze", str(tmp_path / "out"), "--out", str(tmp_path / "out")]) == 1
    assert "expected another folder than that of the labels" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before
    marker = tmp_path / "out/results.json"
    marker.write_text(marker.read_text().replace('"labeling_job_arn": ""', '"labeling_job_arn": "arn:aws:x"'))
    assert main(["analyze", str(sample), "--out", str(tmp_path / "out")]) == 1
    assert "got the results of the job 'coco-workers'" in capsys.readouterr().err


def test_thumbnails_in_the_report_of_a_job(sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    analyze(Request(paths=[sample], out=tmp_path / "job"))
    (tmp_path / "photos").mkdir()
    for image in json.loads(sample.read_text())["images"]:
        Image.new("RGB", (120, 90), "red").save(
            tmp_path / "photos" / image["file_name"].rsplit("/", 1)[-1], comment=b"secret"
        )
    given = ["thumbnails", str(tmp_path / "job/report.html"), "--images", str(tmp_path / "photos")]
    assert main([*given, "--out", str(tmp_path / "new/report.html")]) == 0
    assert all(drawn(tmp_path / "new")[1])
    assert all(b"secret" not in base64.b64decode(url.partition(",")[2]) for url in drawn(tmp_path / "new")[1])
    analyze(Request(paths=[sample], out=tmp_path / "at once", images=tmp_path / "photos"))
    assert drawn(tmp_path / "new")[1] == drawn(tmp_path / "at once")[1]
    assert main(["thumbnails", str(sample), *given[2:], "--out", str(tmp_path / "x")]) == 1
    assert "expected a quality report of this version" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_quality_is_the_files(sample: Path, tmp_path: Path) -> None:
    found = analyze(Request(paths=[sample], out=tmp_path / "out"))
    assert pretty(found.quality) == (tmp_path / "out/quality.json").read_bytes()
    assert found.results == msgspec.json.decode((tmp_path / "out/results.json").read_bytes(), type=type(found.results))
