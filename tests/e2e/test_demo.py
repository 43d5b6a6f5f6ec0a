"""`scripts/demo.py` as a person runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loop import PROJECT, Loop, draw, face

import demo
from truepoint.emulator.emulator import free_port, is_listening

SKELETON = PROJECT / "skeletons" / "coco-person.json"


def command(folder: Path, *more: object) -> list[str]:
    script = PROJECT / "scripts" / "demo.py"
    return [sys.executable, "-u", str(script), "--no-browser", "--folder", str(folder), *map(str, more)]


def run(folder: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *more), capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(2):
        draw(folder / f"{number} é.png")
    return folder


@pytest.fixture(scope="module")
def answers(pictures: Path) -> Path:
    file = pictures / "answers.json"
    everything = {path.name: [face(10, 10)] for path in pictures.glob("*.png")}
    file.write_text(json.dumps({"workers": {"ada": everything, "bob": everything}}))
    return file


@pytest.fixture(scope="module")
def folder(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder, with the stack deployed."""
    return shutil.copytree(loop.deployed, tmp_path_factory.mktemp("demo") / "folder")


@contextmanager
def serving(folder: Path, *more: object) -> Iterator[None]:
    """The demo while it serves pages; leaving stops it as Ctrl+C does."""
    arguments = command(folder, *more, "--port", port := free_port())
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, start_new_session=True) as started:
        while not is_listening(port):
            time.sleep(0.1)
            assert started.poll() is None
        yield
        started.send_signal(signal.SIGINT)


