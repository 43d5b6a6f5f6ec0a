"""Rendered scenes: what they say of their keypoints is so, and the same arguments give the same scenes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from truepoint.jobs.prelabels import Choices, read_prelabels
from truepoint.jobs.scenes import SIZES, SUBJECTS, render_scenes
from truepoint.jobs.scenes.canvas import Canvas
from truepoint.jobs.scenes.people import Facing, Person
from truepoint.jobs.scenes.poses import FRONT_POSES, SIDE_POSES, Look
from truepoint.jobs.scenes.trucks import Camera, Truck
from truepoint.pose.skeleton import Skeleton, parse_skeleton

ROOT = Path(__file__).resolve().parents[2]
SKELETONS = {"person": "coco-person.json", "box-truck": "box-truck.json"}
LOOK = Look(skin="#f3cfae", hair="#2a1b12", shirt="#2f9e8f", trousers="#34495e")


def skeleton_of(subject: str) -> Skeleton:
    return parse_skeleton((ROOT / "skeletons" / SKELETONS[subject]).read_bytes())


def person(facing: Facing, pose: str) -> dict[str, tuple[float, float, int]]:
    canvas = Canvas(400, 500)
    drawn = Person(1, (200, 470), 400, facing, {**FRONT_POSES, **SIDE_POSES}[pose], LOOK)
    drawn.draw(canvas)
    return {name: (x, y, v) for name, (x, y), v in drawn.keypoints(canvas)}


def truck(yaw: float) -> dict[str, tuple[float, float, int]]:
    canvas = Canvas(600, 400)
    drawn = Truck(1, 13, 0, yaw, "#2f6fb0", "#f4f4f0", "#e8a33d", Camera(2.3, 600, (300, 170)))
    drawn.draw(canvas)
    return {name: (x, y, v) for name, (x, y), v in drawn.keypoints(canvas)}


def visible(keypoints: dict[str, tuple[float, float, int]]) -> set[str]:
    return {name for name, (_, _, v) in keypoints.items() if v == 2}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_truth_fits_the_skeleton_and_the_image(subject: str, tmp_path: Path) -> None:
    skeleton, seen = skeleton_of(subject), set()
    for index, scene in enumerate(render_scenes(subject, 6, seed=1)):
        assert scene.image.size == SIZES[subject][index]
        assert scene.instances
        (tmp_path / "truth.json").write_text(json.dumps({scene.name: scene.instances}))
        read_prelabels(tmp_path / "truth.json", skeleton, {scene.name: scene.image.size}, Choices())
        for keypoint in (k for instance in scene.instances for k in instance["annotations"]):
            assert 0 <= keypoint["x"] < scene.image.width
            assert 0 <= keypoint["y"] < scene.image.height
            seen.add((keypoint["label"], keypoint["visibility"]))
    assert {label for label, v in seen if v == 2} == set(skeleton.keypoint_names)
    assert {v for _, v in seen} == {1, 2}


def test_the_same_arguments_give_the_same_scenes() -> None:
    def fingerprints(count: int, seed: int) -> list[tuple[str, bytes, Any]]:
        return [(s.name, s.image.tobytes(), s.instances) for s in render_scenes("person", count, seed)]

    first = fingerprints(2, 1)
    assert fingerprints(3, 1)[:2] == first
    assert fingerprints(2, 2)[0][1:] != first[0][1:]


@pytest.mark.parametrize("pose", FRONT_POSES)
def test_from_the_front_the_left_side_is_on_the_images_right(pose: str) -> None:
    front, back = person("front", pose), person("back", pose)
    for kind in ("eye", "ear", "shoulder", "hip", "knee"):
        assert front[f"left_{kind}"][0] > front[f"right_{kind}"][0]
        assert back[f"left_{kind}"][0] < back[f"right_{kind}"][0]


def test_from_the_front_all_is_seen_and_from_behind_no_face() -> None:
    assert visible(person("front", "standing")) == set(skeleton_of("person").keypoint_names)
    hidden = set(skeleton_of("person").keypoint_names) - visible(person("back", "standing"))
    assert hidden == {"nose", "left_eye", "right_eye"}


@pytest.mark.parametrize(("facing", "near", "far"), [("image_left", "left", "right"), ("image_right", "right", "left")])
@pytest.mark.parametrize("pose", SIDE_POSES)
def test_from_the_side_the_far_half_of_the_face_is_hidden(pose: str, facing: Facing, near: str, far: str) -> None:
    keypoints = person(facing, pose)
    assert {"nose", f"{near}_eye", f"{near}_ear", f"{near}_shoulder"} <= visible(keypoints)
    assert not {f"{far}_eye", f"{far}_ear"} & visible(keypoints)
    ahead = keypoints["nose"][0] - keypoints[f"{near}_ear"][0]
    assert (ahead < 0) == (facing == "image_left")


def test_what_is_in_front_hides() -> None:
    canvas = Canvas(400, 500)
    drawn = Person(1, (200, 470), 400, "front", FRONT_POSES["standing"], LOOK)
    drawn.draw(canvas)
    canvas.polygon([(0, 350), (400, 350), (400, 500), (0, 500)], "#808080")
    hidden = {name for name, _, v in drawn.keypoints(canvas) if v == 1}
    assert hidden == {"left_knee", "right_knee", "left_ankle", "right_ankle"}


def test_what_is_outside_the_image_is_left_out() -> None:
    canvas = Canvas(400, 500)
    drawn = Person(1, (200, 700), 400, "front", FRONT_POSES["standing"], LOOK)
    drawn.draw(canvas)
    assert {"left_ankle", "right_ankle"}.isdisjoint(name for name, _, _ in drawn.keypoints(canvas))


@pytest.mark.parametrize(
    ("yaw", "shown", "hidden"),
    [
        (0, {"left_tail_lamp", "right_tail_lamp", "left_box_rear_top"}, {"left_headlamp", "right_front_wheel"}),
        (
            180,
            {"left_headlamp", "right_headlamp", "left_mirror", "right_mirror"},
            {"left_tail_lamp", "left_rear_wheel"},
        ),
        (90, {"right_front_wheel", "right_rear_wheel", "right_mirror"}, {"left_front_wheel", "left_rear_wheel"}),
        (-90, {"left_front_wheel", "left_rear_wheel", "left_mirror"}, {"right_front_wheel", "right_rear_wheel"}),
        (145, {"left_headlamp", "right_front_wheel", "right_cab_roof"}, {"left_front_wheel", "right_tail_lamp"}),
    ],
)
def test_a_truck_from_all_around(yaw: float, shown: set[str], hidden: set[str]) -> None:
    keypoints = truck(yaw)
    assert keypoints.keys() == set(skeleton_of("box-truck").keypoint_names)
    assert shown <= visible(keypoints)
    assert not hidden & visible(keypoints)


def test_a_trucks_left_is_its_own() -> None:
    rear, front = truck(0), truck(180)
    assert rear["left_tail_lamp"][0] < rear["right_tail_lamp"][0]
    assert front["left_headlamp"][0] > front["right_headlamp"][0]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "render_scenes.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command(tmp_path: Path) -> None:
    done = run(str(tmp_path), "--subject", "box-truck", "--count", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 pictures, 2 instances" in done.stdout
    truth = json.loads((tmp_path / "box-truck" / "truth.json").read_text())
    assert sorted(truth) == ["box-truck-01.jpg", "box-truck-02.png"]
    assert sorted(p.name for p in (tmp_path / "box-truck").iterdir()) == [*sorted(truth), "truth.json"]


def test_the_commands_bad_usage(tmp_path: Path) -> None:
    assert "example:" in run("--help").stdout
    assert run(str(tmp_path), "--count", "0").returncode == 2
    (tmp_path / "file").write_text("")
    refused = run(str(tmp_path / "file"), "--count", "1")
    assert refused.returncode == 2
    assert refused.stderr.startswith("cannot write to")
