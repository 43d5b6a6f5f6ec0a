"""The checks without a reference. The cases are the labelling element's too: tests/ui/checks.test.js."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import instances as instance_lists

from truepoint.errors.checks import odd_limbs, outside_image
from truepoint.errors.swap_rules import swapped_sides
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance, Keypoint, parse_instances
from truepoint.pose.similarity import symmetric_oks
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint, parse_skeleton

ROOT = Path(__file__).parents[2]
PERSON = Anatomy(parse_skeleton((ROOT / "skeletons" / "coco-person.json").read_bytes()))
CASES = json.loads((ROOT / "tests" / "cases" / "checks.json").read_text())["cases"]
SAME = 0.9
ALIKE = 0.7


OURS = {"out_of_image", "swapped_sides", "limb_length", "duplicate_instance"}
"""Checks of the labelling element that the package has too. The others need no norm, so suspicion does without."""


def check_instances(anatomy: Anatomy, instances: Sequence[Instance], size: tuple[int, int]) -> list[dict[str, Any]]:
    """Return what the shared rules say of one image, in the labelling element's order and words."""
    found: list[dict[str, Any]] = []

    def add(check: str, instance: Instance, indexes: Iterable[int] = (), level: str = "warning") -> None:
        keypoints = list(anatomy.label(indexes))
        found.append({"check": check, "level": level, "id": instance.id, "keypoints": keypoints})

    for instance in instances:
        points = anatomy.points(instance)
        if outside := outside_image(points, size):
            add("out_of_image", instance, outside)
        if swap := swapped_sides(anatomy, instance):
            add("swapped_sides", instance, swap.indexes)
        for edge, long in odd_limbs(anatomy, points):
            add("limb_length", instance, edge, "warning" if long else "info")
    sigmas = dict(zip(anatomy.names, anatomy.sigmas, strict=True))
    for a, b in combinations(instances, 2):
        shared = a.by_label.keys() & b.by_label.keys() & sigmas.keys()
        if len(shared) > 1 and (oks := symmetric_oks(a, b, sigmas)) > ALIKE:
            add("duplicate_instance", b, level="warning" if oks > SAME else "info")
    return found


def instance(case: dict[str, Any]) -> Instance:
    # In the skeleton's order, as the element holds them.
    points = {name: case["keypoints"][name] for name in PERSON.names if name in case["keypoints"]}
    keypoints = tuple(Keypoint(name, x, y, v) for name, (x, y, v) in points.items())
    return Instance(annotations=keypoints, id=case["id"], box=case.get("box"))


def standing(**moved: tuple[float, float]) -> Instance:
    """The template pose, which faces the camera, with some keypoints elsewhere."""
    places = dict(zip(PERSON.names, PERSON.template, strict=True)) | moved
    return Instance(annotations=tuple(Keypoint(name, 100 + x, 50 + y) for name, (x, y) in places.items()))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_shared_cases(case: dict[str, Any]) -> None:
    instances = [instance(entry) for entry in case["instances"]]
    expected = [finding for finding in case["expect"] if finding["check"] in OURS]
    assert check_instances(PERSON, instances, tuple(case["size"])) == expected


def test_the_shared_cases_have_each_rule() -> None:
    assert {finding["check"] for case in CASES for finding in case["expect"]} >= OURS


def test_a_pair_without_left_or_right_in_its_names_is_a_pair() -> None:
    keypoints = (SkeletonKeypoint("near", pair="far"), SkeletonKeypoint("far", pair="near"), SkeletonKeypoint("mid"))
    assert Anatomy(Skeleton("thing", keypoints)).pairs == ((0, 1),)
    mirrored = (SkeletonKeypoint("RightPaw", pair="LeftPaw"), SkeletonKeypoint("LeftPaw", pair="RightPaw"))
    assert Anatomy(Skeleton("cat", mirrored)).pairs == ((1, 0),)


def test_keypoints_attached_to_a_keypoint() -> None:
    def names(keypoint: str) -> set[str]:
        return {PERSON.names[i] for i in PERSON.hanging[PERSON.index[keypoint]]}

    assert names("left_shoulder") == {"left_elbow", "left_wrist"}
    assert names("left_knee") == {"left_ankle"}
    assert names("left_wrist") == set()
    assert set(PERSON.label(PERSON.chain(PERSON.index["left_knee"]))) == {
        "left_knee", "right_knee", "left_ankle", "right_ankle",
    }  # fmt: skip


@given(
    st.floats(0.1, 20),
    st.floats(-3.14, 3.14),
    st.floats(-500, 500),
    st.sampled_from(["whole", "left_knee", "left_elbow"]),
)
def test_swaps_are_found_at_any_scale_turn_and_place(scale: float, turn: float, shift: float, what: str) -> None:
    import cmath

    indexes = range(len(PERSON.names)) if what == "whole" else PERSON.chain(PERSON.index[what])
    points = PERSON.swapped(PERSON.points(standing()), indexes)
    moved = []
    for name, point in zip(PERSON.names, points, strict=True):
        assert point is not None
        z = complex(point.x, point.y) * cmath.rect(scale, turn) + complex(shift, shift)
        moved.append(Keypoint(name, z.real, z.imag))
    found = swapped_sides(PERSON, Instance(annotations=tuple(moved)))
    assert found is not None
    assert (found.whole, PERSON.label(found.indexes)) == ((True, ()) if what == "whole" else (False, (what,)))


@given(instance_lists(st.sampled_from([*PERSON.names, "tail"])))
def test_no_list_of_instances_breaks_a_rule(submitted: list[dict[str, Any]]) -> None:
    for finding in check_instances(PERSON, parse_instances(submitted), (640, 480)):
        assert set(finding["keypoints"]) <= set(PERSON.names)