def test_the_scripts_work_in_the_demos_account_and_a_review_made_there_is_labelled_next(
    folder: Path, pictures: Path, answers: Path, tmp_path: Path
) -> None:
    """The README's block, with the job's real name."""
    twice = [face(10, 10), face(10, 10, id="n2")]  # which is suspicious
    everything = {path.name: twice for path in pictures.glob("*.png")}
    (tmp_path / "twice.json").write_text(json.dumps({"workers": {"ada": everything}}))
    first = run(folder, "--images", pictures, "--answers", tmp_path / "twice.json")
    assert first.returncode == 0, first.stderr
    [job] = re.findall(r"Job (\S+) is completed", first.stdout)

    [block] = re.findall(r"```sh demo-review\n(.+?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    (tmp_path / ".demo").symlink_to(folder)
    (tmp_path / "scripts").symlink_to(PROJECT / "scripts")
    with serving(folder, "--job", job):
        # A new shell: nothing of this project is on the PATH, and the person's own account is named.
        mine = {"PATH": os.defpath, "AWS_PROFILE": "another", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.replace("demo-person-59912759", job)],
            cwd=tmp_path, env=mine, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "created: 2 images to review" in done.stdout

    assert "`make demo JOB=review-1`" in (PROJECT / "README.md").read_text()
    reviewed = run(folder, "--job", "review-1", "--answers", answers)
    assert reviewed.returncode == 0, reviewed.stderr
    assert "Continuing job review-1: 0 of 2 images are done" in reviewed.stdout
    assert "2 written, 0 rejected, 0 failed, 0 unlabeled of 2 images" in reviewed.stdout
    absent = run(folder, "--job", "review-2", "--port", free_port())
    assert (absent.returncode, "There is no job 'review-2'" in absent.stderr) == (1, True)
    assert f"Jobs there: {job}, review-1" in absent.stderr
    assert "Starting the AWS emulator" not in absent.stdout


def test_people_have_a_job_of_their_own_after_an_answers_file_ended_one(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The README's first two commands: the second must give images to label, not the first one's results."""
    draw(tmp_path / "only.png", ((90.0, 40.0),))
    (tmp_path / "ada.json").write_text(json.dumps({"workers": {"ada": {"only.png": [face(10, 10)]}}}))
    first = run(folder, "--images", tmp_path, "--answers", tmp_path / "ada.json")
    assert first.returncode == 0, first.stderr
    [scripted] = re.findall(r"Job (\S+) is completed", first.stdout)

    port = free_port()
    arguments = command(folder, "--images", tmp_path, "--port", port)
    with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, start_new_session=True) as people:
        while not is_listening(port):
            time.sleep(0.1)
            assert people.poll() is None
        people.send_signal(signal.SIGINT)
    said = capfd.readouterr().out
    assert f"who labels (you or an answers file) changed since job {scripted} (1 of 1 images done)" in said
    [theirs] = re.findall(r"Created job (\S+): 1 images", said)
    assert theirs != scripted
    assert "is completed" not in said

    again = run(folder, "--images", tmp_path, "--answers", tmp_path / "ada.json")
    assert f"Continuing job {theirs}: 0 of 1 images are done" in again.stdout  # a file may complete a job of people
    assert "1 written" in again.stdout


def test_ctrl_c_or_a_kill_stops_everything_and_the_next_start_continues(
    folder: Path, pictures: Path, answers: Path
) -> None:
    port = free_port()
    with subprocess.Popen(
        command(folder, "--images", pictures, "--workers", 2, "--port", port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as started:
        watchdog = threading.Timer(240, lambda: os.killpg(started.pid, signal.SIGKILL))
        watchdog.start()
        assert started.stdout is not None
        said = []
        for line in started.stdout:
            said.append(line)
            if "Label images here" in line:
                break
        assert is_listening(port), "".join(said)
        for other, problem in ((port, "is in use"), (free_port(), "Another demo is running")):
            second = run(folder, "--port", other)
            assert (second.returncode, problem in second.stderr) == (1, True)
        started.send_signal(signal.SIGINT)
        rest = started.stdout.read()
        watchdog.cancel()
    assert "Every submitted answer is stored" in rest, rest
    assert started.returncode == 0
    assert not is_listening(port)
    assert not is_listening(int((folder / "port").read_text()))

    with subprocess.Popen(command(folder, "--images", pictures, "--workers", 2, "--port", port)) as killed:
        while not is_listening(port):
            time.sleep(0.1)
            assert killed.poll() is None
        killed.kill()

    done = run(folder, "--images", pictures, "--workers", 2, "--answers", answers)
    assert done.returncode == 0, done.stderr
    assert "The stack is already deployed, unchanged" in done.stdout
    assert "Continuing job" in done.stdout
    assert "2 written, 0 rejected, 0 failed, 0 unlabeled of 2 images" in done.stdout
    [job] = re.findall(r"Job (\S+) is completed", done.stdout)
    results = folder / "results" / job / "results.json"
    assert json.loads(results.read_text())["written"] == 2
    assert json.loads((results.parent / "coco.json").read_text())["annotations"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--skeleton", "octopus"], "There is no skeleton 'octopus'"),
        (["--workers", "0"], "argument --workers: expected 1 to 9"),
        (["--answers", "/nowhere.json"], "The answers in /nowhere.json cannot be read"),
        (["--prelabels", "/nowhere.json"], "Pre-labels need a new job with your own images: add --images"),
        (["--min-score", "-1"], "--min-score: expected a number from 0, got -1.0"),
        (["--answers", str(SKELETON)], "expected a list of instances"),
        (["--images", str(SKELETON.parent / "horses")], f"Folders in {SKELETON.parent}: none."),
        (["--images", str(SKELETON.parents[1] / "src" / "horses")], "handlers, "),
        (["--images", str(SKELETON)], f"is a file. Give its folder instead: make demo IMAGES={SKELETON.parent}"),
        (["--images", str(SKELETON.parent)], "There are no images (JPEG, PNG or WebP) in"),
        (["--skeleton", str(PROJECT / "package.json")], "package.json: "),
        (["--job", "people"], "It has no jobs yet; `make demo` creates the first one."),
        (["--continue-from", "people"], "There is no job 'people'"),
        (["--port", "80000"], "expected a port number from 1 to 65535, got '80000'"),
        (["--port", "http"], "expected a port number from 1 to 65535, got 'http'"),
    ],
)
def test_invalid_options_are_refused_before_anything_starts(
    tmp_path: Path, arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs in this process; other tests start the demo as a program."""
    try:
        status = demo.main([*command(tmp_path)[3:], *arguments])
    except SystemExit as error:  # argparse exits
        status = int(str(error.code))
    said = capsys.readouterr()
    assert status in (1, 2)
    assert expected in said.err
    assert "Starting the AWS emulator" not in said.out
    assert list(tmp_path.iterdir()) == []


def test_answers_for_other_images_change_nothing(folder: Path, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "others.json").write_text(json.dumps({f"{n}.png": [] for n in "vwxyz"}))
    coco = {"images": [{"id": 1, "file_name": "1.png"}], "annotations": [], "categories": []}
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    for file, words in (("others.json", "(v.png, w.png, x.png and 2 more)"), ("coco.json", "got 1.png. Nothing was")):
        done = run(folder, "--images", pictures, "--answers", tmp_path / file)
        assert (done.returncode, words in done.stderr) == (1, True)
        assert "Starting the AWS emulator" not in done.stdout


def test_another_tools_labels_are_pre_labels_and_answers(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    draw(tmp_path / "pictures/Walk.png")
    names = ["nose", "left_eye", "right_eye"]
    categories = [{"id": 1, "name": "person", "keypoints": names}]
    images = [{"id": 1, "file_name": "walk.PNG"}]
    scored = {
        "id": 7,
        "image_id": 1,
        "category_id": 1,
        "keypoints": [10, 20, 0.9, 30, 20, 0.25, 0, 0, 0],
        "score": 0.75,
    }
    raters = [
        {"id": n, "image_id": 1, "category_id": 1, "rater_id": rater, "keypoints": [x, 20, 2, 30, 20, 1, 0, 0, 0]}
        for n, (rater, x) in enumerate((("ada", 10), ("bob", 12)), 1)
    ]
    for name, entries in (("model.json", [scored]), ("raters.json", raters)):
        document = {"images": images, "categories": categories, "annotations": entries}
        (tmp_path / name).write_text(json.dumps(document))
    given = ("--images", tmp_path / "pictures", "--prelabels", tmp_path / "model.json", "--workers", 2)
    done = run(folder, *given, "--answers", tmp_path / "raters.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Pre-labels: scores of 2 keypoints were read" in done.stdout
    assert "Submitting 2 answers of 2 scripted workers" in done.stdout
    [job] = re.findall(r"Job (\S+) is completed", done.stdout)
    [file] = (folder / "results" / job / "annotations").glob("*.json")
    label = json.loads(file.read_text())
    [shown] = label["original_annotations"]
    assert (shown["score"], [k["score"] for k in shown["annotations"]]) == (0.75, [0.9, 0.25])
    assert len(label["workers"]) == 2
    assert label["file_name"] == "Walk.png"


def test_a_job_is_ended_only_if_all_is_done_or_the_user_asks_and_its_labels_can_be_continued(
    folder: Path, tmp_path: Path
) -> None:
    first, second = "part-0.png", "part-1.png"
    for n, name in enumerate((first, second)):  # of this test alone: another's job of the same images may have ended
        draw(tmp_path / name, ((70.0 + 30 * n, 70.0),))
    (tmp_path / "part.json").write_text(json.dumps({"workers": {w: {first: [face(10, 10)]} for w in "ab"}}))
    part = ("--answers", tmp_path / "part.json", "--images", tmp_path, "--workers", 2)
    open_ = run(folder, *part)
    assert open_.returncode == 1, open_.stdout + open_.stderr
    assert f"1 of 2 images still need answers; the file has no answers for {second}" in open_.stderr
    [job] = re.findall(r"make demo JOB=(demo-\S+)\.", open_.stderr)
    document = next((folder / "state").glob(f"s3/**/jobs/{job}/labeling_job.json"))
    assert json.loads(document.read_text())["LabelingJobStatus"] == "InProgress"

    draw(tmp_path / "new.png")
    offered = run(folder, *part)
    assert f"changed since job {job} (1 of 2 images done)" in offered.stdout
    assert f"add CONTINUE={job} to the command" in offered.stdout
    continued = run(folder, *part, "--continue-from", job)
    assert f"3 images from {tmp_path}, 1 of them with the labels of {job} to start from" in continued.stdout
    [newer] = re.findall(r"Created job (\S+):", continued.stdout)
    manifest = next((folder / "state").glob(f"s3/**/jobs/{newer}/input.manifest")).read_text().splitlines()
    labels = {Path(line["source-ref"]).name: line.get("annotations") for line in map(json.loads, manifest)}
    assert {name for name, instances in labels.items() if instances} == {first}
    assert [p["label"] for p in labels[first][0]["annotations"]] == ["nose", "left_eye", "right_eye"]
    assert json.loads(document.read_text())["LabelingJobStatus"] == "InProgress"

    ended = run(folder, "--job", job, "--answers", tmp_path / "part.json", "--finish")
    assert ended.returncode == 0, ended.stderr
    assert "1 written, 0 rejected, 0 failed, 1 unlabeled of 2 images" in ended.stdout
