"""The checks without a reference. The cases are the labelling element's too: tests/ui/checks.test.js."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import instances as instance_lists

from truepoint.errors.checks import Finding, Fix, check_instance
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


def check_instances(
    anatomy: Anatomy, instances: Sequence[Instance], size: tuple[int, int] | None = None
) -> list[Finding]:
    """Return all findings of one image, with duplicates as the labelling element finds them."""
    findings = [f for index, instance in enumerate(instances) for f in check_instance(anatomy, instance, index, size)]
    sigmas = dict(zip(anatomy.names, anatomy.sigmas, strict=True))
    for (_, a), (index, b) in combinations(enumerate(instances), 2):
        if len(a.by_label.keys() & b.by_label.keys() & sigmas.keys()) < 2:
            continue
        oks = symmetric_oks(a, b, sigmas)
        if oks > ALIKE:
            findings.append(
                Finding(
                    check="duplicate_instance",
                    level="warning" if oks > SAME else "info",
                    instance=index,
                    message="Nearly the same as another instance",
                    fix=Fix("delete"),
                )
            )
    return findings


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
    found = [
        {"check": f.check, "level": f.level, "id": instances[f.instance].id, "keypoints": list(f.keypoints)}
        for f in check_instances(PERSON, instances, tuple(case["size"]))
    ]
    assert found == case["expect"]


def test_every_finding_suggests_a_fix() -> None:
    found = [
        (f.check, f.fix.action)
        for case in CASES
        for f in check_instances(PERSON, [instance(entry) for entry in case["instances"]], tuple(case["size"]))
    ]
    assert set(found) == {
        ("missing_keypoints", "place"), ("empty_instance", "delete"), ("out_of_image", "move"),
        ("coincident_keypoints", "move"), ("limb_length", "move"), ("swapped_sides", "swap"),
        ("duplicate_instance", "delete"),
    }  # fmt: skip


def test_keypoints_that_the_skeleton_does_not_have() -> None:
    stray = Instance(annotations=(Keypoint("tail", 1, 1),))
    assert [(f.check, f.keypoints) for f in check_instance(PERSON, stray)] == [
        ("unknown_keypoints", ("tail",)),
        ("empty_instance", ()),
    ]


def test_without_a_size_nothing_is_outside() -> None:
    assert check_instance(PERSON, standing(nose=(-1e5, 14))) != []
    assert "out_of_image" not in {f.check for f in check_instance(PERSON, standing(nose=(-1e5, 14)))}


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
def test_checks_never_raise_and_name_only_existing_keypoints(submitted: list[dict[str, Any]]) -> None:
    instances = parse_instances(submitted)
    for finding in check_instances(PERSON, instances, (640, 480)):
        assert 0 <= finding.instance < len(instances)
        assert set(finding.keypoints) <= {*PERSON.names, "tail"}
